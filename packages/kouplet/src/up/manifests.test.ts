import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, startCluster } from '@kouplet/cluster';
import { createTransport, fixedAccess, type Transport } from '@kouplet/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyManifest, readManifests } from './manifests.ts';

const dir = mkdtempSync(join(tmpdir(), 'kouplet-manifests-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;
function file(text: string): string {
  files += 1;
  const path = join(dir, `m${files}.yaml`);
  writeFileSync(path, text);
  return path;
}

const configMap = (name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {a: b}\n`;

describe('manifests', () => {
  test('several documents, Lists and empty documents are read in order', () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n- ${configMap('c').trim().replaceAll('\n', '\n  ')}\n`;
    const manifests = readManifests(file(`${configMap('a')}---\n# nothing\n---\n${configMap('b')}---\n${list}`));
    expect(manifests.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  test.each([
    ['kind: [', /m\d+\.yaml/],
    ['just a text', /is no Kubernetes object/],
    ['kind: Pod\nmetadata: {name: x}', /lacks apiVersion/],
    ['apiVersion: v1\nkind: Pod', /metadata\.name/],
  ])('%j is told with its file [SPEC O5]', (text, words) => {
    expect(() => readManifests(file(text))).toThrow(words);
  });

  test('a file that is not there is told before anything starts [SPEC O5]', () => {
    expect(() => readManifests(join(dir, 'none.yaml'))).toThrow(/there is no file .*none\.yaml/);
  });
});

describe('applied', () => {
  let cluster: Cluster;
  let transport: Transport;
  beforeAll(async () => {
    cluster = await startCluster({ controllers: false });
    transport = createTransport({ access: fixedAccess({ server: cluster.url }), userAgent: 'test' });
  });
  afterAll(async () => {
    await transport.close();
    await cluster.close();
  });

  test('an object is created, then changed, as kubectl would say it, and can be applied again by kubectl', async () => {
    const [first] = readManifests(file(configMap('x')));
    const [second] = readManifests(file(configMap('x').replace('a: b', 'a: c')));
    if (first === undefined || second === undefined) throw new Error('nothing was read');
    expect(await applyManifest(transport, first)).toBe('configmap/x created');
    expect(await applyManifest(transport, second)).toBe('configmap/x configured');
    const stored = cluster.api.get('configmaps', 'x', 'default');
    expect(stored?.data).toEqual({ a: 'c' });
    expect(stored?.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration']).toContain('"a":"c"');
  });

  test('what the API refuses is told in its words [SPEC O5]', async () => {
    const [bad] = readManifests(file(`${configMap('Bad_Name')}`));
    const [unknown] = readManifests(file('apiVersion: x/v1\nkind: Thing\nmetadata: {name: t}\n'));
    if (bad === undefined || unknown === undefined) throw new Error('nothing was read');
    await expect(applyManifest(transport, bad)).rejects.toThrow(/m\d+\.yaml:1: the API refused it: 422 Invalid/);
    await expect(applyManifest(transport, unknown)).rejects.toThrow(/no kind Thing of x\/v1/);
  });
});

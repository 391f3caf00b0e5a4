/** A cluster that keeps its state: what a second life finds, and what cannot be kept. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Clock, type ClusterOptions, DirectoryError, systemClock } from '../index.ts';
import { openWatch, type TestCluster, testCluster } from '../wire/testing.ts';
import { KeepingError } from './keeper.ts';
import { openDirectory } from './sqlite.ts';

let dir: string;
const started: TestCluster[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kouplet-'));
});

afterEach(async () => {
  for (const cluster of started.splice(0)) await cluster.close();
  rmSync(dir, { recursive: true, force: true });
});

async function start(options: ClusterOptions = {}): Promise<TestCluster> {
  const cluster = await testCluster({ dir, ...options });
  started.push(cluster);
  return cluster;
}

const configMaps = '/api/v1/namespaces/default/configmaps';
const configMapOf = (name: string, value: string): unknown => ({ metadata: { name }, data: { value } });

async function problemOf(options: ClusterOptions = {}): Promise<DirectoryError> {
  const error = await start(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DirectoryError)) throw new Error(`it should have been refused, and was not: ${error}`);
  return error;
}

test('[SPEC C150] a second life has every object as it was, with its uid, and counts on from a higher resourceVersion', async () => {
  const first = await start();
  await first.ask('POST', configMaps, { body: configMapOf('a', '1') });
  await first.ask('POST', configMaps, { body: configMapOf('gone', '1') });
  await first.ask('DELETE', `${configMaps}/gone`);
  const changed = await first.ask('PUT', `${configMaps}/a`, { body: configMapOf('a', '2') });
  await first.ask('POST', '/api/v1/namespaces/default/services', {
    body: { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } },
  });
  const states = new Map<string, unknown>();
  const paths = ['/api/v1/namespaces', '/api/v1/serviceaccounts', '/api/v1/configmaps', '/api/v1/services'];
  for (const path of paths) states.set(path, (await first.ask('GET', path)).json.items);
  const before = Number((await first.ask('GET', '/api/v1/configmaps')).json.metadata.resourceVersion);
  await first.close();

  const second = await start();
  for (const path of paths) expect((await second.ask('GET', path)).json.items).toEqual(states.get(path));
  expect((await second.ask('GET', `${configMaps}/a`)).json).toEqual(changed.json);
  expect((await second.ask('GET', `${configMaps}/gone`)).code).toBe(404);
  const written = await second.ask('PUT', `${configMaps}/a`, { body: configMapOf('a', '3') });
  expect(Number(written.json.metadata.resourceVersion)).toBeGreaterThan(before);
});

test('[SPEC C150] resourceVersions never go back, also where the clock does', async () => {
  const first = await start();
  const written = await first.ask('POST', configMaps, { body: configMapOf('a', '1') });
  await first.close();
  const yesterday: Clock = { ...systemClock, now: () => Date.now() - 86_400_000 };
  const second = await start({ clock: yesterday });
  const list = await second.ask('GET', configMaps);
  expect(Number(list.json.metadata.resourceVersion)).toBeGreaterThan(Number(written.json.metadata.resourceVersion));
});

test('[SPEC C150] a watch from a resourceVersion of the life before is told Expired, and one from now hears everything', async () => {
  const first = await start();
  const written = await first.ask('POST', configMaps, { body: configMapOf('a', '1') });
  await first.close();
  const second = await start();
  const old = await openWatch(
    second.port,
    `${configMaps}?watch=true&resourceVersion=${written.json.metadata.resourceVersion}`,
  );
  await old.ended;
  expect(old.events).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
  const list = await second.ask('GET', configMaps);
  const watch = await openWatch(
    second.port,
    `${configMaps}?watch=true&timeoutSeconds=1&resourceVersion=${list.json.metadata.resourceVersion}`,
  );
  await second.ask('POST', configMaps, { body: configMapOf('b', '1') });
  await watch.ended;
  expect(watch.events.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual(['ADDED b']);
});

test('[SPEC C150] a Service of the life before keeps its address for itself', async () => {
  const services = '/api/v1/namespaces/default/services';
  const first = await start();
  const web = await first.ask('POST', services, {
    body: { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } },
  });
  await first.close();
  const second = await start();
  const { clusterIP } = web.json.spec;
  const other = await second.ask('POST', services, {
    body: { metadata: { name: 'other' }, spec: { ports: [{ port: 80 }] } },
  });
  expect(other.json.spec.clusterIP).not.toBe(clusterIP);
  expect((await second.ask('GET', `${services}/web`)).json.spec.clusterIP).toBe(clusterIP);
});

test('[SPEC C150] an Event of the life before goes an hour after it was written', async () => {
  let now = Date.now();
  const timers: Array<{ readonly at: number; readonly fn: () => void }> = [];
  const clock: Clock = {
    now: () => now,
    after: (ms, fn) => {
      const timer = { at: now + ms, fn };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  };
  const events = '/api/v1/namespaces/default/events';
  const first = await start({ clock });
  const body = {
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' },
    lastTimestamp: new Date(now).toISOString().replace(/\.\d+/, ''),
  };
  expect((await first.ask('POST', events, { body })).code).toBe(201);
  await first.close();
  timers.length = 0;
  const second = await start({ clock });
  expect((await second.ask('GET', `${events}/e`)).code).toBe(200);
  now += 3_700_000;
  for (const timer of timers.filter(({ at }) => at <= now)) timer.fn();
  expect((await second.ask('GET', `${events}/e`)).code).toBe(404);
});

test('[SPEC C151] a second process is refused in a line, and the first goes on', async () => {
  const first = await start();
  const refused = await problemOf();
  expect(refused.code).toBe('in-use');
  expect(refused.message).toBe(`the state in ${dir} is in use by another process`);
  expect((await first.ask('POST', configMaps, { body: configMapOf('a', '1') })).code).toBe(201);
});

test('[SPEC C151] a directory of a newer format, of another program or of rubbish is refused and left as it is', async () => {
  const path = join(dir, 'cluster.db');
  const other = new DatabaseSync(path);
  other.exec('CREATE TABLE theirs (x); PRAGMA user_version = 7');
  other.close();
  let before = readFileSync(path);
  expect((await problemOf()).code).toBe('foreign');
  expect(readFileSync(path)).toEqual(before);

  writeFileSync(path, 'no database at all, but a text of some length\n'.repeat(100));
  before = readFileSync(path);
  expect((await problemOf()).code).toBe('foreign');
  expect(readFileSync(path)).toEqual(before);

  rmSync(path);
  await (await start()).close();
  const newer = new DatabaseSync(path);
  newer.exec('PRAGMA user_version = 2');
  newer.close();
  const refused = await problemOf();
  expect(refused.code).toBe('newer');
  expect(refused.message).toMatch(/written by a newer version: it has format 2, this version knows 1$/);
});

test('[SPEC C151] a place where nothing can be written is refused in a line', async () => {
  writeFileSync(join(dir, 'file'), '');
  const refused = await problemOf({ dir: join(dir, 'file') });
  expect(refused.code).toBe('unusable');
  expect(refused.message).toContain(`state cannot be kept in ${join(dir, 'file')}: `);
  mkdirSync(join(dir, 'taken', 'cluster.db'), { recursive: true });
  expect((await problemOf({ dir: join(dir, 'taken') })).code).toBe('unusable');
});

test('[SPEC C151] the state is its owner’s alone', async () => {
  const inside = join(dir, 'new', 'place');
  const cluster = await start({ dir: inside });
  await cluster.ask('POST', configMaps, { body: configMapOf('a', '1') });
  expect(statSync(inside).mode & 0o777).toBe(0o700);
  for (const file of ['cluster.db', 'cluster.db-wal']) expect(statSync(join(inside, file)).mode & 0o777).toBe(0o600);
});

test('[SPEC C152] a keeper that is full says so, keeps nothing of the turn, and all of it once there is room', () => {
  const open = (maxPages?: number) =>
    openDirectory({ dir, durability: 'kill', ...(maxPages === undefined ? {} : { maxPages }) });
  const write = (name: string, json: string) => ({ resource: 'configmaps', namespace: 'default', name, json });
  let keeper = open(16);
  keeper.keep([write('a', '{"a":1}')], 5);
  const big = JSON.stringify({ big: 'x'.repeat(100_000) });
  expect(() => keeper.keep([write('b', '{}'), write('c', big)], 7)).toThrow(KeepingError);
  keeper.keep([write('d', '{}')], 8);
  keeper.close();
  keeper = open();
  expect([...keeper.objects()].map(({ json }) => json)).toEqual(['{"a":1}', '{}']);
  expect(keeper.revision).toBe(8);
  keeper.close();
});

test('[SPEC C150] custom kinds and their objects are there again', async () => {
  const first = await start();
  const definition = {
    metadata: { name: 'widgets.example.org' },
    spec: {
      group: 'example.org',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
            },
          },
        },
      ],
    },
  };
  const widgets = '/apis/example.org/v1/namespaces/default/widgets';
  const made = await first.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition });
  expect(made.code).toBe(201);
  let written = await first.ask('GET', widgets);
  for (let tries = 0; tries < 100 && written.code !== 201; tries++) {
    const body = { apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name: 'w' }, spec: { size: 3 } };
    written = await first.ask('POST', widgets, { body });
  }
  expect(written.code).toBe(201);
  await first.close();
  const second = await start();
  expect((await second.ask('GET', `${widgets}/w`)).json).toEqual(written.json);
});

/** The cluster that a chapter plays on: an embedded one of its own, or its part of the real one that TEST_KUBECONFIG names. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { type Json, makeNamespace, type TestApi } from '../support/api.ts';
import { openCluster } from '../support/cluster.ts';
import { actAsKubelet, makeReadyNode } from '../support/kubelet.ts';
import { waitFor } from '../support/wait.ts';
import { type Chapter, type Line, wordsOf } from './chapter.ts';
import { plain, printed, sortedRows } from './plain.ts';

const manifests = join(dirname(fileURLToPath(import.meta.url)), 'manifests');
const STATE_DEADLINE_MS = 30_000;
const EVENTS = '/api/v1/namespaces/default/events';
const LINE_DEADLINE_MS = 60_000;

export interface Stage {
  /** Runs a line when its states are there; what it printed, in words that do not change. */
  run(line: Line): Promise<string>;
  close(): Promise<void>;
}

/** @param kubectl  the binary to run */
export async function openStage(chapter: Chapter, kubectl: string): Promise<Stage> {
  const cluster = await openCluster();
  const { api } = cluster;
  const home = mkdtempSync(join(tmpdir(), 'kouplet-matrix-'));
  const kubeconfig = join(home, 'kubeconfig');
  writeFileSync(kubeconfig, ownConfig(cluster.kubeconfig, chapter.name), { mode: 0o600 });
  const paths = new Paths(chapter.name);
  const nodes = chapter.nodes ?? [];
  const made: string[] = [];
  let rest: () => void = () => undefined;

  const ready = async (): Promise<void> => {
    await paths.learn(api);
    await makeNamespace(api, chapter.name);
    for (const node of nodes) await makeReadyNode(api, node);
    rest = await actAsKubelet(api, nodes);
    for (const file of chapter.given ?? []) {
      for (const object of documents(file)) {
        const path = paths.collection(object);
        const { metadata } = await api.call('POST', path, object);
        if (!path.includes('/namespaces/')) made.push(`${path}/${metadata.name}`);
      }
    }
    await states(chapter.until ?? []);
  };
  const states = async (wanted: string | readonly string[] = []): Promise<void> => {
    for (const state of [wanted].flat()) await waitFor(state, () => holds(api, paths, state), STATE_DEADLINE_MS);
  };
  const close = async (): Promise<void> => {
    if (cluster.isReal) await cleanUp(api, paths, chapter, made);
    rest();
    await cluster.stop();
    rmSync(home, { recursive: true, force: true });
  };
  const run = async (line: Line): Promise<string> => {
    const given: Exclude<Line, string> = typeof line === 'string' ? { line } : line;
    const { line: words, stdin, editor, until, sorted } = given;
    await states(until);
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      KUBECONFIG: kubeconfig,
      KUBECTL_EXTERNAL_DIFF: 'diff -u -N',
      ...(editor === undefined ? {} : { KUBE_EDITOR: editor }),
    };
    const answer = await spawn(kubectl, wordsOf(words), env, stdin);
    const text = plain(printed(answer), { [api.server]: 'SERVER', [home]: 'HOME' });
    return sorted ? sortedRows(text) : text;
  };
  try {
    await ready();
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  return { run, close };
}

function spawn(
  kubectl: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin = '',
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      kubectl,
      words,
      { env, cwd: manifests, timeout: LINE_DEADLINE_MS },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
    // A kubectl that ends without reading its input is no fault of ours.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin);
  });
}

/** The same cluster and user under names that both have, in the chapter's namespace. */
function ownConfig(path: string, namespace: string): string {
  const config: Json = parse(readFileSync(path, 'utf8'));
  const context = config.contexts.find((one: Json) => one.name === config['current-context']).context;
  const { cluster } = config.clusters.find((one: Json) => one.name === context.cluster);
  const user = config.users?.find((one: Json) => one.name === context.user)?.user ?? {};
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'matrix', cluster }],
    contexts: [{ name: 'matrix', context: { cluster: 'matrix', user: 'matrix', namespace } }],
    'current-context': 'matrix',
    users: [{ name: 'matrix', user }],
  });
}

function documents(file: string): Json[] {
  return parseAllDocuments(readFileSync(join(manifests, file), 'utf8')).map((one) => one.toJS());
}

/** Where objects live, by discovery. */
class Paths {
  readonly #namespace: string;
  readonly #byKind = new Map<
    string,
    { readonly path: string; readonly plural: string; readonly namespaced: boolean }
  >();

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  async learn(api: TestApi): Promise<void> {
    const { groups } = await api.call('GET', '/apis');
    const served = groups.map((group: Json) => group.preferredVersion.groupVersion);
    for (const version of ['v1', ...served]) {
      const path = version === 'v1' ? '/api/v1' : `/apis/${version}`;
      const { resources } = await api.call('GET', path);
      for (const { kind, name, namespaced } of resources) {
        if (!name.includes('/')) this.#byKind.set(`${version} ${kind}`, { path, plural: name, namespaced });
      }
    }
  }

  collection({ apiVersion, kind, metadata }: Json): string {
    const known = this.#byKind.get(`${apiVersion} ${kind}`);
    if (known === undefined) throw new Error(`${apiVersion} ${kind} is not served`);
    const space = known.namespaced ? `/namespaces/${metadata.namespace ?? this.#namespace}` : '';
    return `${known.path}${space}/${known.plural}`;
  }

  /** `deployments.apps/web` → its path. */
  object(resource: string): string {
    const [plural = '', name = ''] = resource.split('/');
    for (const [key, known] of this.#byKind) {
      const group = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
      if (plural !== (group === '' ? known.plural : `${known.plural}.${group}`)) continue;
      return `${known.path}${known.namespaced ? `/namespaces/${this.#namespace}` : ''}/${known.plural}/${name}`;
    }
    throw new Error(`${plural} is not served`);
  }
}

/**
 * Whether a state is there: `deployments.apps/web status.readyReplicas=2` (and what is there has been observed), `pods/one` (is there),
 * `!pods/one` (is not), `controllerrevisions.apps#=2` (so many; also of a whole path with its query).
 */
async function holds(api: TestApi, paths: Paths, state: string): Promise<boolean> {
  const [resource = '', condition] = state.split(' ');
  if (resource.startsWith('!')) return (await api.find(paths.object(resource.slice(1)))) === undefined;
  const counted = /^(.*)#=(\d+)$/.exec(resource);
  if (counted !== null) {
    const [, what = ''] = counted;
    const { items } = await api.call('GET', what.startsWith('/') ? what : paths.object(what).replace(/\/$/, ''));
    return items.length === Number(counted[2]);
  }
  const object = await api.find(paths.object(resource));
  if (object === undefined || condition === undefined) return object !== undefined;
  const [path = '', value = ''] = condition.split('=');
  const found = path.split('.').reduce<Json>((at, key) => at?.[key], object);
  return (
    String(found) === value &&
    (object.status?.observedGeneration ?? object.metadata.generation) === object.metadata.generation
  );
}

async function cleanUp(api: TestApi, paths: Paths, chapter: Chapter, made: readonly string[]): Promise<void> {
  for (const path of made) await api.request('DELETE', path);
  await api.request('DELETE', `/api/v1/namespaces/${chapter.name}`);
  await waitFor(
    `the end of ${chapter.name}`,
    async () => {
      // What no kubelet confirms would keep the namespace.
      await api.request('DELETE', `${paths.object('pods/')}?gracePeriodSeconds=0`);
      return (await api.find(`/api/v1/namespaces/${chapter.name}`)) === undefined;
    },
    60_000,
  );
  for (const node of chapter.nodes ?? []) {
    const gone = await api.request('DELETE', `/api/v1/nodes/${node}`);
    await api.request('DELETE', `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${node}`);
    // Node-lifecycle looks every 5 s; a Node that came back meanwhile would not be a new one to it.
    const event = `${EVENTS}?fieldSelector=involvedObject.name%3D${node},reason%3DRemovingNode`;
    if (gone.status === 200)
      await waitFor(`the end of ${node} is seen`, async () => (await api.items(event)).length > 0, 30_000);
  }
  await api.request('DELETE', EVENTS);
}

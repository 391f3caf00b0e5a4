/**
 * The language of the scenarios: one step a line, documented in README.md beside the scenarios. Each step acts on a
 * World; some print. Test support.
 */

import type { BaseId, BaseMessage } from '@kouplet/protocol';
import { type BizKey, type BizState, bizKeyOf, type ReportedBiz } from '@kouplet/protocol';
import { describeBase } from '../describe.ts';
import { nodeNameOf } from '../names.ts';
import type { ContainerSpec, ObservedPod } from '../observed.ts';
import type { Policy } from '../policy.ts';
import { seconds } from './fake-api.ts';
import type { FakeBase, Fault } from './fake-base.ts';
import { logLines, planLines, showWorld } from './print.ts';
import { type LinkFault, World } from './world.ts';

export interface Run {
  world: World;
  readonly output: string[];
  readonly fault: LinkFault | undefined;
  readonly onWorld: ((world: World) => void) | undefined;
  policy: Partial<Policy>;
  /** How far each kind of log was printed. */
  readonly logged: Map<string, number>;
}

/** A line's words: bare words in order, `key=value` by key; quotes keep spaces. */
export interface Words {
  readonly bare: readonly string[];
  readonly named: ReadonlyMap<string, string>;
}

export function wordsOf(line: string): Words {
  const bare: string[] = [];
  const named = new Map<string, string>();
  for (const [, whole = ''] of line.matchAll(/((?:[^\s"]|"[^"]*")+)/g)) {
    const word = whole.replaceAll('"', '');
    const named_ = /^([a-z][a-z-]*)=(.*)$/s.exec(word);
    if (named_?.[1] !== undefined && !whole.startsWith('"')) named.set(named_[1], named_[2] ?? '');
    else bare.push(word);
  }
  return { bare, named };
}

export function durationOf(text: string | undefined): number {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text ?? '');
  if (parts === null) throw new Error(`no duration: ${text}`);
  return Number(parts[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[parts[2] as 'ms' | 's' | 'm' | 'h'];
}

type Step = (run: Run, words: Words) => void;

const steps: Readonly<Record<string, Step>> = {
  policy(run, { bare, named }) {
    const { world } = run;
    const next: Partial<Policy> = {
      ...run.policy,
      ...(named.has('holder') ? { holderIdentity: named.get('holder') ?? '' } : {}),
      ...(named.has('gone-after') ? { goneAfterMs: durationOf(named.get('gone-after')) } : {}),
      ...(named.has('unmanaged') ? { unmanagedModules: named.get('unmanaged') as Policy['unmanagedModules'] } : {}),
      ...(bare.includes('external-broker') ? { hasSessions: false } : {}),
      ...(bare.includes('env-taint') ? { hasEnvTaint: true } : {}),
      ...(bare.includes('os-labels') ? { hasOsLabels: true } : {}),
    };
    run.policy = next;
    world.policy = { ...world.policy, ...next };
  },
  start: ({ world }) => world.start(),
  kill: ({ world }) => world.kill(),
  stop({ world }) {
    world.foldFleet({ kind: 'stopping' });
    world.planAll();
  },
  restart(run, { named }) {
    const { world } = run;
    if (named.has('holder')) world.policy = { ...world.policy, holderIdentity: named.get('holder') ?? '' };
    world.kill();
    world.start();
  },
  wait: ({ world }, { bare }) => world.advance(durationOf(bare[0])),
  link({ world }, { bare }) {
    world.setLink(bare[0] === 'api' ? 'api' : 'tunnel', bare[1] === 'up');
  },
  stall({ world }, { bare }) {
    const forMs = durationOf(bare[0]);
    world.mono += forMs;
    world.foldFleet({ kind: 'stalled', forMs });
    world.planAll();
  },
  clock({ world }, { bare }) {
    const text = bare[0] ?? '';
    world.wallOffset += (text.startsWith('-') ? -1 : 1) * durationOf(text.replace(/^[-+]/, ''));
  },
  'fail-writes': ({ world }, { bare }) => {
    world.failingWrites = Number(bare[0] ?? '1');
  },

  base({ world }, { bare, named }) {
    const base = world.addBase(bare[0] ?? '');
    configure(base, { bare, named });
    if (!bare.includes('away')) world.connect(base.id, true);
  },
  configure: ({ world }, words) => configure(world.baseOf(words.bare[0] ?? ''), words),
  connect: ({ world }, { bare }) => world.connect(bare[0] ?? ''),
  disconnect: ({ world }, { bare }) => world.disconnect(bare[0] ?? ''),
  'restart-base'({ world }, { bare }) {
    const base = world.baseOf(bare[0] ?? '');
    world.disconnect(base.id);
    base.restart(world.mono);
    world.connect(base.id, true);
  },
  'other-process'({ world }, { bare }) {
    const base = world.baseOf(bare[0] ?? '');
    base.isConnected = false;
    world.connect(base.id);
  },
  'beat-now'({ world }, { bare }) {
    const base = world.baseOf(bare[0] ?? '');
    world.say(base, base.heartbeat(world.now.wall));
  },
  script: ({ world }, words) => world.baseOf(words.bare[0] ?? '').faults.push(faultOf(words)),
  unscript: ({ world }, { bare }) => world.baseOf(bare[0] ?? '').faults.splice(0),
  module({ world }, { bare }) {
    const base = world.baseOf(bare[0] ?? '');
    const [key = '', state] = (bare[1] ?? '').split('=');
    if (state === 'gone') base.modules.delete(key as BizKey);
    else
      base.modules.set(key as BizKey, { state: (state ?? 'ACTIVATED') as BizState, url: 'unknown', isForeign: true });
  },

  beat: ({ world }, { bare, named }) =>
    manual(world, bare[0], {
      kind: 'heartbeat',
      baseName: named.get('name') ?? 'base',
      baseVersion: named.get('version') ?? '1.0.0',
      clusterName: 'default',
      localIP: named.get('ip') ?? '10.0.0.1',
      localHostName: named.get('host') ?? bare[0] ?? '',
      isActivated: !bare.includes('deactivated'),
    }),
  report: ({ world }, { bare, named }) =>
    manual(world, bare[0], { kind: 'biz-report', bizes: bizesOf(bare.slice(1), named) }),
  health: ({ world }, { bare, named }) =>
    manual(world, bare[0], {
      kind: 'health',
      isSuccess: true,
      ...(named.has('master') ? { masterBizState: named.get('master') as BizState } : {}),
      ...(named.has('run-time') ? { runTimeSeconds: durationOf(named.get('run-time')) / 1000 } : {}),
    }),
  baseline: ({ world }, { bare }) => manual(world, bare[0], { kind: 'baseline-query', publishedAt: world.now.wall }),
  answer({ world }, { bare, named }) {
    const [id, command, key = '', kind, text = ''] = bare;
    const [made, madeState] = (named.get('as') ?? '').split('/');
    const outcomes: Readonly<Record<string, Extract<BaseMessage, { kind: 'operation-result' }>['outcome']>> = {
      success: {
        kind: 'success',
        ...(made === undefined || made === ''
          ? {}
          : { installedAs: [bizOf(made, (madeState ?? 'ACTIVATED') as BizState)] }),
      },
      accepted: { kind: 'accepted' },
      repeat: { kind: 'repeat', message: 'has been installed or registered' },
      'not-found': { kind: 'not-found', message: 'not found' },
      conflict: { kind: 'conflict', message: 'exist unfinished command' },
      failed: { kind: 'failed', message: text, detail: text },
    };
    const outcome = outcomes[kind ?? ''];
    if (outcome === undefined) throw new Error(`no outcome: ${kind}`);
    manual(world, id, {
      kind: 'operation-result',
      command: `${command}Biz`,
      ...(key === '?' ? {} : { key: key as BizKey }),
      outcome,
    });
  },
  batch: ({ world }, { bare }) =>
    manual(world, bare[0], {
      kind: 'batch-result',
      results: bare.slice(1).map((word) => {
        const [url = '', kind = 'success', message = ''] = word.split('=');
        const outcomes = {
          success: { kind: 'success' },
          repeat: { kind: 'repeat', message },
          failed: { kind: 'failed', message },
        } as const;
        return { url, outcome: outcomes[kind as 'success'] };
      }),
    }),
  reject({ world }, { bare }) {
    world.foldBase(bare[0] ?? '', { kind: 'rejected', rejection: { code: 'not-json', detail: bare[1] ?? 'rubbish' } });
    world.planOne(bare[0] ?? '');
  },
  crash({ world }, { bare }) {
    world.foldBase(bare[0] ?? '', { kind: 'crashed', message: bare[1] ?? 'boom' });
    world.planOne(bare[0] ?? '');
  },
  'host-gone'({ world }, { bare }) {
    world.foldBase(bare[0] ?? '', { kind: 'host-gone' });
    world.planOne(bare[0] ?? '');
  },

  pod: ({ world }, words) => world.tell(world.api.putPod(podOf(world, words))),
  'delete-pod'({ world }, { bare }) {
    const pod = podNamed(world, bare[0]);
    if (bare.includes('force') && (pod.metadata.finalizers?.length ?? 0) === 0) {
      return world.tell(world.api.removePod(pod.metadata.uid));
    }
    const seconds_ = bare.includes('force') ? 0 : 30;
    const metadata = {
      ...world.api.bumped(pod.metadata),
      deletionTimestamp: seconds(world.now.wall + seconds_ * 1000),
      deletionGracePeriodSeconds: seconds_,
      ...(pod.metadata.generation === undefined ? {} : { generation: pod.metadata.generation + 1 }),
    };
    world.tell(world.api.putPod({ ...pod, metadata }));
  },
  image({ world }, { bare }) {
    const pod = podNamed(world, bare[0]);
    const containers = pod.spec.containers.map((container) =>
      container.name === bare[1] ? { ...container, image: bare[2] ?? '' } : container,
    );
    world.tell(
      world.api.putPod({ ...pod, metadata: world.api.bumped(pod.metadata), spec: { ...pod.spec, containers } }),
    );
  },
  gate({ world }, { bare }) {
    const pod = podNamed(world, bare[0]);
    const conditions = [...(pod.status.conditions ?? []), { type: bare[1] ?? '', status: 'True' as const }];
    world.tell(
      world.api.putPod({ ...pod, metadata: world.api.bumped(pod.metadata), status: { ...pod.status, conditions } }),
    );
  },
  'drop-finalizers'({ world }, { bare }) {
    world.tell(world.api.removePod(podNamed(world, bare[0]).metadata.uid));
  },
  'delete-node': ({ world }, { bare }) => world.tell(world.api.removeNode(nodeOf(world, bare[0]))),
  'delete-record'({ world }, { bare }) {
    world.api.records.delete(bare[0] ?? '');
    world.tell({ to: 'record', baseId: bare[0] ?? '', body: { kind: 'record-gone' } });
  },
  'spoil-record'({ world }, { bare }) {
    const record = world.api.records.get(bare[0] ?? '');
    if (record === undefined) throw new Error(`no record of ${bare[0]}`);
    const spoilt = { ...record, metadata: world.api.bumped(record.metadata), isReadable: false, installs: {} };
    world.api.records.set(record.baseId, spoilt);
    world.tell({ to: 'record', baseId: record.baseId, body: { kind: 'record-observed', record: spoilt } });
  },
  taint({ world }, { bare }) {
    const node = world.api.nodes.get(nodeOf(world, bare[0]));
    const parts = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(bare[1] ?? '');
    if (node === undefined || parts === null) throw new Error(`no node or taint: ${bare.join(' ')}`);
    const taint = {
      key: parts[1] ?? '',
      ...(parts[2] === undefined ? {} : { value: parts[2] }),
      effect: parts[3] as 'NoSchedule',
    };
    const spec = { ...node.spec, taints: [...(node.spec.taints ?? []), taint] };
    world.tell(world.api.putNode({ ...node, metadata: world.api.bumped(node.metadata), spec }));
  },
  node({ world }, { bare, named }) {
    const name = nodeOf(world, bare[0]);
    world.tell(
      world.api.putNode({
        metadata: { ...world.api.meta(name, world.now.wall), labels: { type: 'virtual-kubelet' } },
        spec: {
          taints: [
            { key: 'schedule.koupleless.io/virtual-node', value: 'True', effect: 'NoExecute' },
            ...(bare.includes('env-taint')
              ? [{ key: 'schedule.koupleless.io/node-env', value: 'dev', effect: 'NoExecute' as const }]
              : []),
          ],
        },
        status: {
          conditions: [
            {
              type: 'Ready',
              status: (named.get('ready') ?? 'True') as 'True',
              lastTransitionTime: seconds(world.now.wall),
            },
          ],
        },
      }),
    );
  },
  lease({ world }, { bare, named }) {
    const id = `kube-node-lease/${nodeOf(world, bare[0])}`;
    const known = world.api.leases.get(id);
    const metadata = known?.metadata ?? world.api.meta(nodeOf(world, bare[0]), world.now.wall, 'kube-node-lease');
    const lease = {
      metadata: world.api.bumped(metadata),
      spec: {
        holderIdentity: named.get('holder') ?? '',
        leaseDurationSeconds: 40,
        renewTime: new Date(world.now.wall).toISOString(),
      },
    };
    world.api.leases.set(id, lease);
    world.tell({ to: 'base', nodeName: lease.metadata.name, body: { kind: 'lease-observed', lease } });
  },

  'delete-lease'({ world }, { bare }) {
    const name = nodeOf(world, bare[0]);
    world.api.leases.delete(`kube-node-lease/${name}`);
    world.tell({ to: 'base', nodeName: name, body: { kind: 'lease-gone' } });
  },
  lapse({ world }, { bare }) {
    const node = world.api.nodes.get(nodeOf(world, bare[0]));
    if (node === undefined) throw new Error(`no node of ${bare[0]}`);
    const since = seconds(world.now.wall);
    const lapsed = {
      type: 'Ready',
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      lastTransitionTime: since,
    } as const;
    const conditions = (node.status.conditions ?? []).map((known) => (known.type === 'Ready' ? lapsed : known));
    const taints = (['NoSchedule', 'NoExecute'] as const).map((effect) => ({
      key: 'node.kubernetes.io/unreachable',
      effect,
    }));
    world.tell(
      world.api.putNode({
        metadata: world.api.bumped(node.metadata),
        spec: { ...node.spec, taints: [...(node.spec.taints ?? []), ...taints] },
        status: { ...node.status, conditions },
      }),
    );
    for (const pod of [...world.api.pods.values()].filter((each) => each.spec.nodeName === node.metadata.name)) {
      const unready = (pod.status.conditions ?? []).map((known) =>
        known.type === 'Ready' ? ({ ...known, status: 'False', lastTransitionTime: since } as const) : known,
      );
      const status = { ...pod.status, conditions: unready };
      world.tell(world.api.putPod({ ...pod, metadata: world.api.bumped(pod.metadata), status }));
    }
  },

  plan(run, { bare }) {
    const ids = bare[0] === undefined ? [...run.world.states.keys()] : [bare[0]];
    for (const id of ids) run.output.push(...planLines(run.world.planFor(id), run.world.mono));
  },
  show(run, { bare }) {
    const lines = showWorld(run.world);
    run.output.push(
      ...(bare.length === 0 ? lines : lines.filter((line) => bare.some((word) => line.startsWith(word)))),
    );
  },
  log(run, { bare }) {
    const kind = bare[0] ?? '';
    run.output.push(...logLines(run.world.happenings.slice(run.logged.get(kind) ?? 0), bare[0]));
    run.logged.set(kind, run.world.happenings.length);
  },
  forget(run) {
    for (const kind of ['', 'commands', 'questions', 'events', 'writes']) {
      run.logged.set(kind, run.world.happenings.length);
    }
  },
  leases: ({ world, output }) => {
    for (const [id, lease] of world.api.leases) output.push(`lease ${id} ${lease.spec.holderIdentity ?? '(nobody)'}`);
  },
  object({ world, output }, { bare }) {
    const [kind, name, part] = bare;
    const found = kind === 'node' ? world.api.nodes.get(nodeOf(world, name)) : podNamed(world, name);
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    const { metadata, spec, status } = found;
    const parts: Readonly<Record<string, unknown>> = { metadata, spec, status, ...metadata, ...spec, ...status };
    output.push(...JSON.stringify(part === undefined ? found : (parts[part] ?? null), null, 1).split('\n'));
  },
  describe({ world, output }, { bare }) {
    const view = describeBase(world.stateOf(bare[0] ?? ''), world.fleet, world.policy, world.now);
    output.push(...JSON.stringify(view, null, 1).split('\n'));
  },
  print: ({ output }, { bare }) => output.push(bare.join(' ')),
};

/** Runs one line of a scenario; throws with the line where it makes no sense. */
export function runLine(run: Run, line: string): void {
  const text = line.replace(/(^|\s)#.*$/, '').trim();
  if (text === '') return;
  const [name = '', ...rest] = text.split(' ');
  const step = steps[name];
  if (step === undefined) throw new Error(`no such step: ${line}`);
  const isPrinting = ['plan', 'show', 'log', 'leases', 'object', 'describe'].includes(name);
  if (isPrinting) run.output.push(`> ${text}`);
  step(run, wordsOf(rest.join(' ')));
  run.world.onStep?.();
}

export function newRun(fault?: LinkFault, onWorld?: (world: World) => void): Run {
  const world = new World({}, fault);
  onWorld?.(world);
  return { world, output: [], fault, onWorld, policy: {}, logged: new Map() };
}

function configure(base: FakeBase, { bare, named }: Words): void {
  const facts = { ...base.facts };
  if (named.has('name')) facts.baseName = named.get('name') ?? '';
  if (named.has('version')) facts.baseVersion = named.get('version') ?? '';
  if (named.has('cluster')) facts.clusterName = named.get('cluster') ?? '';
  if (named.has('ip')) facts.localIP = named.get('ip') ?? '';
  if (named.has('host')) facts.localHostName = named.get('host') ?? '';
  base.facts = facts;
  if (named.has('master')) base.masterBizState = named.get('master') as BizState;
  if (named.has('cpu')) base.cpuCount = named.get('cpu') === 'none' ? undefined : Number(named.get('cpu'));
  if (named.has('metaspace')) {
    const [used, max] = (named.get('metaspace') ?? '').split('/');
    base.metaspace = {
      used: Number(used) * 2 ** 20,
      ...(max === undefined || max === 'unlimited' ? {} : { max: Number(max) * 2 ** 20 }),
    };
  }
  if (bare.includes('no-heartbeat')) base.hasHeartbeat = false;
  if (bare.includes('heartbeat')) base.hasHeartbeat = true;
  if (bare.includes('frozen')) base.isFrozen = true;
  if (bare.includes('thawed')) base.isFrozen = false;
  if (bare.includes('manual')) base.isManual = true;
  if (bare.includes('switching')) base.switchesVersions = true;
  if (bare.includes('seed')) base.isSeedGeneration = true;
}

function faultOf({ bare, named }: Words): Fault {
  const [, command, ...rest] = bare;
  const key = rest[0]?.includes(':') === true && !rest[0].includes(' ') ? rest[0] : undefined;
  const [what, text] = key === undefined ? rest : rest.slice(1);
  return {
    command: command as Fault['command'],
    what: what as Fault['what'],
    isLasting: named.get('times') === 'always',
    ...(key === undefined ? {} : { key }),
    ...(text === undefined ? {} : { text }),
    ...(named.has('delay') ? { delayMs: durationOf(named.get('delay')) } : {}),
  };
}

function manual(world: World, id: string | undefined, message: BaseMessage): void {
  world.say(world.baseOf(id ?? ''), message);
}

function bizesOf(words: readonly string[], named: ReadonlyMap<string, string>): ReportedBiz[] {
  void named;
  return words.map((word) => {
    const [key = '', state = 'ACTIVATED'] = word.split('=');
    return bizOf(key, state as BizState);
  });
}

function bizOf(key: string, state: BizState): ReportedBiz {
  const split = key.indexOf(':');
  const name = key.slice(0, split);
  const version = key.slice(split + 1);
  return { name, version, key: bizKeyOf(name, version), state };
}

function nodeOf(world: World, id: string | undefined): string {
  return nodeNameOf((id ?? '') as BaseId, world.policy.env);
}

function podNamed(world: World, name: string | undefined): ObservedPod {
  const pod = [...world.api.pods.values()].findLast((candidate) => candidate.metadata.name === name);
  if (pod === undefined) throw new Error(`no pod ${name}`);
  return pod;
}

/** `pod p1 base=b1 biz=biz1:0.0.1[,biz2:1] …`: see the README. */
function podOf(world: World, { bare, named }: Words): ObservedPod {
  const name = bare[0] ?? '';
  const keys = (named.get('biz') ?? '').split(',').filter((key) => key !== '');
  const owner = named.get('owner')?.split('/');
  const hash = named.get('hash');
  const containers: ContainerSpec[] = keys.map((key) => {
    const split = key.indexOf(':');
    const biz = split < 0 ? key : key.slice(0, split);
    const version = split < 0 ? undefined : key.slice(split + 1);
    return {
      name: biz,
      image: named.get('url') ?? `https://repo/${biz}-${version}.jar`,
      ...(version === undefined
        ? {}
        : {
            env: [
              { name: 'BIZ_VERSION', ...(bare.includes('value-from') ? { hasValueFrom: true } : { value: version }) },
            ],
          }),
      ...(named.has('ignored') ? { ignoredFields: (named.get('ignored') ?? '').split(',') } : {}),
    };
  });
  if (named.has('sidecar')) containers.push({ name: named.get('sidecar') ?? '', image: 'proxy:1' });
  const ownerUid = named.get('owner-uid') ?? `uid-${owner?.join('-')}`;
  const base = world.api.meta(name, world.now.wall, 'default');
  const imageIds = named.get('image-id');
  return {
    metadata: {
      ...base,
      generation: 1,
      labels: {
        ...(bare.includes('no-label') ? {} : { 'virtual-kubelet.koupleless.io/component': 'module' }),
        ...(hash === undefined
          ? {}
          : { [owner?.[0] === 'ReplicaSet' ? 'pod-template-hash' : 'controller-revision-hash']: hash }),
      },
      ...(owner === undefined
        ? {}
        : {
            ownerReferences: [
              { apiVersion: 'apps/v1', kind: owner[0] ?? '', name: owner[1] ?? '', uid: ownerUid, controller: true },
            ],
          }),
      ...(named.has('finalizer') ? { finalizers: [named.get('finalizer') ?? ''] } : {}),
    },
    spec: {
      nodeName: nodeOf(world, named.get('base')),
      restartPolicy: (named.get('restart') ?? 'Always') as 'Always',
      containers,
      ...(named.has('init') ? { initContainers: [{ name: named.get('init') ?? '' }] } : {}),
      ...(named.has('gate') ? { readinessGates: [{ conditionType: named.get('gate') ?? '' }] } : {}),
    },
    status: {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: seconds(world.now.wall) }],
      ...(imageIds === undefined
        ? {}
        : {
            phase: 'Running',
            startTime: seconds(world.now.wall),
            conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
              type,
              status: 'True' as const,
              lastTransitionTime: seconds(world.now.wall),
            })),
            containerStatuses: containers.map((container) => ({
              name: container.name,
              image: container.image ?? '',
              imageID: imageIds === 'same' ? (container.image ?? '') : imageIds,
              ready: true,
              started: true,
              restartCount: 0,
              state: { running: { startedAt: seconds(world.now.wall) } },
            })),
          }),
    },
  };
}

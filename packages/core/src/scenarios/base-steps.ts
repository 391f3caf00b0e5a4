/** Steps about bases: what happens to them, what they say by themselves and what a scenario lets them say. Test support. */
import { type BaseMessage, type BizKey, type BizState, bizKeyOf, type ReportedBiz } from '@kouplet/protocol';
import type { FakeBase, Fault } from './fake-base.ts';
import { durationOf, offsetOf, type Step, type Words } from './words.ts';
import type { World } from './world.ts';

export const baseSteps: Readonly<Record<string, Step>> = {
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
    world.say(base, base.heartbeat());
  },
  script: ({ world }, words) => world.baseOf(words.bare[0] ?? '').faults.push(faultOf(words)),
  unscript: ({ world }, { bare }) => world.baseOf(bare[0] ?? '').faults.splice(0),
  module({ world }, { bare }) {
    const base = world.baseOf(bare[0] ?? '');
    const [key = '', state] = (bare[1] ?? '').split('=');
    if (state === 'gone') base.modules.delete(key as BizKey);
    else base.alter(key as BizKey, (state ?? 'ACTIVATED') as BizState);
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
  baseline: ({ world }, { bare }) => manual(world, bare[0], { kind: 'baseline-query' }),
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
      conflict: { kind: 'conflict', message: text || 'exist unfinished command' },
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
};

function configure(base: FakeBase, { bare, named }: Words): void {
  const facts = { ...base.facts };
  if (named.has('name')) facts.baseName = named.get('name') ?? '';
  if (named.has('version')) facts.baseVersion = named.get('version') ?? '';
  if (named.has('cluster')) facts.clusterName = named.get('cluster') ?? '';
  if (named.has('ip')) facts.localIP = named.get('ip') ?? '';
  if (named.has('host')) facts.localHostName = named.get('host') ?? '';
  if (named.has('release')) facts.release = named.get('release') ?? '';
  base.facts = facts;
  if (named.has('master')) base.masterBizState = named.get('master') as BizState;
  if (named.has('clock')) base.clockOffsetMs = offsetOf(named.get('clock'));
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
  if (bare.includes('not-seed')) base.isSeedGeneration = false;
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

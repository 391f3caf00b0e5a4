/**
 * The language of the scenarios: one step a line, documented in README.md beside the scenarios. Each step acts on a
 * World; some print. Test support.
 */
import { describeBase } from '../describe.ts';
import type { Policy } from '../policy.ts';
import { whyOf } from '../why.ts';
import { baseSteps } from './base-steps.ts';
import { nodeOf, objectSteps, podNamed } from './object-steps.ts';
import { logLines, planLines, showWorld } from './print.ts';
import type { LinkFault } from './setting.ts';
import { durationOf, offsetOf, type Run, type Step, wordsOf } from './words.ts';
import { World } from './world.ts';

const steps: Readonly<Record<string, Step>> = {
  policy(run, { bare, named }) {
    const { world } = run;
    const next: Partial<Policy> = {
      ...run.policy,
      ...(named.has('holder') ? { holderIdentity: named.get('holder') ?? '' } : {}),
      ...(named.has('gone-after') ? { goneAfterMs: durationOf(named.get('gone-after')) } : {}),
      ...(named.has('unmanaged') ? { unmanagedModules: named.get('unmanaged') as Policy['unmanagedModules'] } : {}),
      ...logsOf(named.get('logs')),
      ...(bare.includes('external-broker') ? { hasSessions: false } : {}),
      ...(bare.includes('env-taint') ? { hasEnvTaint: true } : {}),
      ...(bare.includes('os-labels') ? { hasOsLabels: true } : {}),
    };
    run.policy = next;
    world.policy = { ...world.policy, ...next };
  },
  start: ({ world }, { bare }) => world.start(bare.includes('backwards')),
  kill: ({ world }) => world.kill(),
  stop({ world }) {
    world.foldFleet({ kind: 'stopping' });
    world.planAll();
  },
  restart(run, { named }) {
    const { world } = run;
    if (named.has('holder')) world.policy = { ...world.policy, holderIdentity: named.get('holder') ?? '' };
    if (named.has('logs')) {
      const { logs: _before, ...policy } = world.policy;
      world.policy = { ...policy, ...logsOf(named.get('logs')) };
    }
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
    world.wallOffset += offsetOf(bare[0]);
  },
  'busy-api'({ world }, { bare }) {
    const forMs = durationOf(bare[0]);
    world.busyUntil = world.mono + forMs;
    world.after(forMs, () => world.planAll());
  },
  'fail-writes': ({ world }, { bare }) => {
    world.failingWrites = Number(bare[0] ?? '1');
  },

  ...baseSteps,
  ...objectSteps,

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
  why({ world, output }, { bare }) {
    const [kind, name = ''] = bare;
    const subject = kind === 'pod' ? ({ kind, namespace: 'default', name } as const) : ({ kind: 'node' } as const);
    const whys = [...world.states.keys()].flatMap((id) => {
      if (kind === 'node' && id !== name) return [];
      return whyOf(world.stateOf(id), world.fleet, world.policy, world.now, subject) ?? [];
    });
    for (const why of whys) {
      if (why.kind === 'held-by-other') output.push(`${why.subject} is held by ${why.holderIdentity}`);
      else
        output.push(`${why.subject} on ${why.nodeName}`, ...why.lines.map(({ topic, text }) => `  ${topic} ${text}`));
    }
    if (whys.length === 0) output.push(`${kind}/${name} is not known`);
  },
  print: ({ output }, { bare }) => output.push(bare.join(' ')),
};

/** Runs one line of a scenario; throws with the line where it makes no sense. */
/** `10.1.0.7:10250`; `none`. */
function logsOf(text = 'none'): Pick<Policy, 'logs'> {
  const [address = '', port] = text.split(':');
  return text === 'none' ? {} : { logs: { address, port: Number(port) } };
}

export function runLine(run: Run, line: string): void {
  const text = line.replace(/(^|\s)#.*$/, '').trim();
  if (text === '') return;
  const [name = '', ...rest] = text.split(' ');
  const step = steps[name];
  if (step === undefined) throw new Error(`no such step: ${line}`);
  const isPrinting = ['plan', 'show', 'log', 'leases', 'object', 'describe', 'why'].includes(name);
  if (isPrinting) run.output.push(`> ${text}`);
  step(run, wordsOf(rest.join(' ')));
  run.world.onStep?.();
}

export function newRun(fault?: LinkFault, onWorld?: (world: World) => void): Run {
  const world = new World({}, fault);
  onWorld?.(world);
  return { world, output: [], fault, onWorld, policy: {}, logged: new Map() };
}

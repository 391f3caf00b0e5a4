/**
 * A scenario run again with one delivery dropped, doubled, swapped with its neighbour or late: the invariants hold, and it comes
 * to the same end, but where its header says why it cannot. Test support.
 */
import { isDeepStrictEqual } from 'node:util';
import { watchInvariants } from './invariants.ts';
import { runScenario, settle } from './runner.ts';
import type { Delivery, LinkFault } from './setting.ts';

/** Faults of one delivery: message, command or watch event. Late ones come after what followed them. */
const faults = {
  dropped: { copies: 0, delayMs: 0 },
  doubled: { copies: 2, delayMs: 0 },
  swapped: { copies: 1, delayMs: 3 },
  late: { copies: 1, delayMs: 700 },
} as const satisfies Readonly<Record<string, ReturnType<LinkFault>>>;

export type Mutation = keyof typeof faults;

export const mutations: readonly Mutation[] = ['dropped', 'doubled', 'swapped', 'late'];

const unharmed = { copies: 1, delayMs: 0 } as const;

/** `# spared: dropped watch pod-observed p1 #1 (why)`: what this takes from everyone for ever nothing could heal. */
export interface Spared {
  readonly line: string;
  readonly mutation: Mutation;
  /** As `wordsOf` has it. */
  readonly delivery: string;
  /** The first such delivery is 1; all of them where it is left out. */
  readonly ordinal?: number;
}

interface Place {
  readonly delivery: string;
  readonly ordinal: number;
}

export interface Scenario {
  readonly source: string;
  /** Deliveries of the quiet run, in order: the first is place 1. */
  readonly places: readonly Place[];
  /** How the quiet run ends. */
  readonly end: readonly string[];
  readonly spared: readonly Spared[];
}

/** Runs it quietly. Throws where it spares what never is delivered. */
export function scenarioOf(source: string): Scenario {
  const seen = new Map<string, number>();
  const places: Place[] = [];
  const count: LinkFault = (delivery) => {
    const words = wordsOf(delivery);
    const ordinal = (seen.get(words) ?? 0) + 1;
    seen.set(words, ordinal);
    places.push({ delivery: words, ordinal });
    return unharmed;
  };
  const quiet = runScenario(source, count);
  // What comes while it settles is no place: the scenario is over.
  const during = [...places];
  const spared = [...source.matchAll(/^# spared: .*$/gm)].map(([line]) => sparedOf(line));
  for (const { line, delivery, ordinal } of spared) {
    const isThere = during.some((place) => place.delivery === delivery && (ordinal ?? place.ordinal) === place.ordinal);
    if (!isThere) throw new Error(`never delivered: ${line}`);
  }
  return { source, places: during, end: settle(quiet.run), spared };
}

function sparedOf(line: string): Spared {
  const parts = /^# spared: (\w+) ([^#(]+?)(?: #(\d+))? \(.+\)$/.exec(line);
  const mutation = mutations.find((known) => known === parts?.[1]);
  if (parts?.[2] === undefined || mutation === undefined) throw new Error(`not understood: ${line}`);
  return { line, mutation, delivery: parts[2], ...(parts[3] === undefined ? {} : { ordinal: Number(parts[3]) }) };
}

export interface Trial {
  /** What is wrong with it, a line each; nothing is as it should be. */
  readonly wrong: readonly string[];
  /** The line that says why it ends otherwise, where it does. */
  readonly excusedBy?: string;
}

/** Runs a scenario with one mutation at one place. `planLookedAtEvery`: every so many steps plans are made of a copy, too. */
export function tryAt(scenario: Scenario, mutation: Mutation, place: number, planLookedAtEvery?: number): Trial {
  const wrong: string[] = [];
  const otherwise: string[] = [];
  const fault: LinkFault = (_delivery, index) => (index === place ? faults[mutation] : unharmed);
  try {
    const ran = runScenario(scenario.source, fault, (world) => watchInvariants(world, wrong, planLookedAtEvery));
    const end = settle(ran.run);
    if (!isDeepStrictEqual(end, scenario.end)) otherwise.push(...differences(scenario.end, end));
    for (const id of ran.run.world.states.keys())
      for (const { kind, key } of ran.run.world.planFor(id).actions) wrong.push(`still to do: ${kind} ${key}`);
  } catch (thrown) {
    otherwise.push(String(thrown));
  }
  const { delivery, ordinal } = scenario.places[place - 1] ?? {};
  const excuse = scenario.spared.find(
    (spared) => spared.mutation === mutation && spared.delivery === delivery && (spared.ordinal ?? ordinal) === ordinal,
  );
  if (excuse === undefined || otherwise.length === 0) wrong.push(...otherwise);
  const at = `${mutation} at ${place} (${delivery} #${ordinal})`;
  return {
    wrong: wrong.map((line) => `${at}: ${line}`),
    ...(excuse === undefined || otherwise.length === 0 ? {} : { excusedBy: excuse.line }),
  };
}

function differences(expected: readonly string[], found: readonly string[]): readonly string[] {
  return [
    ...expected.filter((line) => !found.includes(line)).map((line) => `- ${line}`),
    ...found.filter((line) => !expected.includes(line)).map((line) => `+ ${line}`),
  ];
}

/** `command b1 installBiz biz1:1`, `answer b1 installBiz biz1:1 success`, `message b1 biz-report`, `watch pod-observed p1`. */
function wordsOf(delivery: Delivery): string {
  switch (delivery.kind) {
    case 'command': {
      const { baseId, command } = delivery;
      return `command ${baseId} ${command.kind}${'name' in command ? ` ${command.name}:${command.version}` : ''}`;
    }
    case 'message': {
      const { baseId, message } = delivery;
      return message.kind === 'operation-result'
        ? `answer ${baseId} ${message.command} ${message.key} ${message.outcome.kind}`
        : `message ${baseId} ${message.kind}`;
    }
    case 'watch': {
      const { change } = delivery;
      if (change.to === 'replica') return `watch replica-lease ${change.name}`;
      const { body } = change;
      if (body.kind === 'pod-observed') return `watch ${body.kind} ${body.pod.metadata.name}`;
      if (body.kind === 'pod-gone') return `watch ${body.kind} ${body.uid}`;
      return `watch ${body.kind} ${change.to === 'record' ? change.baseId : change.nodeName}`;
    }
    default:
      return delivery satisfies never;
  }
}

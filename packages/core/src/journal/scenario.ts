/**
 * A journal as a scenario: what the world did to the controller, in the language of `scenarios/README.md`. What was known at its
 * beginning is lived through before; what bases answered is scripted, an answer a line; what the controller did is left to the
 * core. A scenario's world is quicker and more obedient than the real one: what the journal tells, it tells in order, not to the ms.
 */
import type { BaseId } from '@kouplet/protocol';
import type { Policy } from '../policy.ts';
import { BaseCourse } from './base-course.ts';
import type { JournalLine } from './lines.ts';
import { spanOf, type TimedStep, wordOf } from './words.ts';

export interface ScenarioOptions {
  readonly policy: Policy;
  /** First line, without its `#`. */
  readonly title: string;
  /** Of that base alone. */
  readonly base?: string;
}

/** How long what was there before is lived through, at least. */
const preludeMs = 20_000;
/** What is under way at the end comes to its own. */
const afterMs = 1_000;

/** The steps, without what they print: the scenario runner adds that. */
export function scenarioOf(lines: readonly JournalLine[], { policy, title, base }: ScenarioOptions): string {
  const synced = lines.find((line) => line.kind === 'fleet' && line.input.kind === 'synced');
  const firstAt = lines.find((line) => line.kind === 'base' || line.kind === 'fleet')?.at.mono ?? 0;
  const beganAt = synced?.kind === 'fleet' ? synced.at.mono : firstAt;
  const courses = new Map<BaseId, BaseCourse>();
  const steps: TimedStep[] = [];
  let endedAt = beganAt;
  for (const line of lines) {
    if (line.kind === 'base-state' || line.kind === 'base') {
      const { baseId } = line;
      if (base !== undefined && base !== baseId) continue;
      const course = courses.get(baseId) ?? new BaseCourse(wordOf(baseId), beganAt, policy);
      courses.set(baseId, course);
      if (line.kind === 'base') {
        endedAt = Math.max(endedAt, line.at.mono);
        course.take(line.input, line.at.mono);
      } else course.began(line.state);
    } else if (line.kind === 'fleet') {
      endedAt = Math.max(endedAt, line.at.mono);
      const { kind } = line.input;
      // What was not heard while we were blind was not unsaid.
      if (kind === 'stalled' || kind === 'link-down' || kind === 'link-up')
        for (const one of courses.values()) one.blind();
      const text = fleetStep(line);
      const takesMs = line.input.kind === 'stalled' ? line.input.forMs : 0;
      if (text !== undefined && line.at.mono > beganAt) steps.push({ at: line.at.mono - takesMs, text, takesMs });
    }
  }
  const all = [...courses.values()];
  for (const course of all) steps.push(...course.steps());
  const isStopped = steps.some(({ text }) => text === 'stop');
  const prelude = all.flatMap((course) => course.prelude());
  return [
    `# ${title}`,
    ...policyLine(policy),
    ...(prelude.length === 0
      ? [...waitFor(clockMs(beganAt, policy)), 'start']
      : [
          ...prelude,
          'start',
          ...waitFor(preludeMs + clockMs(beganAt - preludeMs, policy)),
          ...(synced === undefined ? ['forget'] : ['kill', 'forget', 'start']),
        ]),
    ...all.flatMap((course) => course.scripts()),
    ...timed(steps, beganAt, isStopped ? endedAt : endedAt + afterMs),
    'log',
    'show',
    '',
  ].join('\n');
}

/** Questions and renewals come at a phase of the clock that is the base's own: the scenario begins as late in it. */
function clockMs(beganAt: number, { timings: { healthPeriodMs, leaseRenewMs } }: Policy): number {
  const periodMs = Math.max(healthPeriodMs, leaseRenewMs);
  return Math.round(((beganAt % periodMs) + periodMs) % periodMs) % periodMs;
}

function waitFor(ms: number): string[] {
  return ms > 0 ? [`wait ${spanOf(ms)}`] : [];
}

/** A step for each moment, with the waits between them; equal times in the order in which they were told. */
function timed(steps: readonly TimedStep[], beganAt: number, endedAt: number): string[] {
  const texts: string[] = [];
  let at = beganAt;
  for (const step of steps.toSorted((a, b) => a.at - b.at)) {
    const ms = Math.round(step.at - at);
    if (ms > 0) {
      texts.push(`wait ${spanOf(ms)}`);
      at += ms;
    }
    texts.push(step.text);
    at += Math.round(step.takesMs ?? 0);
  }
  const restMs = Math.round(endedAt - at);
  return restMs > 0 ? [...texts, `wait ${spanOf(restMs)}`] : texts;
}

function policyLine(policy: Policy): string[] {
  const words = [
    `gone-after=${spanOf(policy.goneAfterMs)}`,
    `unmanaged=${policy.unmanagedModules}`,
    ...(policy.hasSessions ? [] : ['external-broker']),
    ...(policy.hasEnvTaint ? ['env-taint'] : []),
    ...(policy.hasOsLabels ? ['os-labels'] : []),
  ];
  return [`policy ${words.join(' ')}`];
}

function fleetStep(line: JournalLine & { readonly kind: 'fleet' }): string | undefined {
  const { input } = line;
  switch (input.kind) {
    case 'link-up':
      return `link ${input.link} up`;
    case 'link-down':
      return `link ${input.link} down`;
    case 'stalled':
      return `stall ${spanOf(input.forMs)}`;
    case 'stopping':
      return 'stop';
    default:
      return undefined;
  }
}

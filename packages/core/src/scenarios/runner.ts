/** Runs scenario files: the steps above `----`, the expected output below it. Test support. */
import { newRun, runLine } from './language.ts';
import { showWorld } from './print.ts';
import type { LinkFault } from './setting.ts';
import type { Run } from './words.ts';
import type { World } from './world.ts';

/** The steps of a scenario file, without what it expects. */
export function stepsOf(text: string): readonly string[] {
  const end = text.indexOf('\n----\n');
  return (end < 0 ? text : text.slice(0, end + 1)).split('\n');
}

/** The first line, a comment: what the scenario shows and which rules it enforces. */
export function titleOf(text: string): string {
  return (text.split('\n', 1)[0] ?? '').replace(/^#\s*/, '');
}

export interface Ran {
  readonly run: Run;
  /** The whole file as it should be. */
  readonly text: string;
}

export function runScenario(text: string, fault?: LinkFault, onWorld?: (world: World) => void): Ran {
  const steps = stepsOf(text);
  const run = newRun(fault, onWorld);
  for (const line of steps) {
    try {
      runLine(run, line);
    } catch (thrown) {
      throw new Error(`in the step "${line}": ${thrown instanceof Error ? thrown.message : thrown}`, { cause: thrown });
    }
  }
  const body = steps.join('\n').replace(/\n+$/, '');
  return { run, text: `${body}\n----\n${run.output.join('\n')}\n` };
}

/** Lets the world come to rest with all faults healed; the time is long enough for every back-off. */
export function settle({ world }: Run, ms = 120_000): readonly string[] {
  world.failingWrites = 0;
  for (const link of ['api', 'tunnel'] as const) world.setLink(link, true);
  // A relist follows what a watch lost, as a reflector would see to it.
  world.relist();
  world.planAll();
  world.advance(ms);
  // Counts and times may differ with what went wrong on the way; what stands in the end may not.
  return showWorld(world)
    .map((line) => line.replace(/ restarts=\d+/g, ''))
    .map((line) => line.replace(/\[(.*)\]$/, (_all, words: string) => `[${words.split(' ').toSorted().join(' ')}]`))
    .toSorted();
}

/** A scenario made of a journal, run in the scenarios' world, with what it prints: a file as `packages/core/src/scenarios` has it. */
import type { Action } from '../actions.ts';
import type { JournalLine } from './lines.ts';
import { type ScenarioOptions, scenarioOf } from './scenario.ts';

export interface Golden {
  /** The whole file. */
  readonly text: string;
  /** `b1 installBiz biz1:1` of every operation that the journal tells, and of every one that came of it again, in order. */
  readonly recorded: readonly string[];
  readonly again: readonly string[];
}

/** @throws what a step that makes no sense throws, with the step */
export async function goldenOf(lines: readonly JournalLine[], options: ScenarioOptions): Promise<Golden> {
  // The world of the scenarios is loaded for this alone.
  const { runScenario } = await import('../scenarios/runner.ts');
  const { run, text } = runScenario(scenarioOf(lines, options));
  const { happenings } = run.world;
  // What was lived through before the journal begins is none of it.
  const from = run.logged.get('commands') ?? 0;
  const again = happenings.slice(from).flatMap((one) => (one.kind === 'started' ? operationOf(one.action) : []));
  const recorded = lines.flatMap((line) => {
    const isOfIt = line.kind === 'base' && (options.base === undefined || options.base === line.baseId);
    return isOfIt && line.input.kind === 'action-started' ? operationOf(line.input.action) : [];
  });
  return { text, recorded, again };
}

function operationOf(action: Action): string[] {
  if (action.kind !== 'send-command' || action.bizKey === undefined) return [];
  return [`${action.baseId} ${action.command.kind} ${action.bizKey}`];
}

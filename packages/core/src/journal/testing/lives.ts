/** Journals of the controllers in the scenarios: one for each of their lives. Test support. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Policy } from '../../policy.ts';
import { newRun, runLine } from '../../scenarios/language.ts';
import { stepsOf } from '../../scenarios/runner.ts';
import type { Happening } from '../../scenarios/setting.ts';
import { createBase } from '../../state.ts';
import { baseLine, fleetLine, type JournalLine } from '../lines.ts';
import { JournalReader } from '../read.ts';

const folder = new URL('../../scenarios/', import.meta.url);
export const scenarioFiles = readdirSync(folder).filter((name) => name.endsWith('.txt'));

export interface Life {
  readonly policy: Policy;
  readonly happenings: readonly Happening[];
}

/** The lives of the controller in a scenario: what happened from each start to the next. */
export function livesOf(file: string): readonly Life[] {
  return livesOfSteps(stepsOf(readFileSync(new URL(file, folder), 'utf8')));
}

export function livesOfSteps(steps: readonly string[]): readonly Life[] {
  const run = newRun();
  const begun: { readonly at: number; readonly policy: Policy }[] = [];
  for (const line of steps) {
    const at = run.world.happenings.length;
    runLine(run, line);
    if (/^(start|restart)( |$)/.test(line)) begun.push({ at, policy: run.world.policy });
  }
  return begun.map(({ at, policy }, index) => ({
    policy,
    happenings: run.world.happenings.slice(at, begun[index + 1]?.at),
  }));
}

export type Input = Extract<Happening, { kind: 'input' }>['input'];

export function inputsOf({ happenings }: Life): readonly Input[] {
  return happenings.flatMap((happening) => (happening.kind === 'input' ? [happening.input] : []));
}

/** @param started ids of actions whose start was written; changed */
export function lineOf(input: Input, started: Set<number>): string {
  const isEnd = input.kind === 'action-ended' && started.has(input.action.id);
  if (input.kind === 'action-started') started.add(input.action.id);
  return 'baseId' in input ? baseLine(input, createBase(input.baseId), isEnd) : fleetLine(input, isEnd);
}

/** As they are read from a file. @throws for a line that is none */
export function readLines(texts: readonly string[]): readonly JournalLine[] {
  const reader = new JournalReader();
  return texts.flatMap((text) => {
    const read = reader.read(text);
    if (read.kind === 'none') throw new Error(`${read.message}: ${text.slice(0, 300)}`);
    return read.kind === 'line' ? [read.line] : [];
  });
}

export function journalOf(life: Life): readonly JournalLine[] {
  const started = new Set<number>();
  return readLines(inputsOf(life).map((input) => lineOf(input, started)));
}

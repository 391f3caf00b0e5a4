/**
 * Terminal transcripts in Markdown, followed as a reader would: every `console` block is `$ command` lines, each with the
 * output that it gave. What differs from run to run (ages, generated names, which base, addresses) is evened out on both sides.
 */
import { expect } from 'vitest';
import type { Kubectl } from './kubectl.ts';
import { waitFor } from './wait.ts';

export interface Step {
  /** Without `$ `. */
  readonly command: string;
  readonly output: string;
}

/** Steps by the heading (`##` or `###`, without its marks) that they stand under; headings without steps are left out. */
export function readTranscripts(markdown: string): ReadonlyMap<string, readonly Step[]> {
  const found = new Map<string, Step[]>();
  let heading = '';
  let isInside = false;
  for (const line of markdown.split('\n')) {
    const title = /^##+ (.+)$/.exec(line)?.[1];
    if (isInside && line.startsWith('```')) isInside = false;
    else if (line.startsWith('```console')) isInside = true;
    else if (!isInside && title !== undefined) heading = title;
    else if (isInside) {
      const steps = found.get(heading) ?? [];
      found.set(heading, steps);
      const last = steps.at(-1);
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: '' });
      else if (last !== undefined) steps[steps.length - 1] = { ...last, output: `${last.output}${line}\n` };
    }
  }
  return found;
}

/** What kubectl's generated names are made of (k8s.io/apimachinery, util/rand: `alphanums`). */
const generated = '[bcdfghjklmnpqrstvwxz2456789]';

/** One line for each line that says something: generated names, ages, addresses, node numbers and column widths evened out. */
export function evened(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('Waiting for '))
    .map((line) =>
      line
        .replace(new RegExp(`-${generated}{5,10}-${generated}{5}\\b`, 'g'), '-#')
        .replace(new RegExp(`-${generated}{5,10}\\b`, 'g'), '-#')
        .replace(/\bvnode\.base-\d\b/g, 'vnode.base-#')
        .replace(/\b10\.250\.0\.\d+\b/g, '10.250.0.#')
        .replace(/ from \S+ namespace$/, '')
        .replace(/\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} [+-]\d{4}/, 'TIME')
        .replace(/(?<![\w.])(\d+[smhd])+\b/g, 'AGE')
        .replace(/\s+/g, ' ')
        .trim(),
    );
}

/** A line `…` stands for any lines; rows of a table come in the order of generated names, so they are compared sorted. */
function isSame(step: Step, actual: string): boolean {
  const expected = evened(step.output);
  const seen = evened(actual);
  if (expected.includes('…')) {
    const pattern = expected.map((line) => (line === '…' ? '(?:.*\n)*?' : `${line.replace(/\W/g, '\\$&')}\n`)).join('');
    return new RegExp(`^${pattern}$`).test(seen.map((line) => `${line}\n`).join(''));
  }
  return JSON.stringify(expected.sort()) === JSON.stringify(seen.sort());
}

export interface Reading {
  readonly kubectl: Kubectl;
  /** What must be changed in a command for the place where it runs (a path, a base name). */
  readonly toHere?: (command: string) => string;
  /** The same back, in what it says. */
  readonly toThere?: (output: string) => string;
}

/** Runs `$ kubectl …` steps in order. Looks (`get`, `describe`) are repeated until they show what is written; the rest runs once. */
export async function follow(steps: readonly Step[], { kubectl, toHere, toThere }: Reading): Promise<void> {
  const run = async ({ command }: Step): Promise<{ readonly code: number; readonly said: string }> => {
    const line = (toHere?.(command) ?? command).replace(/^kubectl /, '').replace(/^--kubeconfig \S+ /, '');
    const { code, stdout, stderr } = await kubectl.try(line);
    return { code, said: toThere?.(stdout + stderr) ?? stdout + stderr };
  };
  for (const step of steps) {
    const isLook = /^kubectl (--kubeconfig \S+ )?(get|describe) /.test(step.command);
    if (isLook) {
      let said = '';
      await waitFor(
        step.command,
        async () => {
          said = (await run(step)).said;
          return isSame(step, said);
        },
        90_000, // a cluster that cleans up after others deletes Pods when it comes to it
      ).catch(() =>
        expect(`$ ${step.command}\n${evened(said).join('\n')}`).toBe(
          `$ ${step.command}\n${evened(step.output).join('\n')}`,
        ),
      );
      continue;
    }
    const { code, said } = await run(step);
    if (!isSame(step, said)) expect(`$ ${step.command}\n${said}`).toBe(`$ ${step.command}\n${step.output}`);
    expect(code, `$ ${step.command}`).toBe(/^(error|Error)/.test(step.output) ? 1 : 0);
  }
}

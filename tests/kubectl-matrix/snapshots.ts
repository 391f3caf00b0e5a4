/** What a listed version printed, read from its snapshots; what two of them print alike. */
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { LISTED } from '../support/kubectl.ts';

/** Answers by `chapter > kubectl line 1`, as vitest counts those of one name. */
function answersOf(minor: string): ReadonlyMap<string, string> {
  const file = new URL(`__snapshots__/kubectl-${minor}.test.ts.snap`, import.meta.url);
  const exports: Record<string, string> = {};
  runInContext(readFileSync(file, 'utf8'), createContext({ exports }));
  return new Map(Object.entries(exports).map(([name, text]) => [keyOf(name), bare(text)]));
}

/** `kubectl 1.32 [SPEC C170] > asking > kubectl version 1` without its first part. */
const keyOf = (name: string): string => name.replace(/^[^>]*> /, '');

/** Without the quotes, and the line breaks around them where there are several lines. */
const bare = (text: string): string => text.replace(/^\n?"/, '').replace(/"\n?$/, '');

const numberOf = (minor: string): number => Number(minor.split('.')[1]);

/** The listed versions just below and just above one that is not listed itself; undefined where one of them lacks. */
export function neighboursOf(minor: string): readonly [below: string, above: string] | undefined {
  const below = LISTED.findLast((listed) => numberOf(listed) < numberOf(minor));
  const above = LISTED.find((listed) => numberOf(listed) > numberOf(minor));
  return below === undefined || above === undefined ? undefined : [below, above];
}

/** What both print in the same words, and so every version between them. */
export function alike(below: string, above: string): ReadonlyMap<string, string> {
  const others = answersOf(above);
  return new Map([...answersOf(below)].filter(([name, text]) => others.get(name) === text));
}

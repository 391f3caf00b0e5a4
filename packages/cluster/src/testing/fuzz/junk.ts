/** What clients send when they are broken or evil: values, keys, and ways to spoil what was good. */
import { readFileSync } from 'node:fs';
import { isRecord } from '../../json.ts';
import type { Chance } from './chance.ts';

/** Keys that mean something to JavaScript, and nothing to Kubernetes. */
export const EVIL_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'toJSON',
  'then',
  'length',
];

const STRINGS = [
  '',
  'a',
  'x'.repeat(300),
  '0',
  '-1',
  '1e999',
  'null',
  'ünïcode',
  '😀',
  '\u0000',
  '\ud800',
  '../..',
  '%',
  '{{',
  '1Gi',
  '100m',
  '1.5Ki',
  '--',
  '2026-01-01T00:00:00Z',
  '2026-13-45T99:99:99Z',
  'a/b',
  'A B',
  '$(x)',
  '$patch',
  'example.com/very',
  ...EVIL_KEYS,
];

/** A value of any shape. */
export function junk(chance: Chance, depth = 0): unknown {
  switch (chance.below(depth > 3 ? 8 : 11)) {
    case 0:
      return null;
    case 1:
      return chance.is(0.5);
    case 2:
      return chance.pick([0, -1, 1, 2, 0.5, -0, 1e21, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308]);
    case 3:
    case 4:
    case 5:
      return chance.pick(STRINGS);
    case 6:
      return [];
    case 7:
      return {};
    case 8:
      return chance.some(4, () => junk(chance, depth + 1));
    default:
      return Object.fromEntries(
        chance.some(4, () => [chance.is(0.4) ? chance.pick(EVIL_KEYS) : chance.pick(STRINGS), junk(chance, depth + 1)]),
      );
  }
}

export interface Sample {
  readonly resource: string;
  readonly object: Record<string, unknown>;
  readonly answer: unknown;
}

/** Bodies that a real server was asked to create, good and bad. */
export const samples: readonly Sample[] = Object.values(
  JSON.parse(
    readFileSync(new URL('../../fixtures/kubernetes/answers-to-creations.json', import.meta.url), 'utf8'),
  ) as Record<string, Sample>,
).filter((one) => isRecord(one.object));

/** Those that it took. */
export const goodSamples: readonly Sample[] = samples.filter(
  ({ answer }) => isRecord(answer) && answer.kind !== 'Status',
);

/** A copy with one to a few things spoiled: keys gone or added, values of another shape, lists doubled. */
export function spoil<T>(chance: Chance, value: T, times = 1 + chance.below(3)): T {
  const copy: unknown = JSON.parse(JSON.stringify(value));
  for (let i = 0; i < times; i++) spoilOnce(chance, copy);
  return copy as T;
}

function spoilOnce(chance: Chance, root: unknown): void {
  let at = root;
  for (;;) {
    if (typeof at !== 'object' || at === null) return;
    const keys = Object.keys(at);
    const key = keys.length === 0 ? undefined : chance.pick(keys);
    const inner: unknown = key === undefined ? undefined : (at as Record<string, unknown>)[key];
    if (key !== undefined && typeof inner === 'object' && inner !== null && chance.is(0.75)) {
      at = inner;
      continue;
    }
    spoilHere(chance, at, key);
    return;
  }
}

function spoilHere(chance: Chance, at: object, key: string | undefined): void {
  if (Array.isArray(at)) {
    const deed = chance.below(3);
    if (deed === 0) at.push(junk(chance));
    else if (deed === 1 && at.length > 0) at.push(at[0]);
    else at.splice(chance.below(at.length + 1), 1);
    return;
  }
  const record = at as Record<string, unknown>;
  const named = key ?? chance.pick(EVIL_KEYS);
  switch (chance.below(4)) {
    case 0:
      delete record[named];
      return;
    case 1:
      Object.defineProperty(record, chance.pick(EVIL_KEYS), {
        value: junk(chance),
        enumerable: true,
        configurable: true,
        writable: true,
      });
      return;
    default:
      record[named] = calm(named, junk(chance));
  }
}

/** Controllers do what they are told: millions of replicas are no fault of the server. */
function calm(key: string, value: unknown): unknown {
  if (typeof value !== 'number' || value < 4) return value;
  return /replicas|parallelism|completions|surge|unavailable/i.test(key) ? 2 : value;
}

/** JSON text with something wrong in it. */
export function brokenText(chance: Chance, text: string): string {
  const at = chance.below(text.length + 1);
  switch (chance.below(5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return (
        text.slice(0, at) +
        chance.pick(['\u0000', '}', ']', '"', ',', '\\', '\ufeff', '//', '😀', '1e']) +
        text.slice(at)
      );
    case 2:
      return text.slice(0, at) + text.slice(at + 1);
    case 3:
      return `${text}${text}`;
    default:
      return `${'['.repeat(chance.pick([1, 50, 3_000]))}${text}`;
  }
}

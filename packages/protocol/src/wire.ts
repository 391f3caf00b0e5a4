/**
 * The zod pieces that every message shape is made of. Bases of four generations write the same thing in several ways, so a
 * field that only informs is taken where it can be read and else counts as missing; a field that a decision hangs on is strict.
 */
import { z } from 'zod';
import type { BizKey } from './ids.ts';
import { bizKeyOf } from './ids.ts';
import type { BizState } from './messages.ts';
import { oneLine } from './text.ts';

/** Bound of facts that only inform (host names, versions): no honest one is longer. */
const longestFactBytes = 512;

/** Anything, or nothing at all. */
export const anything = z.unknown().optional();

/** A fact: one line of at most 512 bytes. Numbers and booleans are taken as their text; empty, null and anything else are missing. */
export const fact = anything.transform((value): string | undefined => {
  const text = textOf(value);
  return text === undefined ? undefined : oneLine(text, longestFactBytes) || undefined;
});

/** Free text of any length, as it is; empty and not text are missing. */
export const prose = anything.transform(textOf);

/** A finite number that is not negative; everything else is missing (`-1` is Java's "no limit"). */
export const amount = anything.transform((value): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined,
);

/** Milliseconds since the epoch by the base's clock; zero and anything that is no time are missing. */
export const instant = anything.transform((value): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined,
);

/** A part that may be missing, null or unreadable. */
export function maybe<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().catch(undefined);
}

/** The envelope of every message of a base: `{"data":…,"publishTimestamp":<epoch ms>}`. */
export function envelope<Schema extends z.ZodType>(data: Schema) {
  return z.object({ data, publishTimestamp: instant });
}

/** Name or version of a biz: text or a number, not blank, without `:` or control characters, at most 256 long. Strict, since it is half a key. */
export const bizName = z
  .union([z.string(), z.number()])
  .transform(String)
  .refine(
    (text) => text.length <= 256 && text.trim() !== '' && !/[:\p{Cc}]/u.test(text) && text.isWellFormed(),
    'blank, too long, or with a colon or control character',
  );

const states: Readonly<Record<string, BizState>> = Object.assign(Object.create(null), {
  UNRESOLVED: 'UNRESOLVED',
  RESOLVED: 'RESOLVED',
  ACTIVATED: 'ACTIVATED',
  DEACTIVATED: 'DEACTIVATED',
  BROKEN: 'BROKEN',
  STOPPED: 'STOPPED',
  // Snapshots of October 2024 write the index in place of the name (arklet's simpleBiz arrays).
  1: 'UNRESOLVED',
  2: 'RESOLVED',
  3: 'ACTIVATED',
  4: 'DEACTIVATED',
  5: 'BROKEN',
});

/** A state in any spelling: lower case, upper case, index. Undefined for anything else. [SPEC P7] */
export function bizStateOf(value: unknown): BizState | undefined {
  const text = textOf(value);
  return text === undefined ? undefined : states[text.trim().toUpperCase()];
}

export const bizState = anything.transform(bizStateOf);

/** The key of name and version where both are there and usable; answers may lack them. */
export function keyOf(name: unknown, version: unknown): BizKey | undefined {
  const [first, second] = [bizName.safeParse(name), bizName.safeParse(version)];
  return first.success && second.success ? bizKeyOf(first.data, second.data) : undefined;
}

/** The fields that are there: what is undefined is left out, as exactOptionalPropertyTypes wants it. */
export type Present<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

export function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** Words of the scenarios' language, as a journal needs them. Beside `scenario.ts`. */

/** A step and when it comes, in ms of the journal's own clock. */
export interface TimedStep {
  readonly at: number;
  readonly text: string;
  /** Of the journal's time, which passes with the step itself. */
  readonly takesMs?: number;
}

/** Above that the language of people is coarser than milliseconds. */
const coarseMs = 1_000;

/** `250ms`, `1.5s`. */
export function spanOf(ms: number): string {
  return ms < coarseMs ? `${Math.round(ms)}ms` : `${Math.round(ms) / 1000}s`;
}

/** One word of the language: quotes keep blanks, and nothing may begin a comment. */
export function wordOf(text: string): string {
  const plain = text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .replaceAll('"', "'")
    .replaceAll(' #', ' ')
    .trim();
  return /^[^\s"=]+$/.test(plain) ? plain : `"${plain}"`;
}

/** Reading what was thrown: anything can be. */
import { isRecord } from './objects.ts';

/** `ENOENT` and the like. */
export function codeOf(error: unknown): string | undefined {
  return isRecord(error) && typeof error.code === 'string' ? error.code : undefined;
}

/** Its message. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Parsers print what they read below the first line. */
export function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

/** A value as Go's `%+v` prints it: `map[a:1 b:[x y] c:<nil>]`, keys sorted; how a real server quotes a patch it refuses. */
import { isRecord } from '../json.ts';

export function goPrint(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goPrint).join(' ')}]`;
  if (isRecord(value)) {
    const entries = Object.keys(value)
      .sort()
      .map((key) => `${key}:${goPrint(value[key])}`);
    return `map[${entries.join(' ')}]`;
  }
  return String(value);
}

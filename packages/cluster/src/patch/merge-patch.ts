/** JSON merge patch (RFC 7396): objects merge, null deletes, everything else replaces. */
import { isRecord, ownValue, setKey } from '../json.ts';

/** A new value; neither argument is changed, parts of both may be shared with the answer. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete merged[key];
    else setKey(merged, key, mergePatch(ownValue(merged, key), value));
  }
  return merged;
}

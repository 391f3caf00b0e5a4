import type { ApiError } from '../api.ts';
import { clone } from '../json.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';

/** Passes everything for now. */
export function decode(
  _kind: Kind,
  raw: Record<string, unknown>,
  _refusal?: (text: string) => ApiError,
): { draft: KubeObject; complaints: string[] } {
  const draft = clone(raw) as KubeObject;
  draft.metadata ??= { name: '', uid: '', resourceVersion: '', creationTimestamp: '' };
  return { draft, complaints: [] };
}

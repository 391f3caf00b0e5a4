/**
 * kubectl's two ways to apply, side by side: what it had set client-side (and noted in an annotation) it may take over when it
 * applies server-side, and the annotation then follows, so that one can go back.
 */
import { isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { apiVersionOf } from '../registry.ts';
import type { MapAtom } from './atoms.ts';
import { compare } from './compare.ts';
import { difference, type FieldSet } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import type { FieldedKind } from './kind-atoms.ts';
import { misfits } from './validate.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** @returns what of the last client-side apply is still as it was applied; undefined where there was none */
export function allowedByLastApplied(kind: FieldedKind, atom: MapAtom, live: KubeObject): FieldSet | undefined {
  const text = live.metadata.annotations?.[LAST_APPLIED];
  if (!text) return undefined;
  let last: unknown;
  try {
    last = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(last) || last.apiVersion !== apiVersionOf(kind) || misfits(atom, last) !== undefined) return undefined;
  const { touched, removed } = compare(atom, last, live);
  return difference(difference(fieldsOf(atom, last), touched), removed);
}

/** The annotation says what was applied now, where the object has it. */
export function syncLastApplied(
  value: Record<string, unknown>,
  config: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const metadata = isRecord(value.metadata) ? value.metadata : {};
  const annotations = isRecord(metadata.annotations) ? metadata.annotations : {};
  if (annotations[LAST_APPLIED] === undefined) return value;
  const note = `${JSON.stringify(sortedKeys(noted(config)))}\n`;
  const next: Record<string, unknown> = { ...annotations, [LAST_APPLIED]: note };
  let size = 0;
  for (const key of Object.keys(next)) size += key.length + String(next[key]).length;
  if (size > MAX_ANNOTATION_BYTES) delete next[LAST_APPLIED];
  return { ...value, metadata: { ...metadata, annotations: next } };
}

function noted(config: Readonly<Record<string, unknown>>): unknown {
  const metadata = isRecord(config.metadata) ? config.metadata : {};
  if (!isRecord(metadata.annotations)) return config;
  const { [LAST_APPLIED]: _own, ...annotations } = metadata.annotations;
  return { ...config, metadata: { ...metadata, annotations } };
}

/** As Go writes maps. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sortedKeys(value[key])]),
  );
}

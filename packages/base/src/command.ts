/** A command as a base reads it: fastjson into a map, so that anything but an object (or nothing, for questions) is rubbish. */
import { type BizKey, bizKeyOf, type CommandKind } from '@kouplet/protocol';

/** A message that arrived on one of the base's own topics; `kind` is undefined for an unsupported command. */
export interface Delivery {
  readonly kind: CommandKind | undefined;
  readonly payload: Uint8Array;
}

/** What was in a payload. `nothing` is an empty payload or `null`. */
export type Body =
  | { readonly kind: 'nothing'; readonly isNull: boolean }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'array'; readonly items: readonly unknown[] }
  | { readonly kind: 'rubbish' };

export function bodyOf(payload: Uint8Array): Body {
  if (payload.length === 0) return { kind: 'nothing', isNull: false };
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (json === null) return { kind: 'nothing', isNull: true };
    if (Array.isArray(json)) return { kind: 'array', items: json };
    return isObject(json) ? { kind: 'object', fields: json } : { kind: 'rubbish' };
  } catch {
    return { kind: 'rubbish' };
  }
}

/** A field as text: numbers and objects are taken as their JSON, blank and null are missing. */
export function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.trim() === '' ? undefined : text;
}

/** The key a command names, for the log. */
export function keyOfBody(body: Body): BizKey | undefined {
  if (body.kind !== 'object') return undefined;
  const [name, version] = [textOf(body.fields.bizName), textOf(body.fields.bizVersion)];
  return name === undefined || version === undefined ? undefined : bizKeyOf(name, version);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

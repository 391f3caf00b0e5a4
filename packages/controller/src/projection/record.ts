/**
 * A base's record: one ConfigMap in our namespace, `data["record.json"]` = `{"format":1,"baseId":…,"installs":{"biz:version":{…}}}`.
 * One JSON text and not a key a biz, because a ConfigMap's keys may hold no `:` and no `+`.
 */
import type { ObservedRecord, RecordedInstall } from '@kouplet/core';
import { type Json, record, text } from './json.ts';
import { projectMeta } from './meta.ts';

/** The key in `data` that holds the record. */
export const recordDataKey = 'record.json';
/** Label that marks our ConfigMaps: what the reflector selects. Its value is the env. */
export const recordLabel = 'kouplet.io/record';
/** Annotation that keeps the base's identity, readable though the record itself may not be. */
export const recordBaseAnnotation = 'kouplet.io/base-id';
const format = 1;

export function encodeRecord(baseId: string, installs: Readonly<Record<string, RecordedInstall>>): string {
  return JSON.stringify({ format, baseId, installs });
}

/**
 * @returns undefined where it does not even say whose it is. A record that is damaged, of a later format, or that says
 * another base inside than outside is `isReadable: false` with no installs: it proves nothing, so nothing is ours.
 */
export function projectRecord(raw: unknown): ObservedRecord | undefined {
  const metadata = projectMeta(raw);
  const baseId = metadata?.annotations?.[recordBaseAnnotation];
  if (metadata === undefined || baseId === undefined) return undefined;
  const unreadable: ObservedRecord = { metadata, baseId, isReadable: false, installs: {} };
  const body = parse(text(record(record(raw).data)[recordDataKey]));
  if (body === undefined || body.format !== format || body.baseId !== baseId) return unreadable;
  const installs: Record<string, RecordedInstall> = {};
  for (const [key, value] of Object.entries(record(body.installs))) {
    const entry = record(value);
    const podUid = text(entry.podUid);
    const namespace = text(entry.namespace);
    const podName = text(entry.podName);
    const url = text(entry.url);
    if (podUid === undefined || namespace === undefined || podName === undefined || url === undefined) {
      return unreadable;
    }
    installs[key] = { podUid, namespace, podName, url };
  }
  return { metadata, baseId, isReadable: true, installs };
}

function parse(body: string | undefined): Json | undefined {
  if (body === undefined) return undefined;
  try {
    return record(JSON.parse(body));
  } catch {
    return undefined;
  }
}

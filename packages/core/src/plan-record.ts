/**
 * The durable record of what we installed, and are about to install, for whom: written on change, removed when empty.
 * [SPEC M11]
 */

import type { Calm } from './calm.ts';
import { givenUpAnnotation, recordNameOf } from './names.ts';
import { nodeNotice } from './notices.ts';
import type { ObservedRecord, RecordedInstall } from './observed.ts';
import { isPresent } from './ownership.ts';
import { wallOf } from './records.ts';
import { type Draft, propose, type Situation, tellOnce } from './situation.ts';
import type { BaseState } from './state.ts';

export function planRecord(draft: Draft): void {
  const { state, policy, givingUp, liveness, now, calm } = draft.situation;
  if (calm !== undefined && isKnownRight(calm, draft.situation)) return;
  const installs = claimsOf(state);
  for (const { desire, claim } of draft.intents) installs[desire.key] = claim;
  const { record, baseId } = state;
  // What a live Pod will have again on its base (a restart took it) is not struck off in between.
  for (const { key: bizKey, winner } of draft.situation.desires.values()) {
    const recorded = record?.installs[bizKey];
    const isItsOwn = recorded?.podUid === winner.entry.pod.metadata.uid && recorded.url === winner.biz.mark;
    // Another's that came before the install could be sent would be taken for ours by the next process.
    const isOthers = isPresent(state.slots[bizKey]) || state.slots[bizKey]?.contested !== undefined;
    if (recorded !== undefined && isItsOwn && !isOthers) installs[bizKey] ??= recorded;
  }
  const key = recordKeyOf(state);
  const isAbandoned = givingUp.kind === 'yes' && state.node === undefined;
  const name = record?.metadata.name ?? recordNameOf(baseId, policy.env);
  const namespace = record?.metadata.namespace ?? policy.namespace;
  // Proven gone, or away for too long: whatever was on it is nobody's any more.
  const isWorthless = isExpired(draft.situation) || (isAbandoned && state.goneProvenAt !== undefined);
  const isEmpty = Object.keys(installs).length === 0 || isWorthless;
  if (record?.isReadable === false) {
    const message = `ConfigMap ${namespace}/${name} cannot be read: nothing on this base counts as installed by Kouplet`;
    tellOnce(draft, nodeNotice('Warning', 'RecordUnreadable', message));
    if (isEmpty) return;
  }
  if (isEmpty) {
    if (record !== undefined)
      propose(draft, { kind: 'delete-record', key, baseId, namespace, name, uid: record.metadata.uid });
    return;
  }
  const givenUpAt = givenUpAtOf(record);
  const isMarkRight = isAbandoned ? givenUpAt !== undefined : givenUpAt === undefined || liveness.kind !== 'alive';
  if (record?.isReadable === true && areSame(record.installs, installs) && isMarkRight) {
    if (calm !== undefined) recordOf.set(calm, record);
    return;
  }
  if (record === undefined && isAbandoned) return;
  propose(draft, {
    kind: 'write-record',
    key,
    baseId,
    namespace,
    name,
    ...(record === undefined ? {} : { resourceVersion: record.metadata.resourceVersion }),
    // In one order, so that the same content is the same write; only now, as most plans write none.
    installs: sorted(installs),
    ...(isAbandoned ? { givenUpAt: new Date(givenUpAt ?? now.wall).toISOString() } : {}),
  });
}

// The record that was found to say just what is claimed on a calm base.
const recordOf = new WeakMap<Calm, ObservedRecord>();

/** It is that one still; and nobody gave the base up or does now, which would be marked. */
function isKnownRight(calm: Calm, { state, givingUp }: Situation): boolean {
  if (state.record === undefined || recordOf.get(calm) !== state.record) return false;
  return givingUp.kind !== 'yes' && givenUpAtOf(state.record) === undefined;
}

/** When its base was given up (ms since the epoch); undefined where it was not, or nobody can read it. */
function givenUpAtOf(record: ObservedRecord | undefined): number | undefined {
  return wallOf(record?.metadata.annotations?.[givenUpAnnotation]);
}

/** Its base was given up so long ago that the record goes. */
function isExpired({ state, policy, liveness, now }: Situation): boolean {
  const givenUpAt = givenUpAtOf(state.record);
  if (givenUpAt === undefined || state.node !== undefined || liveness.kind === 'alive') return false;
  return now.wall >= givenUpAt + policy.timings.givenUpRecordKeptMs;
}

/** What a base that was given up leaves is to be marked with that time, or removed. [SPEC M37] */
export function isRecordDue(situation: Situation): boolean {
  const { state, givingUp } = situation;
  if (state.record?.isReadable !== true) return false;
  if (isExpired(situation)) return true;
  return givingUp.kind === 'yes' && (givenUpAtOf(state.record) === undefined || state.goneProvenAt !== undefined);
}

/** In how many ms the record of a base that was given up is removed; undefined where none waits for that. */
export function recordRemovalInMs({ state, policy, now }: Situation): number | undefined {
  const givenUpAt = givenUpAtOf(state.record);
  return givenUpAt === undefined ? undefined : givenUpAt + policy.timings.givenUpRecordKeptMs - now.wall;
}

/** Key of all writes to a base's record. */
export function recordKeyOf({ baseId }: BaseState): string {
  return `record/${baseId}`;
}

/** The record holds just this claim, so a process after us would know whose it is. */
export function isRecorded({ record }: BaseState, key: string, { podUid, url }: RecordedInstall): boolean {
  const recorded = record?.isReadable === true ? record.installs[key] : undefined;
  return recorded?.podUid === podUid && recorded.url === url;
}

function claimsOf(state: BaseState): Record<string, RecordedInstall> {
  const claims: Record<string, RecordedInstall> = Object.create(null);
  for (const key in state.slots) {
    const claim = state.slots[key]?.claim;
    if (claim !== undefined) claims[key] = claim;
  }
  return claims;
}

/** Compared in every plan, so field by field. */
function areSame(
  left: Readonly<Record<string, RecordedInstall>>,
  right: Readonly<Record<string, RecordedInstall>>,
): boolean {
  for (const key in left) if (right[key] === undefined) return false;
  for (const key in right) {
    const a = left[key];
    const b = right[key];
    if (a === b) continue;
    if (a === undefined || b === undefined || a.podUid !== b.podUid || a.url !== b.url) return false;
    if (a.namespace !== b.namespace || a.podName !== b.podName) return false;
  }
  return true;
}

function sorted(installs: Readonly<Record<string, RecordedInstall>>): Readonly<Record<string, RecordedInstall>> {
  const inOrder: Record<string, RecordedInstall> = Object.create(null);
  for (const key of Object.keys(installs).sort()) inOrder[key] = installs[key] as RecordedInstall;
  return inOrder;
}

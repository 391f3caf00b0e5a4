/**
 * The durable record of what we installed, and are about to install, for whom: written on change, removed when empty.
 * [SPEC M11]
 */

import { recordNameOf } from './names.ts';
import { nodeNotice } from './notices.ts';
import type { RecordedInstall } from './observed.ts';
import { isPresent } from './ownership.ts';
import { isSame } from './records.ts';
import { type Draft, propose, tellOnce } from './situation.ts';
import type { BaseState } from './state.ts';

export function planRecord(draft: Draft): void {
  const { state, policy } = draft.situation;
  const installs = claimsOf(state);
  for (const { desire, claim } of draft.intents) installs[desire.key] = claim;
  const { record, baseId } = state;
  // What a live Pod will have again on its base (a restart took it) is not struck off in between.
  for (const { key: bizKey, winner } of draft.situation.desires.values()) {
    const recorded = record?.installs[bizKey];
    const isItsOwn = recorded?.podUid === winner.entry.pod.metadata.uid && recorded.url === winner.biz.url;
    // Another's that came before the install could be sent would be taken for ours by the next process.
    const isOthers = isPresent(state.slots[bizKey]);
    if (recorded !== undefined && isItsOwn && !isOthers) installs[bizKey] ??= recorded;
  }
  const key = recordKeyOf(state);
  const name = record?.metadata.name ?? recordNameOf(baseId, policy.env);
  const namespace = record?.metadata.namespace ?? policy.namespace;
  const isEmpty = Object.keys(installs).length === 0;
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
  if (record?.isReadable === true && isSame(record.installs, installs)) return;
  propose(draft, {
    kind: 'write-record',
    key,
    baseId,
    namespace,
    name,
    ...(record === undefined ? {} : { resourceVersion: record.metadata.resourceVersion }),
    // In one order, so that the same content is the same write; only now, as most plans write none.
    installs: sorted(installs),
  });
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
  const claims: Record<string, RecordedInstall> = {};
  for (const key in state.slots) {
    const claim = state.slots[key]?.claim;
    if (claim !== undefined) claims[key] = claim;
  }
  return claims;
}

function sorted(installs: Readonly<Record<string, RecordedInstall>>): Readonly<Record<string, RecordedInstall>> {
  return Object.fromEntries(Object.entries(installs).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

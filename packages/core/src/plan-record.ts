/** The durable record of what we installed for whom: written on change, removed when empty. [SPEC M11] */

import { recordNameOf } from './names.ts';
import { nodeNotice } from './notices.ts';
import type { RecordedInstall } from './observed.ts';
import { isSame } from './records.ts';
import { type Draft, propose, tellOnce } from './situation.ts';
import type { BaseState } from './state.ts';

export function planRecord(draft: Draft): void {
  const { state, policy } = draft.situation;
  const installs = claimsOf(state);
  // An install of this very plan is recorded with it.
  for (const action of draft.actions) {
    if (action.kind === 'send-command' && action.command.kind === 'installBiz' && action.bizKey !== undefined) {
      if (action.claim !== undefined) installs[action.bizKey] = action.claim;
    }
  }
  const { record, baseId } = state;
  // What a live Pod will have again on its base (a restart took it) is not struck off in between.
  for (const { key: bizKey, winner } of draft.situation.desires.values()) {
    const recorded = record?.installs[bizKey];
    const isItsOwn = recorded?.podUid === winner.entry.pod.metadata.uid && recorded.url === winner.biz.url;
    if (recorded !== undefined && isItsOwn && installs[bizKey] === undefined) installs[bizKey] = recorded;
  }
  const key = `record/${baseId}`;
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
    installs: { ...sorted(claimsOf(state)), ...installs },
  });
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

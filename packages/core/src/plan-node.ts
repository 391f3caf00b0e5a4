/** The Node: made when its base speaks, kept true, removed when the base is given up. [SPEC N9] [SPEC N10] [SPEC N11] */
import { nodeNotice } from './notices.ts';
import { isOwnedByNode } from './plan-lease.ts';
import { type DesiredNode, leavingTaint, projectNode, specialConditions, unmanagedOf } from './project-node.ts';
import { isSame } from './records.ts';
import { type Draft, propose, tellOnce, wake } from './situation.ts';
import { isNodeStatusShown } from './status-diff.ts';

const firstReportMs = 500;

export function planNode(draft: Draft): void {
  const { situation } = draft;
  const { state, givingUp, liveness } = situation;
  if (givingUp.kind === 'no') wake(draft, givingUp.at);
  if (liveness.kind === 'alive' || liveness.kind === 'unproven') wake(draft, liveness.until);
  const key = `node/${situation.nodeName}`;
  const desired = projectNode(situation);
  if (state.node === undefined) {
    if (givingUp.kind !== 'yes' && isAnnounced(draft)) createNode(draft, key, desired);
    return;
  }
  if (givingUp.kind === 'held') {
    const subject = `node/${situation.nodeName}`;
    draft.waiting.push({ subject, reason: givingUp.reason, message: givingUp.message });
    tellOnce(draft, nodeNotice('Warning', givingUp.reason, givingUp.message));
  }
  if (givingUp.kind === 'yes') {
    tellOnce(draft, nodeNotice('Warning', givingUp.reason, `${givingUp.message}: its Node is removed`));
  }
  for (const special of specialConditions(situation)) {
    if (special.status === 'True' && special.type !== 'UnmanagedModules') {
      tellOnce(draft, nodeNotice('Warning', special.type, special.message ?? ''));
    }
  }
  const foreign = unmanagedOf(situation);
  if (foreign.length > 0) {
    const message = `not installed by Kouplet and left alone: ${foreign.join(', ')}`;
    tellOnce(draft, nodeNotice('Warning', 'UnmanagedModules', message));
  }
  if (givingUp.kind === 'yes' && state.node.spec.taints?.some((taint) => taint.key === leavingTaint)) {
    const { name, uid } = state.node.metadata;
    if (!isOwnedByNode(situation)) propose(draft, { kind: 'delete-node', key, name, uid });
    return;
  }
  planNodeMeta(draft, key, desired);
  planNodeStatus(draft, key, desired);
  if (desired.changed.length > 0) {
    const message = `made valid for labels, kept in annotations kouplet.io/reported-…: ${desired.changed.join(', ')}`;
    tellOnce(draft, nodeNotice('Normal', 'ValuesChanged', message));
  }
}

/** It lives and said who it is; one that only answers, as its heartbeat has died, is taken as it is after a while. */
function isAnnounced(draft: Draft): boolean {
  const { state, liveness, now, policy } = draft.situation;
  if (liveness.kind !== 'alive') return false;
  if (state.facts !== undefined && state.healthAnsweredAt !== undefined) return true;
  if (state.facts !== undefined) {
    // Its capacity comes with the first health report: worth a moment, for a Node that is right at once.
    const soon = (state.heldSince ?? now.mono) + firstReportMs;
    wake(draft, soon);
    return now.mono >= soon;
  }
  const at = (state.heldSince ?? now.mono) + policy.timings.askAfterSilenceMs;
  wake(draft, at);
  return now.mono >= at;
}

function createNode(draft: Draft, key: string, desired: DesiredNode): void {
  const { labels, annotations, providerID, taints, status } = desired;
  propose(draft, {
    kind: 'create-node',
    key,
    name: draft.situation.nodeName,
    labels,
    annotations,
    spec: { providerID, taints },
    status,
  });
}

/** Labels and annotations of ours, and the whole list of taints: under a precondition, as others write taints too. */
function planNodeMeta(draft: Draft, key: string, desired: DesiredNode): void {
  const { node } = draft.situation.state;
  if (node === undefined) return;
  const labels = differing(desired.labels, node.metadata.labels);
  const annotations = differing(desired.annotations, node.metadata.annotations);
  for (const known of Object.keys(node.metadata.annotations ?? {})) {
    const isStaleNote = known.startsWith('kouplet.io/reported-') && desired.annotations[known] === undefined;
    if (isStaleNote && draft.situation.state.facts !== undefined) annotations[known] = null;
  }
  const hasOtherTaints = !isSame(desired.taints, node.spec.taints ?? []);
  const needsProvider = node.spec.providerID === undefined || node.spec.providerID === '';
  if (Object.keys(labels).length + Object.keys(annotations).length === 0 && !hasOtherTaints && !needsProvider) return;
  propose(draft, {
    kind: 'patch-node',
    key,
    name: node.metadata.name,
    uid: node.metadata.uid,
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    ...(hasOtherTaints ? { taints: desired.taints, resourceVersion: node.metadata.resourceVersion } : {}),
    ...(needsProvider ? { providerID: desired.providerID } : {}),
  });
}

function differing(
  desired: Readonly<Record<string, string>>,
  shown: Readonly<Record<string, string>> | undefined,
): Record<string, string | null> {
  return Object.fromEntries(Object.entries(desired).filter(([name, value]) => shown?.[name] !== value));
}

/** Written on change, otherwise every five minutes: the heartbeat is the Lease. */
function planNodeStatus(draft: Draft, key: string, desired: DesiredNode): void {
  const { state, now, policy, liveness } = draft.situation;
  if (state.node === undefined) return;
  const isShown = isNodeStatusShown(desired.status, state.node.status);
  const since = Math.max(state.nodeStatusAt ?? 0, state.nodeSeenAt ?? 0);
  const dueAt = since + policy.timings.nodeStatusPeriodMs;
  const isDue = liveness.kind === 'alive' && now.mono >= dueAt;
  if (isShown && !isDue) {
    if (liveness.kind === 'alive') wake(draft, dueAt);
    return;
  }
  const { name, uid } = state.node.metadata;
  propose(draft, { kind: 'patch-node-status', key: `${key}/status`, name, uid, status: desired.status });
}

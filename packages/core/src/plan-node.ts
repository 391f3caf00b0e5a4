/** The Node: made when its base speaks, kept true, removed when the base is given up. [SPEC N9] [SPEC N10] [SPEC N11] */
import { topicsAnnotation } from './names.ts';
import { nodeNotice } from './notices.ts';
import type { ObservedNode } from './observed.ts';
import { isOwnedByNode } from './plan-lease.ts';
import type { Policy } from './policy.ts';
import { adviceOf, type DesiredNode, leavingTaint, projectNode, specialConditions } from './project-node.ts';
import { isSame } from './records.ts';
import { type Draft, propose, type Situation, tellOnce, wake } from './situation.ts';
import type { BaseState } from './state.ts';
import { isNodeStatusShown } from './status-diff.ts';

const firstReportMs = 500;

export function planNode(draft: Draft): void {
  const { situation } = draft;
  const { state, givingUp, liveness } = situation;
  if (givingUp.kind === 'no') wake(draft, givingUp.at);
  if (liveness.kind === 'alive' || liveness.kind === 'unproven') wake(draft, liveness.until);
  const key = `node/${situation.nodeName}`;
  if (state.node === undefined) {
    if (givingUp.kind !== 'yes' && isAnnounced(draft)) createNode(draft, key, projectNode(situation));
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
  const { hasIdentityConflict, hung, unmanaged } = situation;
  if (hasIdentityConflict || hung.length > 0) {
    for (const special of specialConditions(situation)) {
      if (special.status === 'True' && special.type !== 'UnmanagedModules' && special.type !== 'SettingsAdvised') {
        tellOnce(draft, nodeNotice('Warning', special.type, special.message ?? ''));
      }
    }
  }
  if (unmanaged.length > 0) {
    const message = `not installed by Kouplet and left alone: ${unmanaged.join(', ')}`;
    tellOnce(draft, nodeNotice('Warning', 'UnmanagedModules', message));
  }
  tellAdvice(draft);
  if (givingUp.kind === 'yes' && state.node.spec.taints?.some((taint) => taint.key === leavingTaint)) {
    const { name, uid } = state.node.metadata;
    if (!isOwnedByNode(situation)) propose(draft, { kind: 'delete-node', key, name, uid });
    return;
  }
  keepTrue(draft, key, state.node);
}

/** Thousands of Nodes that showed it before we began are not told again at each start. */
function tellAdvice(draft: Draft): void {
  const { situation } = draft;
  const { node, nodeSeenAt = 0 } = situation.state;
  const advice = adviceOf(situation);
  const shown = node?.status.conditions?.find(({ type }) => type === 'SettingsAdvised')?.message;
  const isOld = advice === shown && nodeSeenAt <= (situation.fleet.syncedAt ?? 0);
  if (advice !== '' && !isOld) tellOnce(draft, nodeNotice('Normal', 'SettingsAdvised', advice));
}

/** Labels, annotations and taints at once; the status on change, otherwise every five minutes: the heartbeat is the Lease. */
function keepTrue(draft: Draft, key: string, node: ObservedNode): void {
  const { situation } = draft;
  const { state, now, policy, liveness } = situation;
  const dueAt = Math.max(state.nodeStatusAt ?? 0, state.nodeSeenAt ?? 0) + policy.timings.nodeStatusPeriodMs;
  const isDue = liveness.kind === 'alive' && now.mono >= dueAt;
  const view = viewOf(situation);
  if (!isDue && isSameView(resting.get(node), view)) {
    if (liveness.kind === 'alive') wake(draft, dueAt);
    return;
  }
  const desired = projectNode(situation);
  const { name, uid } = node.metadata;
  const meta = metaPatch(situation, node, desired);
  if (meta !== undefined) propose(draft, { kind: 'patch-node', key, name, uid, ...meta });
  const isShown = isNodeStatusShown(desired.status, node.status);
  if (!isShown || isDue) {
    propose(draft, { kind: 'patch-node-status', key: `${key}/status`, name, uid, status: desired.status });
  } else if (liveness.kind === 'alive') wake(draft, dueAt);
  if (desired.changed.length > 0) {
    const message = `made valid for labels, kept in annotations kouplet.io/reported-…: ${desired.changed.join(', ')}`;
    tellOnce(draft, nodeNotice('Normal', 'ValuesChanged', message));
  } else if (meta === undefined && isShown) resting.set(node, view);
}

/** All that a Node's projection reads besides the Node itself. */
interface NodeView {
  readonly policy: Policy;
  readonly facts: BaseState['facts'];
  readonly vitals: BaseState['vitals'];
  readonly generation: BaseState['generation'];
  readonly hasEnvTaint: boolean;
  readonly hasHealth: boolean;
  readonly isGoodbye: boolean;
  readonly liveness: string;
  readonly givingUp: string;
  readonly special: string;
}

// A Node is looked at in every plan of its base and mostly shows what it should. An observed Node never changes: what was found
// right is right for as long as nothing else changes that its projection reads.
const resting = new WeakMap<ObservedNode, NodeView>();

function viewOf({
  state,
  policy,
  liveness,
  givingUp,
  hasIdentityConflict,
  hung,
  unmanaged,
  idle,
}: Situation): NodeView {
  return {
    policy,
    facts: state.facts,
    vitals: state.vitals,
    generation: state.generation,
    hasEnvTaint: state.hasAdoptedEnvTaint === true,
    hasHealth: state.healthAnsweredAt !== undefined,
    isGoodbye: state.goodbyeAt !== undefined,
    liveness: liveness.kind,
    givingUp: givingUp.kind,
    special: `${hasIdentityConflict} ${hung.join()} ${unmanaged.join()} ${idle.join()}`,
  };
}

function isSameView(known: NodeView | undefined, view: NodeView): boolean {
  if (known === undefined) return false;
  for (const name in view) if (view[name as keyof NodeView] !== known[name as keyof NodeView]) return false;
  return true;
}

/** It lives and said who it is; one that only answers, as its heartbeat has died, is taken as it is after a while. */
function isAnnounced(draft: Draft): boolean {
  const { state, liveness, now, policy } = draft.situation;
  if (liveness.kind !== 'alive') return false;
  const since = state.heldSince ?? (policy.isObserver === true ? state.knownSince : undefined) ?? now.mono;
  if (state.facts !== undefined && state.healthAnsweredAt !== undefined) return true;
  if (state.facts !== undefined) {
    // Its capacity comes with the first health report: worth a moment, for a Node that is right at once.
    const soon = since + firstReportMs;
    wake(draft, soon);
    return now.mono >= soon;
  }
  const at = since + policy.timings.askAfterSilenceMs;
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
function metaPatch({ state }: Situation, node: ObservedNode, desired: DesiredNode) {
  const labels = differing(desired.labels, node.metadata.labels);
  const annotations = differing(desired.annotations, node.metadata.annotations);
  for (const known in node.metadata.annotations) {
    const isStaleNote = known.startsWith('kouplet.io/reported-') && desired.annotations[known] === undefined;
    if (isStaleNote && state.facts !== undefined) annotations[known] = null;
  }
  // A base that was of the seed's generation and is not any more.
  if (state.generation === 'current' && node.metadata.annotations?.[topicsAnnotation] !== undefined) {
    annotations[topicsAnnotation] = null;
  }
  const hasOtherTaints = !isSame(desired.taints, node.spec.taints ?? []);
  const needsProvider = node.spec.providerID === undefined || node.spec.providerID === '';
  const hasLabels = Object.keys(labels).length > 0;
  const hasAnnotations = Object.keys(annotations).length > 0;
  if (!hasLabels && !hasAnnotations && !hasOtherTaints && !needsProvider) return undefined;
  return {
    ...(hasLabels ? { labels } : {}),
    ...(hasAnnotations ? { annotations } : {}),
    ...(hasOtherTaints ? { taints: desired.taints, resourceVersion: node.metadata.resourceVersion } : {}),
    ...(needsProvider ? { providerID: desired.providerID } : {}),
  };
}

function differing(
  desired: Readonly<Record<string, string>>,
  shown: Readonly<Record<string, string>> | undefined,
): Record<string, string | null> {
  return Object.fromEntries(Object.entries(desired).filter(([name, value]) => shown?.[name] !== value));
}

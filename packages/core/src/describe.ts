/** What /debug/plan shows of a base: plain JSON, for people. */
import type { Plan } from './actions.ts';
import type { FleetState } from './fleet.ts';
import { maskUrl } from './mask.ts';
import { planBase } from './plan-base.ts';
import type { Policy } from './policy.ts';
import { situationOf } from './situation.ts';
import type { BaseState } from './state.ts';
import type { Stamp } from './time.ts';

/** A plan as people may see it: of URLs no secrets, and of what is handed over to a base the names only, for a value may be one. */
export function shownPlan(plan: Plan): Plan {
  const actions = plan.actions.map((action) => {
    if (action.kind !== 'send-command' || action.command.kind !== 'installBiz') return action;
    const { args, envs, url, ...command } = action.command;
    const shown = {
      ...command,
      url: maskUrl(url),
      ...(args === undefined ? {} : { args: args.map(() => '…') }),
      ...(envs === undefined ? {} : { envs: Object.fromEntries(Object.keys(envs).map((name) => [name, '…'])) }),
    };
    return { ...action, command: shown };
  });
  return { ...plan, actions };
}

export function describeBase(
  state: BaseState,
  fleet: FleetState,
  policy: Policy,
  now: Stamp,
): Readonly<Record<string, unknown>> {
  const situation = situationOf(state, fleet, policy, now);
  const plan = planBase(state, fleet, policy, now);
  const ago = (at: number | undefined) =>
    at === undefined ? undefined : `${((now.mono - at) / 1000).toFixed(1)} s ago`;
  return {
    baseId: state.baseId,
    nodeName: situation.nodeName,
    liveness: situation.liveness.kind,
    givingUp: situation.givingUp.kind,
    lease: situation.hold.isHeld ? 'held' : situation.hold.message,
    isListed: situation.isListed,
    session: state.session === undefined ? undefined : { id: state.session.id, opened: ago(state.session.openedAt) },
    heard: ago(state.heardAt),
    listed: ago(state.listAsOf),
    facts: state.facts,
    vitals: state.vitals,
    node:
      state.node === undefined ? undefined : { uid: state.node.metadata.uid, conditions: state.node.status.conditions },
    modules: Object.fromEntries(
      Object.entries(state.slots).map(([key, slot]) => [
        key,
        {
          presence: slot.presence ?? 'unknown',
          pod: slot.claim === undefined ? undefined : `${slot.claim.namespace}/${slot.claim.podName}`,
          podUid: slot.claim?.podUid,
          url: slot.claim === undefined ? undefined : maskUrl(slot.claim.url),
          operation:
            slot.operation === undefined
              ? undefined
              : { command: slot.operation.command, sent: ago(slot.operation.sentAt), attempt: slot.operation.attempt },
          troubles: Object.values(slot.troubles ?? {}).map(({ podUid, kind, attempts, message }) => ({
            podUid,
            kind,
            attempts,
            message,
          })),
        },
      ]),
    ),
    pods: Object.values(state.pods).map(({ pod }) => ({
      name: `${pod.metadata.namespace}/${pod.metadata.name}`,
      uid: pod.metadata.uid,
      phase: pod.status.phase,
      isDeleting: pod.metadata.deletionTimestamp !== undefined,
    })),
    inFlight: Object.keys(state.flights),
    actions: plan.actions.map((action) => ({ kind: action.kind, key: action.key })),
    waiting: plan.waiting,
    wakesInMs: Number.isFinite(plan.wakeAt) ? Math.round(plan.wakeAt - now.mono) : undefined,
  };
}

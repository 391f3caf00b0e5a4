/** Finds what `/debug/why` is asked about among the bases, and lets the core explain it. */
import { type BaseState, type FleetState, nodeNameOf, type Policy, type Stamp, type Why, whyOf } from '@kouplet/core';

export type AskedSubject =
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'node'; readonly name: string };

export type Answered =
  | { readonly kind: 'known'; readonly why: Why }
  /** There is none; or none yet, as the first lists are not in. In words. */
  | { readonly kind: 'unknown' | 'not-yet'; readonly message: string };

/** @param notReadyReason why the first lists are not in; undefined once they are */
export function answerWhy(
  asked: AskedSubject,
  bases: Iterable<BaseState>,
  fleet: FleetState,
  policy: Policy,
  now: Stamp,
  notReadyReason: string | undefined,
): Answered {
  if (notReadyReason !== undefined) {
    return { kind: 'not-yet', message: `this controller does not know yet: ${notReadyReason}` };
  }
  for (const state of bases) {
    if (asked.kind === 'node' && asked.name !== nodeNameIn(state, policy)) continue;
    const why = whyOf(state, fleet, policy, now, asked.kind === 'pod' ? asked : { kind: 'node' });
    if (why !== undefined) return { kind: 'known', why };
  }
  const message =
    asked.kind === 'pod'
      ? `pod/${asked.namespace}/${asked.name} is not known here: there is no such Pod, or it is bound to no Node of env ${policy.env}`
      : `node/${asked.name} is not known here: it is the Node of no base of env ${policy.env}`;
  return { kind: 'unknown', message };
}

function nodeNameIn(state: BaseState, policy: Policy): string {
  return state.node?.metadata.name ?? nodeNameOf(state.baseId, policy.env);
}

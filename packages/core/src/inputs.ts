/**
 * Everything that can happen, as data. The edge stamps each input once; `foldBase` and `foldFleet` are total over them.
 * An input belongs to one base (`BaseInput`, keyed by its identity) or to the fleet (`FleetInput`).
 */
import type { BaseId, BaseMessage, Rejection, TopicGeneration } from '@kouplet/protocol';
import type { Action, DueInstall } from './actions.ts';
import type { ObservedLease, ObservedNode, ObservedPod, ObservedRecord } from './observed.ts';
import type { Stamp } from './time.ts';

interface Stamped {
  readonly at: Stamp;
}

export type BaseInput = Stamped & { readonly baseId: BaseId } & BaseInputBody;

export type BaseInputBody =
  /** A message was accepted on one of this base's topics. */
  | { readonly kind: 'message'; readonly generation: TopicGeneration; readonly message: BaseMessage }
  /** Bytes on one of its topics were rejected: a sign of nothing, told to people once in a while. */
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** The embedded broker's view of its connection. */
  | { readonly kind: 'session-opened'; readonly sessionId: string }
  | { readonly kind: 'session-closed'; readonly sessionId: string }
  /** Objects of this base as the API server gave them: from a list, a watch, or the answer to a write of ours. */
  | { readonly kind: 'pod-observed'; readonly pod: ObservedPod }
  | { readonly kind: 'pod-gone'; readonly uid: string }
  | { readonly kind: 'node-observed'; readonly node: ObservedNode }
  | { readonly kind: 'node-gone'; readonly uid: string }
  | { readonly kind: 'lease-observed'; readonly lease: ObservedLease }
  | { readonly kind: 'lease-gone' }
  | { readonly kind: 'record-observed'; readonly record: ObservedRecord }
  | { readonly kind: 'record-gone' }
  /** The base's own Pod, or the machine under it, was seen to be gone: proof that its process is. Optional; nobody has to tell it. */
  | { readonly kind: 'host-gone' }
  /** A plan found this install due and waiting for its record; told before anything else of the base is planned. */
  | { readonly kind: 'install-due'; readonly install: DueInstall }
  /** `execute` has taken this action up: from here it is in flight, until its outcome. */
  | { readonly kind: 'action-started'; readonly action: Action }
  | { readonly kind: 'action-ended'; readonly action: Action; readonly outcome: Outcome }
  /** Handling this key threw: it is quarantined, with back-off, and told. */
  | { readonly kind: 'crashed'; readonly message: string };

/** What became of an action, decided once at the edge. Objects that a write answered come as inputs of their own before this one. */
export type Outcome =
  /** Done; for a command: handed to the socket. */
  | { readonly kind: 'done' }
  /** The object is not there (404) or is another incarnation (UID precondition). */
  | { readonly kind: 'gone' }
  /** The object is there already (409 on create), or a precondition failed: the next observation decides. */
  | { readonly kind: 'conflict' }
  /** The base has no session, or the broker is away: nothing was sent. */
  | { readonly kind: 'unsent' }
  /** The server refused it (4xx): repeating the same will not help, but the back-off's cap is tried for ever. */
  | { readonly kind: 'refused'; readonly message: string }
  /** 429, 5xx, time-out, reset: to be tried again. */
  | { readonly kind: 'failed'; readonly message: string; readonly retryAfterMs?: number };

export type FleetInput = Stamped & FleetInputBody;

export type FleetInputBody =
  /** A link of ours went or came: `tunnel` to the bases, `api` to Kubernetes. */
  | { readonly kind: 'link-up'; readonly link: 'tunnel' | 'api' }
  | { readonly kind: 'link-down'; readonly link: 'tunnel' | 'api'; readonly reason: string }
  /** The first list of every kind is in, down to the base inputs. Nothing is planned before that. */
  | { readonly kind: 'synced' }
  /** This process stood still for so long (suspended, starved): our blindness, nobody's death. */
  | { readonly kind: 'stalled'; readonly forMs: number }
  /** Counted from time to time by the edge over all bases, by `surveyBase`: feeds the brake. */
  | { readonly kind: 'surveyed'; readonly survey: Survey }
  /** Lease of a replica (our own included), by its name. */
  | { readonly kind: 'replica-lease-observed'; readonly lease: ObservedLease }
  | { readonly kind: 'replica-lease-gone'; readonly name: string }
  | { readonly kind: 'action-started'; readonly action: Action }
  | { readonly kind: 'action-ended'; readonly action: Action; readonly outcome: Outcome }
  /** SIGTERM: take no new work, hand the Leases back. */
  | { readonly kind: 'stopping' };

/** How many bases of the env there are, and how many of them are silent now. */
export interface Survey {
  readonly bases: number;
  readonly silent: number;
}

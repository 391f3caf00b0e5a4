/**
 * Everything that a plan may ask `execute` to do. An action is data: it carries all that the edge needs and nothing else.
 * `key` names the one thing it works on; at most one action of a key is in flight.
 */
import type { ArkletCommand, BaseId, BizKey, TopicGeneration } from '@kouplet/protocol';
import type { NodeStatus, PodStatus, RecordedInstall, Taint } from './observed.ts';

/** An action before the edge has numbered it. */
export type PlannedAction = ActionBody & {
  /** `base/<id>/health`, `base/<id>/list`, `base/<id>/biz/<name:version>`, `pod/<uid>`, `node/<name>`, `lease/<name>`, `record/<base>`, `event/<hash>`, … */
  readonly key: string;
};

/** A planned action that `execute` has taken up. */
export type Action = PlannedAction & {
  /** Unique in a process: for logs, and to match an outcome with its start. */
  readonly id: number;
};

export type ActionBody =
  | SendCommand
  | CreateNode
  | PatchNode
  | PatchNodeStatus
  | DeleteNode
  | PatchPodStatus
  | DeletePod
  | WriteLease
  | DeleteLease
  | WriteRecord
  | DeleteRecord
  | RecordEvent;

/** One message to a base. `bizKey` is set for operations. */
export interface SendCommand {
  readonly kind: 'send-command';
  readonly baseId: BaseId;
  readonly generation: TopicGeneration;
  readonly command: ArkletCommand;
  readonly bizKey?: BizKey;
  /** For whom an operation is: kept in the state when it starts. Nothing for the edge to do. */
  readonly claim?: RecordedInstall;
}

export interface CreateNode {
  readonly kind: 'create-node';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: { readonly providerID: string; readonly taints: readonly Taint[] };
  readonly status: NodeStatus;
}

/** Strategic-merge patch of labels, annotations and (whole list) taints; `null` removes a key. */
export interface PatchNode {
  readonly kind: 'patch-node';
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly annotations?: Readonly<Record<string, string | null>>;
  readonly taints?: readonly Taint[];
  /** Only where the Node has none: the server lets it be set once. */
  readonly providerID?: string;
}

/** Strategic-merge patch of /status: conditions merge by type. */
export interface PatchNodeStatus {
  readonly kind: 'patch-node-status';
  readonly name: string;
  readonly uid: string;
  readonly status: NodeStatus;
}

export interface DeleteNode {
  readonly kind: 'delete-node';
  readonly name: string;
  readonly uid: string;
}

/** Strategic-merge patch of /status with `metadata.uid`: conditions merge by type, containerStatuses are the whole list. */
export interface PatchPodStatus {
  readonly kind: 'patch-pod-status';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly status: PodStatus;
  /** The Pod shows addresses already: those of the status take their place, where a merge would add to them. */
  readonly replacesAddresses?: true;
}

/** Confirms a deletion: grace 0, UID precondition. */
export interface DeletePod {
  readonly kind: 'delete-pod';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Creates (no resourceVersion) or replaces a Lease, with a resourceVersion precondition. `renewTime` is the edge's wall clock at the write. */
export interface WriteLease {
  readonly kind: 'write-lease';
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty string: handed back. */
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  /** Milliseconds since the epoch. */
  readonly acquiredAt?: number;
  readonly renewedAt: number;
  readonly leaseTransitions?: number;
  /** Makes the Node the Lease's owner, so that it goes with it. */
  readonly ownerNode?: { readonly name: string; readonly uid: string };
}

export interface DeleteLease {
  readonly kind: 'delete-lease';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Creates (no resourceVersion) or replaces a base's record. */
export interface WriteRecord {
  readonly kind: 'write-record';
  readonly baseId: BaseId;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion?: string;
  readonly installs: Readonly<Record<string, RecordedInstall>>;
  /** Its base was given up then (RFC 3339): kept as annotation `kouplet.io/given-up-at`, which a write without it removes. */
  readonly givenUpAt?: string;
}

export interface DeleteRecord {
  readonly kind: 'delete-record';
  readonly baseId: BaseId;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** An Event about a Pod or a Node; repeats are counted by the recorder. Best effort: never retried by the plan. */
export interface RecordEvent {
  readonly kind: 'record-event';
  readonly regarding: {
    readonly kind: 'Pod' | 'Node';
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
  };
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  /** At most 1 kB but for one InstallFailed an attempt (4 kB). */
  readonly message: string;
}

/** An install that nothing keeps back but its record. */
export interface DueInstall {
  readonly bizKey: BizKey;
  readonly podUid: string;
}

/** Something wanted but not done, and why: what `kubectl describe`, /debug/plan and the logs show. */
export interface Waiting {
  /** The Pod, Node or base it is about: `pod/<namespace>/<name>`, `node/<name>`, `base/<id>`. */
  readonly subject: string;
  /** CamelCase, as in the container state: BaseDisconnected, BizOccupied, InstallBackOff, NotAModule, … */
  readonly reason: string;
  /** One sentence a person can read. */
  readonly message: string;
  /** Monotonic ms at which time alone will change it; absent where it waits for something to happen. */
  readonly until?: number;
}

export interface Plan {
  readonly actions: readonly PlannedAction[];
  readonly waiting: readonly Waiting[];
  /** Installs that wait for their record from now on: to be told back as `install-due`, for their wait is counted from then. [SPEC M36] */
  readonly due?: readonly DueInstall[];
  /** Monotonic ms at which to plan again though nothing happened; Infinity where only an input can change it. */
  readonly wakeAt: number;
}

/**
 * A small API server for scenarios: keeps Pods, Nodes, Leases, records and Events, and normalises as a real one does
 * (UIDs, resourceVersions, whole seconds, empty texts dropped, conditions merged by type). Test support.
 */
import type { Action, RecordEvent } from '../actions.ts';
import type { BaseInputBody, Outcome } from '../inputs.ts';
import { givenUpAnnotation } from '../names.ts';
import type {
  Condition,
  NodeStatus,
  ObjectMeta,
  ObservedLease,
  ObservedNode,
  ObservedPod,
  ObservedRecord,
  PodStatus,
} from '../observed.ts';

export type Change =
  | { readonly to: 'base'; readonly nodeName: string; readonly body: BaseInputBody }
  | { readonly to: 'record'; readonly baseId: string; readonly body: BaseInputBody }
  | { readonly to: 'replica'; readonly name: string; readonly lease?: ObservedLease };

export interface Answer {
  readonly outcome: Outcome;
  readonly changes: readonly Change[];
}

export class FakeApi {
  readonly pods = new Map<string, ObservedPod>();
  readonly nodes = new Map<string, ObservedNode>();
  readonly leases = new Map<string, ObservedLease>();
  readonly records = new Map<string, ObservedRecord>();
  readonly events: RecordEvent[] = [];
  writes = 0;
  private version = 100;
  private serial = 0;

  meta(name: string, wall: number, namespace?: string): ObjectMeta {
    this.serial += 1;
    return {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid: `uid-${name}-${this.serial}`,
      resourceVersion: this.nextVersion(),
      creationTimestamp: seconds(wall),
    };
  }

  nextVersion(): string {
    this.version += 1;
    return String(this.version);
  }

  /** Puts a Pod as a user or the scheduler left it. */
  putPod(pod: ObservedPod): Change {
    this.pods.set(pod.metadata.uid, pod);
    return podChange(pod);
  }

  putNode(node: ObservedNode): Change {
    this.nodes.set(node.metadata.name, node);
    return { to: 'base', nodeName: node.metadata.name, body: { kind: 'node-observed', node } };
  }

  removePod(uid: string): Change | undefined {
    const pod = this.pods.get(uid);
    if (pod === undefined) return undefined;
    this.pods.delete(uid);
    return { to: 'base', nodeName: pod.spec.nodeName, body: { kind: 'pod-gone', uid } };
  }

  removeNode(name: string): Change | undefined {
    const node = this.nodes.get(name);
    if (node === undefined) return undefined;
    this.nodes.delete(name);
    return { to: 'base', nodeName: name, body: { kind: 'node-gone', uid: node.metadata.uid } };
  }

  /** What `execute` would do with an action. */
  apply(action: Action, wall: number): Answer {
    if (action.kind !== 'record-event') this.writes += 1;
    switch (action.kind) {
      case 'create-node': {
        if (this.nodes.has(action.name)) return conflict;
        const node: ObservedNode = {
          metadata: { ...this.meta(action.name, wall), labels: action.labels, annotations: action.annotations },
          spec: { providerID: action.spec.providerID, taints: action.spec.taints },
          status: normalised(action.status),
        };
        return done(this.putNode(node));
      }
      case 'patch-node': {
        const node = this.nodes.get(action.name);
        if (node === undefined || node.metadata.uid !== action.uid) return gone;
        if (action.resourceVersion !== undefined && action.resourceVersion !== node.metadata.resourceVersion) {
          return conflict;
        }
        const metadata = {
          ...this.bumped(node.metadata),
          labels: merged(node.metadata.labels, action.labels),
          annotations: merged(node.metadata.annotations, action.annotations),
        };
        const spec = {
          ...node.spec,
          ...(action.taints === undefined ? {} : { taints: action.taints }),
          ...(action.providerID === undefined ? {} : { providerID: action.providerID }),
        };
        return done(this.putNode({ ...node, metadata, spec }));
      }
      case 'patch-node-status': {
        const node = this.nodes.get(action.name);
        if (node === undefined || node.metadata.uid !== action.uid) return gone;
        const status = mergedStatus(node.status, action.status);
        return done(this.putNode({ ...node, metadata: this.bumped(node.metadata), status }));
      }
      case 'delete-node': {
        if (this.nodes.get(action.name)?.metadata.uid !== action.uid) return gone;
        return {
          outcome: { kind: 'done' },
          changes: [...done(this.removeNode(action.name)).changes, ...this.orphans(action)],
        };
      }
      case 'patch-pod-status': {
        const pod = this.pods.get(action.uid);
        if (pod === undefined) return gone;
        const status = mergedStatus(pod.status, action.status);
        const isSame = JSON.stringify(status) === JSON.stringify(pod.status);
        if (isSame) return { outcome: { kind: 'done' }, changes: [] };
        return done(this.putPod({ ...pod, metadata: this.bumped(pod.metadata), status }));
      }
      case 'delete-pod': {
        const pod = this.pods.get(action.uid);
        if (pod === undefined) return gone;
        if ((pod.metadata.finalizers?.length ?? 0) === 0) return done(this.removePod(action.uid));
        const metadata = {
          ...this.bumped(pod.metadata),
          deletionGracePeriodSeconds: 0,
          deletionTimestamp: pod.metadata.deletionTimestamp ?? seconds(wall),
        };
        return done(this.putPod({ ...pod, metadata }));
      }
      case 'write-lease': {
        const id = `${action.namespace}/${action.name}`;
        const known = this.leases.get(id);
        if ((known === undefined) !== (action.resourceVersion === undefined)) return conflict;
        if (known !== undefined && known.metadata.resourceVersion !== action.resourceVersion) return conflict;
        const { ownerReferences: _replaced, ...metadata } =
          known?.metadata ?? this.meta(action.name, wall, action.namespace);
        const lease: ObservedLease = {
          metadata: {
            ...this.bumped(metadata),
            labels: action.labels,
            ...(action.ownerNode === undefined
              ? {}
              : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', ...action.ownerNode }] }),
          },
          spec: {
            ...(action.holderIdentity === '' ? {} : { holderIdentity: action.holderIdentity }),
            leaseDurationSeconds: action.leaseDurationSeconds,
            ...(action.acquiredAt === undefined ? {} : { acquireTime: micros(action.acquiredAt) }),
            renewTime: micros(action.renewedAt),
            leaseTransitions: action.leaseTransitions ?? 0,
          },
        };
        this.leases.set(id, lease);
        return done(leaseChange(lease));
      }
      case 'delete-lease': {
        const id = `${action.namespace}/${action.name}`;
        if (this.leases.get(id)?.metadata.uid !== action.uid) return gone;
        this.leases.delete(id);
        return done(
          action.namespace === 'kube-node-lease'
            ? { to: 'base', nodeName: action.name, body: { kind: 'lease-gone' } }
            : { to: 'replica', name: action.name },
        );
      }
      case 'write-record': {
        const known = this.records.get(action.baseId);
        if ((known === undefined) !== (action.resourceVersion === undefined)) return conflict;
        if (known !== undefined && known.metadata.resourceVersion !== action.resourceVersion) return conflict;
        const metadata = known?.metadata ?? this.meta(action.name, wall, action.namespace);
        const record: ObservedRecord = {
          metadata: {
            ...this.bumped(metadata),
            annotations: action.givenUpAt === undefined ? {} : { [givenUpAnnotation]: action.givenUpAt },
          },
          baseId: action.baseId,
          isReadable: true,
          installs: action.installs,
        };
        this.records.set(action.baseId, record);
        return done({ to: 'record', baseId: action.baseId, body: { kind: 'record-observed', record } });
      }
      case 'delete-record': {
        if (this.records.get(action.baseId)?.metadata.uid !== action.uid) return gone;
        this.records.delete(action.baseId);
        return done({ to: 'record', baseId: action.baseId, body: { kind: 'record-gone' } });
      }
      case 'record-event':
        this.events.push(action);
        return { outcome: { kind: 'done' }, changes: [] };
      case 'send-command':
        throw new Error('a command is none of the API server');
      default:
        return action satisfies never;
    }
  }

  /** Everything there is, as first lists. */
  all(): readonly Change[] {
    return [
      ...[...this.nodes.values()].map(
        (node): Change => ({ to: 'base', nodeName: node.metadata.name, body: { kind: 'node-observed', node } }),
      ),
      ...[...this.leases.values()].map(leaseChange),
      ...[...this.records.values()].map(
        (record): Change => ({ to: 'record', baseId: record.baseId, body: { kind: 'record-observed', record } }),
      ),
      ...[...this.pods.values()].map(podChange),
    ];
  }

  /** The garbage collector: Leases go with the Node that owns them. */
  orphans({ uid }: { readonly uid: string }): readonly Change[] {
    const owned = [...this.leases].filter(([, lease]) =>
      lease.metadata.ownerReferences?.some((owner) => owner.uid === uid),
    );
    for (const [id] of owned) this.leases.delete(id);
    return owned.map(([, lease]) => ({ to: 'base', nodeName: lease.metadata.name, body: { kind: 'lease-gone' } }));
  }

  bumped(metadata: ObjectMeta): ObjectMeta {
    return { ...metadata, resourceVersion: this.nextVersion() };
  }
}

const gone: Answer = { outcome: { kind: 'gone' }, changes: [] };
const conflict: Answer = { outcome: { kind: 'conflict' }, changes: [] };

function done(change: Change | undefined): Answer {
  return { outcome: { kind: 'done' }, changes: change === undefined ? [] : [change] };
}

function podChange(pod: ObservedPod): Change {
  return { to: 'base', nodeName: pod.spec.nodeName, body: { kind: 'pod-observed', pod } };
}

function leaseChange(lease: ObservedLease): Change {
  const { name, namespace } = lease.metadata;
  return namespace === 'kube-node-lease'
    ? { to: 'base', nodeName: name, body: { kind: 'lease-observed', lease } }
    : { to: 'replica', name, lease };
}

export function seconds(wall: number): string {
  return `${new Date(wall).toISOString().slice(0, 19)}Z`;
}

function micros(wall: number): string {
  return new Date(wall).toISOString().replace('Z', '000Z');
}

function merged(
  known: Readonly<Record<string, string>> | undefined,
  patch: Readonly<Record<string, string | null>> | undefined,
): Record<string, string> {
  const result: Record<string, string> = { ...known };
  for (const [key, value] of Object.entries(patch ?? {})) {
    if (value === null) delete result[key];
    else result[key] = value;
  }
  return result;
}

/** Strategic merge of a status: conditions by type, maps by key, other lists whole; empty texts are dropped. */
function mergedStatus<T extends NodeStatus | PodStatus>(known: T, patch: T): T {
  const conditions = [...(known.conditions ?? [])];
  for (const condition of patch.conditions ?? []) {
    const at = conditions.findIndex((other) => other.type === condition.type);
    const next: Condition = { ...conditions[at], ...condition };
    if (at < 0) conditions.push(next);
    else conditions[at] = next;
  }
  const nodeInfo =
    'nodeInfo' in known || 'nodeInfo' in patch
      ? { nodeInfo: { ...(known as NodeStatus).nodeInfo, ...(patch as NodeStatus).nodeInfo } }
      : {};
  return normalised({ ...known, ...patch, ...nodeInfo, conditions });
}

/** Addresses that a patch takes off. */
const cleared = new Set(['podIPs', 'hostIPs']);

function normalised<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (key, field) =>
    (key === 'daemonEndpoints' && field.kubeletEndpoint.Port === 0) ||
    (field === '' && key !== 'imageID' && key !== 'image') ||
    (cleared.has(key) && field.length === 0)
      ? undefined
      : field,
  ) as T;
}

/**
 * The API server as a source: five reflectors, each object an input of the base that it belongs to.
 *
 *   Nodes listed ─► Pods, Leases, records, replica Leases listed ─► synced ─► all watching ⇄ blind
 *
 * Nodes come first because the Pods of an oddly named base are told from its Node's annotation alone.
 */
import {
  type BaseInputBody,
  nodeLeaseNamespace,
  type ObservedLease,
  type ObservedNode,
  type ObservedPod,
  type ObservedRecord,
} from '@kouplet/core';
import {
  collectionPath,
  configMaps,
  createReflector,
  type KubeObject,
  leases,
  nodes,
  pods,
  type Reflector,
  type ReflectorEvent,
  type ReflectorProblem,
  type Transport,
} from '@kouplet/kube';
import { type BaseId, isBaseId } from '@kouplet/protocol';
import { Observable } from 'rxjs';
import type { EdgeClock } from '../clock.ts';
import { projectLease } from '../projection/lease.ts';
import { projectNode } from '../projection/node.ts';
import { projectPod } from '../projection/pod.ts';
import { projectRecord, recordLabel } from '../projection/record.ts';
import { type EdgeInput, ofBase, ofFleet } from './edge-input.ts';
import { ApiLink } from './link.ts';
import { NodeNames } from './node-names.ts';

export type CollectionName = 'pods' | 'nodes' | 'node leases' | 'replica leases' | 'records';

export interface ClusterSourceOptions {
  readonly transport: Transport;
  readonly clock: EdgeClock;
  readonly env: string;
  /** Of the records and of the replicas' Leases. */
  readonly namespace: string;
  readonly onProblem: (collection: CollectionName, problem: ReflectorProblem) => void;
}

const componentLabel = 'virtual-kubelet.koupleless.io/component';
const envLabel = 'virtual-kubelet.koupleless.io/env';
const replicaLeasePrefix = 'kouplet-';

/** What differs between the collections: how an object is kept, whose it is, and what its coming and going are called. */
interface Collection<T> {
  readonly name: CollectionName;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly project: (raw: KubeObject) => T | undefined;
  readonly told: (object: T) => EdgeInput | undefined;
  readonly gone: (last: T) => EdgeInput | undefined;
}

export class ClusterSource {
  readonly #options: ClusterSourceOptions;
  readonly #names: NodeNames;
  readonly #reflectors: Reflector[] = [];
  /** Present objects by reflector and key, as they are told again after a fold threw. The core holds the same objects. */
  readonly #replays: Array<(baseId: BaseId) => readonly EdgeInput[]> = [];
  readonly #unsynced = new Set<CollectionName>();
  readonly #link: ApiLink;
  #emit: (input: EdgeInput) => void = () => {};
  #isSynced = false;

  constructor(options: ClusterSourceOptions) {
    this.#options = options;
    this.#names = new NodeNames(options.env);
    this.#link = new ApiLink(
      options.clock,
      ['pods', 'nodes', 'node leases', 'replica leases', 'records'],
      (isUp, reason) =>
        this.#emit(ofFleet(isUp ? { kind: 'link-up', link: 'api' } : { kind: 'link-down', link: 'api', reason })),
    );
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  /** What is still missing, or why the link is down; in words. */
  get state(): string {
    if (this.#unsynced.size > 0)
      return `waiting for the first list of ${[...this.#unsynced].join(', ')} (${this.#link.reason})`;
    return this.#link.isUp ? 'watching' : this.#link.reason;
  }

  /** Starts when it is subscribed to, once. */
  inputs(): Observable<EdgeInput> {
    return new Observable((subscriber) => {
      this.#emit = (input) => subscriber.next(input);
      const first = this.#add(this.#nodes(), () => {
        for (const reflector of rest) reflector.start();
      });
      const rest = [
        this.#add(this.#pods()),
        this.#add(this.#nodeLeases()),
        this.#add(this.#replicaLeases()),
        this.#add(this.#records()),
      ];
      first.start();
    });
  }

  /** Tells all present objects of a base again. */
  replay(baseId: BaseId): void {
    for (const replay of this.#replays) for (const input of replay(baseId)) this.#emit(input);
  }

  /** A Node that a write answered: its name may be an odd one. */
  nodeSeen(node: ObservedNode): void {
    this.#names.baseOfNode(node);
  }

  async stop(): Promise<void> {
    this.#emit = () => {};
    this.#link.stop();
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  #add<T>(collection: Collection<T>, onSynced: () => void = () => {}): Reflector {
    const { name } = collection;
    const { transport, clock, onProblem } = this.#options;
    const present = new Map<string, T>();
    this.#unsynced.add(name);
    this.#replays.push((baseId) =>
      [...present.values()].flatMap((object) => {
        const input = collection.told(object);
        return input?.scope === 'base' && input.baseId === baseId ? [input] : [];
      }),
    );
    const reflector = createReflector<T>({
      transport,
      path: collection.path,
      ...(collection.query === undefined ? {} : { query: collection.query }),
      clock: {
        now: () => clock.now().wall,
        monotonic: () => clock.now().mono,
        setTimeout: (fn, ms) => clock.after(ms, fn),
      },
      project: collection.project,
      onEvents: (batch) => {
        for (const event of batch) this.#tell(collection, present, event, onSynced);
      },
      onState: (state) => this.#link.told(name, state),
      onProblem: (problem) => onProblem(name, problem),
    });
    this.#reflectors.push(reflector);
    return reflector;
  }

  #tell<T>(collection: Collection<T>, present: Map<string, T>, event: ReflectorEvent<T>, onSynced: () => void): void {
    switch (event.kind) {
      case 'relist-started':
        return;
      case 'relist-done':
        this.#listed(collection.name, onSynced);
        return;
      case 'upsert': {
        present.set(event.key, event.object);
        const input = collection.told(event.object);
        if (input !== undefined) this.#emit(input);
        return;
      }
      case 'delete': {
        const last = event.last ?? present.get(event.key);
        present.delete(event.key);
        const input = last === undefined ? undefined : collection.gone(last);
        if (input !== undefined) this.#emit(input);
        return;
      }
      default:
        event satisfies never;
    }
  }

  #listed(name: CollectionName, onSynced: () => void): void {
    if (!this.#unsynced.delete(name)) return;
    onSynced();
    if (this.#unsynced.size > 0) return;
    this.#isSynced = true;
    this.#emit(ofFleet({ kind: 'synced' }));
  }

  #pods(): Collection<ObservedPod> {
    const names = this.#names;
    return {
      name: 'pods',
      path: collectionPath(pods),
      project: (raw) => projectPod(raw, (nodeName) => names.isOurs(nodeName)),
      told: (pod) => forBase(names.baseOf(pod.spec.nodeName), { kind: 'pod-observed', pod }),
      gone: (pod) => forBase(names.baseOf(pod.spec.nodeName), { kind: 'pod-gone', uid: pod.metadata.uid }),
    };
  }

  #nodes(): Collection<ObservedNode> {
    const names = this.#names;
    return {
      name: 'nodes',
      path: collectionPath(nodes),
      query: { labelSelector: `${componentLabel}=vnode,${envLabel}=${this.#options.env}` },
      project: projectNode,
      told: (node) => forBase(names.baseOfNode(node), { kind: 'node-observed', node }),
      gone: (node) => forBase(names.baseOfNode(node), { kind: 'node-gone', uid: node.metadata.uid }),
    };
  }

  #nodeLeases(): Collection<ObservedLease> {
    const names = this.#names;
    return {
      name: 'node leases',
      path: collectionPath(leases, nodeLeaseNamespace),
      query: { labelSelector: `${componentLabel}=vnode-lease,${envLabel}=${this.#options.env}` },
      project: projectLease,
      told: (lease) => forBase(names.baseOf(lease.metadata.name), { kind: 'lease-observed', lease }),
      gone: (lease) => forBase(names.baseOf(lease.metadata.name), { kind: 'lease-gone' }),
    };
  }

  #replicaLeases(): Collection<ObservedLease> {
    return {
      name: 'replica leases',
      path: collectionPath(leases, this.#options.namespace),
      // By name and not by label: a few foreign Leases are cheaper than one of ours that lost its label and is not seen.
      project: (raw) => (raw.metadata.name.startsWith(replicaLeasePrefix) ? projectLease(raw) : undefined),
      told: (lease) => ofFleet({ kind: 'replica-lease-observed', lease }),
      gone: (lease) => ofFleet({ kind: 'replica-lease-gone', name: lease.metadata.name }),
    };
  }

  #records(): Collection<ObservedRecord> {
    return {
      name: 'records',
      path: collectionPath(configMaps, this.#options.namespace),
      query: { labelSelector: `${recordLabel}=${this.#options.env}` },
      project: projectRecord,
      told: (record) => forBase(ifBase(record.baseId), { kind: 'record-observed', record }),
      gone: (record) => forBase(ifBase(record.baseId), { kind: 'record-gone' }),
    };
  }
}

function forBase(baseId: BaseId | undefined, body: BaseInputBody): EdgeInput | undefined {
  return baseId === undefined ? undefined : ofBase(baseId, body);
}

function ifBase(text: string): BaseId | undefined {
  return isBaseId(text) ? text : undefined;
}

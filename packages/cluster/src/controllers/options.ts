/** What controllers are given: periods with a real cluster's defaults, and the parts they share. */
import type { Api } from '../api.ts';
import type { Clock } from '../clock.ts';
import { createEventRecorder, type EventRecorder } from './machinery/event-recorder.ts';
import { emptyIndex, type IndexedResource, watchIndex } from './machinery/object-index.ts';
import {
  type ResourceInfo,
  type ResourceListener,
  servedResources,
  watchCustomResources,
} from './machinery/resources.ts';
import { controllerOf, podSpec } from './machinery/shapes.ts';

export const controllerNames = [
  'deployment',
  'replicaset',
  'daemonset',
  'statefulset',
  'garbage-collector',
  'namespace',
  'serviceaccount',
  'scheduler',
  'node-lifecycle',
  'taint-eviction',
  'pod-gc',
  'disruption',
  'resourcequota',
  'endpoints',
  'unattended',
] as const;

export type ControllerName = (typeof controllerNames)[number];

/** All periods in milliseconds; the defaults are those of kube-controller-manager and kube-scheduler 1.34. */
export interface Periods {
  /** How often nodes' health is looked at (--node-monitor-period). */
  nodeMonitorPeriodMs: number;
  /** How long a node may be silent (--node-monitor-grace-period; 50 s since 1.32). */
  nodeMonitorGraceMs: number;
  /** How long a node that never reported may be silent (--node-startup-grace-period). */
  nodeStartupGraceMs: number;
  podGcPeriodMs: number;
  /** How long a node must be missing before its pods are removed. */
  podGcQuarantineMs: number;
  /** First and longest wait of an unschedulable pod (--pod-initial-backoff-seconds, --pod-max-backoff-seconds). */
  podInitialBackoffMs: number;
  podMaxBackoffMs: number;
  /** A pod that nothing made schedulable is tried again after so long. */
  podUnschedulableRetryMs: number;
}

export const defaultPeriods: Periods = {
  nodeMonitorPeriodMs: 5_000,
  nodeMonitorGraceMs: 50_000,
  nodeStartupGraceMs: 60_000,
  podGcPeriodMs: 20_000,
  podGcQuarantineMs: 40_000,
  podInitialBackoffMs: 1_000,
  podMaxBackoffMs: 10_000,
  podUnschedulableRetryMs: 300_000,
};

export interface ControllerOptions {
  periods?: Partial<Periods>;
  /** Which controllers run; all when left out. */
  enabled?: readonly ControllerName[];
  /** NoExecute taints a second and zone (--node-eviction-rate, 0.1), and past 55 % unhealthy in zones over 50 nodes (0.01). */
  evictionRate?: number;
  secondaryEvictionRate?: number;
  unhealthyZoneThreshold?: number;
  largeClusterSize?: number;
  /** Taint and evict although every node is unready. A real cluster stops evicting then; false is its way. */
  evictInFullDisruption?: boolean;
  /** Ended pods are removed beyond so many (--terminated-pod-gc-threshold). */
  terminatedPodThreshold?: number;
  /** Every resource that is served; objects of others are neither collected nor removed with their namespace. */
  resources?: readonly ResourceInfo[];
  /** In [0, 1): which of equally good nodes takes a pod. */
  random?: () => number;
  /** Told of every failure that the controller retries. It must not throw. */
  onError?: (error: unknown, where: string) => void;
}

/** What one controller is built from. */
export interface ControllerContext {
  readonly api: Api;
  readonly clock: Clock;
  readonly periods: Periods;
  readonly options: ControllerOptions;
  readonly onError: (error: unknown, where: string) => void;
  /** Every built-in resource that is served. */
  readonly resources: readonly ResourceInfo[];
  /** Hears of custom resources; those that are there come at once. The answer ends it. */
  onCustomResources(listener: ResourceListener): () => void;
  /** One index a resource, whoever asks; an empty one for what is not served. */
  index(resource: string): IndexedResource;
  recorder(component: string): EventRecorder;
}

/** Who the controllers' writes are by, in managedFields: one process in a real cluster. */
export const controllerActor = 'kube-controller-manager';

/** The index of the uid of an object's controller, and of a pod's node. */
export const byController = 'controller';
/** The index of objects without a controller, by namespace: whom a controller may adopt. */
export const byOrphanage = 'orphanage';
export const byNode = 'node';

export function createContext(
  api: Api,
  clock: Clock,
  options: ControllerOptions,
): ControllerContext & { stop(): void } {
  const indices = new Map<string, IndexedResource>();
  const report = options.onError ?? (() => {});
  const resources = options.resources ?? servedResources();
  const served = new Set(resources.map((info) => info.resource));
  const indexOf = (resource: string): IndexedResource =>
    watchIndex(api, resource, {
      [byController]: (object) => {
        const owner = controllerOf(object);
        return owner === undefined ? [] : [owner.uid];
      },
      [byOrphanage]: (object) => (controllerOf(object) === undefined ? [object.metadata.namespace ?? ''] : []),
      ...(resource === 'pods'
        ? {
            [byNode]: (pod) => {
              const { nodeName } = podSpec(pod);
              return nodeName === undefined || nodeName === '' ? [] : [nodeName];
            },
          }
        : {}),
    });
  const custom = new Map<string, ResourceInfo>();
  const listeners = new Set<ResourceListener>();
  const drop = (resource: string): void => {
    indices.get(resource)?.stop();
    indices.delete(resource);
  };
  const endCustom = watchCustomResources(api, {
    came(info) {
      custom.set(info.resource, info);
      served.add(info.resource);
      drop(info.resource);
      for (const listener of listeners) listener.came(info);
    },
    went(info) {
      for (const listener of listeners) listener.went(info);
      custom.delete(info.resource);
      served.delete(info.resource);
      drop(info.resource);
    },
  });
  return {
    api,
    clock,
    options,
    periods: { ...defaultPeriods, ...options.periods },
    onError: report,
    resources,
    onCustomResources(listener) {
      listeners.add(listener);
      for (const info of custom.values()) listener.came(info);
      return () => listeners.delete(listener);
    },
    index(resource) {
      const known = indices.get(resource);
      if (known !== undefined) return known;
      const index = served.has(resource) ? indexOf(resource) : emptyIndex(resource);
      indices.set(resource, index);
      return index;
    },
    recorder: (component) =>
      createEventRecorder({
        api,
        clock,
        component,
        actor: controllerActor,
        onError: (error) => report(error, component),
      }),
    stop() {
      endCustom();
      for (const index of indices.values()) index.stop();
    },
  };
}

/** A running controller. */
export interface Controller {
  stop(): void;
}

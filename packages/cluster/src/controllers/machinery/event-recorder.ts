/**
 * Events, in the two styles that a real cluster writes (shown by `kubectl describe`, recorded in fixtures/kubernetes/events):
 * controllers count repeats on one core/v1 Event, the scheduler keeps a `series` on one events.k8s.io/v1 Event.
 *
 * Memory of what was recorded is bounded (client-go's EventCorrelator keeps 4096 entries too); forgetting one only means
 * that its next repeat is a new Event.
 */
import type { Api } from '../../api.ts';
import type { Clock } from '../../clock.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { microTimeText, timeText } from './instants.ts';

export interface Occurrence {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** What an event is about. Nodes are told of in namespace `default`, as cluster-scoped objects are. */
export type Regarding = Pick<KubeObject, 'apiVersion' | 'kind'> & {
  metadata: { name: string; namespace?: string; uid?: string; resourceVersion?: string };
};

export interface EventRecorder {
  record(regarding: Regarding, occurrence: Occurrence): void;
}

export interface EventRecorderOptions {
  api: Api;
  clock: Clock;
  /** `deployment-controller`, `default-scheduler`, … */
  component: string;
  /** Who writes, in managedFields. */
  actor: string;
  onError: (error: unknown) => void;
}

const remembered = 4096;
/** So many different messages of one object and reason make an Event that stands for all (client-go: 10 within 10 minutes). */
const similarLimit = 10;
const similarWindowMs = 600_000;
const spamBurst = 25;
const spamRefillMs = 300_000;

interface Recorded {
  name: string;
  namespace: string;
  count: number;
}

/** Names must differ within one object though the clock may stand still: the last digits count. */
let serial = 0;
function eventName(regarding: Regarding, at: number): string {
  serial = (serial + 1) % 1_000_000;
  return `${regarding.metadata.name}.${(BigInt(at) * 1_000_000n + BigInt(serial)).toString(16)}`;
}

/** The oldest goes when there are too many. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= remembered) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

/** Of a node an Event names no resourceVersion, and the node controller's of pods no uid when it knows none. */
function reference(regarding: Regarding): Record<string, unknown> {
  const { name, namespace, uid, resourceVersion } = regarding.metadata;
  return {
    kind: regarding.kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    ...(uid === undefined ? {} : { uid }),
    apiVersion: regarding.apiVersion,
    ...(namespace === undefined || resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

/** core/v1 style: `source.component`, `count`, first and last time. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { api, clock, component, actor, onError } = options;
  const known = new Map<string, Recorded>();
  const similar = new Map<string, { messages: Set<string>; since: number }>();
  const spent = new Map<string, { tokens: number; at: number }>();

  /** The message to write: when ten different ones are known, further new ones share an Event. */
  function correlate(about: string, occurrence: Occurrence): { key: string; message: string } {
    const group = `${about}\n${occurrence.type}\n${occurrence.reason}`;
    const now = clock.now();
    let seen = similar.get(group);
    if (seen === undefined || now - seen.since > similarWindowMs) seen = { messages: new Set(), since: now };
    seen.since = now;
    seen.messages.add(occurrence.message);
    remember(similar, group, seen);
    if (seen.messages.size < similarLimit) {
      return { key: `${group}\n${occurrence.message}`, message: occurrence.message };
    }
    for (const any of seen.messages) {
      seen.messages.delete(any);
      break;
    }
    return { key: group, message: `(combined from similar events): ${occurrence.message}` };
  }

  /** 25 Events of one object, then one each five minutes (client-go, EventSourceObjectSpamFilter). */
  function isSpam(about: string): boolean {
    const now = clock.now();
    const bucket = spent.get(about) ?? { tokens: spamBurst, at: now };
    bucket.tokens = Math.min(spamBurst, bucket.tokens + (now - bucket.at) / spamRefillMs);
    bucket.at = now;
    const isFull = bucket.tokens < 1;
    if (!isFull) bucket.tokens -= 1;
    remember(spent, about, bucket);
    return isFull;
  }

  return {
    record(regarding, occurrence) {
      const at = clock.now();
      const namespace = regarding.metadata.namespace ?? 'default';
      const about = `${regarding.kind}\n${namespace}\n${regarding.metadata.name}\n${regarding.metadata.uid ?? ''}`;
      const { key, message } = correlate(about, occurrence);
      try {
        const before = known.get(key);
        if (before !== undefined) before.count += 1;
        if (isSpam(about)) return;
        if (before !== undefined && api.get('events', before.name, namespace) !== undefined) {
          api.modify(
            'events',
            before.name,
            namespace,
            (draft) => {
              draft.count = before.count;
              draft.lastTimestamp = timeText(at);
              draft.message = message;
            },
            { actor },
          );
          remember(known, key, before);
          return;
        }
        const name = eventName(regarding, at);
        api.create(
          'events',
          {
            apiVersion: 'v1',
            kind: 'Event',
            metadata: { name, namespace },
            involvedObject: reference(regarding),
            reason: occurrence.reason,
            message,
            source: { component },
            firstTimestamp: timeText(at),
            lastTimestamp: timeText(at),
            count: 1,
            type: occurrence.type,
            eventTime: null,
            reportingComponent: component,
            reportingInstance: '',
          },
          { actor, namespace },
        );
        remember(known, key, { name, namespace, count: 1 });
      } catch (error) {
        // An Event is a comment on the work, never a reason to stop it; a namespace that is ending refuses them.
        onError(error);
      }
    },
  };
}

/** What the scheduler tells beside the occurrence. */
export interface SchedulingOccurrence extends Occurrence {
  /** `Binding` or `Scheduling`. */
  action: string;
  /** Another object that has to do with it. */
  related?: Regarding;
}

export interface SeriesRecorder {
  record(regarding: Regarding, occurrence: SchedulingOccurrence): void;
}

/** A repeat within six minutes joins the series of the Event before it (client-go, tools/events). */
const seriesWindowMs = 360_000;

/** events.k8s.io/v1 style as seen through core/v1: `eventTime`, `action`, `series`, no count and no source. */
export function createSeriesRecorder(options: EventRecorderOptions & { instance: string }): SeriesRecorder {
  const { api, clock, component, actor, instance, onError } = options;
  const known = new Map<string, Recorded & { lastAt: number }>();
  return {
    record(regarding, { type, reason, message, action, related }) {
      const at = clock.now();
      const namespace = regarding.metadata.namespace ?? 'default';
      // The reference counts too, as in client-go: another resourceVersion of the pod is another Event.
      const { uid, resourceVersion } = regarding.metadata;
      const key = `${regarding.kind}\n${uid}\n${resourceVersion}\n${type}\n${action}\n${reason}`;
      try {
        const before = known.get(key);
        if (
          before !== undefined &&
          at - before.lastAt < seriesWindowMs &&
          api.get('events', before.name, namespace) !== undefined
        ) {
          before.count += 1;
          before.lastAt = at;
          api.modify(
            'events',
            before.name,
            namespace,
            (draft) => {
              draft.series = { count: before.count, lastObservedTime: microTimeText(at) };
            },
            { actor },
          );
          remember(known, key, before);
          return;
        }
        const name = eventName(regarding, at);
        api.create(
          'events',
          {
            apiVersion: 'v1',
            kind: 'Event',
            metadata: { name, namespace },
            involvedObject: reference(regarding),
            reason,
            message,
            source: {},
            firstTimestamp: null,
            lastTimestamp: null,
            type,
            eventTime: microTimeText(at),
            action,
            ...(related === undefined ? {} : { related: reference(related) }),
            reportingComponent: component,
            reportingInstance: instance,
          },
          { actor, namespace },
        );
        if (type === 'Warning') remember(known, key, { name, namespace, count: 1, lastAt: at });
      } catch (error) {
        onError(error);
      }
    },
  };
}

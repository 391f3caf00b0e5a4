/** When a Node was last heard of, on our own clock: by its Lease and by the heartbeat of its Ready condition. */
import type { Clock } from '../../clock.ts';
import type { KubeObject } from '../../kinds/kind.ts';
import { parseTime, timeText } from '../machinery/instants.ts';
import { type Condition, conditionOf } from '../machinery/shapes.ts';

interface Heard {
  uid: string;
  /** Our own time of the last sign; for a Node that never reported, its creation. */
  at: number;
  heartbeat: string | undefined;
  hasReady: boolean;
  renewTime: number | undefined;
}

export interface NodeHealth {
  /** Takes note of what there is, and answers how long the Node has been silent. */
  silentMs(node: KubeObject, lease: KubeObject | undefined): number;
  /** As if every Node had been heard just now: after everything was silent, nobody is to blame. */
  forgive(): void;
  forget(name: string): void;
}

export function createNodeHealth(clock: Clock): NodeHealth {
  const known = new Map<string, Heard>();
  return {
    silentMs(node, lease) {
      const { name, uid, creationTimestamp } = node.metadata;
      const now = clock.now();
      const ready = conditionOf(node.status?.conditions, 'Ready');
      const renewTime = parseTime(lease?.spec?.renewTime);
      const before = known.get(name);
      let heard: Heard;
      if (before?.uid !== uid) {
        const at = ready === undefined ? (parseTime(creationTimestamp) ?? now) : now;
        heard = { uid, at, heartbeat: ready?.lastHeartbeatTime, hasReady: ready !== undefined, renewTime };
      } else if (before.hasReady !== (ready !== undefined) || before.heartbeat !== ready?.lastHeartbeatTime) {
        heard = { ...before, at: now, heartbeat: ready?.lastHeartbeatTime, hasReady: ready !== undefined };
      } else heard = before;
      if (renewTime !== undefined && (heard.renewTime === undefined || heard.renewTime < renewTime)) {
        heard = { ...heard, renewTime, at: now };
      }
      known.set(name, heard);
      return now - heard.at;
    },
    forgive() {
      const now = clock.now();
      for (const [name, heard] of known) known.set(name, { ...heard, at: now });
    },
    forget: (name) => known.delete(name),
  };
}

/** The conditions of which nothing is known when a Node is silent. */
const watched = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** The conditions of a silent Node: Unknown, told apart by whether it ever reported. */
export function silencedConditions(node: KubeObject, now: number): Condition[] {
  const conditions: Condition[] = [...(node.status?.conditions ?? [])];
  for (const type of watched) {
    const at = conditions.findIndex((condition) => condition.type === type);
    const condition = conditions[at];
    if (condition === undefined) {
      conditions.push({
        type,
        status: 'Unknown',
        lastHeartbeatTime: node.metadata.creationTimestamp,
        lastTransitionTime: timeText(now),
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
      });
    } else if (condition.status !== 'Unknown') {
      conditions[at] = {
        ...condition,
        status: 'Unknown',
        lastTransitionTime: timeText(now),
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
      };
    }
  }
  return conditions;
}

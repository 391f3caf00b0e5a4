/**
 * A world whose controller is a process of ours that can be killed at a certain step: the API is reached through a proxy and
 * the bases through a relay, either of which can hold one message. What Pods and Nodes went through is watched from the start.
 */
import type { BaseOptions, SimulatedBase } from '@kouplet/base';
import { type ApiProxy, type HeldRequest, type RequestMatch, startApiProxy } from './api-proxy.ts';
import { openCluster } from './cluster.ts';
import { follow } from './follow.ts';
import { type HeldMessage, type MqttRelay, startMqttRelay } from './mqtt-relay.ts';
import { type ControllerFlags, type ControllerProcess, startControllerProcess } from './processes.ts';
import { conditionOf, startWorld, type World } from './world.ts';

export interface ProcessWorld {
  readonly world: World;
  readonly proxy: ApiProxy;
  readonly relay: MqttRelay;
  /** The controller that was started last. */
  process(): ControllerProcess;
  /** A base behind the relay that is quick to come back. */
  addBase(options?: Partial<BaseOptions>): Promise<SimulatedBase>;
  /** What a Pod's Ready went through until its deletion was asked for, repeats left out: `['False', 'True']`. */
  readyOfPod(name: string): string[];
  readyOfNode(base: SimulatedBase): string[];
  /** How many Nodes of this world were deleted since it began. */
  nodesDeleted(): number;
  stop(): Promise<void>;
}

/** @param flags without a holderIdentity its Leases are free to the next only after 15 s, as with any process that was killed */
export async function startProcessWorld(
  flags: ControllerFlags & { readonly isAnonymous?: boolean } = {},
): Promise<ProcessWorld> {
  const ends: Array<() => Promise<void> | void> = [];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const cluster = await openCluster();
    ends.push(() => cluster.stop());
    const proxy = await startApiProxy(cluster.kubeconfig);
    ends.push(() => proxy.close());
    let last: ControllerProcess | undefined;
    const world = await startWorld({
      bases: 0,
      cluster,
      controllerKubeconfig: proxy.kubeconfig,
      openController: async (settings) => {
        const { holderIdentity } = settings;
        last = await startControllerProcess(settings, flags.isAnonymous ? flags : { holderIdentity, ...flags });
        return last;
      },
    });
    ends.push(() => world.stop());
    const relay = await startMqttRelay(() => world.mqttPort);
    ends.push(() => relay.close());
    const pods = await follow(cluster.api, `/api/v1/namespaces/${world.namespace}/pods`);
    ends.push(pods.stop);
    const selector = encodeURIComponent(`virtual-kubelet.koupleless.io/env=${world.env}`);
    const nodes = await follow(cluster.api, `/api/v1/nodes?labelSelector=${selector}`);
    ends.push(nodes.stop);

    const readyOf = (events: typeof pods.events, name: string): string[] => {
      const seen: string[] = [];
      for (const { object } of events) {
        if (object.metadata?.name !== name || object.metadata.deletionTimestamp !== undefined) continue;
        const ready: string = conditionOf(object, 'Ready')?.status ?? 'False';
        if (seen.at(-1) !== ready) seen.push(ready);
      }
      return seen;
    };
    return {
      world,
      proxy,
      relay,
      process: () => {
        if (last === undefined) throw new Error('no controller was started');
        return last;
      },
      addBase: (own = {}) =>
        world.addBase({
          broker: relay.url,
          heartbeatDies: false,
          reconnectFirstMs: 200,
          reconnectMaxMs: 1_000,
          ...own,
        }),
      readyOfPod: (name) => readyOf(pods.events, name),
      readyOfNode: (base) => readyOf(nodes.events, world.nodeOf(base)),
      nodesDeleted: () => nodes.events.filter(({ type }) => type === 'DELETED').length,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One effect of the path: a message between the controller and the API, or between it and the base. */
export interface Effect {
  readonly name: string;
  /** What has to be done so that it comes: a base joins, a Pod is created, a Pod is deleted. */
  readonly when: 'joining' | 'installing' | 'uninstalling';
  readonly at: ((base: string, pod: string) => RequestMatch) | Passage;
  /** What would come at the same moment and is held with it, for good. */
  readonly heldToo?: Passage;
}

interface Passage {
  readonly direction: 'to-base' | 'from-base';
  readonly topicEnd: string;
}

const isLease = (node: string): RequestMatch => {
  return (method, path, body) => method === 'POST' && path.endsWith('/leases') && body?.metadata?.name === node;
};
const isRecord = (method: string, path: string): boolean =>
  ['POST', 'PUT', 'DELETE'].includes(method) && path.includes('/configmaps');
const isStatusOf = (pod: string, method: string, path: string): boolean =>
  method === 'PATCH' && path.split('?')[0]?.endsWith(`/pods/${pod}/status`) === true;

const install: Passage = { direction: 'to-base', topicEnd: '/installBiz' };

/** In the order in which they come. A Node's status comes with its creation. */
export const effects: readonly Effect[] = [
  { name: 'the Lease is created', when: 'joining', at: isLease },
  {
    name: 'the Node is created',
    when: 'joining',
    at: (node) => (method, path, body) => {
      return method === 'POST' && /\/nodes(\?|$)/.test(path) && body?.metadata?.name === node;
    },
  },
  // An install waits no longer than 250 ms for its record: without its own trap it might win.
  { name: 'the record is written', when: 'installing', at: () => isRecord, heldToo: install },
  { name: 'the install is sent', when: 'installing', at: install },
  { name: 'the install is answered', when: 'installing', at: { direction: 'from-base', topicEnd: '/bizOperation' } },
  {
    name: 'the Pod’s status is patched',
    when: 'installing',
    at: (_node, pod) => (method, path, body) =>
      isStatusOf(pod, method, path) && conditionOf(body, 'Ready')?.status === 'True',
  },
  { name: 'the uninstall is sent', when: 'uninstalling', at: { direction: 'to-base', topicEnd: '/uninstallBiz' } },
  {
    name: 'the uninstall is answered',
    when: 'uninstalling',
    at: { direction: 'from-base', topicEnd: '/bizOperation' },
  },
  {
    name: 'the end is written to the Pod’s status',
    when: 'uninstalling',
    at: (_node, pod) => (method, path, body) =>
      isStatusOf(pod, method, path) && body?.status?.containerStatuses?.[0]?.state?.terminated !== undefined,
  },
  {
    name: 'the Pod is deleted',
    when: 'uninstalling',
    at: (_node, pod) => (method, path) => method === 'DELETE' && path.split('?')[0]?.endsWith(`/pods/${pod}`) === true,
  },
  { name: 'the record is removed', when: 'uninstalling', at: () => isRecord },
];

export type Moment = 'before' | 'after';

/** Kills the controller before or after that effect comes; `cause` makes it come. Nothing runs when it resolves. */
export async function killAt(
  { proxy, relay, process }: ProcessWorld,
  effect: Effect,
  moment: Moment,
  node: string,
  pod: string,
  cause: () => Promise<unknown>,
): Promise<void> {
  const { at, heldToo } = effect;
  const untrap = heldToo === undefined ? undefined : relay.drop(heldToo.direction, heldToo.topicEnd);
  const reached: Promise<HeldRequest | HeldMessage> =
    typeof at === 'function' ? proxy.hold(at(node, pod)) : relay.hold(at.direction, at.topicEnd);
  await cause();
  const timer = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error(`within 15 s it did not come that ${effect.name}`)), 15_000).unref();
  });
  const held = await Promise.race([reached, timer]);
  if (moment === 'after') {
    if ('perform' in held) await held.perform();
    else held.release();
  }
  await process().kill();
  untrap?.();
}

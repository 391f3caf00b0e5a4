/**
 * A world with several controllers at one external broker, each a process of its own that reaches the API through a proxy and the
 * broker through a relay, so that each can be killed, frozen and cut off from either side. What Pods and Nodes go through is watched.
 */
import type { BaseOptions } from '@kouplet/base';
import { type ApiProxy, startApiProxy } from './api-proxy.ts';
import { openCluster } from './cluster.ts';
import { follow } from './follow.ts';
import { type Mosquitto, startMosquitto } from './mosquitto.ts';
import { type MqttRelay, startMqttRelay } from './mqtt-relay.ts';
import { type ControllerProcess, startControllerProcess } from './processes.ts';
import { waitFor } from './wait.ts';
import { type ControllerSettings, conditionOf, startWorld, type World } from './world.ts';

export interface Replica {
  readonly name: string;
  readonly proxy: ApiProxy;
  readonly relay: MqttRelay;
  process(): ControllerProcess;
  /** Who it is in Leases. */
  holder(): string;
  /** Another process in its place, under a name of its own making: as after a crash. */
  restart(): Promise<void>;
}

export interface ReplicaWorld {
  readonly world: World;
  readonly mosquitto: Mosquitto;
  readonly replicas: readonly Replica[];
  addReplica(): Promise<Replica>;
  /** By node name, who holds its Lease: `holderIdentity`. */
  holders(): Promise<Record<string, string>>;
  /** The replica whose process holds a node's Lease. */
  holderOf(node: string): Promise<Replica>;
  /** Lines about what should never be: a Ready that fell, a Node or Pod deleted that nobody asked to delete. */
  misdeeds(): string[];
  /** That Pod's deletion is asked for: its fall is none. */
  deletePod(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** @param args more flags of each controller */
export async function startReplicas(
  count: number,
  bases: readonly Partial<BaseOptions>[],
  args: readonly string[] = [],
): Promise<ReplicaWorld> {
  const ends: Array<() => Promise<void> | void> = [];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const cluster = await openCluster();
    ends.push(() => cluster.stop());
    const mosquitto = await startMosquitto();
    ends.push(() => mosquitto.stop());
    const replicas: Replica[] = [];
    let settings: Omit<ControllerSettings, 'kubeconfig' | 'holderIdentity'> | undefined;

    const addReplica = async (): Promise<Replica> => {
      const given = settings;
      if (given === undefined) throw new Error('the world has not begun');
      const proxy = await startApiProxy(cluster.kubeconfig);
      ends.push(() => proxy.close());
      const relay = await startMqttRelay(() => mosquitto.port);
      ends.push(() => relay.close());
      const start = () =>
        startControllerProcess(
          { ...given, kubeconfig: proxy.kubeconfig, mqttPort: mosquitto.port },
          { broker: relay.url, args },
        );
      let running = await start();
      const replica: Replica = {
        name: `replica ${replicas.length + 1}`,
        proxy,
        relay,
        process: () => running,
        holder: () => /"holder":"([^"]+)"/.exec(running.stdout())?.[1] ?? '',
        restart: async () => {
          running = await start();
        },
      };
      ends.push(async () => {
        running.child.kill('SIGCONT');
        await running.terminate();
      });
      replicas.push(replica);
      return replica;
    };

    const world = await startWorld({
      bases: 0,
      cluster,
      openController: async (own) => {
        settings = own;
        await addReplica();
        return { mqttPort: mosquitto.port, stop: async () => undefined };
      },
    });
    ends.push(() => world.stop());
    for (let at = 1; at < count; at += 1) await addReplica();
    for (const own of bases) await world.addBase({ heartbeatDies: false, ...own });
    await Promise.all(world.bases.map((base) => world.nodeReady(base, 60_000)));

    const pods = await follow(cluster.api, `/api/v1/namespaces/${world.namespace}/pods`);
    ends.push(pods.stop);
    const selector = encodeURIComponent(`virtual-kubelet.koupleless.io/env=${world.env}`);
    const nodes = await follow(cluster.api, `/api/v1/nodes?labelSelector=${selector}`);
    ends.push(nodes.stop);
    const deleted = new Set<string>();

    const holders = async (): Promise<Record<string, string>> => {
      const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
      const leases = await cluster.api.items(`${path}?labelSelector=${selector}`);
      return Object.fromEntries(leases.map(({ metadata, spec }) => [metadata.name, spec.holderIdentity ?? '']));
    };
    return {
      world,
      mosquitto,
      replicas,
      addReplica,
      holders,
      holderOf: (node) =>
        waitFor(`a replica that lives holds the Lease of ${node}`, async () => {
          const holder = (await holders())[node];
          return replicas.find((replica) => replica.holder() === holder);
        }),
      misdeeds: () => {
        const bad: string[] = [];
        const gaps = pods.gaps() + nodes.gaps();
        if (gaps > 0) bad.push(`changes may be unseen: ${gaps} gaps`);
        const wasReady = new Set<string>();
        for (const { type, object } of [...nodes.events, ...pods.events]) {
          const { name, deletionTimestamp } = object.metadata ?? {};
          if (name === undefined || deleted.has(name)) continue;
          if (type === 'DELETED' || deletionTimestamp !== undefined) bad.push(`${object.kind} ${name} is deleted`);
          const ready = conditionOf(object, 'Ready')?.status;
          if (ready === 'True') wasReady.add(name);
          else if (wasReady.has(name))
            bad.push(`${object.kind} ${name} is ${JSON.stringify(conditionOf(object, 'Ready'))}`);
        }
        return bad;
      },
      deletePod: async (name) => {
        deleted.add(name);
        await world.deletePod(name);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A base as upstream's suites have one: it says what it is told to say, word for word, and keeps what reaches it. */
import mqtt from 'mqtt';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import type { World } from '../support/world.ts';

export interface MockBase {
  readonly identity: string;
  readonly node: string;
  /** Installs and uninstalls in order: `installBiz`, with the body as it came. */
  readonly operations: ReadonlyArray<{ readonly kind: string; readonly body: Json }>;
  /** Answers to `queryAllBiz`, whatever is put in: entries of `simpleBiz`. */
  list: Json[];
  /** More for its answers to `health`. */
  health: Json;
  /** It says nothing more, not even answers. */
  isSilent: boolean;
  heartbeat(state?: string, more?: Json): Promise<void>;
  /** In an envelope of now. */
  say(channel: string, data: Json): Promise<void>;
  /** As it is. */
  raw(channel: string, payload: string): Promise<void>;
  /** How an operation ended. */
  operated(command: string, bizName: string, bizVersion: string, response?: Json): Promise<void>;
  stop(): Promise<void>;
}

export async function startMockBase(world: World, identity: string, name = world.baseName): Promise<MockBase> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${world.mqttPort}`, {
    clientId: `koupleless@@@${identity}`,
    reconnectPeriod: 200,
  });
  const root = `koupleless_${world.env}/${identity}`;
  const operations: Array<{ kind: string; body: Json }> = [];
  const raw = async (channel: string, payload: string): Promise<void> => {
    await client.publishAsync(`${root}/base/${channel}`, payload, { qos: 1 });
  };
  const base: MockBase = {
    identity,
    node: `vnode.${identity}.${world.env}`,
    operations,
    list: [],
    health: {},
    isSilent: false,
    raw,
    say: (channel, data) => raw(channel, JSON.stringify({ data, publishTimestamp: Date.now() })),
    heartbeat: (state = 'ACTIVATED', more = {}) =>
      base.say('heart', {
        baseMetadata: { identity, name, version: '1.1.1', clusterName: 'test-cluster', ...more },
        localIP: '10.9.8.7',
        localHostName: `${identity}-host`,
        port: 0,
        state,
      }),
    operated: (command, bizName, bizVersion, response = { code: 'SUCCESS', data: { code: 'SUCCESS' } }) =>
      base.say('bizOperation', { command, bizName, bizVersion, response }),
    stop: () => client.endAsync(true),
  };
  client.on('message', (topic, payload) => {
    const kind = topic.split('/').at(-1) ?? '';
    if (kind === 'installBiz' || kind === 'uninstallBiz') {
      operations.push({ kind, body: JSON.parse(payload.toString()) });
    } else if (base.isSilent) {
      return;
    } else if (kind === 'queryAllBiz') {
      void base.say('simpleBiz', base.list).catch(() => undefined);
    } else if (kind === 'health') {
      const masterBizInfo = { bizName: 'base', bizState: 'ACTIVATED', bizVersion: '1.0.0', webContextPath: '/' };
      const answer = { code: 'SUCCESS', data: { healthData: { masterBizInfo, ...base.health } } };
      void base.say('health', answer).catch(() => undefined);
    }
  });
  await client.subscribeAsync([`${root}/+`, `${root}/base/baseline`], { qos: 1 });
  return base;
}

const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

export const leaseOf = (world: World, base: MockBase): Promise<Json | undefined> =>
  world.api.find(`${leases}/${base.node}`);

export const nodeOf = (world: World, base: MockBase): Promise<Json | undefined> =>
  world.api.find(`/api/v1/nodes/${base.node}`);

/** Within upstream's own limit. */
export async function nodeReady(world: World, base: MockBase, deadlineMs: number): Promise<Json> {
  return waitFor(
    `Node ${base.node} is Ready`,
    async () => {
      const node = await nodeOf(world, base);
      const ready = node?.status.conditions?.find((one: Json) => one.type === 'Ready');
      if (ready?.status === 'True') return node;
      throw new Error(JSON.stringify(ready ?? 'there is none'));
    },
    deadlineMs,
  );
}

export async function nodeGone(world: World, base: MockBase, deadlineMs: number): Promise<void> {
  await waitFor(`Node ${base.node} is gone`, async () => (await nodeOf(world, base)) === undefined, deadlineMs);
}

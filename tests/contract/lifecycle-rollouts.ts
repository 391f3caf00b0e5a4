/** Rollouts and what is seen of them, for the cases of workloads. */
import { beforeAll } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { MERGE_PATCH, openSetting, STRATEGIC_PATCH } from './setting.ts';

export const on = openSetting('lifecycle');
export const here = { nodeSelector: { suite: on.namespace }, terminationGracePeriodSeconds: 1 };
export const LONG_MS = 30_000;

beforeAll(async () => {
  const status = { capacity: { cpu: '8', memory: '8Gi', pods: '110' } };
  await Promise.all(['a', 'b'].map((short) => on.makeNode(short, { status })));
  await on.startKubelet();
});

export const podsOf = async (app: string): Promise<Json[]> =>
  (await on.cluster.api.items(`${on.at('pods')}?labelSelector=app%3D${app}`)).filter(
    (pod) => pod.metadata.deletionTimestamp === undefined,
  );
export const namesOf = async (app: string): Promise<string[]> =>
  (await podsOf(app)).map((pod) => pod.metadata.name).sort();
export const imagesOf = async (app: string): Promise<string[]> =>
  (await podsOf(app)).map((pod) => `${pod.metadata.name} ${pod.spec.containers[0].image}`).sort();
export const setsOf = async (app: string): Promise<string[]> =>
  (await on.cluster.api.items(`${on.at('replicasets.apps')}?labelSelector=app%3D${app}`))
    .map(
      ({ metadata, spec }) => `revision ${metadata.annotations['deployment.kubernetes.io/revision']}: ${spec.replicas}`,
    )
    .sort();
export const eventsOf = async (kind: string, name: string, count: number): Promise<string[]> =>
  waitFor(
    `${count} Events of ${name}`,
    async () => {
      const path = `${on.at('events')}?fieldSelector=involvedObject.kind%3D${kind},involvedObject.name%3D${name}`;
      const seen = await on.cluster.api.items(path);
      return seen.length >= count
        ? seen.map(({ type, reason, message }) => on.plain(`${type} ${reason} ${message}`)).sort()
        : undefined;
    },
    LONG_MS,
  );
export const image = (name: string): Json => ({
  spec: { template: { spec: { containers: [{ name: 'c', image: name }] } } },
});
export const setImage = (resource: string, name: string): Promise<Json> =>
  on.call('PATCH', resource, image(name), STRATEGIC_PATCH);
export const patch = (resource: string, body: Json): Promise<Json> => on.call('PATCH', resource, body, MERGE_PATCH);
/** Its status, once that follows the spec and the claim holds. */
export const statusWhen = (resource: string, what: string, holds: (status: Json) => boolean): Promise<Json> =>
  waitFor(
    `${resource} ${what}`,
    async () => {
      const { metadata, status } = await on.get(resource);
      return status.observedGeneration === metadata.generation && holds(status) ? status : undefined;
    },
    LONG_MS,
  );
export const ready = (count: number) => (status: Json) =>
  status.readyReplicas === count && status.updatedReplicas === count && status.replicas === count;
export const rolled = (count: number) => (status: Json) =>
  ready(count)(status) && status.currentRevision === status.updateRevision;
export const condition = (status: Json, type: string): Json =>
  on.plain((status.conditions ?? []).find((one: Json) => one.type === type));
export const remove = (resource: string): Promise<Json> => on.raw('DELETE', `${resource}?propagationPolicy=Background`);

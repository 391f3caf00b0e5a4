/** Nodes of groups, Pods of priorities, and what the scheduler says of them, for its cases. */
import { afterAll, beforeAll } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { MERGE_PATCH, openSetting, podOf } from './setting.ts';

export const on = openSetting('scheduling');
const classes = { low: 10, middle: 100, high: 1000 } as const;
export const classOf = (name: keyof typeof classes): string => `${name}.${on.namespace}`;
export const away = (): string => `${on.namespace}-away`;

beforeAll(async () => {
  const { api } = on.cluster;
  for (const [name, value] of Object.entries(classes)) {
    await api.call('POST', on.at('priorityclasses.scheduling.k8s.io'), {
      metadata: { name: classOf(name as 'low') },
      value,
    });
  }
  await api.call(
    'PATCH',
    `/api/v1/namespaces/${on.namespace}`,
    { metadata: { labels: { team: 'home' } } },
    MERGE_PATCH,
  );
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: away(), labels: { team: 'away' } } });
  await waitFor('its ServiceAccount', async () =>
    Boolean(await api.find(`/api/v1/namespaces/${away()}/serviceaccounts/default`)),
  );
});

afterAll(async () => {
  const { api } = on.cluster;
  if (!on.cluster.isReal) return;
  for (const name of Object.keys(classes)) {
    await api.request('DELETE', on.at(`priorityclasses.scheduling.k8s.io/${classOf(name as 'low')}`));
  }
  await api.request('DELETE', `/api/v1/namespaces/${away()}/pods?gracePeriodSeconds=0`);
  await api.request('DELETE', `/api/v1/namespaces/${away()}`);
});

export const verdictOn = (name: string): Promise<Json> =>
  waitFor(`a verdict on ${name}`, async () => {
    const { spec, status } = await on.get(`pods/${name}`);
    const condition = (status.conditions ?? []).find((one: Json) => one.type === 'PodScheduled');
    return condition === undefined ? undefined : { ...condition, node: spec.nodeName };
  });
export const placeOf = (name: string): Promise<string> =>
  waitFor(`a Node for ${name}`, async () => (await on.get(`pods/${name}`)).spec.nodeName, 15_000);
/** On a real cluster there are Pods of others: none of them comes to these Nodes. */
export const reserved = { key: 'reserved', value: 'yes', effect: 'NoSchedule' };
const admitted = { key: 'reserved', operator: 'Exists' };
export const end = (name: string): Promise<Json> => on.raw('DELETE', `pods/${name}?gracePeriodSeconds=0`);
/** The names of this run's namespaces stand where the case says HERE and AWAY. */
export const here = (value: Json): Json =>
  JSON.parse(JSON.stringify(value).replaceAll('"HERE"', `"${on.namespace}"`).replaceAll('"AWAY"', `"${away()}"`));

/** The Pod on this Node or on none: so each Node's own reason is told, whatever other Nodes there are. */
export const onlyOn = (node: string, spec: Json): Json => {
  const fields = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] };
  const affinity = spec.affinity?.nodeAffinity ?? {};
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const terms: Json[] = affinity[required]?.nodeSelectorTerms ?? [{}];
  const nodeSelectorTerms = terms
    .filter((term) => terms.length === 1 || term.matchExpressions.length > 0)
    .map((term) => ({ ...term, ...fields }));
  return {
    ...spec,
    tolerations: [...(spec.tolerations ?? []), admitted],
    affinity: { ...spec.affinity, nodeAffinity: { ...affinity, [required]: { nodeSelectorTerms } } },
  };
};
export const reasonOf = (message: string): string => {
  const [first = '', rest = ''] = message.split('. no new claims to deallocate, preemption: ');
  const reasons = first
    .replace(/^0\/\d+ nodes are available: /, '')
    .split(', ')
    .filter((reason) => !reason.endsWith('[NodeAffinity]'));
  return `${reasons.join(', ')}${rest.includes('No preemption victims') ? '' : '; for good'}`;
};

/** On Nodes of one group only. */
export const asking = (name: string, group: string, cpu: string, more: Json = {}, labels: Json = {}): Json =>
  podOf(
    name,
    {
      nodeSelector: { group: `${group}.${on.namespace}` },
      tolerations: [admitted],
      containers: [{ name: 'c', image: 'nginx:1', resources: { requests: { cpu } } }],
      ...more,
    },
    { labels },
  );
export const makeGroup = async (group: string, count: number, status: Json = {}): Promise<string[]> =>
  Promise.all(
    Array.from({ length: count }, (_none, at) =>
      on.makeNode(`${group}${at}`, { labels: { group: `${group}.${on.namespace}` }, taints: [reserved], status }),
    ),
  );
/** Other suites' Nodes are no part of the contract. */
export const sentence = (text: string): string =>
  text
    .replace(/\d+\/\d+ nodes/g, 'n nodes')
    .replace(
      /(?:, )?\d+ (?:node\(s\) (?:had untolerated taint|didn't match Pod's node|were unschedulable)[^,.]*|Preemption is not helpful for scheduling)/g,
      '',
    )
    .replaceAll(': , ', ': ');
export const eventsOf = async (name: string, reason: string): Promise<Json[]> =>
  waitFor(`${reason} of ${name}`, async () => {
    const seen = await on.cluster.api.items(
      `${on.at('events')}?fieldSelector=involvedObject.name%3D${name},reason%3D${reason}`,
    );
    return seen.length > 0 ? seen : undefined;
  });
export const isGoing = async (name: string): Promise<boolean> =>
  (await on.get(`pods/${name}`)).metadata.deletionTimestamp !== undefined;

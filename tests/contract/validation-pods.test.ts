/** Security contexts, resize policies, sources of volumes and RuntimeClasses of Pods. [SPEC C46] [SPEC C67] [SPEC C95] */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { MERGE_PATCH, openSetting, podOf, workloadOf } from './setting.ts';

const on = openSetting('pods');
const container = { name: 'c', image: 'nginx:1' };
const classes = '/apis/node.k8s.io/v1/runtimeclasses';
const plain = `${on.namespace}-plain`;
const heavy = `${on.namespace}-heavy`;

/** What a dry run says: the words of a refusal, or what `shown` picks of the Pod. */
const said = async (spec: Json, shown: (made: Json) => unknown = () => 'taken'): Promise<unknown> => {
  const { code, body } = await on.say('POST', 'pods?dryRun=All', podOf('p', spec));
  return [code, body.kind === 'Status' ? body.message : shown(body)];
};

describe("a Pod's security context [SPEC C95]", () => {
  test.each([
    ['a user below zero', { runAsUser: -1 }],
    ['a group below zero', { runAsGroup: -1 }],
    ['a group of files below zero', { fsGroup: -1 }],
    ['a user above an int32', { runAsUser: 2_147_483_648 }],
    ['groups below zero', { supplementalGroups: [1, -1] }],
    ['all of them at once', { runAsUser: -1, runAsGroup: -1, fsGroup: -1 }],
    ['a seccomp profile of no known type', { seccompProfile: { type: 'Nope' } }],
    ['a seccomp profile of this machine without its name', { seccompProfile: { type: 'Localhost' } }],
    ['a seccomp profile with a name too many', { seccompProfile: { type: 'Unconfined', localhostProfile: 'a' } }],
    ['a seccomp profile above its folder', { seccompProfile: { type: 'Localhost', localhostProfile: '../a' } }],
    ['a policy for groups of files that is none', { fsGroupChangePolicy: 'Nope' }],
    ['all good', { runAsUser: 0, runAsGroup: 5, fsGroup: 7, seccompProfile: { type: 'RuntimeDefault' } }],
  ])('with %s', async (_name, securityContext) => {
    expect(await said({ securityContext })).toMatchSnapshot();
  });
});

describe("a container's security context [SPEC C95]", () => {
  test.each([
    ['a user below zero', { runAsUser: -1 }],
    ['a group below zero', { runAsGroup: -1 }],
    ['a seccomp profile of no known type', { seccompProfile: { type: 'Nope' } }],
    ['an unknown sort of /proc', { procMount: 'Nope' }],
    ['the bare /proc of the host', { procMount: 'Unmasked' }],
    ['all rights and none to be gained', { privileged: true, allowPrivilegeEscalation: false }],
    [
      'the right to administer and none to be gained',
      { capabilities: { add: ['CAP_SYS_ADMIN'] }, allowPrivilegeEscalation: false },
    ],
    ['no more rights', { privileged: false, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }],
  ])('with %s', async (_name, securityContext) => {
    expect(await said({ containers: [{ ...container, securityContext }] })).toMatchSnapshot();
  });

  test('in a template, and of an init container', async () => {
    const bad = { ...container, securityContext: { runAsUser: -1 } };
    const body = workloadOf('d', {}, { initContainers: [{ ...bad, name: 'i' }], containers: [bad] });
    const { code, body: answer } = await on.say('POST', 'deployments.apps?dryRun=All', body);
    expect([code, answer.message]).toMatchSnapshot();
  });
});

describe("a container's resize policy [SPEC C95]", () => {
  const cpu = { resourceName: 'cpu', restartPolicy: 'NotRequired' };
  test.each([
    ['an unknown resource', [{ resourceName: 'disk', restartPolicy: 'NotRequired' }], 'Always'],
    ['an unknown policy', [{ resourceName: 'cpu', restartPolicy: 'Nope' }], 'Always'],
    ['one resource twice', [cpu, cpu], 'Always'],
    ['a restart of what is never restarted', [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }], 'Never'],
    ['a good one', [cpu], 'Always'],
  ])('with %s', async (_name, resizePolicy, restartPolicy) => {
    expect(await said({ restartPolicy, containers: [{ ...container, resizePolicy }] })).toMatchSnapshot();
  });
});

describe('a volume [SPEC C95]', () => {
  const field = { fieldRef: { fieldPath: 'metadata.name' } };
  test.each<[string, Json]>([
    ['of an unknown type of host path', { hostPath: { path: '/a', type: 'Nope' } }],
    ['of a folder on the host', { hostPath: { path: '/a', type: 'Directory' } }],
    ['of a server without a name', { nfs: { server: '', path: '/a' } }],
    ['of a server without a path', { nfs: { server: 's', path: '' } }],
    ['of a server with a path that is not absolute', { nfs: { server: 's', path: 'a' } }],
    ['of nothing on no server', { nfs: { server: '', path: '' } }],
    ['with less than no room', { emptyDir: { sizeLimit: '-1Gi' } }],
    ['of a file without a path', { downwardAPI: { items: [{ path: '', ...field }] } }],
    ['of a file with an absolute path', { downwardAPI: { items: [{ path: '/a', ...field }] } }],
    ['of a file above its folder', { downwardAPI: { items: [{ path: '../a', ...field }] } }],
    ['of a file that begins with two dots', { downwardAPI: { items: [{ path: '..a', ...field }] } }],
    ['of a file of a field that is none', { downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'nope' } }] } }],
    [
      'of a file of a field that is for variables only',
      { downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'status.podIP' } }] } },
    ],
    ['of a file of no field', { downwardAPI: { items: [{ path: 'a' }] } }],
    ['of a file with a mode beyond all', { downwardAPI: { items: [{ path: 'a', mode: 512, ...field }] } }],
    [
      'of a file of a resource without a container',
      { downwardAPI: { items: [{ path: 'a', resourceFieldRef: { resource: 'limits.cpu' } }] } },
    ],
    [
      'of a file of a resource that is none',
      { downwardAPI: { items: [{ path: 'a', resourceFieldRef: { containerName: 'c', resource: 'nope' } }] } },
    ],
    [
      'of a file of the labels',
      { downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ],
    ['of a key that is not named', { configMap: { name: 'm', items: [{ key: '', path: '' }] } }],
    ['of a key above its folder', { secret: { secretName: 's', items: [{ key: 'k', path: '../a' }] } }],
  ])('%s', async (_name, source) => {
    expect(await said({ volumes: [{ name: 'v', ...source }] })).toMatchSnapshot();
  });
});

describe('a RuntimeClass [SPEC C67]', () => {
  beforeAll(async () => {
    await on.call('POST', classes, { metadata: { name: plain }, handler: 'runc' });
    await on.call('POST', classes, {
      metadata: { name: heavy },
      handler: 'gvisor',
      overhead: { podFixed: { cpu: '100m' } },
      scheduling: { nodeSelector: { runtime: 'gvisor' }, tolerations: [{ key: 'gvisor', operator: 'Exists' }] },
    });
  });
  afterAll(async () => {
    for (const name of [plain, heavy]) await on.raw('DELETE', `${classes}/${name}`);
  });
  const shown = ({ spec }: Json): unknown => [spec.overhead, spec.nodeSelector, spec.tolerations];

  test.each<[string, Json]>([
    ['that is not there', { runtimeClassName: 'gvisor' }],
    ['that has no overhead', { runtimeClassName: plain }],
    ['that gives its overhead, its nodes and what they ask', { runtimeClassName: heavy }],
    ['with the overhead that the Pod says', { runtimeClassName: heavy, overhead: { cpu: '100m' } }],
    ['with another overhead than the Pod says', { runtimeClassName: heavy, overhead: { cpu: '1' } }],
    ['without the overhead that the Pod says', { runtimeClassName: plain, overhead: { cpu: '1' } }],
    ['that is none, with an overhead', { overhead: { cpu: '1' } }],
    ['with its nodes and more', { runtimeClassName: heavy, nodeSelector: { zone: 'a' } }],
    ['with other nodes', { runtimeClassName: heavy, nodeSelector: { runtime: 'runc' } }],
    ['with what its nodes ask already borne', { runtimeClassName: heavy, tolerations: [{ key: 'gvisor' }] }],
    ['with a name that is none', { runtimeClassName: 'No_Name' }],
  ])('%s', async (_name, spec) => {
    expect(await said(spec, shown)).toMatchSnapshot();
  });

  test('is not asked for in a template', async () => {
    const body = workloadOf('d', { replicas: 0 }, { runtimeClassName: 'gvisor', overhead: { cpu: '1' } });
    expect((await on.say('POST', 'deployments.apps?dryRun=All', body)).code).toBe(201);
  });

  test('that is gone leaves its Pods as they are', async () => {
    const last = `${on.namespace}-last`;
    await on.call('POST', classes, { metadata: { name: last }, handler: 'runc' });
    await on.call('POST', 'pods', podOf('p', { runtimeClassName: last, nodeSelector: { suite: 'nowhere' } }));
    await on.call('DELETE', `${classes}/${last}`);
    expect((await on.say('PATCH', 'pods/p', { metadata: { labels: { a: 'b' } } }, MERGE_PATCH)).code).toBe(200);
  });
});

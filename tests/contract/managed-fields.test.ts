/** managedFields of who changes what is there: updates, patches, statuses, scales, and what strips them. [SPEC C103] [SPEC C104] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { APPLY, deploymentOf, mapOf, openOwnersSetting, wholeDeploymentOf } from './owners.ts';
import { JSON_PATCH, MERGE_PATCH, podOf, STRATEGIC_PATCH, workloadOf } from './setting.ts';

const on = openOwnersSetting('managed');

const nowhere = { nodeSelector: { suite: 'nowhere' } };

describe('a change owns what it changed [SPEC C103]', () => {
  beforeAll(async () => {
    await on.call('POST', 'configmaps?fieldManager=maker', {
      metadata: { name: 'x', labels: { a: 'b' } },
      data: { k: 'v', l: 'w' },
    });
    await on.call('POST', 'pods?fieldManager=maker', podOf('x', { schedulerName: 'nobody' }));
    await on.call('POST', 'deployments.apps?fieldManager=maker', workloadOf('x', { replicas: 0 }));
  });
  const named = (query: string): string => `?fieldManager=${query}`;
  test.each<readonly [string, string, string, Json, string]>([
    ['a merge patch', 'PATCH', `configmaps/x${named('two')}`, { data: { k: 'new', n: '1' } }, MERGE_PATCH],
    ['one that changes nothing', 'PATCH', `configmaps/x${named('three')}`, { data: { k: 'new' } }, MERGE_PATCH],
    [
      'one that removes',
      'PATCH',
      `configmaps/x${named('three')}`,
      { data: { l: null }, metadata: { labels: null } },
      MERGE_PATCH,
    ],
    ['a JSON patch', 'PATCH', `configmaps/x${named('four')}`, [{ op: 'add', path: '/data/z', value: '1' }], JSON_PATCH],
    ['back to what it was', 'PATCH', `configmaps/x${named('maker')}`, { data: { k: 'v' } }, MERGE_PATCH],
    ['a dry run', 'PATCH', `configmaps/x${named('dry')}&dryRun=All`, { data: { k: 'dry' } }, MERGE_PATCH],
    [
      'an update',
      'PUT',
      `configmaps/x${named('put')}`,
      { metadata: { name: 'x' }, data: { k: 'put' } },
      'application/json',
    ],
    ['a client without a name of its own', 'PATCH', 'configmaps/x', { data: { ua: '1' } }, MERGE_PATCH],
    [
      'a status',
      'PATCH',
      `pods/x/status${named('kubelet')}`,
      {
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'True' }],
          podIP: '10.9.9.9',
          podIPs: [{ ip: '10.9.9.9' }],
        },
      },
      STRATEGIC_PATCH,
    ],
    ['the same status', 'PATCH', `pods/x/status${named('kubelet')}`, { status: { phase: 'Running' } }, STRATEGIC_PATCH],
    [
      'a condition more, by another',
      'PATCH',
      `pods/x/status${named('other')}`,
      {
        status: {
          conditions: [
            { type: 'Ready', status: 'False' },
            { type: 'example.org/A', status: 'True' },
          ],
        },
      },
      STRATEGIC_PATCH,
    ],
    [
      'a spec through the status, which is not written',
      'PATCH',
      `pods/x/status${named('liar')}`,
      { spec: { activeDeadlineSeconds: 5 } },
      STRATEGIC_PATCH,
    ],
    [
      'labels through the status',
      'PATCH',
      `pods/x/status${named('labeller')}`,
      { metadata: { labels: { by: 'status' } } },
      STRATEGIC_PATCH,
    ],
    [
      'a status through the spec, which is not written',
      'PATCH',
      `pods/x${named('liar')}`,
      { status: { phase: 'Failed' } },
      STRATEGIC_PATCH,
    ],
    [
      'an image',
      'PATCH',
      `pods/x${named('imager')}`,
      { spec: { containers: [{ name: 'c', image: 'nginx:2' }] } },
      STRATEGIC_PATCH,
    ],
    [
      'a container more',
      'PATCH',
      `deployments.apps/x${named('adder')}`,
      { spec: { template: { spec: { containers: [{ name: 'new', image: 'n:1', ports: [{ containerPort: 1 }] }] } } } },
      STRATEGIC_PATCH,
    ],
    [
      'an atomic map',
      'PATCH',
      `deployments.apps/x${named('selector')}`,
      { spec: { template: { spec: { nodeSelector: { a: 'b' } } } } },
      MERGE_PATCH,
    ],
    [
      'a list that is emptied',
      'PATCH',
      `deployments.apps/x${named('emptier')}`,
      { spec: { template: { spec: { containers: [{ name: 'new', $patch: 'delete' }] } } } },
      STRATEGIC_PATCH,
    ],
    [
      'another strategy',
      'PATCH',
      `deployments.apps/x${named('strategist')}`,
      { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } },
      MERGE_PATCH,
    ],
  ])('%s', async (_name, method, resource, body, type) => {
    const { code, owners } = await on.tell(method, resource, body, type);
    expect({ code, owners }).toMatchSnapshot();
  });

  test('the scale', async () => {
    await on.call(
      'POST',
      'deployments.apps?fieldManager=maker',
      workloadOf('sc', { replicas: 1, paused: true }, nowhere),
    );
    const seen: Json[] = [];
    const scale = async (manager: string, body: Json, type: string, more = '') => {
      const { code, status } = await on.tell(
        'PATCH',
        `deployments.apps/sc/scale?fieldManager=${manager}${more}`,
        body,
        type,
      );
      seen.push({ code, ...(status === undefined ? {} : { status }), owners: await on.owners('deployments.apps/sc') });
    };
    const applied = (replicas: number) => ({
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'sc' },
      spec: { replicas },
    });
    await scale('two', { spec: { replicas: 2 } }, MERGE_PATCH);
    await scale('three', { spec: { replicas: 3 } }, MERGE_PATCH);
    await scale('four', applied(4), APPLY);
    await scale('four', applied(4), APPLY, '&force=true');
    await scale('five', applied(4), APPLY);
    await scale('zero', { spec: { replicas: 0 } }, MERGE_PATCH);
    await scale('six', { spec: { replicas: 1 } }, MERGE_PATCH);
    await scale('seven', applied(2), APPLY);
    expect(seen).toMatchSnapshot();
  });

  test('applied statuses conflict with each other, not with the spec', async () => {
    const status = (value: string) => ({
      ...deploymentOf('x', undefined),
      status: { conditions: [{ type: 'example.org/X', status: value }] },
    });
    const apply = (manager: string, body: Json) => on.apply('deployments.apps/x/status', manager, body);
    const told = [
      await apply('one', status('True')),
      await apply('two', status('False')),
      await apply('one', { ...status('True'), status: {} }),
    ];
    expect(told.map(({ code, owners, status: refusal }) => ({ code, owners, refusal }))).toMatchSnapshot();
  });

  test('more than ten who update are remembered as one, the oldest first', async () => {
    await on.call('POST', 'configmaps?fieldManager=first', { metadata: { name: 'many' }, data: { a: '1' } });
    for (let i = 0; i < 12; i++) {
      await on.call(
        'PATCH',
        `configmaps/many?fieldManager=m${String(i).padStart(2, '0')}`,
        { data: { [`k${i}`]: 'v' } },
        MERGE_PATCH,
      );
    }
    const owners = await on.owners('configmaps/many');
    expect(owners).toMatchSnapshot();
  });
});

describe('a client may strip managedFields, and does not by not knowing them [SPEC C104]', () => {
  beforeAll(async () => {
    await on.apply('configmaps/strip', 'one', mapOf('strip', { a: '1' }));
  });
  const patched = (managedFields: Json) =>
    on.tell('PATCH', 'configmaps/strip', { metadata: { managedFields } }, MERGE_PATCH);
  const entry = {
    manager: 'q',
    operation: 'Update',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:data': { 'f:a': {} } },
  };
  test.each<readonly [string, () => Promise<unknown>]>([
    [
      'an update without them keeps them',
      () =>
        on.tell('PUT', 'configmaps/strip?fieldManager=two', { metadata: { name: 'strip' }, data: { a: '1', b: '2' } }),
    ],
    ['null keeps them', () => patched(null)],
    ['nonsense keeps them', () => patched([{ manager: 'q', operation: 'Frob' }])],
    ['an empty entry strips them', () => patched([{}])],
    ['then no change is followed', () => on.tell('PATCH', 'configmaps/strip', { data: { c: '3' } }, MERGE_PATCH)],
    ['until the next apply', () => on.apply('configmaps/strip', 'one', mapOf('strip', { a: '1' }))],
    ['an empty list strips them, too', () => patched([])],
    ['an entry of their own is taken', () => patched([entry])],
    ['a set that is none is not', () => patched([{ ...entry, manager: 'r', fieldsV1: { odd: 1 } }])],
    [
      'and a status takes none',
      () =>
        on.tell('PATCH', 'pods/x/status', { metadata: { managedFields: [{}] }, status: { message: 'm' } }, MERGE_PATCH),
    ],
  ])('%s', async (_name, ask) => {
    expect(await ask()).toMatchSnapshot();
  });

  test('what was applied before anybody looked is owned by before-first-apply', async () => {
    await on.call('POST', 'deployments.apps', workloadOf('first', { replicas: 0 }));
    await on.call('PATCH', 'deployments.apps/first', { metadata: { managedFields: [{}] } }, MERGE_PATCH);
    const { code, owners } = await on.apply('deployments.apps/first', 'one', wholeDeploymentOf('first'), 'force=true');
    expect(code).toBe(200);
    // The controller may write its status before that, and this is then of before-first-apply, too.
    const spec = JSON.parse(JSON.stringify(owners), (_key, value) =>
      Array.isArray(value) ? value.filter((path) => String(path).startsWith('f:spec')) : value,
    );
    expect(spec).toMatchSnapshot();
  });
});

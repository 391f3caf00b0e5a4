import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mayEvict, startControllers } from './index.ts';
import { createTestApi, createVirtualClock, settle, type TestApi, type VirtualClock } from './testing.ts';
import { deploymentOf, startKubelet } from './testing-workloads.ts';

const user = { actor: 'user', namespace: 'ns' };
let clock: VirtualClock;
let api: TestApi;
let endings: Array<() => void>;

beforeEach(() => {
  clock = createVirtualClock();
  api = createTestApi(clock);
  const controllers = startControllers(api, clock, { enabled: ['deployment', 'replicaset', 'disruption'] });
  endings = [() => controllers.stop(), startKubelet(api, clock)];
});

afterEach(() => {
  for (const end of endings) end();
});

const budget = (spec: object, name = 'pdb') =>
  api.create(
    'poddisruptionbudgets.policy',
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    },
    user,
  );
const pdb = (name = 'pdb') => api.get('poddisruptionbudgets.policy', name, 'ns');
const pdbs = () => api.list('poddisruptionbudgets.policy', { namespace: 'ns' });
const onePod = () => {
  const [pod] = api.list('pods', { namespace: 'ns' });
  if (pod === undefined) throw new Error('no pod');
  return pod;
};

describe('a PodDisruptionBudget', () => {
  test('counts the pods it means, and how many may go [SPEC C88]', async () => {
    api.create('deployments.apps', deploymentOf('web', { replicas: 3 }), user);
    budget({ minAvailable: 2 });
    await settle();
    expect(pdb()?.status).toMatchObject({
      expectedPods: 3,
      currentHealthy: 3,
      desiredHealthy: 2,
      disruptionsAllowed: 1,
      observedGeneration: 1,
      conditions: [
        { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', message: '', observedGeneration: 1 },
      ],
    });
  });

  test.each([
    [{ maxUnavailable: '50%' }, { expectedPods: 3, desiredHealthy: 1, disruptionsAllowed: 2 }],
    [{ minAvailable: '100%' }, { expectedPods: 3, desiredHealthy: 3, disruptionsAllowed: 0 }],
    [{ maxUnavailable: 1 }, { expectedPods: 3, desiredHealthy: 2, disruptionsAllowed: 1 }],
  ])('%j counts from the size that was asked for [SPEC C88]', async (spec, status) => {
    api.create('deployments.apps', deploymentOf('web', { replicas: 3 }), user);
    budget(spec);
    await settle();
    expect(pdb()?.status).toMatchObject(status);
  });

  test('lets a pod go while it allows one, and notes it until it is gone [SPEC C88]', async () => {
    api.create('deployments.apps', deploymentOf('web', { replicas: 2 }), user);
    budget({ minAvailable: 1 });
    await settle();
    const pod = onePod();
    const verdict = mayEvict(pod, pdbs(), clock.now());
    expect(verdict).toMatchObject({
      kind: 'allowed-by-budget',
      status: { disruptionsAllowed: 0, disruptedPods: { [pod.metadata.name]: '2026-11-23T00:00:00Z' } },
    });
    if (verdict.kind !== 'allowed-by-budget') return;
    api.modify(
      'poddisruptionbudgets.policy',
      'pdb',
      'ns',
      (draft) => Object.assign(draft, { status: verdict.status }),
      {
        actor: 'u',
        subresource: 'status',
      },
    );
    await settle();
    expect(mayEvict(pod, pdbs(), clock.now())).toMatchObject({
      kind: 'refused',
      status: {
        code: 429,
        reason: 'TooManyRequests',
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
        details: {
          causes: [
            {
              reason: 'DisruptionBudget',
              message: 'The disruption budget pdb needs 1 healthy pods and has 1 currently',
            },
          ],
        },
      },
    });
    // The eviction came to nothing: two minutes later it is forgotten.
    await clock.advance(125_000);
    expect(pdb()?.status).toMatchObject({ disruptionsAllowed: 1 });
  });

  test('two that mean one pod are refused; none, and pods that do not run, are not [SPEC C88]', async () => {
    api.create('deployments.apps', deploymentOf('web', { replicas: 1 }), user);
    await settle();
    expect(mayEvict(onePod(), pdbs(), clock.now())).toEqual({ kind: 'allowed' });
    budget({ minAvailable: 1 });
    budget({ minAvailable: 1 }, 'second');
    await settle();
    expect(mayEvict(onePod(), pdbs(), clock.now())).toMatchObject({
      kind: 'refused',
      status: {
        code: 500,
        message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      },
    });
    const pending = { ...onePod(), status: { phase: 'Pending' } };
    expect(mayEvict(pending, pdbs(), clock.now())).toEqual({ kind: 'allowed' });
  });
});

import type { BaseId } from '@kouplet/protocol';
import { describe, expect, test } from 'vitest';
import { shownPlan } from './describe.ts';
import { roleOf } from './module-pod.ts';
import type { ContainerSpec, ObservedPod } from './observed.ts';

type Entry = NonNullable<ContainerSpec['env']>[number];

function podOf(
  annotation: string | undefined,
  entries: readonly Entry[],
  rest: Partial<ContainerSpec> = {},
): ObservedPod {
  return {
    metadata: {
      name: 'p1',
      uid: 'u1',
      resourceVersion: '1',
      labels: { 'virtual-kubelet.koupleless.io/component': 'module' },
      ...(annotation === undefined ? {} : { annotations: { 'kouplet.io/hand-over': annotation } }),
    },
    spec: {
      nodeName: 'vnode.b1.dev',
      restartPolicy: 'Always',
      containers: [
        {
          name: 'biz1',
          image: 'https://repo/biz1.jar',
          env: [{ name: 'BIZ_VERSION', value: '1' }, ...entries],
          ...rest,
        },
      ],
    },
    status: {},
  };
}

const variables = [
  { name: 'A', value: '1' },
  { name: 'B' },
  { name: '__proto__', value: 'x' },
  { name: 'A', value: '2' },
];
const envs = JSON.parse('{"A":"2","B":"","__proto__":"x"}');
const args = ['--server.port=0', '$(A)'];

describe('what is handed over to a base with an install', () => {
  test.each<[string | undefined, object | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['env', { envs }],
    ['args', { args }],
    ['env,args', { args, envs }],
    [' args , env ', { args, envs }],
  ])('annotation %j chooses it, all of it literally [SPEC M43]', (annotation, handOver) => {
    const role = roleOf(podOf(annotation, variables, { args }));
    expect(role).toMatchObject({ kind: 'module' });
    if (role.kind === 'module') expect(role.modules[0]?.handOver).toStrictEqual(handOver);
  });

  test('nothing is said where there is nothing but the version [SPEC M43]', () => {
    const role = roleOf(podOf('env,args', []));
    if (role.kind === 'module') expect(role.modules[0]).not.toHaveProperty('handOver');
    expect(role.kind).toBe('module');
  });

  const from = { name: 'SECRET', hasValueFrom: true };
  test.each<[string, ObservedPod, string]>([
    [
      'valueFrom',
      podOf('env', [from]),
      'container biz1: env SECRET: only a literal value can be handed over to the base (annotation kouplet.io/hand-over), not valueFrom',
    ],
    [
      'envFrom',
      podOf('env', [], { hasEnvFrom: true }),
      'container biz1: only literal values can be handed over to the base (annotation kouplet.io/hand-over), not envFrom',
    ],
    [
      'a word that is neither',
      podOf('env,secrets', []),
      'annotation kouplet.io/hand-over: "secrets" is neither env nor args',
    ],
  ])('%s is refused in words [SPEC M43]', (_what, pod, message) => {
    expect(roleOf(pod)).toEqual({ kind: 'invalid', reason: 'InvalidModule', message });
  });

  test('what is not chosen is refused for nothing [SPEC M43]', () => {
    expect(roleOf(podOf('args', [from], { args })).kind).toBe('module');
  });
});

test('of a plan that people see the names are shown and no value [SPEC M43]', () => {
  const command = { kind: 'installBiz', name: 'biz1', version: '1', url: 'https://repo/biz1.jar' } as const;
  const plan = (handOver: object) =>
    ({
      actions: [
        {
          kind: 'send-command',
          key: 'k',
          baseId: 'b1' as BaseId,
          generation: 'current',
          command: { ...command, ...handOver },
        },
      ],
      waiting: [],
      wakeAt: 1,
    }) as const;
  expect(shownPlan(plan({ args: ['--password=x'], envs: { PASSWORD: 'x' } }))).toEqual(
    plan({ args: ['…'], envs: { PASSWORD: '…' } }),
  );
  expect(shownPlan(plan({}))).toEqual(plan({}));
});

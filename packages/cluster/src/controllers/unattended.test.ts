import { expect, test } from 'vitest';
import { startControllers } from './index.ts';
import { createTestApi, createVirtualClock, settle } from './testing.ts';
import { templateOf, told } from './testing-workloads.ts';

test('a Job that nobody runs says so once, also when the controllers start again [SPEC C114]', async () => {
  const clock = createVirtualClock();
  const api = createTestApi(clock);
  const start = () => startControllers(api, clock, { enabled: ['unattended'] });
  const first = start();
  const template = { ...templateOf({ app: 'once' }), spec: { ...templateOf({}).spec, restartPolicy: 'Never' } };
  api.create(
    'jobs.batch',
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'once' }, spec: { template } },
    { actor: 'test', namespace: 'ns' },
  );
  await settle();
  const words = ['Unattended In this embedded cluster Jobs are kept and not run: no Pod will be made of this one.'];
  expect(told(api, 'Job')).toEqual(words);
  first.stop();
  await clock.advance(60_000);
  const second = start();
  await settle();
  expect(told(api, 'Job')).toEqual(words);
  second.stop();
});

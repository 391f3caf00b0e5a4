import type { ObservedLease } from '@kouplet/core';
import { expect, test } from 'vitest';
import { OnlyReplica } from './only-replica.ts';

const lease = (holderIdentity: string, renewTime: string, env = 'dev'): ObservedLease => ({
  metadata: {
    name: 'kouplet-x',
    uid: 'u',
    resourceVersion: renewTime,
    labels: { 'virtual-kubelet.koupleless.io/env': env },
  },
  spec: { holderIdentity, renewTime },
});

test('another replica that renews its Lease while we are young is told [SPEC E24]', () => {
  const only = new OnlyReplica('me', 'dev');
  expect(only.observed(lease('other', '1'), 0)).toBeUndefined();
  expect(only.observed(lease('other', '1'), 1_000)).toBeUndefined();
  expect(only.observed(lease('other', '2'), 3_000)).toBe('other');
});

test('a Lease that stands still, one handed back, our own and another env’s are nobody [SPEC E24]', () => {
  const only = new OnlyReplica('me', 'dev');
  for (const [at, renewTime] of ['1', '2', '3'].entries()) {
    expect(only.observed(lease('me', renewTime), at)).toBeUndefined();
    expect(only.observed(lease('', renewTime), at)).toBeUndefined();
    expect(only.observed(lease('other', renewTime, 'prod'), at)).toBeUndefined();
  }
});

test('who has run for a while stays: the newcomer has to go [SPEC E24]', () => {
  const only = new OnlyReplica('me', 'dev');
  only.observed(lease('me', '1'), 0);
  expect(only.observed(lease('other', '1'), 21_000)).toBeUndefined();
  expect(only.observed(lease('other', '2'), 24_000)).toBeUndefined();
});

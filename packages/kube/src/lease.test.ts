import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leaseBody, microTime, writeLease } from './lease.ts';

const lease = {
  namespace: 'kube-node-lease',
  name: 'vnode.b1.dev',
  holderIdentity: 'replica-1',
  leaseDurationSeconds: 40,
  renewedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
};

describe('a Lease', () => {
  it('has times with exactly six fractional digits [SPEC K14]', () => {
    expect(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toBe('2026-01-02T03:04:05.678000Z');
    expect(microTime(0.5)).toBe('1970-01-01T00:00:00.000500Z');
    fc.assert(
      fc.property(fc.double({ min: 0, max: 4e12, noNaN: true }), (ms) => {
        expect(microTime(ms)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      }),
    );
  });

  it('is created without a resourceVersion and replaced with one as the precondition [SPEC K14]', () => {
    expect(writeLease(lease)).toMatchObject({
      method: 'POST',
      path: '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
      body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
    });
    expect(writeLease({ ...lease, resourceVersion: '12' })).toMatchObject({
      method: 'PUT',
      path: '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/vnode.b1.dev',
      body: { metadata: { name: 'vnode.b1.dev', resourceVersion: '12' } },
    });
  });

  it('says who holds it, and goes with its Node', () => {
    expect(
      leaseBody({
        ...lease,
        acquiredAt: 1000,
        leaseTransitions: 2,
        labels: { a: 'b' },
        ownerNode: { name: 'n', uid: 'u' },
      }),
    ).toEqual({
      metadata: {
        namespace: 'kube-node-lease',
        name: 'vnode.b1.dev',
        labels: { a: 'b' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }],
      },
      spec: {
        holderIdentity: 'replica-1',
        leaseDurationSeconds: 40,
        acquireTime: '1970-01-01T00:00:01.000000Z',
        renewTime: '2026-01-02T03:04:05.678000Z',
        leaseTransitions: 2,
      },
    });
  });
});

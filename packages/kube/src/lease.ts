/** coordination.k8s.io/v1 Lease: its times and its body. */

import type { RequestOptions } from './resources.ts';
import { createObject, leases, replaceObject } from './resources.ts';
import type { ApiRequest } from './transport.ts';

/**
 * MicroTime as the API demands it: RFC 3339 with exactly six fractional digits (`toISOString` has three and is refused, 400).
 *
 * @param ms  milliseconds since the epoch; fractions are kept down to the microsecond
 * @throws RangeError  outside of what a Date can hold
 */
export function microTime(ms: number): string {
  const whole = Math.floor(ms);
  const micros = Math.floor((ms - whole) * 1000);
  return new Date(whole).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}

/** What a Lease should say. Instants are milliseconds since the epoch. */
export interface LeaseContent {
  readonly namespace: string;
  readonly name: string;
  /** The precondition of a replacement; absent creates. */
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Empty: handed back. */
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquiredAt?: number;
  readonly renewedAt: number;
  readonly leaseTransitions?: number;
  /** Makes the Node its owner, so that the garbage collector takes the Lease with it. */
  readonly ownerNode?: { readonly name: string; readonly uid: string };
}

/** The Lease's body, without apiVersion and kind. */
export function leaseBody(lease: LeaseContent): Readonly<Record<string, unknown>> {
  return {
    metadata: {
      namespace: lease.namespace,
      name: lease.name,
      ...(lease.resourceVersion === undefined ? {} : { resourceVersion: lease.resourceVersion }),
      ...(lease.labels === undefined ? {} : { labels: lease.labels }),
      ...(lease.annotations === undefined ? {} : { annotations: lease.annotations }),
      ...(lease.ownerNode === undefined
        ? {}
        : {
            ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: lease.ownerNode.name, uid: lease.ownerNode.uid }],
          }),
    },
    spec: {
      holderIdentity: lease.holderIdentity,
      leaseDurationSeconds: lease.leaseDurationSeconds,
      ...(lease.acquiredAt === undefined ? {} : { acquireTime: microTime(lease.acquiredAt) }),
      renewTime: microTime(lease.renewedAt),
      ...(lease.leaseTransitions === undefined ? {} : { leaseTransitions: lease.leaseTransitions }),
    },
  };
}

/** POST without a resourceVersion, PUT with one. A `conflict` means that somebody else wrote first: look again, do not repeat. */
export function writeLease(lease: LeaseContent, options: RequestOptions = {}): ApiRequest {
  const { namespace, name } = lease;
  return lease.resourceVersion === undefined
    ? createObject(leases, namespace, leaseBody(lease), options)
    : replaceObject(leases, { namespace, name }, leaseBody(lease), options);
}

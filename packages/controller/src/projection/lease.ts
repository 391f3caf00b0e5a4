/** A Lease of the API server → `ObservedLease`. Times stay the server's strings (MicroTime, six digits). */
import type { ObservedLease } from '@kouplet/core';
import { number, present, record, text } from './json.ts';
import { projectMeta } from './meta.ts';

export function projectLease(raw: unknown): ObservedLease | undefined {
  const metadata = projectMeta(raw);
  if (metadata === undefined) return undefined;
  const spec = record(record(raw).spec);
  return {
    metadata,
    spec: present({
      holderIdentity: text(spec.holderIdentity),
      leaseDurationSeconds: number(spec.leaseDurationSeconds),
      acquireTime: text(spec.acquireTime),
      renewTime: text(spec.renewTime),
      leaseTransitions: number(spec.leaseTransitions),
    }),
  };
}

/** The admission chain: which plugins run, in the order of a real API server (kubeapiserver/options/plugins.go). */
import { defaultTolerationSeconds } from './default-tolerations.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { podLimit } from './pod-limit.ts';
import { priorityAdmission } from './priority.ts';
import { resourceQuotaAdmission } from './resource-quota.ts';
import { roleEscalation } from './role-escalation.ts';
import { runtimeClassAdmission } from './runtime-class.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { serviceAddress } from './service-address.ts';
import { taintNodesByCondition } from './taint-nodes.ts';

export { defaultTolerationSeconds } from './default-tolerations.ts';
export type { AdmissionContext, AdmissionPlugin, AdmissionReader } from './plugin.ts';

export interface AdmissionOptions {
  /** How long pods bear a node that is gone; 300 s as a real cluster's default. */
  tolerationSeconds?: number;
  /** Pods in all namespaces together; 200,000 unless said. */
  podsAtMost?: number;
}

/** In running order; the server calls every `admit`, and after validation every `validate`. */
export function admissionChain(options: AdmissionOptions = {}): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle,
    podLimit(options.podsAtMost),
    limitRanger,
    serviceAccountAdmission,
    taintNodesByCondition,
    priorityAdmission,
    defaultTolerationSeconds(options.tolerationSeconds),
    runtimeClassAdmission,
    serviceAddress,
    resourceQuotaAdmission,
    roleEscalation,
  ];
}

/** The chain with a real cluster's defaults. */
export const admissionPlugins: readonly AdmissionPlugin[] = admissionChain();

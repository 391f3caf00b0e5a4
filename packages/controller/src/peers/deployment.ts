/** A Deployment of the API server → `PeerDeployment`: its size, and what its template says of where its Pods run. */
import type { NodeRequirement, NodeTerm, PeerDeployment, Toleration } from '@kouplet/core';
import { list, number, present, record, text, texts } from '../projection/json.ts';
import { projectMeta } from '../projection/meta.ts';

/** @returns undefined for what has no name or uid. Of annotations only ours are kept: kubectl's last-applied is as large as the object. */
export function projectDeployment(raw: unknown): PeerDeployment | undefined {
  const metadata = projectMeta(raw, (key) => key.includes('kouplet.io/') || key.includes('koupleless.io/'));
  if (metadata === undefined) return undefined;
  const spec = record(record(raw).spec);
  const pod = record(record(spec.template).spec);
  const required = record(record(pod.affinity).nodeAffinity).requiredDuringSchedulingIgnoredDuringExecution;
  const terms = required === undefined || required === null ? undefined : list(record(required).nodeSelectorTerms);
  return {
    metadata,
    // What a server fills in for none.
    replicas: number(spec.replicas) ?? 1,
    isPaused: spec.paused === true,
    template: present({
      nodeSelector: texts(pod.nodeSelector) ?? {},
      terms: terms?.map(projectTerm),
      tolerations: list(pod.tolerations).map(projectToleration),
    }),
  };
}

function projectTerm(raw: unknown): NodeTerm {
  const term = record(raw);
  return {
    matchExpressions: list(term.matchExpressions).map(projectRequirement),
    matchFields: list(term.matchFields).map(projectRequirement),
  };
}

function projectRequirement(raw: unknown): NodeRequirement {
  const { key, operator, values } = record(raw);
  return {
    key: text(key) ?? '',
    operator: text(operator) ?? '',
    values: list(values).filter((value) => typeof value === 'string'),
  };
}

function projectToleration(raw: unknown): Toleration {
  const { key, operator, value, effect } = record(raw);
  return present({ key: text(key), operator: text(operator), value: text(value), effect: text(effect) });
}

/** A Node of the API server → `ObservedNode`. */
import type { NodeStatus, ObservedNode, Taint } from '@kouplet/core';
import { boolean, type Json, list, number, oneOf, present, record, text, texts } from './json.ts';
import { projectConditions, projectMeta } from './meta.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

/** @returns undefined for what has no name or uid. Annotations are all kept: what had to be changed of a base's values stands there. */
export function projectNode(raw: unknown): ObservedNode | undefined {
  const metadata = projectMeta(raw);
  if (metadata === undefined) return undefined;
  const object = record(raw);
  const spec = record(object.spec);
  const taints = list(spec.taints).flatMap(projectTaint);
  return {
    metadata,
    spec: present({
      providerID: text(spec.providerID),
      unschedulable: boolean(spec.unschedulable),
      taints: taints.length > 0 ? taints : undefined,
    }),
    status: projectStatus(record(object.status)),
  };
}

function projectTaint(raw: unknown): Taint[] {
  const taint = record(raw);
  const key = text(taint.key);
  const effect = oneOf(taint.effect, effects);
  if (key === undefined || effect === undefined) return [];
  return [present({ key, effect, value: text(taint.value), timeAdded: text(taint.timeAdded) })];
}

function projectStatus(status: Json): NodeStatus {
  const addresses = Array.isArray(status.addresses)
    ? status.addresses.flatMap((entry) => {
        const address = record(entry);
        const type = text(address.type);
        const value = text(address.address);
        return type === undefined || value === undefined ? [] : [{ type, address: value }];
      })
    : undefined;
  const port = number(record(record(status.daemonEndpoints).kubeletEndpoint).Port) ?? 0;
  return present({
    phase: text(status.phase),
    capacity: texts(status.capacity),
    allocatable: texts(status.allocatable),
    addresses,
    conditions: projectConditions(status.conditions),
    nodeInfo: texts(status.nodeInfo),
    daemonEndpoints: port === 0 ? undefined : { kubeletEndpoint: { Port: port } },
  });
}

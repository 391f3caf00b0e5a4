/** LimitRanger: gives containers the requests and limits that the namespace's LimitRanges say, and refuses what breaks them. */
import { ensure } from '../kinds/define-kind.ts';
import { type Fields, fieldsOf, listOf, sortedEntries } from '../kinds/json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { compareQuantities, quantityOf } from '../kinds/quantity.ts';
import { forbidden } from '../status.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';
import { listOfAmounts, podTotal } from './quota/amounts.ts';

const annotation = 'kubernetes.io/limit-ranger';

/** Acts on the creation of pods and on claims (kubernetes, plugin/pkg/admission/limitranger). [SPEC C65] */
export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  admit: (context) => {
    const { resource, draft } = context;
    if (resource !== 'pods' || draft === undefined) return;
    for (const range of rangesFor(context)) setDefaults(range, draft);
  },
  validate: (context) => {
    const { kind, name, draft } = context;
    if (draft === undefined) return;
    for (const range of rangesFor(context)) {
      const complaints =
        context.resource === 'pods' ? podComplaints(range, fieldsOf(draft.spec)) : claimComplaints(range, draft);
      const texts = [...new Set(complaints)];
      if (texts.length === 0) continue;
      throw forbidden(kind, name, texts.length === 1 ? String(texts[0]) : `[${texts.join(', ')}]`);
    }
  },
};

function rangesFor({ operation, resource, subresource, namespace, old, store }: AdmissionContext): KubeObject[] {
  if (subresource !== undefined || namespace === undefined) return [];
  const isPod = resource === 'pods' && operation === 'CREATE';
  const isClaim = resource === 'persistentvolumeclaims' && (operation === 'CREATE' || operation === 'UPDATE');
  if (!isPod && !isClaim) return [];
  return old?.metadata.deletionTimestamp === undefined ? store.list('limitranges', { namespace }) : [];
}

function setDefaults(range: KubeObject, pod: KubeObject): void {
  const limits: Fields = {};
  const requests: Fields = {};
  for (const limit of limitsOf(range, 'Container')) {
    Object.assign(limits, fieldsOf(limit.default));
    Object.assign(requests, fieldsOf(limit.defaultRequest));
  }
  const notes = [
    ...listOf(pod.spec?.containers).flatMap((container) => setOn(container, 'container', limits, requests)),
    ...listOf(pod.spec?.initContainers).flatMap((container) => setOn(container, 'init container', limits, requests)),
  ];
  if (notes.length === 0) return;
  const text = `LimitRanger plugin set: ${notes.join('; ')}`;
  pod.metadata.annotations = { ...pod.metadata.annotations, [annotation]: text };
}

/** @returns what was set, in the words of the annotation */
function setOn(container: Fields, sort: string, limits: Fields, requests: Fields): string[] {
  const resources = ensure(container, 'resources');
  const notes: string[] = [];
  for (const [field, word, defaults] of [
    ['requests', 'request', requests],
    ['limits', 'limit', limits],
  ] as const) {
    const given = fieldsOf(resources[field]);
    const missing = Object.keys(defaults)
      .filter((name) => given[name] === undefined)
      .sort();
    if (missing.length === 0) continue;
    resources[field] = { ...given, ...Object.fromEntries(missing.map((name) => [name, defaults[name]])) };
    notes.push(`${missing.join(', ')} ${word} for ${sort} ${container.name}`);
  }
  return notes;
}

function limitsOf(range: KubeObject, type: string): Fields[] {
  return listOf(range.spec?.limits).filter((limit) => limit.type === type);
}

function podComplaints(range: KubeObject, spec: Fields): string[] {
  const containers = [...listOf(spec.containers), ...listOf(spec.initContainers)];
  return listOf(range.spec?.limits).flatMap((limit) => {
    if (limit.type === 'Container') {
      return containers.flatMap(({ resources }) => {
        const { requests, limits } = fieldsOf(resources);
        return complaintsOf(limit, fieldsOf(requests), fieldsOf(limits));
      });
    }
    return limit.type === 'Pod'
      ? complaintsOf(limit, listOfAmounts(podTotal(spec, 'requests')), listOfAmounts(podTotal(spec, 'limits')))
      : [];
  });
}

function complaintsOf(limit: Fields, requests: Fields, limits: Fields): string[] {
  const type = String(limit.type);
  return [
    ...sortedEntries(limit.min).flatMap(([name, bound]) => belowMin(type, name, bound, requests[name], limits[name])),
    ...sortedEntries(limit.max).flatMap(([name, bound]) => aboveMax(type, name, bound, requests[name], limits[name])),
    ...sortedEntries(limit.maxLimitRequestRatio).flatMap(([name, bound]) =>
      aboveRatio(type, name, bound, requests[name], limits[name]),
    ),
  ];
}

function belowMin(type: string, name: string, bound: string, request: unknown, limit: unknown): string[] {
  const text = `minimum ${name} usage per ${type} is ${bound}`;
  if (request === undefined) return [`${text}.  No request is specified`];
  if (order(request, bound) < 0) return [`${text}, but request is ${request}`];
  return limit !== undefined && order(limit, bound) < 0 ? [`${text}, but limit is ${limit}`] : [];
}

function aboveMax(type: string, name: string, bound: string, request: unknown, limit: unknown): string[] {
  const text = `maximum ${name} usage per ${type} is ${bound}`;
  if (limit === undefined) return [`${text}.  No limit is specified`];
  if (order(limit, bound) > 0) return [`${text}, but limit is ${limit}`];
  return request !== undefined && order(request, bound) > 0 ? [`${text}, but request is ${request}`] : [];
}

function aboveRatio(type: string, name: string, bound: string, request: unknown, limit: unknown): string[] {
  const text = `${name} max limit to request ratio per ${type} is ${bound}`;
  const asked = quantityOf(request).nanos;
  const allowed = quantityOf(limit).nanos;
  if (request === undefined || asked === 0n) return [`${text}, but no request is specified or request is 0`];
  if (limit === undefined || allowed === 0n) return [`${text}, but no limit is specified or limit is 0`];
  const ratio = Number(allowed) / Number(asked);
  return ratio > Number(quantityOf(bound).nanos) / 1e9 ? [`${text}, but provided ratio is ${ratio.toFixed(6)}`] : [];
}

function order(a: unknown, b: unknown): number {
  return compareQuantities(quantityOf(a), quantityOf(b));
}

function claimComplaints(range: KubeObject, claim: KubeObject): string[] {
  const requests = fieldsOf(fieldsOf(claim.spec?.resources).requests);
  return limitsOf(range, 'PersistentVolumeClaim').flatMap((limit) => [
    ...sortedEntries(limit.min).flatMap(([name, bound]) =>
      belowMin('PersistentVolumeClaim', name, bound, requests[name], undefined),
    ),
    ...sortedEntries(limit.max).flatMap(([name, bound]) => {
      const text = `maximum ${name} usage per PersistentVolumeClaim is ${bound}`;
      if (requests[name] === undefined) return [`${text}.  No request is specified`];
      return order(requests[name], bound) > 0 ? [`${text}, but request is ${requests[name]}`] : [];
    }),
  ]);
}

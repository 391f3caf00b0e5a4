/** POST pods/NAME/eviction: a DELETE that asks the PodDisruptionBudgets first (registry/core/pod/storage/eviction.go). */
import { ApiError, type DeleteOptions } from '../api.ts';
import { entriesOf } from '../apply/managed-fields.ts';
import { evictionCondition, mayEvict } from '../controllers/eviction.ts';
import { clone, isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { type Face, faceOf } from '../rest/face.ts';
import { type Ground, inOrder, timestamp } from '../rest/ground.ts';
import { get } from '../rest/reads.ts';
import { remove } from '../rest/removal.ts';
import { update } from '../rest/writes.ts';
import { badRequest } from '../status.ts';
import { contentType, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { writeQuery } from './options.ts';

const BUDGETS = 'poddisruptionbudgets.policy';

/** @throws ApiError 404, 429 where a budget holds, 500 where two do */
export async function evict(
  ground: Ground,
  exchange: Exchange,
  face: Face,
  namespace: string,
  name: string,
): Promise<void> {
  const query = writeQuery(exchange, 'CreateOptions');
  const { value } = readBody(await exchange.body(), contentType(exchange.header('content-type')), { kind: 'Eviction' });
  const metadata = isRecord(value.metadata) ? value.metadata : {};
  if (typeof metadata.name === 'string' && metadata.name !== '' && metadata.name !== name) {
    throw badRequest('name in URL does not match name in Eviction object');
  }
  const options = isRecord(value.deleteOptions) ? value.deleteOptions : {};
  const dryRun = query.dryRun || (Array.isArray(options.dryRun) && options.dryRun.includes('All'));
  const pod = get(face, namespace, name);
  askBudgets(ground, pod, dryRun);
  const grace = options.gracePeriodSeconds;
  const preconditions = isRecord(options.preconditions) ? options.preconditions : {};
  const deletion: DeleteOptions = {
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
    ...(typeof preconditions.uid === 'string' ? { preconditions: { uid: preconditions.uid } } : {}),
  };
  if (!dryRun) tellWhy(ground, face, pod, exchange.actor);
  remove(ground, face, namespace, name, deletion, dryRun);
  exchange.sendJson(
    201,
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }),
  );
}

function askBudgets(ground: Ground, pod: KubeObject, dryRun: boolean): void {
  if (ground.registry.byResource(BUDGETS) === undefined) return;
  const face = faceOf(ground, BUDGETS);
  const verdict = mayEvict(pod, [...face.objects(pod.metadata.namespace)], ground.clock.now());
  switch (verdict.kind) {
    case 'allowed':
      return;
    case 'refused':
      throw new ApiError(verdict.status);
    case 'allowed-by-budget': {
      const { budget, status } = verdict;
      if (!dryRun)
        ground.store.put(face.shelf, inOrder(face.kind, { ...budget, metadata: { ...budget.metadata }, status }));
      return;
    }
    default:
      verdict satisfies never;
  }
}

/** An evicted Pod says so in a condition before it goes. */
function tellWhy(ground: Ground, face: Face, pod: KubeObject, actor: string): void {
  if (pod.metadata.deletionTimestamp !== undefined) return;
  const draft = clone(pod);
  const conditions: Array<{ type?: unknown }> = Array.isArray(draft.status?.conditions) ? draft.status.conditions : [];
  const condition = { ...evictionCondition, lastTransitionTime: timestamp(ground.clock.now()) };
  const others = conditions.filter((one) => one.type !== condition.type);
  draft.status = { ...draft.status, conditions: [...others, condition] };
  const { name, namespace = '' } = pod.metadata;
  // A real server writes it past its field manager: the condition is nobody's.
  const managedFields = entriesOf(pod);
  update(ground, face, namespace, name, draft, { actor, subresource: 'status', patch: true, managedFields });
}

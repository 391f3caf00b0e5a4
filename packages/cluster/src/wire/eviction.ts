/** POST pods/NAME/eviction: a DELETE that asks the PodDisruptionBudgets first (registry/core/pod/storage/eviction.go). */
import type { DeleteOptions } from '../api.ts';
import { isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { selectorMatches } from '../kinds/label-selectors.ts';
import { type Face, faceOf } from '../rest/face.ts';
import { type Ground, inOrder } from '../rest/ground.ts';
import { get } from '../rest/reads.ts';
import { remove } from '../rest/removal.ts';
import { badRequest, failure } from '../status.ts';
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
  if (!goesFreely(pod)) askBudgets(ground, pod, dryRun);
  const grace = options.gracePeriodSeconds;
  const preconditions = isRecord(options.preconditions) ? options.preconditions : {};
  const deletion: DeleteOptions = {
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
    ...(typeof preconditions.uid === 'string' ? { preconditions: { uid: preconditions.uid } } : {}),
  };
  remove(ground, face, namespace, name, deletion, dryRun);
  exchange.sendJson(
    201,
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }),
  );
}

/** Pods that are over, not yet running or on their way out break no budget. */
function goesFreely(pod: KubeObject): boolean {
  const phase: unknown = pod.status?.phase;
  return (
    phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined
  );
}

function askBudgets(ground: Ground, pod: KubeObject, dryRun: boolean): void {
  if (ground.store.shelf(BUDGETS) === undefined) return;
  const face = faceOf(ground, BUDGETS);
  const budgets = [...face.objects(pod.metadata.namespace)].filter((budget) =>
    selectorMatches(budget.spec?.selector, pod.metadata.labels),
  );
  const [budget, second] = budgets;
  if (budget === undefined) return;
  if (second !== undefined) {
    throw failure(
      500,
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const { status = {} } = budget;
  const allowed: number = status.disruptionsAllowed ?? 0;
  if (allowed <= 0) {
    throw failure(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [
        {
          reason: 'DisruptionBudget',
          message: `The disruption budget ${budget.metadata.name} needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`,
        },
      ],
    });
  }
  if (dryRun) return;
  const draft = inOrder(face.kind, {
    ...budget,
    metadata: { ...budget.metadata },
    status: { ...status, disruptionsAllowed: allowed - 1 },
  });
  ground.store.put(face.shelf, draft);
}

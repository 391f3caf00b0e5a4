/**
 * ResourceQuota: what a namespace may have at the most (apiserver 1.34, admission/plugin/resourcequota). `validate` refuses
 * what would be too much, `commit` notes what is stored in the quota's `status.used`. Both are in one turn with the write,
 * so that however many clients create at once, the sum never exceeds the limit. Deletions are counted by the controller.
 */

import type { KubeObject } from '../kinds/kind.ts';
import { forbidden } from '../status.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';
import {
  type Amounts,
  add,
  amountsOf,
  isMore,
  isZero,
  listOfAmounts,
  only,
  printed,
  surplus,
} from './quota/amounts.ts';
import { type Evaluator, evaluatorOf } from './quota/evaluators.ts';
import { scopesOf } from './quota/scopes.ts';

interface Charge {
  readonly quota: KubeObject;
  readonly used: Amounts;
}

/** [SPEC C110] */
export const resourceQuotaAdmission: AdmissionPlugin = {
  name: 'ResourceQuota',
  validate: (context) => {
    chargesOf(context);
  },
  commit: (context) => {
    for (const { quota, used } of chargesOf(context))
      context.store.putStatus?.('resourcequotas', quota, { ...quota.status, used: listOfAmounts(used) });
  },
};

/** @throws ApiError 403 for what no quota allows */
function chargesOf(context: AdmissionContext): Charge[] {
  const { operation, resource, subresource, namespace, draft, old, store, now } = context;
  if (namespace === undefined || draft === undefined || subresource !== undefined) return [];
  if (operation !== 'CREATE' && operation !== 'UPDATE') return [];
  const evaluator = evaluatorOf(resource);
  if (evaluator === undefined) return [];
  if (old !== undefined && !evaluator.watchesUpdate(draft, old)) return [];
  const quotas = store.list('resourcequotas', { namespace });
  const concerned = quotas.filter((quota) => means(quota, evaluator, draft));
  if (concerned.length === 0) return [];
  const { kind, name } = context;
  const refuse = (why: string): Error => forbidden(kind, name, why);

  for (const quota of concerned) {
    const names = limitedNames(quota, evaluator);
    const omission = evaluator.omission?.(names, draft);
    if (omission !== undefined) throw refuse(`failed quota: ${quota.metadata.name}: ${omission}`);
    const used = amountsOf(quota.status?.used);
    if (names.every((limited) => used.has(limited))) continue;
    throw refuse(`status unknown for quota: ${quota.metadata.name}, resources: ${names.sort().join(',')}`);
  }

  const usage = evaluator.usage(draft, now);
  const before = old === undefined ? undefined : evaluator.usage(old, now);
  return concerned.flatMap((quota): Charge[] => {
    const delta =
      before !== undefined && old !== undefined && means(quota, evaluator, old) ? surplus(usage, before) : usage;
    const hard = amountsOf(quota.status?.hard);
    const requested = only(delta, (limited, amount) => hard.has(limited) && !isZero(amount));
    if (requested.size === 0) return [];
    const known = amountsOf(quota.status?.used);
    const used = add(known, requested);
    const exceeded = new Set([...requested.keys()].filter((limited) => exceeds(used, hard, limited)));
    if (exceeded.size === 0) return [{ quota, used }];
    const named = (amounts: Amounts): string => printed(only(amounts, (limited) => exceeded.has(limited)));
    throw refuse(
      `exceeded quota: ${quota.metadata.name}, requested: ${named(requested)}, used: ${named(known)}, limited: ${named(hard)}`,
    );
  });
}

function exceeds(used: Amounts, hard: Amounts, name: string): boolean {
  const amount = used.get(name);
  const limit = hard.get(name);
  return amount !== undefined && limit !== undefined && isMore(amount, limit);
}

const limitedNames = (quota: KubeObject, evaluator: Evaluator): string[] =>
  Object.keys(quota.status?.hard ?? {}).filter((name) => evaluator.counts(name));

function means(quota: KubeObject, evaluator: Evaluator, object: KubeObject): boolean {
  return limitedNames(quota, evaluator).length > 0 && scopesOf(quota).every((scope) => evaluator.isIn(scope, object));
}

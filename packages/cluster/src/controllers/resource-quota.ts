/**
 * Keeps the status of ResourceQuotas true (kubernetes, pkg/controller/resourcequota): the limits that hold now, and what
 * is used of them. Admission adds what is created; what ends or goes is counted here.
 */
import { type Amounts, add, amountsOf, listOfAmounts, only } from '../admission/quota/amounts.ts';
import { evaluatorOf, isLive, resourceOf } from '../admission/quota/evaluators.ts';
import { hasDeadline, scopesOf } from '../admission/quota/scopes.ts';
import { fieldsOf } from '../kinds/json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { sameValue } from './machinery/canonical.ts';
import { keyOf } from './machinery/shapes.ts';
import { createWorkQueue } from './machinery/work-queue.ts';
import { type Controller, type ControllerContext, controllerActor } from './options.ts';

const quotaResource = 'resourcequotas';
/** Many Pods may go at once: they are counted together. */
const gatherMs = 20;
/** --resource-quota-sync-period. */
const resyncMs = 300_000;

/** [SPEC C111] */
export function startResourceQuotaController(context: ControllerContext): Controller {
  const { api, clock } = context;
  const quotas = context.index(quotaResource);
  const watched = new Map<string, () => void>();
  const queue = createWorkQueue({
    clock,
    run: sync,
    onError: (error, key) => context.onError(error, `resourcequota-controller ${key}`),
  });

  function sync(key: string): void {
    const quota = quotas.get(key);
    if (quota === undefined || quota.metadata.deletionTimestamp !== undefined) return;
    const hard = amountsOf(fieldsOf(quota.spec).hard);
    for (const name of hard.keys()) watch(resourceOf(name));
    const status = { hard: listOfAmounts(hard), used: listOfAmounts(count(quota, [...hard.keys()])) };
    queue.addAfter(key, resyncMs);
    if (sameValue(quota.status, status)) return;
    const { name, namespace } = quota.metadata;
    api.modify(quotaResource, name, namespace, (draft) => Object.assign(draft, { status }), {
      actor: controllerActor,
      subresource: 'status',
    });
  }

  /** What is used of each name; a name that nothing served can use is left out. */
  function count(quota: KubeObject, names: readonly string[]): Amounts {
    const { namespace = '' } = quota.metadata;
    const scopes = scopesOf(quota);
    let used: Amounts = new Map();
    for (const resource of new Set(names.map(resourceOf))) {
      const evaluator = resource === undefined ? undefined : evaluatorOf(resource);
      if (resource === undefined || evaluator === undefined || !isServed(resource)) continue;
      const own = names.filter((name) => evaluator.counts(name));
      used = add(used, new Map(own.map((name) => [name, { nanos: 0n, format: 'DecimalSI' }])));
      for (const object of context.index(resource).inNamespace(namespace)) {
        if (!scopes.every((scope) => evaluator.isIn(scope, object))) continue;
        used = add(
          used,
          only(evaluator.usage(object, clock.now()), (name) => own.includes(name)),
        );
      }
    }
    return used;
  }

  const isServed = (resource: string): boolean => context.resources.some((info) => info.resource === resource);

  /** From now on what goes of the resource is counted. */
  function watch(resource: string | undefined): void {
    if (resource === undefined || watched.has(resource) || !isServed(resource)) return;
    const evaluator = evaluatorOf(resource);
    if (evaluator === undefined) return;
    watched.set(
      resource,
      context.index(resource).onChange((after, before) => {
        const object = after ?? before;
        if (object === undefined || (after !== undefined && !usesLess(resource, after, before))) return;
        for (const quota of quotas.inNamespace(object.metadata.namespace ?? '')) {
          const names = Object.keys(fieldsOf(quota.status?.hard));
          if (names.some((name) => evaluator.counts(name))) queue.addAfter(keyOf(quota), gatherMs);
        }
      }),
    );
  }

  function usesLess(resource: string, after: KubeObject, before: KubeObject | undefined): boolean {
    if (before === undefined) return false;
    switch (resource) {
      case 'pods': {
        if (hasDeadline(fieldsOf(after.spec)) !== hasDeadline(fieldsOf(before.spec))) return true;
        return isLive(before, clock.now()) && !isLive(after, clock.now());
      }
      case 'services':
      case 'persistentvolumeclaims':
        return !sameValue(after.spec, before.spec);
      default:
        return false;
    }
  }

  const end = quotas.onChange((after, before) => {
    if (after === undefined || sameValue(after.spec, before?.spec)) return;
    queue.add(keyOf(after));
  });
  return {
    stop() {
      end();
      for (const endWatch of watched.values()) endWatch();
      queue.stop();
    },
  };
}

/**
 * Namespaces: each gets its `default` ServiceAccount (and the cluster's CA, where there is one), and one that is being
 * deleted is emptied before it goes (kubernetes, pkg/controller/namespace and serviceaccount).
 */
import type { KubeObject } from '../kinds/kind.ts';
import { timeText } from './machinery/instants.ts';
import { isNamespaceEnding, isReason } from './machinery/owners.ts';
import type { ResourceInfo } from './machinery/resources.ts';
import { type Condition, keyOf } from './machinery/shapes.ts';
import { createWorkQueue } from './machinery/work-queue.ts';
import { type Controller, type ControllerContext, controllerActor } from './options.ts';

const actor = controllerActor;

/** Makes the ServiceAccount `default` of every namespace that lives, again where it was deleted. */
export function startServiceAccountController(context: ControllerContext): Controller {
  const { api, clock } = context;
  const queue = createWorkQueue({
    clock,
    onError: (error, name) => context.onError(error, `serviceaccount-controller ${name}`),
    run(name) {
      const namespace = api.get('namespaces', name);
      if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
      if (api.get('serviceaccounts', 'default', name) !== undefined) return;
      try {
        const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } };
        api.create('serviceaccounts', account, { actor, namespace: name });
      } catch (error) {
        if (!isNamespaceEnding(error) && !isReason(error, 'AlreadyExists')) throw error;
      }
    },
  });
  const endings = [
    context.index('namespaces').onChange((after) => {
      if (after !== undefined) queue.add(after.metadata.name);
    }),
    context.index('serviceaccounts').onChange((after, before) => {
      if (after === undefined && before?.metadata.name === 'default') queue.add(before.metadata.namespace ?? '');
    }),
  ];
  return {
    stop() {
      for (const end of endings) end();
      queue.stop();
    },
  };
}

/** Conditions of a namespace that is being emptied: type, and what is said when all is well (status_condition_utils.go). */
const wellMeant: ReadonlyArray<readonly [type: string, reason: string, message: string]> = [
  ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  [
    'NamespaceDeletionContentFailure',
    'ContentDeleted',
    'All content successfully deleted, may be waiting on finalization',
  ],
  ['NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'],
  ['NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
];

interface Remaining {
  byResource: Map<string, number>;
  byFinalizer: Map<string, number>;
  failures: string[];
}

function listed(counts: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string {
  return [...counts]
    .map(([name, count]) => text(name, count))
    .sort()
    .join(', ');
}

/** What is wrong, by condition type. */
function problems({ byResource, byFinalizer, failures }: Remaining): Map<string, { reason: string; message: string }> {
  const found = new Map<string, { reason: string; message: string }>();
  if (failures.length > 0) {
    found.set('NamespaceDeletionContentFailure', {
      reason: 'ContentDeletionFailed',
      message: `Failed to delete all resource types, ${failures.length} remaining: ${failures.sort().join(', ')}`,
    });
  }
  if (byResource.size > 0) {
    const what = listed(byResource, (name, count) => `${name} has ${count} resource instances`);
    found.set('NamespaceContentRemaining', {
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${what}`,
    });
  }
  if (byFinalizer.size > 0) {
    const what = listed(byFinalizer, (name, count) => `${name} in ${count} resource instances`);
    found.set('NamespaceFinalizersRemaining', {
      reason: 'SomeFinalizersRemain',
      message: `Some content in the namespace has finalizers remaining: ${what}`,
    });
  }
  return found;
}

/** Empties namespaces that are being deleted, and lets them go. */
export function startNamespaceController(context: ControllerContext): Controller {
  const { api, clock } = context;
  const resources = new Map<string, ResourceInfo>();
  const endings = new Map<string, () => void>();
  const queue = createWorkQueue({
    clock,
    run: sync,
    onError: (error, name) => context.onError(error, `namespace-controller ${name}`),
  });

  function sync(name: string): void {
    const namespace = api.get('namespaces', name);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    const finalizers: string[] = namespace.spec?.finalizers ?? [];
    if (!finalizers.includes('kubernetes')) return;
    const remaining = empty(name);
    if (remaining.byResource.size > 0 || remaining.failures.length > 0) {
      writeConditions(namespace, problems(remaining));
      // What is left tells of its end by a watch; this is for what failed.
      queue.addAfter(name, 5_000);
      return;
    }
    api.modify(
      'namespaces',
      name,
      undefined,
      (draft) => {
        draft.spec.finalizers = finalizers.filter((finalizer) => finalizer !== 'kubernetes');
      },
      { actor, subresource: 'finalize' },
    );
  }

  /** Deletes everything, and counts what is still there. Pods end with their own grace. */
  function empty(namespace: string): Remaining {
    const remaining: Remaining = { byResource: new Map(), byFinalizer: new Map(), failures: [] };
    for (const info of resources.values()) {
      for (const object of context.index(info.resource).inNamespace(namespace)) remove(info, object, remaining);
      const left = context.index(info.resource).inNamespace(namespace);
      if (left.length === 0) continue;
      const [plural, group = ''] = splitResource(info.resource);
      remaining.byResource.set(`${plural}.${group}`, left.length);
      for (const object of left) {
        for (const finalizer of object.metadata.finalizers ?? []) {
          remaining.byFinalizer.set(finalizer, (remaining.byFinalizer.get(finalizer) ?? 0) + 1);
        }
      }
    }
    return remaining;
  }

  function remove(info: ResourceInfo, object: KubeObject, remaining: Remaining): void {
    if (object.metadata.deletionTimestamp !== undefined) return;
    try {
      api.delete(info.resource, object.metadata.name, object.metadata.namespace, {
        propagationPolicy: 'Background',
        preconditions: { uid: object.metadata.uid },
      });
    } catch (error) {
      if (isReason(error, 'NotFound')) return;
      remaining.failures.push(error instanceof Error ? error.message : String(error));
    }
  }

  function writeConditions(
    namespace: KubeObject,
    found: ReadonlyMap<string, { reason: string; message: string }>,
  ): void {
    const before: Condition[] = namespace.status?.conditions ?? [];
    const conditions = wellMeant.map(([type, wellReason, wellMessage]): Condition => {
      const problem = found.get(type);
      const status = problem === undefined ? 'False' : 'True';
      const known = before.find((condition) => condition.type === type);
      const isSame = known?.status === status && known.lastTransitionTime !== undefined;
      return {
        type,
        status,
        lastTransitionTime: isSame ? (known.lastTransitionTime ?? '') : timeText(clock.now()),
        reason: problem?.reason ?? wellReason,
        message: problem?.message ?? wellMessage,
      };
    });
    if (JSON.stringify(before) === JSON.stringify(conditions)) return;
    api.modify(
      'namespaces',
      namespace.metadata.name,
      undefined,
      (draft) => {
        draft.status = { ...draft.status, conditions };
      },
      { actor, subresource: 'status' },
    );
  }

  function attach(info: ResourceInfo): void {
    if (!info.namespaced) return;
    resources.set(info.resource, info);
    endings.set(
      info.resource,
      context.index(info.resource).onChange((after, before) => {
        const name = (after ?? before)?.metadata.namespace;
        if (name === undefined || (after !== undefined && after.metadata.deletionTimestamp === undefined)) return;
        if (api.get('namespaces', name)?.metadata.deletionTimestamp !== undefined) queue.add(name);
      }),
    );
  }

  for (const info of context.resources) attach(info);
  const endCustom = context.onCustomResources({
    came: attach,
    went(info) {
      resources.delete(info.resource);
      endings.get(info.resource)?.();
      endings.delete(info.resource);
    },
  });
  const endNamespaces = context.index('namespaces').onChange((after) => {
    if (after?.metadata.deletionTimestamp !== undefined) queue.add(keyOf(after));
  });
  return {
    stop() {
      endCustom();
      endNamespaces();
      for (const end of endings.values()) end();
      queue.stop();
    },
  };
}

function splitResource(resource: string): [string, string?] {
  const dot = resource.indexOf('.');
  return dot < 0 ? [resource] : [resource.slice(0, dot), resource.slice(dot + 1)];
}

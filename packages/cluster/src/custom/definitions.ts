/**
 * The life of definitions: names, kinds in the registry, shelves in the store, and the end of all objects with theirs.
 *
 *   taken ─► NamesAccepted ─► Established ─► served ─► (schema changes: served anew) ─► Terminating ─► objects deleted ─► gone
 *
 * It is part of the server, not one of its controllers: without controllers custom kinds work, too.
 */
import type { Api } from '../api.ts';
import { ApiError } from '../api.ts';
import { equal } from '../json.ts';
import { CLEANUP, DEFINITIONS } from '../kinds/custom-resource-definition.ts';
import { listOf } from '../kinds/json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import type { Ground } from '../rest/ground.ts';
import { timestamp } from '../rest/ground.ts';
import { nameDefinition, setCondition } from './accepted-names.ts';
import { kindsOf } from './custom-kind.ts';

const ACTOR = 'kube-apiserver';

/** Serves every definition there is and every one to come, until the answer is called. */
export function serveDefinitions(ground: Ground, api: Api, onError: (error: unknown) => void): () => void {
  const served = new Map<string, KubeObject>();
  const endings = new Map<string, () => void>();

  const statusOf = (name: string, change: (definition: KubeObject) => Record<string, unknown>): void => {
    try {
      api.modify(
        DEFINITIONS,
        name,
        undefined,
        (draft) => {
          draft.status = { ...draft.status, ...change(draft) };
        },
        { actor: ACTOR, subresource: 'status' },
      );
    } catch (error) {
      if (!(error instanceof ApiError) || error.status.reason !== 'NotFound') onError(error);
    }
  };

  /** Gives every definition of the group the names that are free for it; the first that came is asked first. */
  function nameGroup(group: unknown): void {
    const ofGroup = api.list(DEFINITIONS).filter((one) => one.spec?.group === group);
    ofGroup.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
    for (const { metadata } of ofGroup) {
      const definition = api.get(DEFINITIONS, metadata.name);
      if (definition === undefined || metadata.deletionTimestamp !== undefined) continue;
      const naming = nameDefinition(definition, api.list(DEFINITIONS), timestamp(ground.clock.now()));
      const { acceptedNames, conditions } = definition.status ?? {};
      if (equal(naming, { acceptedNames, conditions })) continue;
      statusOf(metadata.name, () => ({ ...naming }));
    }
  }

  function serve(definition: KubeObject): void {
    const { name } = definition.metadata;
    const before = served.get(name);
    if (before !== undefined && equal(facesOf(before), facesOf(definition)) && ground.registry.isCustom(name)) return;
    if (ground.registry.isBuiltIn(name)) return;
    const kinds = kindsOf(definition, () => {
      const now = api.get(DEFINITIONS, name);
      return now === undefined || isEnding(now);
    });
    const [first] = kinds;
    if (first === undefined) {
      // Established once, and none of its versions is served now: the objects stay.
      if (served.has(name)) ground.registry.setCustom(name, []);
      return;
    }
    served.set(name, definition);
    if (ground.store.shelf(name) === undefined) {
      const { storedAs: _self, ...kind } = first;
      ground.store.serve(kind);
    }
    ground.registry.setCustom(name, kinds);
  }

  function end(definition: KubeObject): void {
    const { name } = definition.metadata;
    if (!(definition.metadata.finalizers ?? []).includes(CLEANUP) || endings.has(name)) return;
    const say = (status: string, reason: string, message: string): void =>
      statusOf(name, (draft) => ({
        conditions: setCondition(
          listOf(draft.status?.conditions),
          { type: 'Terminating', status, reason, message },
          timestamp(ground.clock.now()),
        ),
      }));
    say('True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
    const shelf = served.has(name) ? ground.store.shelf(name) : undefined;
    const finish = (): void => {
      if (shelf !== undefined && shelf.size > 0) return;
      endings.get(name)?.();
      endings.delete(name);
      say('False', 'InstanceDeletionCompleted', 'removed all instances');
      const now = api.get(DEFINITIONS, name);
      if (now === undefined) return;
      api.modify(
        DEFINITIONS,
        name,
        undefined,
        (draft) => {
          draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter((one) => one !== CLEANUP);
        },
        { actor: ACTOR },
      );
    };
    if (shelf !== undefined && ground.registry.byResource(name) === undefined) {
      for (const object of [...shelf.objects()]) ground.store.remove(shelf, object);
    } else if (shelf !== undefined) {
      endings.set(
        name,
        api.watch(name, ({ type }) => {
          if (type === 'DELETED') finish();
        }),
      );
      for (const { metadata } of api.list(name)) {
        try {
          api.delete(name, metadata.name, metadata.namespace, { propagationPolicy: 'Background' });
        } catch (error) {
          if (!(error instanceof ApiError) || error.status.reason !== 'NotFound') onError(error);
        }
      }
    }
    finish();
  }

  function forget(definition: KubeObject): void {
    const { name } = definition.metadata;
    endings.get(name)?.();
    endings.delete(name);
    if (served.delete(name)) {
      ground.registry.setCustom(name, []);
      ground.store.retire(name);
    }
    nameGroup(definition.spec?.group);
  }

  const stop = api.watch(DEFINITIONS, ({ type, object }) => {
    if (type === 'DELETED') return forget(object);
    const definition = api.get(DEFINITIONS, object.metadata.name);
    // A later event tells of what is newer.
    if (definition === undefined) return;
    if (!isEnding(definition)) nameGroup(definition.spec?.group);
    const now = api.get(DEFINITIONS, object.metadata.name);
    if (now === undefined) return;
    serve(now);
    if (isEnding(now)) end(now);
  });
  return () => {
    stop();
    for (const ending of endings.values()) ending();
  };
}

/** What its kinds come from. */
function facesOf({ spec, status }: KubeObject): unknown {
  return [spec, status?.acceptedNames];
}

function isEnding({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

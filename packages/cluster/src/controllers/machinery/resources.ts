/** Which resources there are, and how an owner reference's kind becomes a resource. */
import { type Api, ApiError } from '../../api.ts';
import { DEFINITIONS } from '../../kinds/custom-resource-definition.ts';
import { kinds } from '../../kinds/index.ts';
import { fieldsOf, listOf } from '../../kinds/json.ts';
import type { Kind, KubeObject } from '../../kinds/kind.ts';

/** A resource whose objects can own, be owned or stand in a namespace. */
export interface ResourceInfo {
  /** As `Api` names it. */
  resource: string;
  apiVersion: string;
  kind: string;
  namespaced: boolean;
}

function infoOf(kind: Kind): ResourceInfo {
  return {
    resource: kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`,
    apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`,
    kind: kind.kind,
    namespaced: kind.namespaced,
  };
}

/** Everything that can be listed and deleted, each once: Events and autoscalers have two faces and one store. */
export function servedResources(): ResourceInfo[] {
  return kinds
    .filter((kind) => kind.verbs.includes('list') && kind.verbs.includes('delete') && kind.verbs.includes('watch'))
    .filter((kind) => kind.storedAs === undefined)
    .map(infoOf);
}

/** Hears of custom resources as they come and go. */
export interface ResourceListener {
  came(info: ResourceInfo): void;
  went(info: ResourceInfo): void;
}

/** Those that are there come first, at once. The answer ends it. */
export function watchCustomResources(api: Api, listener: ResourceListener): () => void {
  const known = new Map<string, ResourceInfo>();
  try {
    return api.watch(DEFINITIONS, ({ type, object }) => {
      const { name } = object.metadata;
      const before = known.get(name);
      if (type === 'DELETED') {
        known.delete(name);
        if (before !== undefined) listener.went(before);
      } else if (before === undefined && isServed(api, object)) {
        const info = customInfo(object);
        known.set(name, info);
        listener.came(info);
      }
    });
  } catch (error) {
    // A server without definitions has no custom resources.
    if (error instanceof ApiError) return () => undefined;
    throw error;
  }
}

/** Asked of the server itself: a definition that was established may be gone by the time its event comes. */
function isServed(api: Api, { metadata, status }: KubeObject): boolean {
  if (!listOf(status?.conditions).some((one) => one.type === 'Established' && one.status === 'True')) return false;
  try {
    api.list(metadata.name, { namespace: '' });
    return true;
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}

function customInfo({ metadata, spec }: KubeObject): ResourceInfo {
  const served = listOf(spec?.versions).find((one) => one.served === true);
  return {
    resource: metadata.name,
    apiVersion: `${spec?.group}/${served?.name ?? ''}`,
    kind: String(fieldsOf(spec?.names).kind),
    namespaced: spec?.scope === 'Namespaced',
  };
}

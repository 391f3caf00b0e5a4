/** Which resources there are, and how an owner reference's kind becomes a resource. */
import { kinds } from '../../kinds/index.ts';
import type { Kind } from '../../kinds/kind.ts';

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

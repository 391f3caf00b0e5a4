/** What the tests of this folder share: the server without its wire, and recorded answers of a real 1.34. */
import { readFileSync } from 'node:fs';
import { admissionPlugins } from '../admission/index.ts';
import { type Api, ApiError } from '../api.ts';
import { systemClock } from '../clock.ts';
import { bootstrap } from '../rest/bootstrap.ts';
import { createState } from '../rest/cluster-state.ts';
import { kinds } from './index.ts';
import { type Fields, isFields } from './json.ts';
import type { Kind } from './kind.ts';

/** A server with nothing in it but what every cluster has. */
export function freshApi(): Api {
  const { api } = createState({
    kinds,
    admission: admissionPlugins,
    clock: systemClock,
    onError: (error) => {
      throw error;
    },
  });
  bootstrap(api);
  return api;
}

/** `pods`, `deployments.apps`. */
export function kindOf(resource: string): Kind {
  const found = kinds.find(({ group, plural }) => (group === '' ? plural : `${plural}.${group}`) === resource);
  if (found === undefined) throw new Error(`no kind for ${resource}`);
  return found;
}

/** A recorded file of `fixtures/kubernetes`. */
export function recorded(name: string): Record<string, Fields> {
  return JSON.parse(readFileSync(new URL(`../fixtures/kubernetes/${name}.json`, import.meta.url), 'utf8'));
}

/** The object or the Status, without what differs from one time to the next. */
export function answerOf(attempt: () => unknown): Fields {
  try {
    return withoutTimes(attempt());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { message, reason, details, code } = error.status;
    return { message, reason, ...(details !== undefined && { details }), code };
  }
}

/** Times, ids and who owns which fields (of which there are tests of their own) taken out, so that a recorded answer and ours can be held against each other. */
export function withoutTimes(value: unknown): Fields {
  const copy: unknown = structuredClone(value);
  if (!isFields(copy)) throw new Error('no object');
  if (isFields(copy.metadata)) {
    for (const field of ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields']) delete copy.metadata[field];
  }
  if (isFields(copy.status) && Array.isArray(copy.status.conditions)) {
    for (const condition of copy.status.conditions) delete condition.lastTransitionTime;
  }
  return copy;
}

/** RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** get and list, with selectors and pages. */
import { goQuoted } from '../go-text.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { badRequest, failure, notFound } from '../status.ts';
import { both, type Matches, parseFieldSelector, parseLabelSelector } from '../storage/selectors.ts';
import type { Place } from '../storage/store.ts';
import type { Face } from './face.ts';
import type { Ground } from './ground.ts';

/** @throws ApiError 404 */
export function get(face: Face, namespace: string, name: string): KubeObject {
  const object = face.get(namespace, name);
  if (object === undefined) throw notFound(face.kind, name);
  return object;
}

/** Both selectors as one question; undefined where everything matches. @throws ApiError 400 */
export function selection(
  face: Face,
  query: { readonly labelSelector?: string | undefined; readonly fieldSelector?: string | undefined },
): Matches | undefined {
  return both(parseLabelSelector(query.labelSelector), parseFieldSelector(query.fieldSelector, face.kind));
}

export interface ListQuery {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** 0 or absent: all. */
  readonly limit?: number | undefined;
  /** From the page before. */
  readonly continue?: string | undefined;
  /** 0: any state will do; a real server then answers from its cache, whole. */
  readonly resourceVersion?: number | undefined;
}

export interface Page {
  readonly items: KubeObject[];
  /** Of the first page: a watch from here misses nothing that changed between the pages. */
  readonly revision: number;
  readonly continue?: string;
  readonly remaining?: number;
}

interface Token {
  readonly v: 'meta.k8s.io/v1';
  readonly rv: number;
  /** The last key of the page before: namespace, NUL, name; they sort as the shelf does. */
  readonly start: string;
}

/** @throws ApiError 400 for a bad selector or token, 410 for a token that is too old */
export function list(ground: Ground, face: Face, query: ListQuery): Page {
  const matches = selection(face, query);
  const token = query.continue === undefined || query.continue === '' ? undefined : readToken(query.continue);
  if (token !== undefined && token.rv < face.shelf.history.oldest) {
    throw failure(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
    );
  }
  const revision = token?.rv ?? ground.store.revision;
  const whole = query.limit === undefined || query.limit <= 0 || query.resourceVersion === 0;
  const limit = whole ? Number.POSITIVE_INFINITY : (query.limit ?? 0);
  const items: KubeObject[] = [];
  let hasMore = false;
  for (const object of face.objects(query.namespace, token === undefined ? undefined : placeOf(token.start))) {
    if (matches !== undefined && !matches(object)) continue;
    hasMore = items.length >= limit;
    if (hasMore) break;
    items.push(object);
  }
  const last = items.at(-1);
  if (!hasMore || last === undefined) return { items, revision };
  const end: Place = { namespace: last.metadata.namespace ?? '', name: last.metadata.name };
  const next: Token = { v: 'meta.k8s.io/v1', rv: revision, start: `${end.namespace}\0${end.name}` };
  return {
    items,
    revision,
    continue: Buffer.from(JSON.stringify(next)).toString('base64url'),
    // A real server does not count what a selector would still have to look at.
    ...(matches === undefined ? { remaining: face.shelf.countAfter(query.namespace, end) } : {}),
  };
}

function placeOf(start: string): Place {
  const at = start.indexOf('\0');
  return { namespace: start.slice(0, Math.max(at, 0)), name: start.slice(at + 1) };
}

function readToken(text: string): Token {
  const decoded = Buffer.from(text, 'base64url').toString('latin1');
  let value: unknown;
  try {
    value = JSON.parse(decoded);
  } catch {
    const first = decoded.trimStart()[0];
    throw badRequest(
      first === undefined
        ? 'invalid continue token: continue key is not valid: unexpected end of JSON input'
        : `invalid continue token: continue key is not valid: invalid character '${goQuoted(first).slice(1, -1)}' looking for beginning of value`,
    );
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    !('rv' in value && 'start' in value) ||
    typeof value.rv !== 'number' ||
    typeof value.start !== 'string'
  ) {
    throw badRequest(
      'invalid continue token: continue key is not valid: server does not recognize this encoded version',
    );
  }
  return { v: 'meta.k8s.io/v1', rv: value.rv, start: value.start };
}

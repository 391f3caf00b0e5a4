/** What a request wants, read off its method and address alone, before anybody looks whether there is such a thing (apiserver, RequestInfo). */
import type { Attempted } from './access.ts';

const VERBS: ReadonlyMap<string, string> = new Map([
  ['GET', 'get'],
  ['HEAD', 'get'],
  ['POST', 'create'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);
const OF_NAMESPACES: ReadonlySet<string | undefined> = new Set(['status', 'finalize']);

/** @param segments  of the path, decoded */
export function attemptedOf(
  method: string,
  path: string,
  segments: readonly string[],
  query: URLSearchParams,
): Attempted {
  const isCore = segments[0] === 'api';
  const [group = '', version = '', ...rest] = isCore ? ['', ...segments.slice(1)] : segments.slice(1);
  if ((!isCore && segments[0] !== 'apis') || rest.length === 0) {
    return { kind: 'path', verb: method.toLowerCase(), path };
  }
  let parts = rest;
  let namespace = '';
  if (parts[0] === 'namespaces' && parts[1] !== undefined) {
    namespace = parts[1];
    if (parts.length > 2 && !OF_NAMESPACES.has(parts[2])) parts = parts.slice(2);
  }
  const [resource = '', name = '', subresource = ''] = parts;
  const plain = VERBS.get(method) ?? method.toLowerCase();
  const about = { kind: 'resource', group, version, resource, subresource, namespace } as const;
  if (name !== '') return { ...about, verb: plain, name };
  if (plain === 'delete') return { ...about, verb: 'deletecollection', name };
  if (plain !== 'get') return { ...about, verb: plain, name };
  const watch = query.get('watch');
  const verb = watch !== null && watch !== 'false' && watch !== '0' ? 'watch' : 'list';
  // One object is meant by its name: a role that names it is enough.
  const named = /^metadata\.name==?([^,]+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
  return { ...about, verb, name: named ?? '' };
}

/** A path of the API taken apart: `/apis/apps/v1/namespaces/NS/deployments/NAME/scale`. */
import type { Kind } from '../kinds/kind.ts';
import type { Registry } from '../registry.ts';
import { badRequest, noSuchResource } from '../status.ts';

export interface ResourceRoute {
  readonly kind: Kind;
  /** `pods`, `deployments.apps`. */
  readonly resource: string;
  /** '' for kinds of the cluster and for all namespaces. */
  readonly namespace: string;
  /** Absent for the collection. */
  readonly name?: string;
  readonly subresource?: string;
  /** What stands behind the subresource (`proxy/…`). */
  readonly rest?: string;
}

/** The segments of a path, decoded. @throws ApiError 400 for a broken escape */
export function segmentsOf(path: string): string[] {
  try {
    return path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent);
  } catch {
    throw badRequest(`invalid path: ${path}`);
  }
}

/** Subresources of namespaces, which stand where a resource of the namespace would. */
const OF_NAMESPACES: ReadonlySet<string> = new Set(['status', 'finalize']);

/**
 * @param segments what follows `/api/v1` or `/apis/G/V`
 * @param isCustom  the group has custom kinds only: what it does not have is no page, rather than no resource
 * @returns undefined for that
 * @throws ApiError 404 for a resource this group-version does not have
 */
export function resourceRoute(
  registry: Registry,
  group: string,
  version: string,
  segments: readonly string[],
  isCustom = false,
): ResourceRoute | undefined {
  const [first, second, third] = segments;
  const inNamespace =
    first === 'namespaces' &&
    second !== undefined &&
    third !== undefined &&
    !(group === '' && OF_NAMESPACES.has(third));
  const namespace = inNamespace ? second : '';
  const [plural, name, subresource, ...rest] = inNamespace ? segments.slice(2) : segments;
  const resource = group === '' ? (plural ?? '') : `${plural ?? ''}.${group}`;
  const kind = registry.byVersion(group, version, plural ?? '');
  const isServed =
    kind !== undefined &&
    !(inNamespace && !kind.namespaced) &&
    // A named object of a namespace needs its namespace in the path.
    !(!inNamespace && kind.namespaced && name !== undefined);
  if (!isServed) {
    if (isCustom) return undefined;
    throw noSuchResource();
  }
  return {
    kind,
    resource,
    namespace,
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    ...(rest.length === 0 ? {} : { rest: rest.join('/') }),
  };
}

/** Objects as a table for people and as bare metadata: the two other forms in which kubectl and informers ask for them. */
import { goQuoted } from '../go-text.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { badRequest } from '../status.ts';

/** What a row carries beside its cells. */
export type IncludeObject = 'Metadata' | 'None' | 'Object';

export interface TableOptions {
  readonly include: IncludeObject;
  readonly version: string;
  /** ms since the epoch, for ages. */
  readonly now: number;
  /** A watch sends the columns with its first event only. */
  readonly columns: boolean;
}

/** A meta.k8s.io Table as JSON. `metadata` is the list's. */
export function tableOf(
  kind: Pick<Kind, 'columns' | 'row'>,
  objects: Iterable<KubeObject>,
  metadata: Readonly<Record<string, unknown>>,
  options: TableOptions,
): string {
  const rows: unknown[] = [];
  for (const object of objects) {
    rows.push({
      cells: kind.row(object, options.now),
      object:
        options.include === 'None' ? null : options.include === 'Object' ? object : metadataOf(object, options.version),
    });
  }
  return JSON.stringify({
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: options.columns ? kind.columns : null,
    rows,
  });
}

/**
 * `includeObject` of the query, asked for where a table is.
 *
 * @throws ApiError 400 where it is none of the three
 */
export function includeOf(value: string | undefined): IncludeObject {
  if (value === undefined || value === '') return 'Metadata';
  if (value === 'None' || value === 'Object' || value === 'Metadata') return value;
  const what = `includeObject: Invalid value: ${goQuoted(value)}: must be 'Metadata', 'Object', 'None', or empty`;
  throw badRequest(`Unable to convert to Table as requested: ${what}`);
}

/** A PartialObjectMetadata. */
export function metadataOf(object: KubeObject, version: string): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

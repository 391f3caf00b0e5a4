/** One page of a LIST, as the wire has it. */
import { isRecord } from './objects.ts';

export interface ListPage {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** Asks for the next page; undefined on the last one. */
  readonly token: string | undefined;
}

/** undefined: this is no list. */
export function pageOf(body: unknown): ListPage | undefined {
  if (!isRecord(body) || !isRecord(body.metadata)) return undefined;
  // A Go server writes an empty list's items as null.
  const items = body.items ?? [];
  const { resourceVersion, continue: token } = body.metadata;
  if (!Array.isArray(items) || typeof resourceVersion !== 'string' || resourceVersion === '') return undefined;
  return { items, resourceVersion, token: typeof token === 'string' && token !== '' ? token : undefined };
}

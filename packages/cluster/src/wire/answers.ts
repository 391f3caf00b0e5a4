/** One object or a list of them, in the form the client negotiated. */
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { apiVersionOf } from '../registry.ts';
import { failure } from '../status.ts';
import { toJson } from '../storage/store.ts';
import type { Exchange } from './exchange.ts';
import { type Form, negotiate } from './negotiate.ts';
import { includeOf, metadataOf, tableOf } from './tables.ts';

/** @throws ApiError 406 where the form is one of lists */
export function sendObject(exchange: Exchange, code: number, kind: Kind, object: KubeObject, now: number): void {
  const form = negotiate(exchange.header('accept'));
  exchange.sendObject(code, form.encoding, objectText(exchange, form, kind, object, now));
}

function objectText(exchange: Exchange, form: Form, kind: Kind, object: KubeObject, now: number): string {
  switch (form.as) {
    case 'object':
      return toJson(object);
    case 'metadata':
      return JSON.stringify(metadataOf(object, form.version));
    case 'table': {
      const { resourceVersion } = object.metadata;
      const include = includeOf(exchange.param('includeObject'));
      return tableOf(kind, [object], { resourceVersion }, { include, version: form.version, now, columns: true });
    }
    case 'metadata-list':
      throw failure(
        406,
        'NotAcceptable',
        `you requested PartialObjectMetadataList, but the requested object is not a list (*${goPackage(kind)}.${kind.kind})`,
      );
    default:
      return form.as satisfies never;
  }
}

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
}

/** @throws ApiError 406 where the form is one of single objects */
export function sendList(
  exchange: Exchange,
  kind: Kind,
  objects: readonly KubeObject[],
  metadata: ListMetadata,
  now: number,
): void {
  const form = negotiate(exchange.header('accept'), true);
  exchange.sendObject(200, form.encoding, listText(exchange, form, kind, objects, metadata, now));
}

function listText(
  exchange: Exchange,
  form: Form,
  kind: Kind,
  objects: readonly KubeObject[],
  metadata: ListMetadata,
  now: number,
): string {
  switch (form.as) {
    case 'object': {
      // A list of custom kind has no Go type that would leave out what is empty.
      const ofList = kind.custom === undefined ? metadata : { continue: '', ...metadata };
      return `{"kind":"${kind.kind}List","apiVersion":"${apiVersionOf(kind)}","metadata":${JSON.stringify(ofList)},"items":[${items(kind, objects)}]}`;
    }
    case 'metadata-list': {
      const list = objects.map((object) => metadataOf(object, form.version));
      return JSON.stringify({
        kind: 'PartialObjectMetadataList',
        apiVersion: `meta.k8s.io/${form.version}`,
        metadata,
        items: list,
      });
    }
    case 'table': {
      const include = includeOf(exchange.param('includeObject'));
      return tableOf(kind, objects, { ...metadata }, { include, version: form.version, now, columns: true });
    }
    case 'metadata':
      throw failure(
        406,
        'NotAcceptable',
        `you requested PartialObjectMetadata, but the requested object is a list (*${goPackage(kind)}.${kind.kind}List)`,
      );
    default:
      return form.as satisfies never;
  }
}

/** Items of a list carry no kind and no apiVersion: those stand once, at the list. Those of a custom kind carry them. */
function items(kind: Kind, objects: readonly KubeObject[]): string {
  if (kind.custom !== undefined) return objects.map(toJson).join(',');
  const start = `{"kind":${JSON.stringify(kind.kind)},"apiVersion":${JSON.stringify(apiVersionOf(kind))},`;
  return objects
    .map((object) => {
      const text = toJson(object);
      return text.startsWith(start) ? `{${text.slice(start.length)}` : text;
    })
    .join(',');
}

/** The Go package of the internal types, as it stands in such texts. */
function goPackage(kind: Kind): string {
  return kind.group === '' ? 'core' : (kind.group.split('.')[0] ?? kind.group);
}

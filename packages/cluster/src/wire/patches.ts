/** PATCH: the three types, from the stored object to the one that is written. */
import type { ApiError } from '../api.ts';
import { isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { goPrint } from '../patch/go-print.ts';
import { jsonPatch } from '../patch/json-patch.ts';
import { mergePatch } from '../patch/merge-patch.ts';
import { strategicMergePatch } from '../patch/strategic.ts';
import { apiVersionOf } from '../registry.ts';
import type { Face } from '../rest/face.ts';
import type { Ground } from '../rest/ground.ts';
import { get } from '../rest/reads.ts';
import { update } from '../rest/writes.ts';
import { decode } from '../schema/decode.ts';
import { badRequest, failure, invalidPatch } from '../status.ts';
import { sendObject } from './answers.ts';
import { isApply, serverSideApply } from './apply-patches.ts';
import { contentType, goKind, goSyntaxError } from './body.ts';
import type { Exchange } from './exchange.ts';
import { writeQuery } from './options.ts';
import { scanJson } from './scan-json.ts';
import { checkAddress, complain, tellWarnings } from './typed-body.ts';

export interface Patch {
  /** The document with the patch in it; parts may be shared with the stored object. */
  readonly value: unknown;
  /** How a refusal quotes what was refused. */
  readonly quoted: () => string;
  readonly duplicates: readonly string[];
}

const TYPES = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
} as const;

/** @throws ApiError 415 */
function typeOf(exchange: Exchange): (typeof TYPES)[keyof typeof TYPES] {
  const media = contentType(exchange.header('content-type')) ?? '';
  const type = Object.hasOwn(TYPES, media) ? TYPES[media as keyof typeof TYPES] : undefined;
  if (type === undefined) throw failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  return type;
}

/** A patch as it came, before it meets an object. */
export interface PatchDocument {
  readonly type: (typeof TYPES)[keyof typeof TYPES];
  readonly text: string;
  readonly patch: unknown;
}

/** @throws ApiError 400, 413, 415 */
export async function readPatch(exchange: Exchange): Promise<PatchDocument> {
  const type = typeOf(exchange);
  const text = (await exchange.body()).toString('utf8');
  try {
    return { type, text, patch: JSON.parse(text) };
  } catch (error) {
    throw badRequest(`${type === 'strategic' ? '' : 'error decoding patch: '}${goSyntaxError(error, text)}`);
  }
}

/** @throws ApiError 400, 422 */
export function applyPatch({ type, text, patch }: PatchDocument, target: KubeObject): Patch {
  const duplicates = scanJson(text);
  if (type === 'json') {
    const value = jsonPatch(target, patch);
    return { value, quoted: () => JSON.stringify(value), duplicates };
  }
  if (!isRecord(patch)) {
    if (patch === null) throw badRequest('Invalid JSON Patch');
    const start = type === 'merge' ? 'error decoding patch: ' : '';
    throw badRequest(`${start}json: cannot unmarshal ${goKind(patch)} into Go value of type map[string]interface {}`);
  }
  if (type === 'merge') {
    const value = mergePatch(target, patch);
    return { value, quoted: () => JSON.stringify(value), duplicates };
  }
  return { value: strategicMergePatch(target, patch), quoted: () => goPrint(patch), duplicates };
}

/** Custom kinds have no merge keys. */
function noStrategicPatch(): ApiError {
  return failure(
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
  );
}

export interface PatchTarget {
  readonly namespace: string;
  readonly name: string;
  readonly subresource: 'status' | undefined;
}

/** PATCH of an object or of its status. @throws ApiError */
export async function patch(ground: Ground, exchange: Exchange, face: Face, target: PatchTarget): Promise<void> {
  if (isApply(exchange)) return serverSideApply(ground, exchange, face, target);
  const { dryRun, fieldValidation } = writeQuery(exchange, 'PatchOptions');
  const { namespace, name, subresource } = target;
  if (contentType(exchange.header('content-type'))?.startsWith('application/apply-patch+')) typeOf(exchange);
  get(face, namespace, name);
  const document = await readPatch(exchange);
  if (document.type === 'strategic' && face.kind.custom !== undefined) throw noStrategicPatch();
  // Only now: while the body came in, the object may have changed.
  const { value, quoted, duplicates } = applyPatch(document, get(face, namespace, name));
  if (!isRecord(value)) throw badRequest('the patched document is no object');
  const { draft, complaints } = readPatched(face, value, quoted, document.type === 'strategic');
  complain(
    exchange,
    fieldValidation,
    [...complaints, ...duplicates.map((path) => `duplicate field "${path}"`)],
    (text) => invalidPatch(quoted(), `strict decoding error: ${text}`),
  );
  checkAddress(draft, namespace, name);
  const { object } = update(ground, face, namespace, name, draft, {
    ...exchange.writer,
    dryRun,
    subresource,
    patch: true,
  });
  tellWarnings(exchange, face, object);
  sendObject(exchange, 200, face.kind, object, ground.clock.now());
}

function readPatched(
  face: Face,
  value: Record<string, unknown>,
  quoted: () => string,
  strategic: boolean,
): ReturnType<typeof decode> {
  const { kind } = face;
  if (value.kind !== kind.kind || value.apiVersion !== apiVersionOf(kind)) {
    const [named, version] = [JSON.stringify(value.kind), JSON.stringify(value.apiVersion)];
    throw invalidPatch(
      quoted(),
      `no kind ${named} is registered for version ${version} in scheme "pkg/runtime/scheme.go:110"`,
    );
  }
  return decode(kind, value, { refusal: refusalOf(quoted, strategic) });
}

/** Of a patch whose outcome has a wrong type. A strategic one does not go through JSON in a real server: other words. */
export function refusalOf(quoted: () => string, strategic: boolean): (text: string, converting?: string) => ApiError {
  return (text, converting) => {
    const plain = strategic ? / of type (int32|int64|float64|bool|string)$/.exec(text)?.[1] : undefined;
    const unrecognized = plain === undefined ? text : `unrecognized type: ${plain}`;
    return invalidPatch(quoted(), (strategic ? converting : undefined) ?? unrecognized);
  };
}

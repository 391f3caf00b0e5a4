/** PATCH with `application/apply-patch+yaml`: from the body to the object that is written, made where it is missing. */
import { applied, conversionRefusal } from '../apply/apply.ts';
import { isRecord } from '../json.ts';
import { DecodingError, type Kind, type KubeObject } from '../kinds/kind.ts';
import type { Face } from '../rest/face.ts';
import { type Ground, timestamp } from '../rest/ground.ts';
import { create, update } from '../rest/writes.ts';
import { decode } from '../schema/decode.ts';
import { badRequest, conflict, notFound } from '../status.ts';
import { sendObject } from './answers.ts';
import { contentType, goKind } from './body.ts';
import type { Exchange } from './exchange.ts';
import { type FieldValidation, writeQuery } from './options.ts';
import { scanJson } from './scan-json.ts';
import { checkAddress } from './typed-body.ts';
import { yaml } from './yaml.ts';

const APPLY = 'application/apply-patch+yaml';

/** Whether a request is a server-side apply. */
export function isApply(exchange: Exchange): boolean {
  return exchange.method === 'PATCH' && contentType(exchange.header('content-type')) === APPLY;
}

export interface ApplyTarget {
  readonly namespace: string;
  readonly name: string;
  readonly subresource: 'status' | undefined;
}

/** @throws ApiError 400, 404 of a subresource of nothing, 409 with every conflict, 422, 500 for what is not of the type */
export async function serverSideApply(
  ground: Ground,
  exchange: Exchange,
  face: Face,
  { namespace, name, subresource }: ApplyTarget,
): Promise<void> {
  const { dryRun, fieldValidation, force } = writeQuery(exchange, 'PatchOptions', true);
  const { kind } = face;
  const { config, repeated } = readConfig((await exchange.body()).toString('utf8'));
  const live = face.get(namespace, name);
  if (live === undefined && subresource !== undefined) throw notFound(kind, name);
  const time = timestamp(ground.clock.now());
  const manager = exchange.actor;
  const { value, entries: managedFields } = applied(kind, live, config, { manager, force, subresource, time });
  tellRepeated(exchange, fieldValidation, repeated);
  const { draft } = decode(kind, value, { refusal: (text) => conversionRefusal(config, text) });
  readable(kind, draft, config);
  if (live !== undefined) {
    checkAddress(draft, namespace, name);
    const options = { ...exchange.writer, dryRun, subresource, patch: true, managedFields };
    const { object } = update(ground, face, namespace, name, draft, options);
    sendObject(exchange, 200, kind, object, ground.clock.now());
    return;
  }
  const object = createApplied(ground, face, namespace, name, draft, { ...exchange.writer, dryRun, managedFields });
  sendObject(exchange, 201, kind, object, ground.clock.now());
}

/** Defaulting reads what decoding has not (quantities); twice is once. @throws ApiError 500 */
function readable(kind: Kind, draft: KubeObject, config: Readonly<Record<string, unknown>>): void {
  try {
    kind.defaults?.(draft);
  } catch (error) {
    if (error instanceof DecodingError) throw conversionRefusal(config, error.message);
    throw error;
  }
}

function createApplied(
  ground: Ground,
  face: Face,
  namespace: string,
  name: string,
  draft: KubeObject,
  options: Parameters<typeof create>[4],
): KubeObject {
  const { uid } = draft.metadata;
  checkAddress(draft, namespace, name);
  if (uid) {
    const what = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(face.kind, name, what);
  }
  // No revision is no precondition here: there is nothing that could have been modified.
  draft.metadata.resourceVersion = '';
  return create(ground, face, namespace, draft, options);
}

export interface AppliedBody {
  readonly config: Record<string, unknown>;
  /** `line 7: key "a" already set in map`. */
  readonly repeated: readonly string[];
}

const MAX_ALIASES = 32;

/** @throws ApiError 400 */
export function readConfig(text: string): AppliedBody {
  const json = text.trimStart().startsWith('{') ? parsedJson(text) : undefined;
  if (isRecord(json) && scanJson(text).length === 0) return { config: json, repeated: [] };
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: 'core', uniqueKeys: true, logLevel: 'silent', lineCounter: lines });
  const repeated: string[] = [];
  for (const error of document.errors) {
    const [at] = error.pos;
    const { line } = lines.linePos(at);
    if (error.code === 'DUPLICATE_KEY') repeated.push(`line ${line}: key ${keyAt(text, at)} already set in map`);
    else throw undecodable(`error converting YAML to JSON: yaml: line ${line}: did not find expected node content`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw undecodable(`error converting YAML to JSON: yaml: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  if (value === null || value === undefined) return { config: {}, repeated };
  if (!isRecord(value)) {
    const found = goKind(value);
    throw undecodable(
      `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${found} into Go value of type map[string]interface {}`,
    );
  }
  // YAML has keys and values that JSON has not.
  return { config: JSON.parse(JSON.stringify(value)), repeated };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function undecodable(text: string): Error {
  return badRequest(`error decoding YAML: ${text}`);
}

/** The key that stands at an offset, quoted. */
function keyAt(text: string, at: number): string {
  const key = /^(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^:\s]+))/.exec(text.slice(at));
  return JSON.stringify(key?.[1] ?? key?.[2] ?? key?.[3] ?? '');
}

function tellRepeated(exchange: Exchange, validation: FieldValidation, repeated: readonly string[]): void {
  if (repeated.length === 0 || validation === 'Ignore') return;
  if (validation === 'Strict') {
    const list = repeated.map((text) => `\n  ${text}`).join('');
    throw badRequest(`error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:${list}`);
  }
  for (const text of repeated) exchange.warn(text);
}

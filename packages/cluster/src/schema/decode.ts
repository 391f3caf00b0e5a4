/**
 * From plain JSON to an object of a kind, as Go's decoder and encoder together would leave it: unknown fields dropped and named, wrong
 * types refused in Go's words, times in whole seconds, and nothing that is empty where Go omits what is empty.
 */
import type { ApiError } from '../api.ts';
import { clone, isRecord, setKey } from '../json.ts';
import type { CustomKind, Kind, KubeObject } from '../kinds/kind.ts';
import { cannotBeHandled } from '../status.ts';
import { type FieldType, fieldsOfType, goStruct, goType, zerosOfType } from './types.ts';

export interface Decoded {
  /** A new object: nothing of it is shared with what was given. */
  readonly draft: KubeObject;
  /** `unknown field "spec.foo"`, in the order of the body, bounded. */
  readonly complaints: readonly string[];
}

const MAX_COMPLAINTS = 64;

/** What stops decoding: the text is Go's. */
class WrongType extends Error {
  /** In the words of the converter that a strategic patch goes through, where they are known. */
  readonly converting: string | undefined;

  constructor(message: string, converting?: string) {
    super(message);
    this.converting = converting;
  }
}

export interface DecodeOptions {
  /** How a wrong type is refused; by default 400 "… cannot be handled as a …". */
  readonly refusal?: (text: string, converting?: string) => ApiError;
  /** Controllers may write micro times as they come; a client must send six digits, as a real server insists. */
  readonly inProcess?: boolean;
}

/** What of a kind decoding needs. */
export type DecodedKind = Pick<Kind, 'kind' | 'version' | 'schema' | 'custom'>;

/** @throws ApiError for a value of a wrong type */
export function decode(
  kind: DecodedKind,
  raw: Readonly<Record<string, unknown>>,
  options: DecodeOptions = {},
): Decoded {
  const { apiVersion, kind: own, ...rest } = raw;
  const context: Context = { complaints: [], inProcess: options.inProcess === true };
  try {
    if (kind.custom !== undefined) return decodeCustom(kind, kind.custom, raw, context);
    const known = fieldsOfType(kind.schema) !== undefined;
    const fields = known ? decodeStruct(kind.schema, rest, undefined, context) : clone(rest);
    const metadata = isRecord(fields.metadata) ? fields.metadata : {};
    delete metadata.selfLink;
    const draft = { kind: own ?? kind.kind, apiVersion: apiVersion ?? '', ...fields, metadata } as KubeObject;
    return { draft, complaints: context.complaints };
  } catch (error) {
    if (error instanceof WrongType) {
      throw (options.refusal ?? ((text) => cannotBeHandled(kind, text)))(error.message, error.converting);
    }
    throw error;
  }
}

/** The metadata has its type; the rest is as its schema says, empty or not. */
function decodeCustom(
  kind: DecodedKind,
  custom: CustomKind,
  raw: Readonly<Record<string, unknown>>,
  context: Context,
): Decoded {
  const { apiVersion, kind: own, metadata: given, ...rest } = raw;
  const place: Place = { struct: 'V1ObjectMeta', key: 'metadata', parent: undefined, step: '' };
  if (given !== undefined && given !== null && !isRecord(given)) {
    throw wrongType(given, { kind: 'struct', name: 'V1ObjectMeta' }, place);
  }
  const { fields, unknown } = custom.prune(rest);
  const metadata = decodeStruct('V1ObjectMeta', isRecord(given) ? given : {}, undefined, context);
  delete metadata.selfLink;
  const complaints = [
    ...context.complaints.map((text) => text.replace('unknown field "', 'unknown field "metadata.')),
    ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
  ];
  const draft = { kind: own ?? kind.kind, apiVersion: apiVersion ?? '', ...fields, metadata } as unknown as KubeObject;
  return { draft, complaints };
}

interface Context {
  readonly complaints: string[];
  readonly inProcess: boolean;
}

/** Where a value stands, as a chain: its texts are made only when something is wrong. */
interface Place {
  readonly struct: string;
  readonly key: string;
  readonly parent: Place | undefined;
  /** `[0]` of a list item, `.a` of a map entry. */
  readonly step: string;
}

/** Field names from the root, list indices left out, as Go's texts have them. */
function namesOf(place: Place | undefined): string {
  if (place === undefined) return '';
  const above = namesOf(place.parent);
  return above === '' ? place.key : `${above}.${place.key}`;
}

function pathOf(place: Place | undefined): string {
  if (place === undefined) return '';
  const above = pathOf(place.parent);
  return `${above === '' ? place.key : `${above}.${place.key}`}${place.step}`;
}

const METADATA = 'V1ObjectMeta';

function decodeStruct(
  type: string,
  raw: Readonly<Record<string, unknown>>,
  parent: Place | undefined,
  context: Context,
): Record<string, unknown> {
  const fields = fieldsOfType(type);
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(raw)) {
    const value = raw[key];
    const field = fields?.get(key);
    const place: Place = { struct: type, key, parent, step: '' };
    if (field === undefined) {
      const { complaints } = context;
      if (complaints.length < MAX_COMPLAINTS) complaints.push(`unknown field ${JSON.stringify(pathOf(place))}`);
      continue;
    }
    if (value === null || value === undefined) continue;
    if (key === 'managedFields' && type === METADATA) {
      // Passed on as they are: whoever writes reads them by their own rules, or knows them by being the stored ones.
      if (parent?.parent === undefined) out[key] = value;
      continue;
    }
    const decoded = decodeValue(field.type, value, place, context);
    if (decoded === undefined || (field.omitsEmpty && isEmpty(decoded))) continue;
    out[key] = decoded;
  }
  for (const [key, zero] of zerosOfType(type)) if (out[key] === undefined) out[key] = clone(zero);
  return out;
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.keys(value).length === 0;
}

function decodeValue(type: FieldType, value: unknown, place: Place, context: Context): unknown {
  switch (type.kind) {
    case 'string':
      if (typeof value === 'string') return value;
      throw wrongType(value, type, place);
    case 'bool':
      if (typeof value === 'boolean') return value;
      throw wrongType(value, type, place);
    case 'int32':
    case 'int64':
      return integer(value, type, place);
    case 'double':
      if (typeof value === 'number') return value;
      throw wrongType(value, type, place);
    case 'time':
      return time(value, type, place);
    case 'micro-time':
      return time(value, type, place, context);
    case 'quantity':
      if (typeof value === 'number') return String(value);
      if (typeof value === 'string') return value;
      throw new WrongType(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
      );
    case 'bytes':
      return base64(value, type, place);
    case 'int-or-string':
      if (typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))) return value;
      throw wrongType(value, { kind: 'int32' }, place);
    case 'any':
      return isSchema(value, place) ? decodeSchema(value, place, context) : clone(value);
    case 'list':
      return list(type, value, place, context);
    case 'map':
      return map(type, value, place, context);
    case 'struct':
      if (!isRecord(value)) throw wrongType(value, type, place);
      return decodeStruct(type.name, value, place, context);
    default:
      return type satisfies never;
  }
}

const SCHEMA = 'V1JSONSchemaProps';
const SCHEMA_OR_ELSE: ReadonlySet<string> = new Set(['items', 'additionalProperties', 'additionalItems']);

/** JSONSchemaPropsOrArray and JSONSchemaPropsOrBool: a schema, unless it is a list or a bool. */
function isSchema(value: unknown, { struct, key }: Place): value is Record<string, unknown> {
  return struct === SCHEMA && SCHEMA_OR_ELSE.has(key) && isRecord(value);
}

/** Such a part is decoded by itself in Go: never strictly, and what is wrong in it is said of the field that it stands in. */
function decodeSchema(value: Record<string, unknown>, place: Place, context: Context): unknown {
  try {
    return decodeStruct(SCHEMA, value, undefined, { ...context, complaints: [] });
  } catch (error) {
    if (!(error instanceof WrongType)) throw error;
    throw new WrongType(error.message.replace(/(Go struct field \w+\.)\S+/, `$1${namesOf(place)}`));
  }
}

function base64(value: unknown, type: FieldType, place: Place): string {
  if (typeof value !== 'string') throw wrongType(value, type, place);
  if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) return value;
  const at = value.search(/[^A-Za-z0-9+/]/);
  throw new WrongType(`illegal base64 data at input byte ${at < 0 ? value.length : at}`);
}

function list(
  type: Extract<FieldType, { kind: 'list' | 'map' }>,
  value: unknown,
  place: Place,
  context: Context,
): unknown[] {
  if (!Array.isArray(value)) throw wrongType(value, type, place);
  const out: unknown[] = [];
  for (let i = 0; i < value.length; i++) {
    const item: unknown = value[i];
    out.push(
      item === null ? zeroOf(type.of) : decodeValue(type.of, item, { ...place, step: `${place.step}[${i}]` }, context),
    );
  }
  return out;
}

function map(
  type: Extract<FieldType, { kind: 'list' | 'map' }>,
  value: unknown,
  place: Place,
  context: Context,
): unknown {
  if (!isRecord(value)) throw wrongType(value, type, place);
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = value[key];
    const decoded =
      item === null ? zeroOf(type.of) : decodeValue(type.of, item, { ...place, step: `${place.step}.${key}` }, context);
    setKey(out, key, decoded);
  }
  return out;
}

/** What Go makes of a null in a list or a map. */
function zeroOf(type: FieldType): unknown {
  switch (type.kind) {
    case 'string':
      return '';
    case 'quantity':
      return '0';
    case 'struct':
    case 'map':
      return {};
    case 'list':
      return [];
    default:
      return null;
  }
}

const INT32 = 2 ** 31;

function integer(value: unknown, type: FieldType, place: Place): number {
  if (typeof value !== 'number') throw wrongType(value, type, place);
  const fits = type.kind === 'int32' ? value >= -INT32 && value < INT32 : Math.abs(value) <= 2 ** 63;
  if (Number.isInteger(value) && fits) return value;
  const converting = Number.isInteger(value) ? undefined : `cannot convert float64 to ${type.kind}`;
  throw new WrongType(`json: cannot unmarshal number ${value} into ${goField(type, place)}`, converting);
}

const SECONDS = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
const MICROS = /\.\d{6}(?=Z|[+-])/;
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

function time(value: unknown, type: FieldType, place: Place, micro?: Context): string | undefined {
  if (typeof value !== 'string') throw wrongType(value, type, place);
  // Go would complain; objects made in process have no time yet.
  if (value === '') return undefined;
  // The common case, and the only one on a busy server: it is as it should be.
  if (micro === undefined && SECONDS.test(value) && !Number.isNaN(Date.parse(value))) return value;
  const match = RFC3339.exec(value);
  const ms = match === null ? Number.NaN : Date.parse(value.replace(/\.\d+/, ''));
  if (match === null || Number.isNaN(ms)) {
    const layout = micro !== undefined ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
    throw new WrongType(
      `parsing time ${JSON.stringify(value)} as "${layout}": cannot parse ${JSON.stringify(value)} as "2006"`,
    );
  }
  const seconds = new Date(ms).toISOString().slice(0, 19);
  if (micro === undefined) return `${seconds}Z`;
  if (!MICROS.test(value) && !micro.inProcess) {
    const rest = /(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/.exec(value)?.[0] ?? '';
    throw new WrongType(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse "${rest}" as ".000000"`,
    );
  }
  const fraction = (match[1] ?? '.').slice(1, 7).padEnd(6, '0');
  return `${seconds}.${fraction}Z`;
}

function wrongType(value: unknown, type: FieldType, place: Place): WrongType {
  return new WrongType(`json: cannot unmarshal ${word(value)} into ${goField(type, place)}`, conversionOf(value, type));
}

/** What Go's converter of unstructured values says: by reflection, in which a whole number can become a string and is not let to. */
function conversionOf(value: unknown, { kind }: FieldType): string | undefined {
  const given = Array.isArray(value) ? 'slice' : isRecord(value) ? 'map' : scalarOf(value);
  switch (kind) {
    case 'struct':
      return `cannot restore struct from: ${given}`;
    case 'list':
      return `cannot restore slice from ${given}`;
    case 'map':
      return `cannot restore map from ${given}`;
    case 'string':
      return given === 'int64' ? 'cannot convert int64 to string' : 'unrecognized type: string';
    case 'bool':
      return 'unrecognized type: bool';
    default:
      return undefined;
  }
}

function scalarOf(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return word(value);
}

/** `Go struct field PodSpec.spec.containers of type []v1.Container`. */
function goField(type: FieldType, place: Place): string {
  return `Go struct field ${goStruct(place.struct)}.${namesOf(place)} of type ${goType(type)}`;
}

function word(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}

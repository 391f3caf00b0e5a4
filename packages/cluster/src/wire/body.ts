/** Bodies of writes: from bytes to a plain value, with Go's complaints about what cannot be read. */
import type { ApiError } from '../api.ts';
import { isRecord } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import { badRequest, failure } from '../status.ts';
import { mediaRanges } from './negotiate.ts';
import { readProtobuf } from './protobuf.ts';
import { scanJson } from './scan-json.ts';
import { yaml } from './yaml.ts';

export interface Body {
  readonly value: Record<string, unknown>;
  /** Paths of keys that stand twice in one object: `metadata.name`. */
  readonly duplicates: readonly string[];
}

/** How much of an unreadable body is shown. */
const SHOWN = 30;

/** The media type of a body without its parameters; undefined where none is named. */
export function contentType(header: string | undefined): string | undefined {
  return mediaRanges(header)[0]?.type;
}

/**
 * An object in JSON, YAML or (the built-in kinds) protobuf.
 *
 * @throws ApiError 415 for another type, 400 for what cannot be read
 */
export function readBody(bytes: Buffer, type: string | undefined, kind: Pick<Kind, 'kind'>): Body {
  switch (type) {
    case undefined:
    case 'application/json':
      return readJson(bytes, kind);
    case 'application/yaml':
      return readYaml(bytes, kind);
    case 'application/vnd.kubernetes.protobuf': {
      const value = readProtobuf(bytes);
      if (value === undefined) throw unreadProtobuf(kind);
      return { value, duplicates: [] };
    }
    default:
      throw unknownFormat();
  }
}

function unreadProtobuf({ kind }: Pick<Kind, 'kind'>): ApiError {
  const text = `the embedded cluster cannot read this ${kind} in protobuf (it knows the built-in kinds of 1.34): send it as application/json`;
  return failure(415, 'UnsupportedMediaType', text);
}

function unknownFormat(): ApiError {
  return failure(
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );
}

function readJson(bytes: Buffer, kind: Pick<Kind, 'kind'>): Body {
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unrecognized(kind, `json parse error: ${goSyntaxError(error, text)}`, bytes);
  }
  if (!isRecord(value)) {
    throw unrecognized(
      kind,
      `json parse error: json: cannot unmarshal ${goKind(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
      bytes,
    );
  }
  return { value, duplicates: scanJson(text) };
}

function readYaml(bytes: Buffer, kind: Pick<Kind, 'kind'>): Body {
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    // No aliases beyond a few, no merge keys, no custom tags: a body of a few bytes must not become gigabytes.
    value = yaml().parse(text, { schema: 'core', maxAliasCount: 32, uniqueKeys: true, logLevel: 'error' });
  } catch (error) {
    throw unrecognized(
      kind,
      `yaml: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unreadable'}`,
      bytes,
    );
  }
  if (!isRecord(value)) throw unrecognized(kind, 'yaml: the document is no object', bytes);
  return { value, duplicates: [] };
}

function unrecognized(kind: Pick<Kind, 'kind'>, what: string, bytes: Buffer): ApiError {
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind.kind}): couldn't get version/kind; ${what} (${summaryOf(bytes)})`,
  );
}

/** The beginning of a body: as text where it looks like JSON, else in hexadecimal (`summarizeData` of apiserver). */
function summaryOf(bytes: Buffer): string {
  if (bytes.length === 0) return '<empty>';
  const start = bytes.subarray(0, SHOWN);
  const shown = bytes[0] === 0x7b ? start.toString('utf8') : start.toString('hex');
  return bytes.length > SHOWN ? `${shown} ...` : shown;
}

/** What V8 misses at a character, and what encoding/json of Go says of that character. */
const SYNTAX: ReadonlyArray<readonly [RegExp, string]> = [
  [/^Expected (?:property name|double-quoted property name)/, 'looking for beginning of object key string'],
  [/^Expected ':' after property name/, 'after object key'],
  [/^Expected ',' or '}' after property value/, 'after object key:value pair'],
  [/^Expected ',' or ']' after array element/, 'after array element'],
  [/^Unexpected non-whitespace character after JSON/, 'after top-level value'],
  [/^Bad control character in string literal/, 'in string literal'],
  [/^Bad escaped character/, 'in string escape code'],
];

/** What encoding/json of Go says where JSON.parse of that text says it in its own words. */
export function goSyntaxError(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : '';
  const token = /^Unexpected token '?(.)'?/su.exec(message)?.[1];
  const literal = token === undefined ? undefined : brokenLiteral(token, text);
  if (literal !== undefined) return literal;
  if (token !== undefined) return `invalid character ${goChar(token)} looking for beginning of value`;
  const found = text[Number(/ at position (\d+)/.exec(message)?.[1])];
  const where = SYNTAX.find(([pattern]) => pattern.test(message))?.[1];
  return found === undefined || where === undefined
    ? 'unexpected end of JSON input'
    : `invalid character ${goChar(found)} ${where}`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/** `nope`, `tru}`: begun like a literal and gone on otherwise. V8 names the character, but not always its place. */
function brokenLiteral(token: string, text: string): string | undefined {
  const [, begun = '', found] = /(?:^|[[{,:\s])(n|nu|nul|t|tr|tru|f|fa|fal|fals)([^a-z"]|[a-z])/.exec(text) ?? [];
  const whole = ['null', 'true', 'false'].find((one) => one.startsWith(begun) && begun !== '');
  if (whole === undefined || found !== token || whole[begun.length] === found) return undefined;
  return `invalid character ${goChar(found)} in literal ${whole} (expecting ${goChar(whole[begun.length] ?? '')})`;
}

/** A character between quotes, as `quoteChar` of encoding/json writes it. */
function goChar(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return "'\"'";
  const escaped = ESCAPES[char];
  if (escaped !== undefined) return `'${escaped}'`;
  const code = char.charCodeAt(0);
  return code < 0x20 || code === 0x7f ? `'\\x${code.toString(16).padStart(2, '0')}'` : `'${char}'`;
}

export function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}

/** Which form an answer takes, from the Accept header (apiserver, endpoints/handlers/negotiation). */
import type { ApiError } from '../api.ts';
import { failure } from '../status.ts';

/** How objects are written: as they are, as a table for people, or their metadata alone; in JSON or YAML. */
export interface Form {
  readonly encoding: 'json' | 'yaml';
  readonly as: 'object' | 'table' | 'metadata' | 'metadata-list';
  /** `v1` or `v1beta1` of meta.k8s.io, for the last three. */
  readonly version: string;
}

const PLAIN: Form = { encoding: 'json', as: 'object', version: 'v1' };

export interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Of the headers seen lately: clients send the same few all the time. */
const known = new Map<string, readonly MediaRange[]>();
const MAX_KNOWN = 256;

/** The ranges of an Accept header in the order of preference: by q, then as they stand. */
export function mediaRanges(header: string | undefined): readonly MediaRange[] {
  if (header === undefined || header.trim() === '') return [];
  const found = known.get(header);
  if (found !== undefined) return found;
  if (known.size >= MAX_KNOWN) known.clear();
  const ranges = rangesOf(header);
  known.set(header, ranges);
  return ranges;
}

function rangesOf(header: string): MediaRange[] {
  const ranges = header.split(',').map((part, index) => {
    const [type = '', ...rest] = part.split(';').map((piece) => piece.trim());
    const parameters: Record<string, string> = Object.create(null);
    for (const piece of rest) {
      const equals = piece.indexOf('=');
      if (equals > 0) parameters[piece.slice(0, equals).toLowerCase()] = piece.slice(equals + 1).replace(/^"|"$/g, '');
    }
    const q = Number(parameters.q ?? 1);
    return { type: type.toLowerCase(), parameters, q: Number.isFinite(q) ? q : 0, index };
  });
  return ranges.filter((range) => range.q > 0).sort((a, b) => b.q - a.q || a.index - b.index);
}

/**
 * The form of an answer with objects. Protobuf is never chosen: every client that asks for it names JSON as well.
 *
 * @throws ApiError 406 where nothing fits
 */
export function negotiate(accept: string | undefined, streams = false): Form {
  const ranges = mediaRanges(accept);
  if (ranges.length === 0) return PLAIN;
  let readable = false;
  for (const { type, parameters } of ranges) {
    const encoding = encodingOf(type);
    if (encoding === undefined) continue;
    readable = true;
    const as = asOf(parameters);
    if (as === undefined) continue;
    return { encoding, as, version: as === 'object' ? 'v1' : (parameters.v ?? 'v1') };
  }
  throw readable ? onlyTypes() : notAcceptable(streams);
}

function encodingOf(type: string): Form['encoding'] | undefined {
  switch (type) {
    case 'application/json':
    case 'application/*':
    case '*/*':
      return 'json';
    case 'application/yaml':
      return 'yaml';
    default:
      return undefined;
  }
}

function asOf(parameters: MediaRange['parameters']): Form['as'] | undefined {
  if (parameters.as === undefined) return 'object';
  if (parameters.g !== 'meta.k8s.io' || (parameters.v !== 'v1' && parameters.v !== 'v1beta1')) return undefined;
  if (parameters.as === 'Table') return 'table';
  if (parameters.as === 'PartialObjectMetadata') return 'metadata';
  if (parameters.as === 'PartialObjectMetadataList') return 'metadata-list';
  return undefined;
}

const TYPES = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';

/** The type can be written, the form (`as=`) cannot. */
function onlyTypes(): ApiError {
  return failure(406, 'NotAcceptable', `only the following media types are accepted: ${TYPES}`);
}

function notAcceptable(streams: boolean): ApiError {
  const more = streams ? ', application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch' : '';
  return failure(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${TYPES}${more}`, {});
}

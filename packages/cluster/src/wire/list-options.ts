/** The options of lists and watches in a query, checked as apimachinery checks them (apis/meta/internalversion/validation). */
import { goQuoted } from '../go-text.ts';
import type { FieldError } from '../kinds/kind.ts';
import { badRequest, failure, invalidOptions } from '../status.ts';
import type { Exchange } from './exchange.ts';

export interface ListOptionsQuery {
  readonly labelSelector: string | undefined;
  readonly fieldSelector: string | undefined;
  readonly limit: number | undefined;
  readonly continue: string | undefined;
  /** undefined: none or ''. */
  readonly resourceVersion: number | undefined;
  readonly resourceVersionMatch: string | undefined;
  readonly sendInitialEvents: boolean | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly timeoutSeconds: number | undefined;
}

/** @throws ApiError 400 or 422 in the words of a real server */
export function listOptions(exchange: Exchange, watch: boolean): ListOptionsQuery {
  const limit = integer(exchange.param('limit'));
  const timeoutSeconds = integer(exchange.param('timeoutSeconds'));
  const text = exchange.param('resourceVersion');
  const match = exchange.param('resourceVersionMatch');
  const sendInitialEvents = exchange.query.has('sendInitialEvents') ? exchange.flag('sendInitialEvents') : undefined;
  const errors = watch
    ? watchErrors(match, sendInitialEvents)
    : listErrors(text, match, sendInitialEvents, exchange.param('continue'));
  if (errors.length > 0) throw invalidOptions('ListOptions', errors);
  return {
    labelSelector: exchange.param('labelSelector'),
    fieldSelector: exchange.param('fieldSelector'),
    limit,
    continue: exchange.param('continue'),
    resourceVersion: revisionOf(text, watch),
    resourceVersionMatch: match,
    sendInitialEvents,
    allowWatchBookmarks: exchange.flag('allowWatchBookmarks'),
    timeoutSeconds,
  };
}

function integer(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

const MAX_UINT64 = 2n ** 64n - 1n;

function revisionOf(text: string | undefined, watch: boolean): number | undefined {
  if (text === undefined) return undefined;
  const isNumber = /^\d+$/.test(text);
  if (!isNumber || (text.length > 19 && BigInt(text) > MAX_UINT64)) {
    const quoted = goQuoted(text);
    const why = isNumber ? 'value out of range' : 'invalid syntax';
    const what = `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`;
    // Sic: of a watch it is the server's fault.
    throw watch ? failure(500, undefined, what) : badRequest(`invalid resource version: ${what}`);
  }
  return Number(text);
}

const forbid = (field: string, detail: string): FieldError => ({ field, type: 'Forbidden', detail });

function watchErrors(match: string | undefined, sendInitialEvents: boolean | undefined): FieldError[] {
  if (sendInitialEvents !== undefined) {
    if (match === 'NotOlderThan') return [];
    const detail = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    const missing = forbid('resourceVersionMatch', detail);
    return match === undefined ? [missing] : [missing, unsupportedMatch(match, 'supported values: "NotOlderThan"')];
  }
  if (match === undefined) return [];
  const errors = [
    forbid('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'),
  ];
  if (match !== 'NotOlderThan') errors.push(unsupportedMatch(match, 'supported values: "NotOlderThan"'));
  return errors;
}

function unsupportedMatch(match: string, detail: string): FieldError {
  return { field: 'resourceVersionMatch', type: 'Unsupported value', value: match, detail };
}

function listErrors(
  resourceVersion: string | undefined,
  match: string | undefined,
  sendInitialEvents: boolean | undefined,
  token: string | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  if (match !== undefined) {
    if (resourceVersion === undefined) {
      errors.push(
        forbid('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      );
    }
    if (token !== undefined) {
      errors.push(forbid('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push(unsupportedMatch(match, 'supported values: "Exact", "NotOlderThan", ""'));
    }
    if (match === 'Exact' && resourceVersion === '0') {
      errors.push(forbid('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (sendInitialEvents !== undefined) {
    errors.push(forbid('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

/** A list of the future: a real server waits three seconds for it first. */
export function tooLargeRevision(asked: number, current: number): ReturnType<typeof failure> {
  return failure(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

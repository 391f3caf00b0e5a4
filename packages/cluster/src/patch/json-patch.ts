/**
 * JSON patch (RFC 6902) as apiserver has it (evanphx/json-patch v4), which takes more than the RFC: a list's places count from its end
 * when they are negative, `replace` makes a missing key, `copy` of a missing one writes null, and an absent value is null.
 */
import { clone, equal, isRecord, ownValue, setKey } from '../json.ts';
import { badRequest, failure } from '../status.ts';

/** As a real server. */
const MAX_OPERATIONS = 10_000;
/** What all `copy` of a patch may copy together (JSONPatchMaxCopyBytes): a few doublings must not fill the memory. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

interface Operation {
  readonly op: unknown;
  readonly path: string;
  readonly from: string | undefined;
  readonly value: unknown;
}

/** Where a path leads: a key of an object, or a place of a list. */
type Place =
  | { readonly kind: 'object'; readonly of: Record<string, unknown>; readonly key: string }
  | { readonly kind: 'list'; readonly of: unknown[]; readonly key: string };

/** An operation that cannot be done; a real server keeps the reason to itself. */
class Impossible extends Error {}

/**
 * A new value; the target is not changed.
 *
 * @throws ApiError 400 for what is no patch, 413 for too many operations, 422 where one of them fails
 */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (patch === null) return target;
  if (!Array.isArray(patch)) throw undecodable(patch, 'Go value of type []handlers.jsonPatchOp');
  if (patch.length > MAX_OPERATIONS) {
    throw failure(
      413,
      'RequestEntityTooLarge',
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  const operations = patch.map(operationOf);
  const run = new Run(clone(target));
  try {
    for (const operation of operations) run.do(operation);
  } catch (error) {
    if (!(error instanceof Impossible)) throw error;
    throw failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
  }
  return run.document;
}

function operationOf(value: unknown): Operation {
  if (value === null) return { op: undefined, path: '', from: undefined, value: null };
  if (!isRecord(value)) throw undecodable(value, 'Go value of type handlers.jsonPatchOp');
  for (const field of ['op', 'path', 'from']) {
    const given = ownValue(value, field);
    if (given === undefined || given === null || typeof given === 'string') continue;
    throw undecodable(given, `Go struct field jsonPatchOp.${field} of type string`);
  }
  const { op, path, from } = value;
  return {
    // A path that is missing cannot be followed; an empty one is the whole document.
    op: typeof path === 'string' ? op : undefined,
    path: typeof path === 'string' ? path : '',
    from: typeof from === 'string' ? from : undefined,
    value: ownValue(value, 'value') ?? null,
  };
}

function undecodable(value: unknown, wanted: string): ReturnType<typeof badRequest> {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return badRequest(`error decoding patch: json: cannot unmarshal ${kind} into ${wanted}`);
}

/** A patch on its way through its own copy of the document. */
class Run {
  document: unknown;
  #copiedBytes = 0;

  constructor(document: unknown) {
    this.document = document;
  }

  /** @throws Impossible */
  do({ op, path, from, value }: Operation): void {
    switch (op) {
      case 'add':
        add(this.#place(path), clone(value));
        break;
      case 'remove':
        remove(this.#place(path));
        break;
      case 'replace':
        this.#replace(path, clone(value));
        break;
      case 'test':
        this.#test(path, value);
        break;
      case 'move': {
        const place = this.#place(from ?? '');
        const moved = read(place);
        remove(place);
        add(this.#place(path), moved);
        break;
      }
      case 'copy': {
        const copied = read(this.#place(from ?? '')) ?? null;
        this.#copiedBytes += Buffer.byteLength(JSON.stringify(copied));
        if (this.#copiedBytes > MAX_COPIED_BYTES) throw new Impossible();
        add(this.#place(path), clone(copied));
        break;
      }
      default:
        throw new Impossible();
    }
  }

  #replace(path: string, value: unknown): void {
    if (path === '') {
      // Sic: a plain value is taken and changes nothing.
      if (typeof value === 'object' && value !== null) this.document = value;
      return;
    }
    const place = this.#place(path);
    if (place.kind === 'list') place.of[presentIndex(place)] = value;
    else setKey(place.of, place.key, value);
  }

  #test(path: string, value: unknown): void {
    const found = path === '' ? this.document : (read(this.#place(path)) ?? null);
    if (!equal(found, value)) throw new Impossible();
  }

  /** What stands before the first slash is not looked at, as in the original. */
  #place(path: string): Place {
    const steps = path.split('/').slice(1).map(unescaped);
    const key = steps.pop();
    if (key === undefined) throw new Impossible();
    let at: unknown = this.document;
    for (const step of steps) {
      const place = placeIn(at, step);
      at = read(place);
    }
    return placeIn(at, key);
  }
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

function placeIn(value: unknown, key: string): Place {
  if (Array.isArray(value)) return { kind: 'list', of: value, key };
  if (isRecord(value)) return { kind: 'object', of: value, key };
  throw new Impossible();
}

/** A whole number as Go's Atoi reads it: with a sign and with leading zeros. */
function numberOf(key: string): number {
  if (!/^[+-]?\d{1,15}$/.test(key)) throw new Impossible();
  return Number(key);
}

/** The place of an item that is there. */
function presentIndex({ of, key }: Extract<Place, { kind: 'list' }>): number {
  const number = numberOf(key);
  const index = number < 0 ? number + of.length : number;
  if (index < 0 || index >= of.length) throw new Impossible();
  return index;
}

/** undefined for an object's key that is not there. */
function read(place: Place): unknown {
  return place.kind === 'list' ? place.of[presentIndex(place)] : ownValue(place.of, place.key);
}

function add(place: Place, value: unknown): void {
  const { of, key } = place;
  if (!Array.isArray(of)) setKey(of, key, value);
  else if (key === '-') of.push(value);
  else {
    // Counted in the list that is one longer: -1 is the end.
    const number = numberOf(key);
    const index = number < 0 ? number + of.length + 1 : number;
    if (index < 0 || index > of.length) throw new Impossible();
    of.splice(index, 0, value);
  }
}

function remove(place: Place): void {
  if (place.kind === 'list') place.of.splice(presentIndex(place), 1);
  else if (Object.hasOwn(place.of, place.key)) delete place.of[place.key];
  else throw new Impossible();
}

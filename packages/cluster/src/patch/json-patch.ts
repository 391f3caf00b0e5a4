/** JSON patch (RFC 6902), by the library rfc6902, bounded and with the refusals of a real server. */
import { applyPatch, type Operation } from 'rfc6902';
import { clone, isRecord } from '../json.ts';
import { badRequest, failure } from '../status.ts';

/** As a real server. */
const MAX_OPERATIONS = 10_000;
/** Steps of a path that lead to a prototype; the library would silently leave them out. */
const UNREACHABLE: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const OPS: ReadonlySet<unknown> = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

/**
 * A new value; the target is not changed.
 *
 * @throws ApiError 400 for what is no patch, 413 for too many operations, 422 where one of them fails
 */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    const found = isRecord(patch) ? 'object' : typeof patch;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${found} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (patch.length > MAX_OPERATIONS) {
    throw failure(
      413,
      'RequestEntityTooLarge',
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  const operations = patch.filter(isOperation);
  const odd = patch.find((one) => !isRecord(one));
  if (odd !== undefined) {
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${typeof odd} into Go value of type handlers.jsonPatchOp`,
    );
  }
  if (operations.length !== patch.length) throw rejected();
  const copy = { root: clone(target) };
  const below = operations.map((operation) => inRoot(operation));
  let outcomes: Array<Error | null>;
  try {
    outcomes = applyPatch(copy, below);
  } catch {
    throw rejected();
  }
  if (outcomes.some((outcome) => outcome !== null)) throw rejected();
  return copy.root;
}

function isOperation(value: unknown): value is Operation {
  return (
    isRecord(value) &&
    OPS.has(value.op) &&
    isPointer(value.path) &&
    (value.op !== 'move' && value.op !== 'copy' ? true : isPointer(value.from))
  );
}

function isPointer(value: unknown): value is string {
  if (typeof value !== 'string' || (value !== '' && !value.startsWith('/'))) return false;
  return !value.split('/').some((token) => UNREACHABLE.has(token));
}

/** One level deeper, so that a patch of the whole document has a parent to write to. */
function inRoot(operation: Operation): Operation {
  // A value that is missing is null, as Go reads it.
  const value = 'value' in operation ? operation.value : null;
  const moved = { ...operation, value, path: `/root${operation.path}` };
  return 'from' in moved ? { ...moved, from: `/root${moved.from}` } : moved;
}

function rejected(): ReturnType<typeof failure> {
  return failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

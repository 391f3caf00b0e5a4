/**
 * Strategic merge patch (apimachinery, pkg/util/strategicpatch/patch.go): a merge patch that knows which lists are maps in disguise.
 * Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$setElementOrder/F`, `$deleteFromPrimitiveList/F`; null deletes.
 */
import { equal, isRecord, ownValue, setKey } from '../json.ts';
import { failure } from '../status.ts';
import { goPrint } from './go-print.ts';
import { type ListStrategy, listStrategy, RETAIN_KEYS } from './merge-keys.ts';

type Fields = Record<string, unknown>;

const DIRECTIVE = '$patch';
const ORDER = '$setElementOrder/';
const DELETE_PRIMITIVES = '$deleteFromPrimitiveList/';

/**
 * A new object; neither argument is changed, parts of both may be shared with the answer.
 *
 * @throws ApiError 500 (as a real server) for a directive that nobody knows or a list item without its key
 */
export function strategicMergePatch(target: Readonly<Fields>, patch: Readonly<Fields>): Fields {
  return mergeMap(target, patch, []) ?? {};
}

/** A real server answers these with 500 and no reason, though the fault is the client's. */
function unappliable(message: string): ReturnType<typeof failure> {
  return failure(500, undefined, message);
}

/** @returns undefined where the patch deletes the map */
function mergeMap(target: Readonly<Fields>, patch: Readonly<Fields>, path: readonly string[]): Fields | undefined {
  const directive = patch[DIRECTIVE];
  if (directive !== undefined) {
    if (directive === 'replace') return withoutDirectives(patch);
    if (directive === 'delete') return path.length === 0 ? {} : undefined;
    if (directive !== 'merge') throw unappliable(`unknown patch type: ${goPrint(directive)} in map: ${goPrint(patch)}`);
  }
  const merged: Fields = { ...target };
  retain(merged, patch);
  for (const key of Object.keys(patch)) {
    if (key === DIRECTIVE || key === RETAIN_KEYS) continue;
    if (key.startsWith(ORDER) || key.startsWith(DELETE_PRIMITIVES)) continue;
    const value = patch[key];
    const present = ownValue(merged, key);
    if (value === null) delete merged[key];
    else if (Array.isArray(value)) setKey(merged, key, mergeList(present, value, patch, key, [...path, key]));
    else if (isRecord(value)) assign(merged, key, mergeMap(isRecord(present) ? present : {}, value, [...path, key]));
    else setKey(merged, key, value);
  }
  applyLooseDirectives(merged, patch, path);
  return merged;
}

function assign(target: Fields, key: string, value: unknown): void {
  if (value === undefined) delete target[key];
  else setKey(target, key, value);
}

/** `$retainKeys`: of a union, only these keys stay. */
function retain(merged: Fields, patch: Readonly<Fields>): void {
  const keys = patch[RETAIN_KEYS];
  if (keys === undefined) return;
  if (!Array.isArray(keys)) throw unappliable('invalid patch format of retainKeys');
  for (const key of Object.keys(merged)) if (!keys.includes(key)) delete merged[key];
}

/** Orders and deletions for lists that the patch itself does not carry. */
function applyLooseDirectives(merged: Fields, patch: Readonly<Fields>, path: readonly string[]): void {
  for (const key of Object.keys(patch)) {
    const field = key.startsWith(ORDER)
      ? key.slice(ORDER.length)
      : key.startsWith(DELETE_PRIMITIVES)
        ? key.slice(DELETE_PRIMITIVES.length)
        : undefined;
    if (field === undefined || Object.hasOwn(patch, field)) continue;
    const present = ownValue(merged, field);
    if (!Array.isArray(present)) continue;
    setKey(merged, field, mergeList(present, [], patch, field, [...path, field]));
  }
}

function mergeList(
  present: unknown,
  patch: readonly unknown[],
  parent: Readonly<Fields>,
  field: string,
  path: readonly string[],
): unknown[] {
  const strategy = listStrategy(path);
  const target = Array.isArray(present) ? present : [];
  const order = parent[`${ORDER}${field}`];
  switch (strategy.kind) {
    case 'atomic':
      return isRecord(patch[0]) && patch[0][DIRECTIVE] === 'replace' ? patch.slice(1) : [...patch];
    case 'primitive':
      return mergePrimitives(target, patch, parent[`${DELETE_PRIMITIVES}${field}`], order);
    case 'merge':
      return mergeKeyed(target, patch, strategy, order, path);
    default:
      return strategy satisfies never;
  }
}

function mergePrimitives(
  target: readonly unknown[],
  patch: readonly unknown[],
  deleted: unknown,
  order: unknown,
): unknown[] {
  const gone = Array.isArray(deleted) ? deleted : [];
  const kept = target.filter((item) => !gone.includes(item));
  checkOrder(patch, order, (item) => item);
  const merged = arrange([...new Set([...kept, ...patch])], kept, patch, (item) => item);
  return Array.isArray(order) ? arrange(merged, target, order, (item) => item) : merged;
}

function mergeKeyed(
  target: readonly unknown[],
  patch: readonly unknown[],
  strategy: Extract<ListStrategy, { kind: 'merge' }>,
  order: unknown,
  path: readonly string[],
): unknown[] {
  const { key } = strategy;
  if (patch.some((item) => isRecord(item) && item[DIRECTIVE] === 'replace')) {
    return patch
      .filter((item) => !(isRecord(item) && item[DIRECTIVE] !== undefined))
      .map((item) => (isRecord(item) ? withoutDirectives(item) : item));
  }
  const keyOf = (item: unknown): unknown => (isRecord(item) ? item[key] : item);
  const indexOf = (list: readonly unknown[], wanted: unknown): number =>
    list.findIndex((one) => equal(keyOf(one), wanted));
  const kept: unknown[] = [...target];
  const written: unknown[] = [];
  for (const item of patch) {
    const wanted = isRecord(item) ? item[key] : undefined;
    if (!isRecord(item) || wanted === undefined) {
      throw unappliable(`map: ${goPrint(item)} does not contain declared merge key: ${key}`);
    }
    if (item[DIRECTIVE] === 'delete') {
      const at = indexOf(kept, wanted);
      if (at >= 0) kept.splice(at, 1);
    } else {
      written.push(item);
    }
  }
  const merged: unknown[] = [...kept];
  for (const item of written) {
    if (!isRecord(item)) continue;
    const at = indexOf(merged, item[key]);
    const found = merged[at];
    const one = mergeMap(isRecord(found) ? found : {}, item, path);
    if (at >= 0) merged[at] = one;
    else merged.push(one);
  }
  checkOrder(written, order, keyOf);
  const arranged = arrange(merged, kept, written.map(keyOf), keyOf);
  return Array.isArray(order) ? arrange(arranged, target, order.map(keyOf), keyOf) : arranged;
}

/** What a patch writes must stand in the order that it sets (`validatePatchWithSetOrderList`). */
function checkOrder(written: readonly unknown[], order: unknown, keyOf: (item: unknown) => unknown): void {
  if (!Array.isArray(order)) return;
  let n = 0;
  for (const one of order) if (n < written.length && equal(keyOf(written[n]), keyOf(one))) n++;
  if (n === written.length) return;
  throw unappliable(
    `The order in patch list:\n${goPrint(written)}\n doesn't match $setElementOrder list:\n${goPrint(order)}\n`,
  );
}

/**
 * Items that the order names stand in that order; the server's own ones keep theirs, and go in front of a named item only
 * if they stood in front of it before (`normalizeElementOrder`, `mergeSortedSlice`). So what is new goes in front of them.
 */
function arrange(
  merged: readonly unknown[],
  before: readonly unknown[],
  order: readonly unknown[],
  keyOf: (item: unknown) => unknown,
): unknown[] {
  const place = (item: unknown): number => order.findIndex((one) => equal(one, keyOf(item)));
  const named = merged.filter((item) => place(item) >= 0).sort((a, b) => place(a) - place(b));
  const own = merged.filter((item) => place(item) < 0);
  const index = (item: unknown): number => before.findIndex((one) => equal(keyOf(one), keyOf(item)));
  const out: unknown[] = [];
  let n = 0;
  let o = 0;
  while (n < named.length && o < own.length) {
    const left = index(named[n]);
    const right = index(own[o]);
    if (left >= 0 && right >= 0 && right < left) out.push(own[o++]);
    else out.push(named[n++]);
  }
  return [...out, ...named.slice(n), ...own.slice(o)];
}

/** The patch as a value: what it says, without how to merge it. */
function withoutDirectives(value: Readonly<Fields>): Fields {
  const out: Fields = {};
  for (const key of Object.keys(value)) {
    if (key === DIRECTIVE || key === RETAIN_KEYS) continue;
    if (key.startsWith(ORDER) || key.startsWith(DELETE_PRIMITIVES)) continue;
    setKey(out, key, value[key]);
  }
  return out;
}

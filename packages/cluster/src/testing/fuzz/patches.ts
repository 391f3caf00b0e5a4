/** The three patch engines against models and rules that must hold whatever comes. */
import { applyPatch, type Operation } from 'rfc6902';
import { ApiError } from '../../api.ts';
import { equal, isRecord } from '../../json.ts';
import { jsonPatch } from '../../patch/json-patch.ts';
import { mergePatch } from '../../patch/merge-patch.ts';
import { strategicMergePatch } from '../../patch/strategic.ts';
import { Chance } from './chance.ts';
import { EVIL_KEYS, junk, samples, spoil } from './junk.ts';

/** What is wrong; undefined: nothing. */
export type Complaint = string | undefined;

/** One case of each engine in turn. */
export function patchCase(seed: number): Complaint {
  const chance = new Chance(seed);
  const target = chance.is(0.7) ? chance.pick(samples).object : junk(chance);
  const before = JSON.stringify(target);
  const complaint = [jsonCase, mergeCase, strategicCase][seed % 3]?.(chance, target);
  if (complaint !== undefined) return complaint;
  return JSON.stringify(target) === before ? undefined : 'the target was changed';
}

interface Tried {
  readonly value?: unknown;
  readonly refused?: ApiError;
}

/** @throws whatever is no refusal */
function tried(run: () => unknown): Tried {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof ApiError) return { refused: error };
    throw error;
  }
}

function jsonCase(chance: Chance, target: unknown): Complaint {
  const patch = chance.is(0.1) ? junk(chance) : chance.some(6, () => operation(chance, target));
  const text = JSON.stringify(patch);
  const done = tried(() => jsonPatch(target, patch));
  if (JSON.stringify(patch) !== text) return `the patch was changed: ${text}`;
  if (done.refused !== undefined) return statusComplaint(done.refused, [400, 413, 422]);
  if (patch === null) return undefined;
  const copy = { root: JSON.parse(JSON.stringify(target)) };
  // Where Kubernetes takes more than the RFC, or other than the library, the model has nothing to say.
  if (!Array.isArray(patch) || !patch.every(isOrdinary) || text.includes('__proto__')) return undefined;
  const outcomes = applyPatch(
    copy,
    patch.map((one: Operation) => ({
      ...one,
      path: `/root${one.path}`,
      ...('from' in one ? { from: `/root${one.from}` } : {}),
    })),
  );
  const failed = outcomes.findIndex((outcome) => outcome !== null);
  if (failed >= 0) {
    const { op } = patch[failed] ?? {};
    return op === 'replace' || op === 'copy' || op === 'test'
      ? undefined
      : `the RFC refuses ${text} on ${JSON.stringify(target)}`;
  }
  return equal(done.value, copy.root)
    ? undefined
    : `${text} made ${JSON.stringify(done.value)}, not ${JSON.stringify(copy.root)}`;
}

/** True for what the RFC and Kubernetes read alike. */
function isOrdinary(operation: unknown): boolean {
  if (!isRecord(operation) || operation.value === undefined) return false;
  const { path, from = '/a' } = operation;
  const isPlain = (one: unknown): boolean =>
    typeof one === 'string' &&
    /^(?:\/(?:[^/]*))+$/.test(one) &&
    !/\/(?:[-+]\d|0\d|__proto__|constructor|prototype|toString|valueOf|hasOwnProperty|toJSON|then|length)/.test(one);
  return isPlain(path) && isPlain(from);
}

function operation(chance: Chance, target: unknown): unknown {
  const op = chance.pick(['add', 'add', 'remove', 'replace', 'move', 'copy', 'test', 'nope', 7]);
  const path = pointer(chance, target);
  const whole = {
    op,
    path,
    value: chance.is(0.2) ? valueAt(target, path) : junk(chance, 2),
    ...(op === 'move' || op === 'copy' ? { from: pointer(chance, target) } : {}),
  };
  return chance.is(0.05) ? spoil(chance, whole) : whole;
}

/** A pointer to something there most of the time. */
function pointer(chance: Chance, target: unknown): string {
  let text = '';
  for (let at = target; typeof at === 'object' && at !== null && chance.is(0.85); ) {
    const keys = Object.keys(at);
    if (keys.length === 0) break;
    const key = chance.pick(keys);
    text += `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    at = (at as Record<string, unknown>)[key];
  }
  if (chance.is(0.25)) text += `/${chance.pick(['-', '0', '1', '-1', '01', '99', '', 'new', '~1', '~', ...EVIL_KEYS])}`;
  return chance.is(0.03) ? text.slice(1) : text;
}

function valueAt(target: unknown, path: string): unknown {
  let at = target;
  for (const step of path.split('/').slice(1)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return null;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
}

/** RFC 7396 as its text has it, on entries, so that it shares nothing with the engine. */
function mergeModel(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const entries = new Map(isRecord(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) entries.delete(name);
    else entries.set(name, mergeModel(entries.get(name), value));
  }
  return Object.fromEntries(entries);
}

function mergeCase(chance: Chance, target: unknown): Complaint {
  const patch = chance.is(0.5) ? spoil(chance, chance.pick(samples).object) : junk(chance);
  const done = mergePatch(target, patch);
  const model = mergeModel(target, patch);
  if (JSON.stringify(done) !== JSON.stringify(model)) return `${JSON.stringify(patch)} made ${JSON.stringify(done)}`;
  return equal(mergePatch(done, patch), done) ? undefined : `twice is not once: ${JSON.stringify(patch)}`;
}

const DIRECTIVES = [
  '$patch',
  '$retainKeys',
  '$setElementOrder/containers',
  '$setElementOrder/finalizers',
  '$deleteFromPrimitiveList/finalizers',
  '$setElementOrder/__proto__',
];

function strategicCase(chance: Chance, target: unknown): Complaint {
  const object = isRecord(target) ? target : {};
  const plain = spoil(chance, chance.is(0.6) ? object : chance.pick(samples).object);
  const hasDirectives = chance.is(0.5);
  const patch = hasDirectives ? withDirectives(chance, plain) : plain;
  if (!isRecord(patch)) return undefined;
  const text = JSON.stringify(patch);
  const done = tried(() => strategicMergePatch(object, patch));
  if (JSON.stringify(patch) !== text) return `the patch was changed: ${text}`;
  if (done.refused !== undefined) return statusComplaint(done.refused, [400, 422, 500]);
  // An item whose key is null is never found again, on a real server neither.
  if (hasDirectives || text.includes(':null')) return undefined;
  const again = tried(() => strategicMergePatch(isRecord(done.value) ? done.value : {}, patch));
  return again.refused === undefined && equal(again.value, done.value)
    ? undefined
    : `twice is not once: ${text} on ${JSON.stringify(object)}: ${JSON.stringify(done.value)} then ${JSON.stringify(again.value)}`;
}

function withDirectives(chance: Chance, patch: unknown): unknown {
  if (Array.isArray(patch)) return patch.map((item) => withDirectives(chance, item));
  if (!isRecord(patch)) return patch;
  const entries = Object.entries(patch).map(([key, value]) => [key, withDirectives(chance, value)] as const);
  if (!chance.is(0.2)) return Object.fromEntries(entries);
  const directive = chance.pick(DIRECTIVES);
  const value =
    directive === '$patch'
      ? chance.pick(['replace', 'delete', 'merge', 'nope', 7])
      : chance.is(0.5)
        ? junk(chance)
        : [{ name: 'c' }, 'a'];
  return Object.fromEntries([...entries, [directive, value]]);
}

function statusComplaint(error: ApiError, codes: readonly number[]): Complaint {
  const { status } = error;
  return codes.includes(status.code) && status.message !== '' ? undefined : `refused oddly: ${JSON.stringify(status)}`;
}

/** The cluster without its wire: store, registry, admission and the in-process Api; what tests of controllers start. */
import type { AdmissionPlugin } from '../admission/plugin.ts';
import type { Api } from '../api.ts';
import type { Clock } from '../clock.ts';
import type { Kind } from '../kinds/kind.ts';
import { Registry } from '../registry.ts';
import type { Keeper } from '../storage/keeper.ts';
import { Store } from '../storage/store.ts';
import { faceOf } from './face.ts';
import { type Ground, inOrder } from './ground.ts';
import { inProcessApi } from './in-process.ts';
import { list } from './reads.ts';

export interface StateOptions {
  readonly kinds: readonly Kind[];
  readonly admission: readonly AdmissionPlugin[];
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
  /** What an earlier life left, and where this one is kept; absent: memory only. */
  readonly keeper?: Keeper | undefined;
}

/** 2025-01-01. */
const REVISION_EPOCH = 1_735_689_600_000;
/** More than this server can write in a millisecond, so that a life always starts beyond the one before it. */
const REVISIONS_PER_MS = 10;
/** More than one turn can write: an earlier life that could not keep its last writes has told nobody a higher revision. */
const REVISIONS_LOST_AT_MOST = 1_000_000;

/**
 * A store that starts empty, or with what is kept. Its first resourceVersion is a measure of the time, and beyond all of the
 * life before: a client that kept one from there is told "too old" and lists anew, where a small number would make it wait
 * in silence.
 */
export function createState(options: StateOptions): { ground: Ground; api: Api } {
  const registry = new Registry(options.kinds);
  const store = new Store(
    options.kinds.filter((kind) => kind.storedAs === undefined),
    firstRevision(options),
    options.keeper,
  );
  store.backlog.onFailure = options.onError;
  const ground: Ground = {
    store,
    registry,
    clock: options.clock,
    admission: options.admission,
    reader: {
      get: (resource, name, namespace) => store.shelf(resource)?.get(namespace ?? '', name),
      list: (resource, query = {}) =>
        store.shelf(resource) === undefined ? [] : list(ground, faceOf(ground, resource), query).items,
      count: (resource) => store.shelf(resource)?.size ?? 0,
      putStatus: (resource, object, status) => {
        const { kind, shelf } = faceOf(ground, resource);
        store.put(shelf, inOrder(kind, { ...object, metadata: { ...object.metadata }, status }));
      },
    },
  };
  return { ground, api: inProcessApi(ground, options.onError) };
}

function firstRevision({ clock, keeper }: StateOptions): number {
  const byTime = Math.max(1, Math.floor(clock.now() - REVISION_EPOCH) * REVISIONS_PER_MS);
  const before = keeper?.revision ?? 0;
  return before === 0 ? byTime : Math.max(byTime, before + REVISIONS_LOST_AT_MOST);
}

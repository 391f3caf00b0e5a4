/**
 * Keeps a consumer's view of one collection equal to the server's, whatever happens to the connection.
 *
 *              ┌────────── failed ──────────┐      ┌─── failed, broken, unreadable ───┐
 *              ▼                            │      ▼                                  │
 *   start ─► listing ─ page ─ … ─ last page ─► watching ── closed, silent: at once ───┤
 *              ▲                                   │                                  │
 *              └──── jittered ◄─── 410, rewound ───┘        (waits are `backing-off`) ┘
 *   any ── stop ─► stopped
 *
 * A full LIST is made once at the start and once for each 410 (also: for a server whose history went back, and for a watch
 * that fails at the same place again and again). Everything else resumes from the last resourceVersion. [SPEC K8]
 */
import { createBackOff } from './back-off.ts';
import { systemClock } from './clock.ts';
import { textOf } from './error-text.ts';
import { createKnownObjects } from './known-objects.ts';
import { pageOf } from './list-page.ts';
import type { KubeObject } from './objects.ts';
import { isKubeObject } from './objects.ts';
import type { ApiOutcome, RefusedOutcome } from './outcome.ts';
import { describeOutcome, failedOutcome } from './outcome.ts';
import type {
  Reflector,
  ReflectorEvent,
  ReflectorOptions,
  ReflectorProblem,
  ReflectorState,
} from './reflector-options.ts';
import { reflectorDefaults } from './reflector-options.ts';
import { isOlderVersion } from './resource-version.ts';
import type { WatchEnd, WatchEvent } from './watch-stream.ts';
import { readWatch } from './watch-stream.ts';

/** Starts nothing before `start()`. */
export function createReflector<T>(options: ReflectorOptions<T>): Reflector {
  const { transport, path, query, project } = options;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const limits = { ...reflectorDefaults, ...options.limits };
  const keyOf = options.keyOf ?? ((raw: KubeObject): string => raw.metadata.uid);
  const known = createKnownObjects();
  const backOff = createBackOff(limits.backOffBaseMs, limits.backOffCapMs, random);
  /** Apart: pages that come do not excuse a LIST that is due again at once. */
  const relistBackOff = createBackOff(limits.backOffBaseMs, limits.backOffCapMs, random);

  let state: ReflectorState = { kind: 'stopped' };
  let isStopping = false;
  let isSynced = false;
  /** Where to resume; undefined: a LIST is due. */
  let version: string | undefined;
  /** Whether the server may have been replaced by one with an older history. */
  let isDoubted = false;
  /** Watches in a row that ended at something unreadable or an ERROR, without a single event. */
  let stuck = 0;
  let running: Promise<void> | undefined;
  let abort = new AbortController();
  let cancelWait: (() => void) | undefined;

  async function run(): Promise<void> {
    while (!isStopping) {
      try {
        await (version === undefined ? list() : watch(version));
      } catch (error) {
        // Only a mistake of this file can come here; it must not end the view for good.
        report({ kind: 'watch-failed', message: `unexpected: ${textOf(error)}`, error });
        await rest(textOf(error), backOff.next());
      }
    }
    setState({ kind: 'stopped' });
  }

  async function list(): Promise<void> {
    let pageSize = limits.pageSize;
    let token: string | undefined;
    const ask = (): Promise<ApiOutcome> =>
      transport.request({
        method: 'GET',
        path,
        query: { ...query, limit: pageSize, continue: token },
        timeoutMs: limits.listTimeoutMs,
        signal: freshSignal(),
      });
    begin();
    let next = ask();
    for (;;) {
      const outcome = await next;
      if (isStopping) return;
      const page = outcome.kind === 'ok' ? pageOf(outcome.body) : undefined;
      if (page !== undefined) {
        backOff.reset();
        if (state.kind !== 'listing') setState({ kind: 'listing' });
        token = page.token;
        // The server looks for the next page while this one is taken in.
        if (token !== undefined) next = ask();
        emit(page.items.flatMap(listedEvents));
        if (token !== undefined) continue;
        return finishList(page.resourceVersion);
      }
      if (outcome.kind === 'failed' && outcome.why === 'too-large' && pageSize > 1) {
        pageSize = Math.ceil(pageSize / 4);
        next = ask();
        continue;
      }
      const reason = outcome.kind === 'ok' ? 'the answer is no list' : describeOutcome(outcome);
      report({ kind: 'list-failed', message: reason });
      await rest(reason, backOff.next(outcome.kind === 'ok' ? 0 : retryAfterOf(outcome)));
      if (isStopping) return;
      // The snapshot behind the token is compacted. Never ask for all at once instead: begin the pages anew.
      if (outcome.kind === 'gone' && token !== undefined) {
        token = undefined;
        begin();
      }
      next = ask();
    }
  }

  function begin(): void {
    setState({ kind: 'listing' });
    known.startList();
    emit([{ kind: 'relist-started' }]);
  }

  function finishList(resourceVersion: string): void {
    const events: ReflectorEvent<T>[] = known.endList().map((key) => ({ kind: 'delete', key, last: undefined }));
    events.push({ kind: 'relist-done', objects: known.size, resourceVersion });
    version = resourceVersion;
    isSynced = true;
    isDoubted = false;
    emit(events);
  }

  async function watch(from: string): Promise<void> {
    if (isDoubted) {
      const probe = await askVersion();
      if (isStopping) return;
      if (typeof probe !== 'string') return openFailed(probe);
      isDoubted = false;
      if (isOlderVersion(probe, from)) return relist('the server has an older history than was seen');
    }
    const startedAt = clock.monotonic();
    const opened = await transport.open({
      method: 'GET',
      path,
      query: {
        ...query,
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: from,
        timeoutSeconds: Math.floor(290 + random() * 301),
      },
      timeoutMs: limits.headersTimeoutMs,
      signal: freshSignal(),
    });
    if (isStopping) {
      if (opened.kind === 'open') opened.body.on('error', () => {}).destroy();
      return;
    }
    if (opened.kind !== 'open') return openFailed(opened);
    setState({ kind: 'watching', resourceVersion: from });
    let hasProgress = false;
    const end = await readWatch(opened.body, {
      clock,
      progressDeadlineMs: limits.progressDeadlineMs,
      maxLineBytes: limits.maxLineBytes,
      onEvents: (events) => {
        hasProgress = true;
        stuck = 0;
        worked();
        return take(events);
      },
    });
    if (!isStopping) await ended(end, hasProgress, clock.monotonic() - startedAt);
  }

  async function openFailed(outcome: RefusedOutcome): Promise<void> {
    const reason = describeOutcome(outcome);
    report({ kind: 'watch-failed', message: reason });
    if (outcome.kind === 'gone' && outcome.why === 'expired') return relist(reason);
    if (outcome.kind === 'failed' && outcome.why === 'connection') isDoubted = true;
    await rest(reason, backOff.next(retryAfterOf(outcome)));
  }

  function worked(): void {
    backOff.reset();
    relistBackOff.reset();
  }

  /** What follows the end of a watch that had been open. */
  async function ended(end: WatchEnd, hasProgress: boolean, livedMs: number): Promise<void> {
    if (livedMs >= limits.backOffCapMs) worked();
    const floorMs = Math.max(0, limits.reconnectFloorMs - livedMs);
    switch (end.kind) {
      case 'closed':
        return floorMs > 0 ? rest('the server closed the watch at once', floorMs) : undefined;
      case 'silent':
        report({ kind: 'silent', message: `nothing heard for ${end.forMs} ms` });
        isDoubted = true;
        return undefined;
      case 'broken':
        report({ kind: 'watch-failed', message: end.message });
        isDoubted = true;
        if (hasProgress || floorMs === 0) return floorMs > 0 ? rest(end.message, floorMs) : undefined;
        return rest(end.message, backOff.next());
      case 'expired':
        report({ kind: 'watch-failed', message: end.message });
        return relist(end.message);
      case 'error':
      case 'unreadable':
        report({ kind: end.kind === 'error' ? 'watch-failed' : 'unreadable', message: end.message });
        stuck = hasProgress ? 1 : stuck + 1;
        if (stuck >= limits.stuckAttempts) {
          stuck = 0;
          return relist(end.message);
        }
        return rest(end.message, backOff.next(end.kind === 'error' ? (end.retryAfterMs ?? 0) : 0));
      case 'left':
        return relist('the server went back to an older history');
      default:
        return end satisfies never;
    }
  }

  /** A LIST is due: jittered, since a 410 comes to all at once; backed off where one follows another. */
  async function relist(reason: string): Promise<void> {
    version = undefined;
    stuck = 0;
    await rest(reason, Math.round(random() * limits.relistJitterMs) + relistBackOff.next());
  }

  /**
   * After a lost connection the server may be another one, restored or begun anew: a watch from a version in its future stays
   * silent for ever (kube-apiserver 1.34 answers 200 and nothing). One object's LIST tells.
   */
  async function askVersion(): Promise<string | RefusedOutcome> {
    const outcome = await transport.request({
      method: 'GET',
      path,
      query: { ...query, limit: 1 },
      timeoutMs: limits.headersTimeoutMs,
      signal: freshSignal(),
    });
    if (outcome.kind !== 'ok') return outcome;
    return (
      pageOf(outcome.body)?.resourceVersion ?? failedOutcome('bad-answer', 'the answer is no list', outcome.status)
    );
  }

  /** Takes what a watch showed. False: the server's history went back. */
  function take(events: readonly WatchEvent[]): boolean {
    const batch: ReflectorEvent<T>[] = [];
    let isForward = true;
    for (const event of events) {
      const resourceVersion = event.kind === 'bookmark' ? event.resourceVersion : event.object.metadata.resourceVersion;
      const isOlder = version !== undefined && isOlderVersion(resourceVersion, version);
      if (event.kind === 'bookmark' && isOlder) {
        isForward = false;
        break;
      }
      // What was told before is told again, perhaps of an object that is gone by now.
      if (isOlder) continue;
      version = resourceVersion;
      if (event.kind !== 'bookmark') batch.push(...watchedEvents(event));
    }
    emit(batch);
    return isForward;
  }

  function watchedEvents(event: Exclude<WatchEvent, { kind: 'bookmark' }>): ReflectorEvent<T>[] {
    const raw = event.object;
    const key = keyed(raw);
    if (key === undefined) return [];
    const { resourceVersion } = raw.metadata;
    if (event.kind === 'gone') {
      return known.lost(key) ? [{ kind: 'delete', key, last: projected(raw)?.object }] : [];
    }
    const result = projected(raw);
    if (result === undefined) return [];
    if (result.object === undefined) {
      return known.lost(key) ? [{ kind: 'delete', key, last: undefined }] : [];
    }
    return known.seen(key, resourceVersion) ? [{ kind: 'upsert', key, object: result.object, resourceVersion }] : [];
  }

  function listedEvents(raw: unknown): ReflectorEvent<T>[] {
    if (!isKubeObject(raw)) {
      report({ kind: 'unreadable', message: 'an item of a list has no name, uid or resourceVersion' });
      return [];
    }
    const key = keyed(raw);
    if (key === undefined) return [];
    const { resourceVersion } = raw.metadata;
    const result = projected(raw);
    if (result === undefined) {
      // It is there, though it cannot be read: its last readable state stays.
      if (known.has(key)) known.listed(key, resourceVersion);
      return [];
    }
    if (result.object === undefined) return [];
    known.listed(key, resourceVersion);
    return [{ kind: 'upsert', key, object: result.object, resourceVersion }];
  }

  function keyed(raw: KubeObject): string | undefined {
    try {
      return keyOf(raw);
    } catch (error) {
      report({ kind: 'project-threw', message: `${nameOf(raw)}: ${textOf(error)}`, error });
      return undefined;
    }
  }

  /** undefined: `project` threw. */
  function projected(raw: KubeObject): { readonly object: T | undefined } | undefined {
    try {
      return { object: project(raw) };
    } catch (error) {
      report({ kind: 'project-threw', message: `${nameOf(raw)}: ${textOf(error)}`, error });
      return undefined;
    }
  }

  function emit(batch: ReadonlyArray<ReflectorEvent<T>>): void {
    if (batch.length === 0 || isStopping) return;
    try {
      options.onEvents(batch);
    } catch (error) {
      report({ kind: 'consumer-threw', message: textOf(error), error });
    }
  }

  function setState(next: ReflectorState): void {
    state = next;
    try {
      options.onState?.(next);
    } catch (error) {
      report({ kind: 'consumer-threw', message: textOf(error), error });
    }
  }

  function report(problem: ReflectorProblem): void {
    try {
      options.onProblem?.(problem);
    } catch {
      // There is nobody left to tell.
    }
  }

  async function rest(reason: string, forMs: number): Promise<void> {
    if (isStopping) return;
    setState({ kind: 'backing-off', reason, forMs, next: version === undefined ? 'list' : 'watch' });
    if (isStopping) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.setTimeout(resolve, forMs);
      cancelWait = () => {
        cancel();
        resolve();
      };
    });
    cancelWait = undefined;
  }

  /** A new one a request: an open watch keeps its listener on the signal. */
  function freshSignal(): AbortSignal {
    abort = new AbortController();
    if (isStopping) abort.abort();
    return abort.signal;
  }

  return {
    get state() {
      return state;
    },
    get isSynced() {
      return isSynced;
    },
    get size() {
      return known.size;
    },
    start() {
      if (!isStopping) running ??= run();
    },
    async stop() {
      isStopping = true;
      abort.abort();
      cancelWait?.();
      await running;
    },
  };
}

function retryAfterOf(outcome: RefusedOutcome): number {
  return 'retryAfterMs' in outcome ? (outcome.retryAfterMs ?? 0) : 0;
}

function nameOf(raw: KubeObject): string {
  const { namespace, name } = raw.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

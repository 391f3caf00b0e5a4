/**
 * A watch that sees every change: one that the server ends (a real one ends those that read too slowly, at a load of the machine
 * always) is begun again where it ended. A bare watch would see nothing from then on, and its test could not fail, or hangs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json, TestApi } from './api.ts';

export interface Followed {
  /** In order: what was there at first as ADDED, then each change. */
  readonly events: Json[];
  /** How often the history had a gap: changes in between may be unseen. 0 unless it broke for minutes. */
  gaps(): number;
  stop(): void;
}

/**
 * Lists a path and watches it from there.
 *
 * @throws where the list is refused
 */
export async function follow(api: TestApi, path: string, onEvent?: (event: Json) => void): Promise<Followed> {
  const events: Json[] = [];
  const there = new Map<string, Json>();
  let gaps = 0;
  let isStopped = false;
  let endWatch = (): void => undefined;
  let version = '';
  let isExpired = false;

  const take = (event: Json): void => {
    const { type, object } = event;
    if (type === 'ERROR') {
      isExpired = true;
      return;
    }
    version = object.metadata.resourceVersion;
    if (type === 'BOOKMARK') return;
    const { namespace = '', name } = object.metadata;
    if (type === 'DELETED') there.delete(`${namespace}/${name}`);
    else there.set(`${namespace}/${name}`, object);
    events.push(event);
    onEvent?.(event);
  };
  const list = async (): Promise<void> => {
    const { kind, apiVersion, items, metadata } = await api.call('GET', path);
    const of = { kind: kind.replace(/List$/, ''), apiVersion };
    const seen = new Map<string, Json>(
      items.map((item: Json) => [`${item.metadata.namespace ?? ''}/${item.metadata.name}`, { ...of, ...item }]),
    );
    for (const [key, object] of there) if (!seen.has(key)) take({ type: 'DELETED', object });
    for (const [key, object] of seen) {
      const before = there.get(key)?.metadata.resourceVersion;
      if (before !== object.metadata.resourceVersion) take({ type: before ? 'MODIFIED' : 'ADDED', object });
    }
    version = metadata.resourceVersion;
    isExpired = false;
  };
  const watch = async (): Promise<void> => {
    const from = `${path}${path.includes('?') ? '&' : '?'}resourceVersion=${version}&allowWatchBookmarks=true`;
    const watching = await api.watch(from, take);
    endWatch = watching.stop;
    if (watching.status === 410) isExpired = true;
    while (!isStopped && !watching.ended()) await sleep(50);
    watching.stop();
  };

  await list();
  void (async () => {
    while (!isStopped) {
      try {
        if (isExpired) {
          gaps += 1;
          await list();
        }
        await watch();
      } catch {
        // the server is away for a while
      }
      if (!isStopped) await sleep(100);
    }
  })();
  return {
    events,
    gaps: () => gaps,
    stop: () => {
      isStopped = true;
      endWatch();
    },
  };
}

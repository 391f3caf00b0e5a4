/** Watches: what they begin with, what they show, how they end. [SPEC C95] */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { define, definitionOf, dropDefinitions } from './custom.ts';
import { MERGE_PATCH, openSetting } from './setting.ts';

const on = openSetting('watches');
const open: Array<{ stop(): void }> = [];

beforeAll(async () => {
  for (const name of ['a', 'b'])
    await on.call('POST', 'configmaps', { metadata: { name, labels: { team: name } }, data: { n: '0' } });
});
afterAll(() => {
  for (const one of open) one.stop();
  return dropDefinitions(on, `${on.namespace}.example.org`);
});

async function watch(
  query: string,
  path = on.at('configmaps'),
): Promise<{ events: Json[]; status: number; ended(): boolean; stop(): void }> {
  const one = await on.cluster.api.watch(`${path}?${query}`);
  open.push(one);
  return one;
}
/** kube-root-ca.crt is put into every namespace of a real cluster. */
const own = (events: readonly Json[]): Json[] =>
  events.filter((event) => event.object.metadata?.name !== 'kube-root-ca.crt');
const line = ({ type, object }: Json): string =>
  `${type} ${object.metadata?.name ?? ''} ${object.data?.n ?? ''}`.trim();
const lines = (events: readonly Json[]): string[] => own(events).map(line);
const revision = async (): Promise<string> => (await on.get('configmaps')).metadata.resourceVersion;
const set = (name: string, patch: Json): Promise<Json> => on.call('PATCH', `configmaps/${name}`, patch, MERGE_PATCH);

describe('a watch [SPEC C95]', () => {
  test('without a resourceVersion begins with all there is', async () => {
    const { events } = await watch('');
    await waitFor('both', () => own(events).length === 2);
    expect(lines(events).sort()).toEqual(['ADDED a 0', 'ADDED b 0']);
    expect(on.plain(own(events).find((event) => event.object.metadata.name === 'a')?.object)).toMatchSnapshot();
  });

  test('from a revision shows what comes after it: changes, ends, new ones', async () => {
    const from = await revision();
    await set('a', { data: { n: '1' } });
    const { events } = await watch(`resourceVersion=${from}`);
    await on.call('POST', 'configmaps', { metadata: { name: 'c' } });
    await on.call('DELETE', 'configmaps/c');
    await waitFor('three events', () => events.length >= 3);
    expect(lines(events)).toEqual(['MODIFIED a 1', 'ADDED c', 'DELETED c']);
    const [, added, deleted] = events;
    expect(Number(deleted.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(added.object.metadata.resourceVersion),
    );
  });

  test('by label shows an object that comes in as ADDED and one that goes out as DELETED', async () => {
    const { events } = await watch(`resourceVersion=${await revision()}&labelSelector=team%3Dx`);
    await set('a', { metadata: { labels: { team: 'x' } } });
    await set('a', { data: { n: '2' } });
    await set('b', { data: { n: '2' } });
    await set('a', { metadata: { labels: { team: 'a' } } });
    await waitFor('three events', () => events.length === 3);
    expect(lines(events)).toEqual(['ADDED a 2'.replace('2', '1'), 'MODIFIED a 2', 'DELETED a 2']);
  });

  test('by name shows that one', async () => {
    const { events } = await watch(`resourceVersion=${await revision()}&fieldSelector=metadata.name%3Db`);
    await set('a', { data: { n: '3' } });
    await set('b', { data: { n: '3' } });
    await waitFor('one event', () => events.length > 0);
    expect(lines(events)).toEqual(['MODIFIED b 3']);
  });

  test('with sendInitialEvents says where the beginning ends', async () => {
    const { events } = await watch('sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true');
    await waitFor('the bookmark', () => events.some((event) => event.type === 'BOOKMARK'));
    expect(lines(events)).toEqual(['ADDED a 3', 'ADDED b 3', 'BOOKMARK']);
    expect(on.plain(events.at(-1)?.object)).toMatchSnapshot();
    await set('a', { data: { n: '4' } });
    await waitFor('what follows', () => lines(events).at(-1) === 'MODIFIED a 4');
  });

  test('at 0 with bookmarks has its first bookmark at once', async () => {
    const { events } = await watch('resourceVersion=0&allowWatchBookmarks=true');
    await waitFor('the bookmark', () => events.some((event) => event.type === 'BOOKMARK'));
    expect(events.at(-1)?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });

  test('from too old a revision is told so, and ended', async () => {
    // Of a kind that is younger than that revision: what a real server remembers of the others may reach back to its start.
    const group = `${on.namespace}.example.org`;
    await define(on, definitionOf(group, 'Young'));
    const one = await watch('resourceVersion=1', `/apis/${group}/v1/namespaces/${on.namespace}/youngs`);
    await waitFor('its end', () => one.ended());
    expect(one.status).toBe(200);
    const said = one.events.map(({ type, object }) => ({
      type,
      code: object.code,
      reason: object.reason,
      message: object.message.replace(/\d+/g, 'N'),
    }));
    expect(said).toEqual([{ type: 'ERROR', code: 410, reason: 'Expired', message: 'too old resource version: N (N)' }]);
  });

  test('ends after timeoutSeconds, quietly', async () => {
    const one = await watch(`resourceVersion=${await revision()}&timeoutSeconds=1`);
    await waitFor('its end', () => one.ended());
    expect(one.events).toEqual([]);
  });

  test.each([
    ['sendInitialEvents=true'],
    ['sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1'],
    ['resourceVersionMatch=NotOlderThan'],
    ['resourceVersion=abc'],
    ['timeoutSeconds=soon'],
    ['labelSelector=a%20in'],
  ])('of bad options is refused: %s', async (query) => {
    expect(await on.say('GET', `configmaps?watch=true&${query}`)).toMatchSnapshot();
  });

  test('as tables has one row an event, its columns in the first', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const answer = await on.raw(
      'GET',
      'configmaps?watch=true&timeoutSeconds=1&fieldSelector=metadata.name!%3Dkube-root-ca.crt',
      undefined,
      undefined,
      accept,
    );
    const tables = String(answer.body)
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(
      tables.map(({ type, object }) => [type, object.columnDefinitions?.length ?? null, object.rows.length]),
    ).toEqual([
      ['ADDED', 3, 1],
      ['ADDED', null, 1],
    ]);
  });

  test('of one object by its path is no watch but a read', async () => {
    const said = await on.say('GET', 'configmaps/a?watch=true');
    expect([said.code, said.body.kind, said.body.metadata.name]).toEqual([200, 'ConfigMap', 'a']);
  });
});

/** Pages of a list: how many objects are left is said where nothing selects, and nowhere else. [SPEC C95] */
import { beforeAll, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { openSetting } from './setting.ts';

const on = openSetting('pages');
/** Of a kind of which nobody else makes any in a namespace. */
const KIND = 'secrets';

beforeAll(async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const labels = name === 'b' ? {} : { app: 'web' };
    await on.call('POST', KIND, { metadata: { name, labels }, type: 'example.org/own' });
  }
});

/** Each page in turn: its names, what is left by its word, and whether there is another. */
async function pages(query: string): Promise<Json[]> {
  const found: Json[] = [];
  let token = '';
  do {
    const { items, metadata } = await on.get(`${KIND}?${query}${token && `&continue=${encodeURIComponent(token)}`}`);
    token = metadata.continue ?? '';
    found.push([
      items.map((one: Json) => one.metadata.name).join(),
      metadata.remainingItemCount ?? 'unsaid',
      token !== '',
    ]);
  } while (token !== '' && found.length < 10);
  return found;
}

test.each([
  'limit=2',
  'limit=5',
  'limit=4',
  'limit=0',
  'limit=2&labelSelector=',
  'limit=2&labelSelector=app%3Dweb',
  'limit=2&labelSelector=!none',
  'limit=3&fieldSelector=',
  'limit=3&fieldSelector=metadata.name!%3Da',
  'limit=2&fieldSelector=type%3Dexample.org/own',
  'limit=2&fieldSelector=metadata.name%3Db',
  'limit=1&labelSelector=app%3Dweb&fieldSelector=metadata.name!%3Da',
])('%s', async (query) => {
  expect(await pages(query)).toMatchSnapshot();
});

test.each([
  'watch=%zz&limit=1',
  'watch=true;x&limit=1',
  'limit=1&%=&limit=%a',
])('what of a query cannot be read is left out: %j', async (query) => {
  const { kind, items } = await on.get(`${KIND}?${query}`);
  expect([kind, items.map((one: Json) => one.metadata.name)]).toEqual(['SecretList', ['a']]);
});

test('a page goes on after its last object though that is gone, and shows what came meanwhile or does not', async () => {
  const first = await on.get(`${KIND}?limit=2`);
  await on.call('DELETE', `${KIND}/b`);
  const { items, metadata } = await on.get(`${KIND}?limit=2&continue=${encodeURIComponent(first.metadata.continue)}`);
  expect([items.map((one: Json) => one.metadata.name), metadata.remainingItemCount]).toEqual([['c', 'd'], 1]);
});

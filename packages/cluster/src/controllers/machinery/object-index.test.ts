import { expect, test } from 'vitest';
import { createTestApi, createVirtualClock, settle } from '../testing.ts';
import { watchIndex } from './object-index.ts';

const configMap = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
});
const by = {
  colour: (object: { metadata: { labels?: Record<string, string> } }) => [object.metadata.labels?.colour ?? ''],
};

function start() {
  const api = createTestApi(createVirtualClock());
  const user = { actor: 'user', namespace: 'ns' };
  api.create('configmaps', configMap('old', { colour: 'red' }), user);
  const index = watchIndex(api, 'configmaps', by);
  const names = (word: string) => index.by('colour', word).map((object) => object.metadata.name);
  return { api, user, index, names };
}

test('what is there is found at once, what comes by its event or as soon as it is noted [SPEC C90]', async () => {
  const { api, user, index, names } = start();
  expect(names('red')).toEqual(['old']);
  index.note(api.create('configmaps', configMap('noted', { colour: 'red' }), user));
  api.create('configmaps', configMap('later', { colour: 'red' }), user);
  expect(names('red')).toEqual(['old', 'noted']);
  await settle();
  expect(names('red')).toEqual(['old', 'noted', 'later']);
});

test('what it answers is the present state, though the event is still to come [SPEC C90]', () => {
  const { api, user, index, names } = start();
  api.modify('configmaps', 'old', 'ns', (draft) => Object.assign(draft.metadata, { labels: { colour: 'blue' } }), user);
  expect(names('red')).toEqual([]);
  api.delete('configmaps', 'old', 'ns');
  expect(index.inNamespace('ns')).toEqual([]);
});

test('an event that is older than what was noted changes nothing back [SPEC C90]', async () => {
  const { api, user, index, names } = start();
  api.modify(
    'configmaps',
    'old',
    'ns',
    (draft) => Object.assign(draft.metadata, { labels: { colour: 'green' } }),
    user,
  );
  const newest = api.modify(
    'configmaps',
    'old',
    'ns',
    (draft) => Object.assign(draft.metadata, { labels: { colour: 'blue' } }),
    user,
  );
  index.note(newest);
  expect(names('blue')).toEqual(['old']);
  await settle();
  expect(names('blue')).toEqual(['old']);
  expect(names('green')).toEqual([]);
});

test('a listener hears what is there, then each change with what was before [SPEC C90]', async () => {
  const { api, user, index } = start();
  const heard: string[] = [];
  index.onChange((after, before) => {
    heard.push(`${before?.metadata.labels?.colour ?? '-'} → ${after?.metadata.labels?.colour ?? '-'}`);
  });
  api.modify('configmaps', 'old', 'ns', (draft) => Object.assign(draft.metadata, { labels: { colour: 'blue' } }), user);
  await settle();
  api.delete('configmaps', 'old', 'ns');
  await settle();
  expect(heard).toEqual(['- → red', 'red → blue', 'blue → -']);
});

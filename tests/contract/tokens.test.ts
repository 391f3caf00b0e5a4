/** Tokens of ServiceAccounts: for whom, how long, and what they may be bound to. [SPEC C95] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { noContractKubectl } from '../support/kubectl.ts';
import { openSetting, podOf } from './setting.ts';

const on = openSetting('tokens');

/** What a request for a token is answered, without the token itself. */
async function ask(boundObjectRef: Json, metadata: Json = {}, spec: Json = {}): Promise<Json> {
  const body = { metadata, spec: { ...spec, boundObjectRef } };
  const said = await on.say('POST', 'serviceaccounts/robot/token', body);
  if (said.body.status?.token !== undefined) said.body.status.token = 'TOKEN';
  return said;
}

beforeAll(async () => {
  for (const name of ['robot', 'other']) await on.call('POST', 'serviceaccounts', { metadata: { name } });
  const gate = { schedulingGates: [{ name: 'example.org/later' }] };
  await on.call('POST', 'pods', podOf('hers', { ...gate, serviceAccountName: 'other' }));
  await on.call('POST', 'pods', podOf('its', { ...gate, serviceAccountName: 'robot' }));
  await on.call('POST', 'secrets', { metadata: { name: 'key' } });
  await on.makeNode('a');
});

const UID = '00000000-0000-0000-0000-000000000000';

describe('a token [SPEC C95] [SPEC C130]', () => {
  test('is refused for a Pod that runs as another account', async () => {
    expect(await ask({ apiVersion: 'v1', kind: 'Pod', name: 'hers' })).toMatchSnapshot();
    // even where the uid is another one, too
    expect(await ask({ apiVersion: 'v1', kind: 'Pod', name: 'hers', uid: UID })).toMatchSnapshot();
  });

  test.each([
    ['Pod', 'its'],
    ['Secret', 'key'],
    ['Node', on.node('a')],
  ])('is bound to a %s that is there, by its uid where that is named', async (kind, name) => {
    const reference = { apiVersion: 'v1', kind, name };
    expect(await ask(reference)).toMatchSnapshot();
    expect(await ask({ kind, name })).toMatchSnapshot();
    expect(await ask({ ...reference, uid: UID })).toMatchSnapshot();
    expect(await ask({ ...reference, name: 'nope' })).toMatchSnapshot();
    expect(await ask({ kind, name: 'nope', uid: UID })).toMatchSnapshot();
  });

  test.each([
    ['v1', 'ConfigMap'],
    ['v1', 'pod'],
    ['apps/v1', 'Pod'],
    ['apps/v1', 'Deployment'],
    ['', ''],
    ['v9', 'Pod'],
  ])('is bound to no %s %s', async (apiVersion, kind) => {
    expect(await ask({ apiVersion, kind, name: 'nope' })).toMatchSnapshot();
  });

  test.each<[string, Json]>([
    ['its name and namespace', { name: 'robot', namespace: on.namespace }],
    ['another name', { name: 'other' }],
    ['another namespace', { namespace: 'default' }],
    ['another uid', { uid: UID }],
    ['another of all three', { name: 'other', uid: UID, namespace: 'default' }],
    ['labels', { labels: { a: 'b' }, annotations: { c: 'd' } }],
  ])('is for the account in the path, whatever the body says: %s', async (_what, metadata) => {
    expect(await ask(undefined, metadata)).toMatchSnapshot();
  });

  test('is refused for its span before what it is bound to is looked for', async () => {
    expect(
      await ask({ apiVersion: 'v1', kind: 'Pod', name: 'nope' }, {}, { expirationSeconds: -2000 }),
    ).toMatchSnapshot();
  });

  test.skipIf(noContractKubectl)('is asked for by kubectl, which says the same', async () => {
    const said = async (...bound: string[]): Promise<Json> => {
      const [kind, name, uid] = bound;
      const line = ['create', 'token', 'robot', `--bound-object-kind=${kind}`, `--bound-object-name=${name}`];
      if (uid !== undefined) line.push(`--bound-object-uid=${uid}`);
      const { code, stdout, stderr } = await on.kubectl.try(line);
      return { code, out: stdout === '' ? '' : 'TOKEN', err: on.plain(stderr) };
    };
    expect(await said('Pod', 'hers')).toMatchSnapshot();
    expect(await said('Pod', 'its')).toMatchSnapshot();
    expect(await said('Pod', 'nope')).toMatchSnapshot();
    expect(await said('Secret', 'key', UID)).toMatchSnapshot();
  });
});

/** What of claims, volumes and their classes may not be, or not change. [SPEC C95] */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { MERGE_PATCH, openSetting, type Said } from './setting.ts';

const on = openSetting('storage');
const classes = '/apis/storage.k8s.io/v1/storageclasses';
const name = `${on.namespace}-v`;

/** Without the difference of Go's own structures that follows the first line. */
const refusalOf = ({ code, body }: Said): unknown => [
  code,
  body.reason,
  ...String(body.message ?? '')
    .split('\n')
    .slice(0, 1),
  ...(body.details?.causes ?? []).map(({ field, message }: Json) => [field, String(message).split('\n')[0]]),
];

const claimOf = (spec: Json = {}): Json => ({
  metadata: { name: 'c' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'none',
    resources: { requests: { storage: '1Gi' } },
    ...spec,
  },
});

describe('a claim that has been made [SPEC C95]', () => {
  beforeAll(async () => {
    await on.call('POST', 'persistentvolumeclaims', claimOf());
  });

  test.each<[string, Json]>([
    ['other modes of access', { accessModes: ['ReadOnlyMany'] }],
    ['another class', { storageClassName: 'other' }],
    ['no class', { storageClassName: null }],
    ['more room', { resources: { requests: { storage: '2Gi' } } }],
    ['less room', { resources: { requests: { storage: '1Mi' } } }],
    ['a mode of another sort', { volumeMode: 'Block' }],
    ['a selector', { selector: { matchLabels: { a: 'b' } } }],
    ['a volume', { volumeName: 'v' }],
    ['the same room in other words', { resources: { requests: { storage: '1024Mi' } } }],
  ])('is given %s', async (_name, spec) => {
    const path = 'persistentvolumeclaims/c?dryRun=All';
    expect(refusalOf(await on.say('PATCH', path, { spec }, MERGE_PATCH))).toMatchSnapshot();
  });

  test.each([['other'], ['']])('without a class is given %j', async (storageClassName) => {
    const made = `without-${storageClassName || 'any'}`;
    const body = { ...claimOf({ storageClassName: undefined }), metadata: { name: made } };
    await on.call('POST', 'persistentvolumeclaims', body);
    const path = `persistentvolumeclaims/${made}`;
    expect(refusalOf(await on.say('PATCH', path, { spec: { storageClassName } }, MERGE_PATCH))).toMatchSnapshot();
  });

  test('takes a volume once', async () => {
    await on.call('POST', 'persistentvolumeclaims', { ...claimOf(), metadata: { name: 'bound' } });
    const path = 'persistentvolumeclaims/bound';
    const given = await on.say('PATCH', path, { spec: { volumeName: 'none-such' } }, MERGE_PATCH);
    const other = await on.say('PATCH', path, { spec: { volumeName: 'other' } }, MERGE_PATCH);
    expect([given.code, refusalOf(other)]).toMatchSnapshot();
  });
});

describe('a volume [SPEC C95]', () => {
  test.each<[string, Json]>([
    ['an unknown type of host path', { hostPath: { path: '/a', type: 'Nope' } }],
    ['a server that is not named', { nfs: { server: '', path: 'a' } }],
    ['a path of the node and no node', { local: { path: '/a' } }],
    ['a path of the node that is none', { local: { path: '' } }],
  ])('is made with %s', async (_name, source) => {
    const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...source };
    const body = { metadata: { name: `${name}-new` }, spec };
    expect(refusalOf(await on.say('POST', 'persistentvolumes?dryRun=All', body))).toMatchSnapshot();
  });
});

describe('a volume that has been made [SPEC C95]', () => {
  beforeAll(async () => {
    await on.call('POST', 'persistentvolumes', {
      metadata: { name },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        hostPath: { path: '/a' },
        storageClassName: name,
      },
    });
  });
  afterAll(async () => {
    await on.raw('DELETE', `persistentvolumes/${name}`);
  });

  test.each<[string, Json]>([
    ['another path', { hostPath: { path: '/b' } }],
    ['a source of another sort', { hostPath: null, nfs: { server: 's', path: '/a' } }],
    ['a mode of another sort', { volumeMode: 'Block' }],
    ['more room', { capacity: { storage: '2Gi' } }],
    ['another policy', { persistentVolumeReclaimPolicy: 'Delete' }],
    ['another class', { storageClassName: 'other' }],
    ['other modes of access', { accessModes: ['ReadOnlyMany'] }],
  ])('is given %s', async (_name, spec) => {
    const path = `persistentvolumes/${name}?dryRun=All`;
    expect(refusalOf(await on.say('PATCH', path, { spec }, MERGE_PATCH))).toMatchSnapshot();
  });
});

describe('a StorageClass [SPEC C95]', () => {
  beforeAll(async () => {
    await on.call('POST', classes, { metadata: { name }, provisioner: 'example.org/p', parameters: { a: 'b' } });
  });
  afterAll(async () => {
    await on.raw('DELETE', `${classes}/${name}`);
  });

  test.each<[string, Json]>([
    ['a provisioner that is no name', { provisioner: 'bad prov' }],
    ['no provisioner', { provisioner: '' }],
    ['a provisioner in upper case', { provisioner: 'Example.org/P' }],
    ['an unknown policy', { provisioner: 'p', reclaimPolicy: 'Nope' }],
    ['the policy of old', { provisioner: 'p', reclaimPolicy: 'Recycle' }],
    ['an unknown mode of binding', { provisioner: 'p', volumeBindingMode: 'Nope' }],
    ['a parameter without a name', { provisioner: 'p', parameters: { '': 'a' } }],
  ])('is made with %s', async (_name, fields) => {
    const body = { metadata: { name: `${name}-new` }, ...fields };
    expect(refusalOf(await on.say('POST', `${classes}?dryRun=All`, body))).toMatchSnapshot();
  });

  test.each<[string, Json]>([
    ['another provisioner', { provisioner: 'other' }],
    ['other parameters', { parameters: { a: 'c' } }],
    ['another policy', { reclaimPolicy: 'Retain' }],
    ['another mode of binding', { volumeBindingMode: 'WaitForFirstConsumer' }],
    ['all of it otherwise', { provisioner: 'other', parameters: null, reclaimPolicy: 'Retain' }],
    ['volumes that may grow', { allowVolumeExpansion: true }],
  ])('is given %s', async (_name, fields) => {
    expect(refusalOf(await on.say('PATCH', `${classes}/${name}?dryRun=All`, fields, MERGE_PATCH))).toMatchSnapshot();
  });
});

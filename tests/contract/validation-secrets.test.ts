/** Secrets of each type with keys that lack, or hold what they may not. [SPEC C95] */
import { describe, expect, test } from 'vitest';
import { openSetting } from './setting.ts';

const on = openSetting('secrets');

const secretOf = (type: string, stringData: Readonly<Record<string, string>>): unknown => ({
  metadata: { name: 's' },
  type,
  stringData,
});

describe('a Secret [SPEC C95]', () => {
  test.each([
    ['of no known type', 'example.org/mine', {}],
    ['for basic auth with nothing', 'kubernetes.io/basic-auth', {}],
    ['for basic auth with another key', 'kubernetes.io/basic-auth', { user: 'a' }],
    ['for basic auth with a name only', 'kubernetes.io/basic-auth', { username: 'a' }],
    ['for basic auth with an empty password only', 'kubernetes.io/basic-auth', { password: '' }],
    ['for TLS with nothing', 'kubernetes.io/tls', {}],
    ['for TLS with empty keys', 'kubernetes.io/tls', { 'tls.crt': '', 'tls.key': '' }],
    ['for SSH with nothing', 'kubernetes.io/ssh-auth', {}],
    ['for SSH with an empty key', 'kubernetes.io/ssh-auth', { 'ssh-privatekey': '' }],
    ['of a registry with nothing', 'kubernetes.io/dockerconfigjson', {}],
    ['of a registry with an empty text', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '' }],
    ['of a registry with a word', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': 'nope' }],
    ['of a registry with half an object', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"auths":' }],
    ['of a registry with a list', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '[]' }],
    ['of a registry with a text', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '"a"' }],
    ['of a registry with a number', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '5' }],
    ['of a registry with null', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': 'null' }],
    ['of a registry with an object', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"auths":{}}' }],
    ['of a registry with half a literal', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"a":tru}' }],
    ['of a registry with two commas', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"a":1,,}' }],
    ['of a registry with half a number', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"a":[1.]}' }],
    ['of a registry with something after it', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{} {' }],
    ['of a registry without a colon', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"a" 1}' }],
    ['of a registry with a bad escape', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"\\x":1}' }],
    ['of a registry with a broken line', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"a\n":1}' }],
    ['of an older registry with a word', 'kubernetes.io/dockercfg', { '.dockercfg': 'nope' }],
  ])('%s', async (_name, type, data) => {
    const { code, body } = await on.say('POST', 'secrets?dryRun=All', secretOf(type, data));
    expect([code, body.message ?? body.data]).toMatchSnapshot();
  });
});

import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../kinds/kind.ts';
import { ISSUER, ServiceAccountTokens } from './service-account-tokens.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

function ground() {
  const objects = new Map<string, string>([
    ['serviceaccounts/ns/robot', 'uid-1'],
    ['pods/ns/p', 'uid-p'],
  ]);
  const state = { now: START };
  const find = (resource: string, name: string, namespace: string): KubeObject | undefined => {
    const uid = objects.get(`${resource}/${namespace}/${name}`);
    if (uid === undefined) return undefined;
    return { apiVersion: 'v1', kind: 'x', metadata: { name, uid, resourceVersion: '1', creationTimestamp: '' } };
  };
  const clock = { now: () => state.now, after: () => () => undefined };
  return { objects, state, tokens: new ServiceAccountTokens({ clock, find }) };
}

const WISH = { namespace: 'ns', name: 'robot', uid: 'uid-1', audiences: [], expirationSeconds: 600 };

describe('[SPEC C130] tokens of ServiceAccounts', () => {
  test('a token speaks for its account, with the groups of a real server', () => {
    const { tokens } = ground();
    const issued = tokens.issue(WISH);
    expect(issued).toMatchObject({ expirationTimestamp: '2026-01-01T00:10:00Z', audiences: [ISSUER] });
    expect(tokens.read(issued.token)?.user).toMatchObject({
      username: 'system:serviceaccount:ns:robot',
      uid: 'uid-1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=[-0-9a-f]{36}$/)] },
    });
  });

  test('its claims are those that kubectl and libraries read', () => {
    const { token } = ground().tokens.issue({ ...WISH, bound: { kind: 'Pod', name: 'p', uid: 'uid-p' } });
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({
      aud: [ISSUER],
      iss: ISSUER,
      sub: 'system:serviceaccount:ns:robot',
      exp: START / 1000 + 600,
      'kubernetes.io': {
        namespace: 'ns',
        pod: { name: 'p', uid: 'uid-p' },
        serviceaccount: { name: 'robot', uid: 'uid-1' },
      },
    });
  });

  test('it ends with its time', () => {
    const { tokens, state } = ground();
    const { token } = tokens.issue(WISH);
    state.now += 599_000;
    expect(tokens.read(token)).toBeDefined();
    state.now += 1_000;
    expect(tokens.read(token)).toBe(undefined);
  });

  test('it ends with its account, also when one of the same name follows, and with the Pod it is bound to', () => {
    const { tokens, objects } = ground();
    const [free, bound] = [
      tokens.issue(WISH).token,
      tokens.issue({ ...WISH, bound: { kind: 'Pod', name: 'p', uid: 'uid-p' } }).token,
    ];
    expect(tokens.read(bound)?.user.extra).toMatchObject({
      'authentication.kubernetes.io/pod-name': ['p'],
      'authentication.kubernetes.io/pod-uid': ['uid-p'],
    });
    objects.delete('pods/ns/p');
    expect([tokens.read(free) === undefined, tokens.read(bound) === undefined]).toEqual([false, true]);
    objects.set('serviceaccounts/ns/robot', 'uid-2');
    expect(tokens.read(free)).toBe(undefined);
  });

  test('it is for its audience only', () => {
    const { tokens } = ground();
    const { token } = tokens.issue({ ...WISH, audiences: ['vault', 'other'] });
    expect(tokens.read(token)).toBe(undefined);
    expect(tokens.read(token, ['vault', 'third'])?.audiences).toEqual(['vault']);
  });

  test.each([
    ['changed claims', (token: string) => token.replace(/\.[^.]+\./, `.${Buffer.from('{}').toString('base64url')}.`)],
    ['no signature', (token: string) => token.replace(/[^.]+$/, '')],
    [
      'another algorithm',
      (token: string) =>
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.slice(token.indexOf('.') + 1)}`,
    ],
    ['rubbish', () => 'a.b.c'],
    ['nothing', () => ''],
    ['very long rubbish', () => 'x.'.repeat(100_000)],
  ])('with %s it is none', (_what, change) => {
    const { tokens } = ground();
    expect(tokens.read(change(tokens.issue(WISH).token))).toBe(undefined);
  });

  test('another cluster’s token is none; one of the same key is good after a new start', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { objects: _objects, tokens: first } = ground();
    const find = (): KubeObject => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'robot', uid: 'uid-1', resourceVersion: '1', creationTimestamp: '' },
    });
    const clock = { now: () => START, after: () => () => undefined };
    const [before, after] = [1, 2].map(() => new ServiceAccountTokens({ clock, find }, () => privateKey));
    const token = before?.issue(WISH).token ?? '';
    expect(after?.read(token)?.user.username).toBe('system:serviceaccount:ns:robot');
    expect(first.read(token)).toBe(undefined);
  });
});

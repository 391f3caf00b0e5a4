import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCluster, testCluster } from './testing.ts';

const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts';
const REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await testCluster();
});
afterAll(() => cluster.close());

const ask = (body: unknown, account = 'default') => cluster.ask('POST', `${ACCOUNTS}/${account}/token`, { body });
const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

describe('[SPEC C130] serviceaccounts/NAME/token', () => {
  test('gives a token for the API server, an hour long, and says whose it is', async () => {
    const { code, json } = await ask({});
    expect(code).toBe(201);
    expect(json).toMatchObject({
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name: 'default', namespace: 'default' },
      spec: {
        audiences: ['https://kubernetes.default.svc.cluster.local'],
        expirationSeconds: 3600,
        boundObjectRef: null,
      },
    });
    expect(claims(json.status.token).sub).toBe('system:serviceaccount:default:default');
    const review = await cluster.ask('POST', REVIEWS, { body: { spec: { token: json.status.token } } });
    expect(review.json.status).toMatchObject({
      authenticated: true,
      user: { username: claims(json.status.token).sub },
    });
  });

  test('binds it to a Pod that is there, and to nothing else', async () => {
    const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'a' }] } };
    const { json: made } = await cluster.ask('POST', '/api/v1/namespaces/default/pods', { body: pod });
    const bound = (name: string, kind = 'Pod', uid?: string) => ({
      spec: {
        audiences: ['a', 'b'],
        boundObjectRef: { kind, apiVersion: 'v1', name, ...(uid === undefined ? {} : { uid }) },
      },
    });
    const { json } = await ask(bound('p'));
    expect(json.spec.boundObjectRef).toEqual({ kind: 'Pod', apiVersion: 'v1', name: 'p' });
    expect(claims(json.status.token)).toMatchObject({
      aud: ['a', 'b'],
      'kubernetes.io': { pod: { name: 'p', uid: made.metadata.uid } },
    });
    const said = async (body: unknown) => {
      const answer = await ask(body);
      return [answer.code, answer.json.message];
    };
    expect(await said(bound('nope'))).toEqual([404, 'pods "nope" not found']);
    expect(await said(bound('x', 'ConfigMap'))).toEqual([
      400,
      'cannot bind token to object of type /v1, Kind=ConfigMap',
    ]);
    expect((await said(bound('p', 'Pod', 'another')))[0]).toBe(409);
    await cluster.ask('POST', ACCOUNTS, { body: { metadata: { name: 'robot' } } });
    const { code, json: refused } = await ask(bound('p'), 'robot');
    expect([code, refused.message]).toEqual([
      400,
      'cannot bind token for serviceaccount "robot" to pod running with different serviceaccount name.',
    ]);
  });

  // As a real 1.34.4 answers them.
  test.each([
    [
      { spec: { expirationSeconds: 5 } },
      'spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
    ],
    [
      { spec: { expirationSeconds: 99_999_999_999 } },
      'spec.expirationSeconds: Invalid value: 99999999999: may not specify a duration larger than 2^32 seconds',
    ],
    [
      { metadata: { name: 'other' } },
      'metadata.name: Invalid value: "other": must match the service account name if specified',
    ],
  ])('%j is refused', async (body, complaint) => {
    const { code, json } = await ask(body);
    expect([code, json.reason]).toEqual([422, 'Invalid']);
    expect(json.message).toContain(complaint);
  });

  test('an account that is not there has no tokens; a token that is none speaks for nobody', async () => {
    const { code, json } = await ask({}, 'nobody');
    expect([code, json.message]).toEqual([404, 'serviceaccounts "nobody" not found']);
    const review = await cluster.ask('POST', REVIEWS, { body: { spec: { token: 'x' } } });
    expect(review.json.status).toEqual({ user: {}, error: 'invalid bearer token' });
    const empty = await cluster.ask('POST', REVIEWS, { body: { spec: {} } });
    expect([empty.code, empty.json.message]).toEqual([400, 'token is required for TokenReview in authentication']);
  });
});

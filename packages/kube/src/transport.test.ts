import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClusterAccess, Credentials } from './credentials.ts';
import { fixedAccess } from './credentials.ts';
import { describeOutcome } from './outcome.ts';
import { deleteObject, getObject, leases, nodes, patchObject, pods, strategicMergePatch } from './resources.ts';
import { eventually } from './testing/eventually.ts';
import type { Behaviour, ScriptedServer, SeenRequest } from './testing/scripted-server.ts';
import { startScriptedServer, status } from './testing/scripted-server.ts';
import type { Transport, TransportOptions } from './transport.ts';
import { createTransport } from './transport.ts';

const open: Array<{ close(): Promise<void> }> = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function served(
  answer: (request: SeenRequest, index: number) => Behaviour | Promise<Behaviour>,
  options: Partial<TransportOptions> = {},
): Promise<{ server: ScriptedServer; transport: Transport }> {
  const server = await startScriptedServer(answer);
  const transport = createTransport({
    access: fixedAccess({ server: server.url }),
    userAgent: 'kouplet/test',
    ...options,
  });
  open.push(server, transport);
  return { server, transport };
}

const pod = { namespace: 'default', name: 'p1' };
const anObject: Behaviour = {
  kind: 'json',
  status: 200,
  body: { kind: 'Pod', metadata: { name: 'p1', uid: 'u', resourceVersion: '7' }, status: { phase: 'Running' } },
};

describe('every request ends in one outcome of the table', () => {
  const answers: ReadonlyArray<readonly [string, Behaviour, Record<string, unknown>]> = [
    ['a success', anObject, { kind: 'ok', status: 200 }],
    [
      '404 of an object',
      status(404, 'NotFound', 'pods "p1" not found', { name: 'p1', kind: 'pods' }),
      { kind: 'gone', why: 'not-found' },
    ],
    [
      '404 of a path',
      { kind: 'text', status: 404, text: '404 page not found\n' },
      { kind: 'refused', failure: { message: '404 page not found' } },
    ],
    [
      '404 of a resource',
      status(404, 'NotFound', 'the server could not find the requested resource'),
      { kind: 'refused' },
    ],
    [
      '409 of a resourceVersion',
      status(
        409,
        'Conflict',
        'Operation cannot be fulfilled on pods "p1": the object has been modified; please apply your changes to the latest version and try again',
        { name: 'p1', kind: 'pods' },
      ),
      { kind: 'conflict' },
    ],
    [
      '409 of a UID in a DELETE',
      status(
        409,
        'Conflict',
        'Operation cannot be fulfilled on Pod "p1": the UID in the precondition (0000) does not match the UID in record (93e2). The object might have been deleted and then recreated',
        { name: 'p1', kind: 'Pod' },
      ),
      { kind: 'gone', why: 'other-incarnation' },
    ],
    [
      '409 of a UID in a PUT',
      status(
        409,
        'Conflict',
        'Operation cannot be fulfilled on pods "p1": StorageError: invalid object, Code: 4, Key: /registry/pods/d/p1, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: 0000, UID in object meta: 1a8d',
        { name: 'p1', kind: 'pods' },
      ),
      { kind: 'gone', why: 'other-incarnation' },
    ],
    [
      '422 of a UID in a PATCH',
      status(422, 'Invalid', 'Pod "p1" is invalid: metadata.uid: Invalid value: "0000": field is immutable', {
        name: 'p1',
        kind: 'Pod',
        causes: [{ reason: 'FieldValueInvalid', message: 'Invalid value', field: 'metadata.uid' }],
      }),
      { kind: 'gone', why: 'other-incarnation' },
    ],
    [
      '409 of an existing name',
      status(409, 'AlreadyExists', 'pods "p1" already exists', { name: 'p1', kind: 'pods' }),
      { kind: 'conflict', failure: { reason: 'AlreadyExists' } },
    ],
    [
      '410',
      status(410, 'Expired', 'The resourceVersion for the provided list is too old.'),
      { kind: 'gone', why: 'expired' },
    ],
    [
      '422',
      status(422, 'Invalid', 'Pod "p1" is invalid: spec.containers: Required value', {
        causes: [{ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.containers' }],
      }),
      { kind: 'unprocessable', failure: { causes: [{ field: 'spec.containers' }] } },
    ],
    [
      '403',
      status(403, 'Forbidden', 'pods "p1" is forbidden: User "x" cannot patch resource "pods/status"'),
      { kind: 'refused', status: 403, failure: { reason: 'Forbidden' } },
    ],
    [
      '400',
      status(400, 'BadRequest', 'strict decoding error: unknown field "spec.foo"'),
      { kind: 'refused', status: 400 },
    ],
    [
      '429 with Retry-After',
      {
        kind: 'text',
        status: 429,
        text: 'Too many requests, please try again later.\n',
        headers: { 'retry-after': '3' },
      },
      { kind: 'throttled', retryAfterMs: 3000 },
    ],
    [
      '429 without one',
      { kind: 'text', status: 429, text: 'Too many requests' },
      { kind: 'throttled', retryAfterMs: 1000 },
    ],
    [
      '500',
      status(500, 'InternalError', 'etcdserver: request timed out'),
      { kind: 'failed', why: 'server', status: 500 },
    ],
    [
      '504 whose Status says when to come again',
      status(504, 'Timeout', 'Too large resource version', { retryAfterSeconds: 1 }),
      { kind: 'failed', retryAfterMs: 1000 },
    ],
    [
      '502 of a proxy in HTML',
      { kind: 'text', status: 502, text: '<html>\n<body>Bad Gateway</body>' },
      { kind: 'failed', failure: { message: '<html> <body>Bad Gateway</body>' } },
    ],
    ['a reset', { kind: 'reset' }, { kind: 'failed', why: 'connection' }],
    ['silence', { kind: 'hang' }, { kind: 'failed', why: 'timeout', failure: { message: 'no answer within 100 ms' } }],
    ['an answer cut short', { kind: 'truncated', text: '{"kind":' }, { kind: 'failed', why: 'connection' }],
    ['a success that is no JSON', { kind: 'text', status: 200, text: 'hello' }, { kind: 'failed', why: 'bad-answer' }],
    [
      'an answer larger than is read',
      { kind: 'text', status: 200, text: 'x'.repeat(3000) },
      { kind: 'failed', why: 'too-large' },
    ],
  ];
  it.each(answers)('%s [SPEC K2]', async (_name, behaviour, expected) => {
    const { transport, server } = await served(() => behaviour, { maxAnswerBytes: 2000 });
    const timeoutMs = behaviour.kind === 'hang' ? 100 : 20_000;
    const outcome = await transport.request(
      patchObject(pods, pod, strategicMergePatch({ status: {} }), { subresource: 'status', timeoutMs }),
    );
    expect(transport.underWay).toBe(0);
    expect(outcome).toMatchObject(expected);
    expect(describeOutcome(outcome)).not.toContain('\n');
    // When to try again is the caller's plan: nothing was sent twice.
    expect(server.requests).toHaveLength(1);
  });

  it('a creation in a namespace that is missing is refused: there is nothing that could be gone', async () => {
    const { transport } = await served(() =>
      status(404, 'NotFound', 'namespaces "nope" not found', { name: 'nope', kind: 'namespaces' }),
    );
    expect(await transport.request({ method: 'POST', path: '/api/v1/namespaces/nope/pods', body: {} })).toMatchObject({
      kind: 'refused',
    });
  });

  it('an error text of any length is cut', async () => {
    const { transport } = await served(() => ({ kind: 'text', status: 500, text: 'x'.repeat(1_000_000) }));
    const outcome = await transport.request(getObject(pods, pod));
    expect(outcome.kind === 'failed' && outcome.failure.message.length).toBe(1024);
  });

  it('nobody listening, and a caller who leaves', async () => {
    const { transport, server } = await served(() => ({ kind: 'hang' }));
    const abort = new AbortController();
    const leaving = transport.request(getObject(pods, pod, { signal: abort.signal }));
    await eventually(
      () => server.requests.length === 1,
      () => 'not asked',
    );
    abort.abort();
    expect(await leaving).toMatchObject({ kind: 'failed', why: 'aborted' });
    expect(await transport.request(getObject(pods, pod, { signal: abort.signal }))).toMatchObject({ why: 'aborted' });
    await server.close();
    const outcome = await transport.request(getObject(pods, pod));
    expect(outcome).toMatchObject({ kind: 'failed', why: 'connection' });
    expect(describeOutcome(outcome)).toContain('ECONNREFUSED');
    await transport.close();
    expect(await transport.request(getObject(pods, pod))).toMatchObject({ kind: 'failed', why: 'closed' });
  });

  it('a PATCH is answered with the object as the server has it, fields dropped and times cut', async () => {
    const stored = {
      kind: 'Pod',
      metadata: { name: 'p1', uid: 'u', resourceVersion: '8' },
      status: { startTime: '2026-01-01T00:00:00Z' },
    };
    const { transport, server } = await served(() => ({ kind: 'json', status: 200, body: stored }));
    const patch = strategicMergePatch({ status: { startTime: '2026-01-01T00:00:00.123Z', unknownField: 1 } });
    const outcome = await transport.request(patchObject(pods, pod, patch, { subresource: 'status' }));
    expect(outcome).toEqual({ kind: 'ok', status: 200, body: stored });
    expect(server.requests[0]).toMatchObject({
      method: 'PATCH',
      path: '/api/v1/namespaces/default/pods/p1/status',
      headers: {
        'content-type': 'application/strategic-merge-patch+json',
        'user-agent': 'kouplet/test',
        accept: 'application/json',
      },
    });
    expect(server.requests[0]?.headers['accept-encoding']).toBeUndefined();
  });

  it('an answer that is not wanted is thrown away', async () => {
    const { transport } = await served(() => ({ kind: 'text', status: 200, text: 'no JSON, and nobody minds' }));
    expect(await transport.request(getObject(pods, pod, { wantsBody: false }))).toEqual({
      kind: 'ok',
      status: 200,
      body: undefined,
    });
  });
});

it('a DELETE with a body says how long it is, or the server would take the body for the next request [SPEC K3]', async () => {
  const seen: string[] = [];
  const raw = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      seen.push(chunk.toString('utf8'));
      if (seen.join('').includes('"gracePeriodSeconds":0')) {
        socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}');
      }
    });
  });
  await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
  const address = raw.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const transport = createTransport({
    access: fixedAccess({ server: `http://127.0.0.1:${port}/prefix/` }),
    userAgent: 't/1',
  });
  open.push({ close: () => new Promise((resolve) => raw.close(() => resolve())) }, transport);
  const deletion = deleteObject(pods, pod, { gracePeriodSeconds: 0, preconditions: { uid: 'u-1' } });
  expect(await transport.request(deletion)).toMatchObject({ kind: 'ok' });
  const [head = '', body = ''] = seen.join('').split('\r\n\r\n');
  expect(head).toMatch(/^DELETE \/prefix\/api\/v1\/namespaces\/default\/pods\/p1 HTTP\/1.1/);
  expect(head.toLowerCase()).toContain(`content-length: ${Buffer.byteLength(body)}`);
  expect(JSON.parse(body)).toEqual({
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
    preconditions: { uid: 'u-1' },
  });
});

describe('connections', () => {
  it('1,000 patches go over at most 16 connections [SPEC K4]', async () => {
    const { transport, server } = await served(() => anObject);
    const outcomes = await Promise.all(
      Array.from({ length: 1000 }, (_, index) =>
        transport.request(
          patchObject(nodes, { name: `n${index}` }, strategicMergePatch({ status: {} }), {
            wantsBody: index % 2 === 0,
          }),
        ),
      ),
    );
    expect(outcomes.every((outcome) => outcome.kind === 'ok')).toBe(true);
    expect(server.mostConnections).toBeLessThanOrEqual(16);
    expect(server.requests).toHaveLength(1000);
  });

  it('one after the other go over the same connections, whatever they are and however they are answered [SPEC K4]', async () => {
    const { transport, server } = await served(({ method }, index) =>
      index % 3 === 2
        ? status(404, 'NotFound', 'pods "p1" not found', { name: 'p1' })
        : { ...anObject, status: method === 'DELETE' ? 202 : 200 },
    );
    const patch = patchObject(pods, pod, strategicMergePatch({ status: {} }), { wantsBody: false });
    for (const request of [deleteObject(pods, pod, { gracePeriodSeconds: 0 }), getObject(pods, pod), patch]) {
      for (let times = 0; times < 4; times += 1) await transport.request(request);
    }
    expect(server.requests).toHaveLength(12);
    // One is free again only a turn after its answer: a request that comes at once takes a second one.
    expect(server.allConnections).toBeLessThanOrEqual(2);
  });

  it('certificates that cannot be read are the outcome of each request', async () => {
    const access = fixedAccess({ server: 'https://127.0.0.1:1', tls: { cert: 'rubbish', key: 'rubbish' } });
    const transport = createTransport({ access, userAgent: 't/1' });
    open.push(transport);
    for (const times of [1, 2])
      expect([times, await transport.request(getObject(pods, pod))]).toMatchObject([
        times,
        { kind: 'failed', why: 'connection' },
      ]);
  });

  it('a watch takes none of those for writes, and closing ends them all', async () => {
    const { transport, server } = await served(
      (request) => (request.isWatch ? { kind: 'stream', play: () => {} } : anObject),
      { connections: 1 },
    );
    const watch = { method: 'GET', path: '/api/v1/pods', query: { watch: true } } as const;
    const opened = await Promise.all([transport.open(watch), transport.open(watch)]);
    expect(opened.map((each) => each.kind)).toEqual(['open', 'open']);
    for (const each of opened) if (each.kind === 'open') each.body.on('error', () => {});
    expect(await transport.request(getObject(pods, pod))).toMatchObject({ kind: 'ok' });
    expect(server.openConnections).toBe(3);
    await transport.close();
    await eventually(
      () => server.openConnections === 0,
      () => `${server.openConnections} open`,
    );
  });

  it('the time of a request includes its wait for a connection', async () => {
    const { transport } = await served(() => ({ kind: 'hang' }), { connections: 1 });
    const outcomes = await Promise.all([1, 2].map(() => transport.request(getObject(leases, pod, { timeoutMs: 60 }))));
    expect(outcomes.map((outcome) => outcome.kind === 'failed' && outcome.why)).toEqual(['timeout', 'timeout']);
  });
});

describe('credentials', () => {
  function changing(server: string, tokens: string[]): ClusterAccess & { refreshes: number } {
    let credentials: Credentials = { headers: { authorization: `Bearer ${tokens.shift()}` }, tls: {} };
    const access = {
      ...fixedAccess({ server }),
      refreshes: 0,
      credentials: () => credentials,
      refresh: async () => {
        access.refreshes += 1;
        const token = tokens.shift();
        if (token === undefined) return false;
        credentials = { headers: { authorization: `Bearer ${token}` }, tls: {} };
        return true;
      },
    };
    return access;
  }

  async function guarded(token: string): Promise<ScriptedServer> {
    const server = await startScriptedServer((request) =>
      request.headers.authorization === `Bearer ${token}` ? anObject : status(401, 'Unauthorized', 'Unauthorized'),
    );
    open.push(server);
    return server;
  }

  it('a 401 reads them anew and tries once more [SPEC K5]', async () => {
    const server = await guarded('new');
    const access = changing(server.url, ['old', 'new']);
    const transport = createTransport({ access, userAgent: 't/1' });
    open.push(transport);
    expect(await transport.request(getObject(pods, pod))).toMatchObject({ kind: 'ok' });
    expect(await transport.request(getObject(pods, pod))).toMatchObject({ kind: 'ok' });
    expect([server.requests.length, access.refreshes]).toEqual([3, 1]);
  });

  it('a second 401 is the outcome, and so is the first where there are no others', async () => {
    const server = await guarded('right');
    for (const tokens of [['old', 'new'], ['old']]) {
      const transport = createTransport({ access: changing(server.url, tokens), userAgent: 't/1' });
      open.push(transport);
      expect(await transport.request(getObject(pods, pod))).toMatchObject({ kind: 'unauthorized', status: 401 });
    }
    expect(server.requests).toHaveLength(3);
  });

  it('new certificates make new connections, and what is under way ends on the old ones', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const server = await startScriptedServer(async (_request, index) => {
      if (index === 0) await held;
      return anObject;
    });
    let credentials: Credentials = { headers: {}, tls: {} };
    const access: ClusterAccess = { ...fixedAccess({ server: server.url }), credentials: () => credentials };
    const transport = createTransport({ access, userAgent: 't/1' });
    open.push(server, transport);
    const first = transport.request(getObject(pods, pod));
    await eventually(
      () => server.requests.length === 1,
      () => 'not asked',
    );
    credentials = { headers: {}, tls: { servername: 'other' } };
    expect(await transport.request(getObject(pods, pod))).toMatchObject({ kind: 'ok' });
    release();
    expect(await first).toMatchObject({ kind: 'ok' });
    await eventually(
      () => server.openConnections === 1,
      () => `${server.openConnections} open`,
    );
  });
});

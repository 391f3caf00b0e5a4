import { createServer, type Server } from 'node:http';
import { createTransport, fixedAccess, type Transport } from '@kouplet/kube';
import { afterEach, expect, test } from 'vitest';
import { checkAccess } from './rights.ts';

const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** An API that answers `/version` and reviews. */
async function api(
  answer: (attributes: Record<string, string>) => boolean | 'absent' | 'unauthorized',
): Promise<Transport> {
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const say = (code: number, value: object): void => {
        response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      };
      if (request.url === '/version') return say(200, { major: '1' });
      const allowed = answer(JSON.parse(body).spec.resourceAttributes);
      if (allowed === 'absent') return say(404, { kind: 'Status', reason: 'NotFound' });
      if (allowed === 'unauthorized') return say(401, { kind: 'Status', reason: 'Unauthorized' });
      return say(201, { status: { allowed } });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const transport = createTransport({ access: fixedAccess({ server: `http://127.0.0.1:${port}` }), userAgent: 'test' });
  ends.push(async () => {
    await transport.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return transport;
}

test('all rights are there: nothing is said', async () => {
  await checkAccess(await api(() => true), 'default');
});

test('missing rights are named, each with its verbs and namespace [SPEC E21]', async () => {
  const transport = await api(
    ({ resource, subresource, verb }) =>
      !(resource === 'pods' && subresource === 'status') && !(resource === 'configmaps' && verb !== 'list'),
  );
  await expect(checkAccess(transport, 'ns1')).rejects.toMatchObject({
    code: 'missing-rights',
    message: expect.stringMatching(
      /denies what is needed: patch pods\/status; watch, get, create, update, delete configmaps in namespace ns1$/,
    ),
  });
});

test('rights over Deployments are asked for only where peer Deployments are switched on [SPEC E27]', async () => {
  const transport = await api(({ group }) => group !== 'apps');
  await checkAccess(transport, 'ns1');
  await expect(checkAccess(transport, 'ns1', { hasPeers: true })).rejects.toMatchObject({
    code: 'missing-rights',
    message: expect.stringMatching(
      /denies what is needed: list, watch deployments\.apps; patch deployments\/scale\.apps$/,
    ),
  });
});

test('rights over logs are asked for where logs are served, in the namespaces of the bases [SPEC E46]', async () => {
  const transport = await api(
    ({ subresource, resource = '' }) => subresource !== 'log' && !resource.endsWith('reviews'),
  );
  await checkAccess(transport, 'ns1');
  await expect(checkAccess(transport, 'ns1', { logsOf: ['a', 'b'] })).rejects.toThrow(
    /what is needed: create tokenreviews\.authentication\.k8s\.io; create subjectaccessreviews\.authorization\.k8s\.io; get pods\/log in namespace a; get pods\/log in namespace b$/,
  );
  await expect(checkAccess(transport, 'ns1', { logsOf: [] })).rejects.toThrow(/get pods\/log$/);
});

test('an API without reviews is not held against anybody', async () => {
  await checkAccess(await api(() => 'absent'), 'default');
});

test('refused credentials are told as such [SPEC E21]', async () => {
  await expect(checkAccess(await api(() => 'unauthorized'), 'default')).rejects.toMatchObject({ code: 'api-refuses' });
});

test('nobody there is told with the address [SPEC E21]', async () => {
  const transport = createTransport({ access: fixedAccess({ server: 'http://127.0.0.1:1' }), userAgent: 'test' });
  ends.push(() => transport.close());
  await expect(checkAccess(transport, 'default')).rejects.toMatchObject({
    code: 'api-unreachable',
    message: expect.stringContaining('http://127.0.0.1:1'),
  });
});

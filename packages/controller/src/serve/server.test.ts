import { request } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMetrics } from '../metrics.ts';
import { type Served, serve } from './server.ts';
import type { Answered } from './why.ts';

const whys = new Map<string, Answered>([
  [
    '{"kind":"pod","namespace":"shop","name":"web-0"}',
    {
      kind: 'known',
      why: {
        kind: 'explained',
        subject: 'pod/shop/web-0',
        nodeName: 'vnode.b1.dev',
        baseId: 'b1',
        lines: [{ topic: 'wanted', text: 'web:1 from https://u:geheim@h/x.jar?token=geheim' }],
      },
    },
  ],
  ['{"kind":"node","name":"early"}', { kind: 'not-yet', message: 'the first lists are not in' }],
]);
let isReady = true;
let served: Served;
const metrics = createMetrics(() => ({
  bases: 3,
  ready: 2,
  silent: 1,
  quarantined: 0,
  pods: 7,
  inFlight: 0,
  eventsWaiting: 0,
  links: { api: true, tunnel: false },
  isSynced: true,
}));

beforeEach(async () => {
  isReady = true;
  served = await serve({
    host: '127.0.0.1',
    port: 0,
    isReady: () => isReady,
    notReadyReason: () => 'waiting for the first list of pods',
    metrics: () => metrics.expose(),
    debugPlan: (baseId) =>
      baseId === 'b1' ? { baseId, url: 'https://u:geheim@h/x.jar?token=geheim', plan: {} } : undefined,
    bases: () => ['b1'],
    why: (asked) =>
      whys.get(JSON.stringify(asked)) ?? { kind: 'unknown', message: `nothing of ${JSON.stringify(asked)}` },
  });
});
afterEach(() => served.close());

function ask(path: string, options: { readonly method?: string; readonly host?: string } = {}) {
  return new Promise<{ code: number; body: string; allow: string | undefined }>((resolve, reject) => {
    const { port } = served.address;
    const headers = options.host === undefined ? {} : { host: options.host };
    const asked = request({ host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      answer.on('end', () => resolve({ code: answer.statusCode ?? 0, body, allow: answer.headers.allow }));
    });
    asked.on('error', reject).end();
  });
}

test('/healthz is the process, /readyz says why it is not ready [SPEC E17]', async () => {
  expect(await ask('/healthz')).toMatchObject({ code: 200, body: 'ok\n' });
  expect(await ask('/readyz')).toMatchObject({ code: 200 });
  isReady = false;
  expect(await ask('/readyz')).toMatchObject({ code: 503, body: 'not ready: waiting for the first list of pods\n' });
  expect(await ask('/healthz')).toMatchObject({ code: 200 });
});

test('/metrics has the fleet in a few series, none of which names a base', async () => {
  metrics.messageIn('heartbeat');
  const { code, body } = await ask('/metrics');
  expect(code).toBe(200);
  for (const line of [
    'kouplet_bases 3',
    'kouplet_bases_silent 1',
    'kouplet_pods 7',
    'kouplet_link_up{link="api"} 1',
    'kouplet_link_up{link="tunnel"} 0',
    'kouplet_messages_total{kind="heartbeat"} 1',
  ]) {
    expect(body).toContain(line);
  }
  expect(body).not.toMatch(/base="|pod="|node="/);
});

test('/debug/plan shows a base, and says in words what it does not know [SPEC E17]', async () => {
  expect(JSON.parse((await ask('/debug/plan?base=b1')).body)).toEqual({
    baseId: 'b1',
    url: 'https://***@h/x.jar?***',
    plan: {},
  });
  expect(await ask('/debug/plan?base=b9')).toMatchObject({ code: 404, body: expect.stringContaining('b9') });
  expect(await ask('/debug/plan')).toMatchObject({ code: 400, body: expect.stringContaining('"b1"') });
  expect(await ask('/nowhere')).toMatchObject({ code: 404 });
});

test('/debug/why explains a Pod or a Node, and says in words what it does not know [SPEC E30]', async () => {
  expect(JSON.parse((await ask('/debug/why?pod=shop/web-0')).body)).toMatchObject({
    subject: 'pod/shop/web-0',
    lines: [{ topic: 'wanted', text: 'web:1 from https://***@h/x.jar?***' }],
  });
  expect(await ask('/debug/why?pod=shop%2Fweb-1')).toMatchObject({ code: 404, body: expect.stringContaining('web-1') });
  expect(await ask('/debug/why?node=early')).toMatchObject({ code: 503, body: expect.stringContaining('first lists') });
  for (const query of ['', '?pod=web-0', '?pod=', '?node=', '?node=a&pod=b/c', '?pod=a/b/c']) {
    expect(await ask(`/debug/why${query}`)).toMatchObject({ code: 400, body: expect.stringContaining('say what') });
  }
});

test('only reads, and only from this machine by its own name [SPEC E17]', async () => {
  expect(await ask('/healthz', { method: 'POST' })).toMatchObject({ code: 405, allow: 'GET, HEAD' });
  expect(await ask('/healthz', { method: 'HEAD' })).toMatchObject({ code: 200, body: '' });
  expect(await ask('/metrics', { host: 'evil.example' })).toMatchObject({ code: 403 });
  expect(await ask('/metrics', { host: 'localhost:1234' })).toMatchObject({ code: 200 });
  expect(await ask('/metrics', { host: '[::1]' })).toMatchObject({ code: 200 });
});

test('a port in use is the caller’s to word', async () => {
  await expect(
    serve({
      host: '127.0.0.1',
      port: served.address.port,
      isReady: () => true,
      notReadyReason: () => '',
      metrics: () => metrics.expose(),
      debugPlan: () => undefined,
      bases: () => [],
      why: () => ({ kind: 'unknown', message: '' }),
    }),
  ).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

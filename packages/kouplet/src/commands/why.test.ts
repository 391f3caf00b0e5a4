import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { run } from '../run.ts';

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server = undefined;
});

/** A controller that answers so; what it was asked is kept. */
async function answering(code: number, body: unknown): Promise<{ readonly http: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const made = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(code).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return { http: `127.0.0.1:${(made.address() as AddressInfo).port}`, asked };
}

async function why(args: readonly string[], environment: Record<string, string> = {}) {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += String(text);
      return true;
    });
  }
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  try {
    return { code: await run(['node', 'kouplet', 'why', ...args], process.env), ...said };
  } finally {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  }
}

const explained = {
  kind: 'explained',
  subject: 'pod/shop/web-0',
  nodeName: 'vnode.b1.dev',
  baseId: 'b1',
  lines: [
    { topic: 'wanted', text: 'web:1 from https://h/web.jar' },
    { topic: 'waits', text: 'web: InstallBackOff: no jar; tried again in 7.2 s', reason: 'InstallBackOff' },
    { later: 'a line of a version to come' },
  ],
};

test('prints what the controller says, a line each [SPEC O11]', async () => {
  const { http, asked } = await answering(200, explained);
  expect(await why(['pod/web-0', '-n', 'shop', '--http', `http://${http}`])).toEqual({
    code: 0,
    stdout: [
      'pod/shop/web-0 (base b1, Node vnode.b1.dev)',
      '  wanted   web:1 from https://h/web.jar',
      '  waits    web: InstallBackOff: no jar; tried again in 7.2 s',
      '',
    ].join('\n'),
    stderr: '',
  });
  expect(asked).toEqual(['/debug/why?pod=shop%2Fweb-0']);
});

test('the address may be the controller’s own variable; kubectl’s short names are understood [SPEC O11]', async () => {
  const { http, asked } = await answering(200, explained);
  expect(await why(['no/vnode.b1.dev'], { KOUPLET_HTTP: http })).toMatchObject({ code: 0 });
  expect(asked).toEqual(['/debug/why?node=vnode.b1.dev']);
});

test.each([
  [
    'an unknown Pod',
    404,
    { error: 'pod/default/p9 is not known here' },
    /^kouplet: pod\/default\/p9 is not known here\. .+\n$/,
  ],
  ['too early', 503, { error: 'this controller does not know yet' }, /does not know yet\. Try again in a moment\.\n$/],
  [
    'another replica’s',
    200,
    { kind: 'held-by-other', subject: 'pod/default/p9', nodeName: 'vnode.b1.dev', holderIdentity: 'r2' },
    /^kouplet: pod\/default\/p9 is held by r2\. Ask there: .+\n$/,
  ],
  ['somebody else there', 404, '<html>', /is no controller that can say why \(HTTP 404\)\. .*--http\.\n$/],
  ['an answer of another kind', 200, { kind: 'odd', subject: 'x' }, /is no controller that can say why/],
])('%s is one clear line and 1 [SPEC O11]', async (_case, code, body, line) => {
  const { http } = await answering(code, body);
  expect(await why(['pod/p9', '--http', http])).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(line) });
});

test('no controller there is one clear line with what to do, and 1 [SPEC O11]', async () => {
  const { http } = await answering(200, {});
  await new Promise((resolve) => server?.close(resolve));
  const { code, stderr } = await why(['pod/p1', '--http', http]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(
      /^kouplet: no controller answers at http:\/\/127\.0\.0\.1:\d+\. Start one, .*--http.*\n$/,
    ),
  });
});

test.each([
  ['no kind', ['web-0'], /"web-0" is neither pod\/NAME nor node\/NAME/],
  ['another kind', ['deployment/web'], /neither pod\/NAME/],
  ['an address with a path', ['pod/p1', '--http', 'http://h/x'], /--http.*is not http:\/\/HOST:PORT/],
  ['nothing', [], /missing required argument 'object'/],
])('wrong use, %s, is one line and 2 [SPEC O11]', async (_case, args, line) => {
  expect(await why(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(line) });
});

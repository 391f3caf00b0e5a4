import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { basePod, type LogsStage, newAuthority, startLogsStage, status } from '../testing/logs-stage.ts';
import type { LogsServerOptions } from './server.ts';

const path = '/containerLogs/shop/m1/biz1';
const token = { headers: { authorization: 'Bearer secret-token' } };
const ends: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function stageWith(options: Partial<LogsServerOptions> = {}): Promise<LogsStage> {
  const stage = await startLogsStage(options);
  ends.push(() => stage.stop());
  stage.script.pods = [basePod()];
  return stage;
}

const logsAsked = (stage: LogsStage): string[] => stage.asked.filter((line) => line.includes('/log?'));

describe('the log of a module is that of its base', () => {
  test('streamed from the base’s own Pod as the API server has it, with the query of a kubelet [SPEC E46] [U32]', async () => {
    const stage = await stageWith();
    expect(await stage.get(path, token)).toEqual({ code: 200, body: 'one\ntwo\n' });
    await stage.get(
      `${path}?tailLines=5&follow=true&timestamps=true&sinceTime=2026-01-01T00%3A00%3A00Z&other=1`,
      token,
    );
    expect(logsAsked(stage)).toEqual([
      'GET /api/v1/namespaces/shop/pods/orders-0/log?container=base',
      'GET /api/v1/namespaces/shop/pods/orders-0/log?follow=true&timestamps=true&sinceTime=2026-01-01T00%3A00%3A00Z&tailLines=5&container=base',
    ]);
  });

  test('followed without end, line by line, and let go upstream when the reader goes [SPEC E44]', async () => {
    const stage = await stageWith();
    let isGone = false;
    stage.script.log = (_request, response) => {
      response.flushHeaders();
      response.write('first\n');
      response.on('close', () => {
        isGone = true;
      });
    };
    const answer = await stage.open(`${path}?follow=true`, token);
    let heard = '';
    answer.on('data', (chunk) => {
      heard += chunk;
    });
    answer.on('error', () => {});
    await eventually('the first line', () => heard === 'first\n');
    answer.destroy();
    await eventually('the API server is let go', () => isGone);
  });

  test('answered at once, though the log is quiet [SPEC E44]', async () => {
    const stage = await stageWith();
    stage.script.log = (_request, response) => response.flushHeaders();
    const answer = await stage.open(`${path}?follow=true`, token);
    answer.on('error', () => {});
    expect(answer.statusCode).toBe(200);
  });

  test('waited for, as a kubelet answers with the first byte of a log [SPEC E44]', async () => {
    const stage = await stageWith();
    let write: (text: string) => void = () => {};
    stage.script.log = (_request, response) => {
      write = (text) => void response.end(text);
    };
    const quiet = stage.get(`${path}?follow=true`, token);
    await eventually('it is asked', () => logsAsked(stage).length === 1);
    await stage.clock.pass(24 * 3_600_000);
    write('at last\n');
    expect(await quiet).toEqual({ code: 200, body: 'at last\n' });

    const hung = stage.get(path, token);
    await eventually('it is asked', () => logsAsked(stage).length === 2);
    await stage.clock.pass(120_000);
    expect(await hung).toMatchObject({ code: 500, body: expect.stringContaining('no answer within 120000 ms') });
  });

  test('read no faster than its reader reads [SPEC E44]', async () => {
    const stage = await stageWith();
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    stage.script.log = (_request, response) => {
      const more = (): void => {
        while (sent < 256 * 1024 * 1024 && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', more);
            return;
          }
        }
      };
      more();
    };
    const answer = await stage.open(path, token);
    answer.on('error', () => {});
    let before = -1;
    await eventually('it stands still', async () => {
      const isStill = sent === before;
      before = sent;
      if (!isStill) await new Promise((resolve) => setTimeout(resolve, 200));
      return isStill;
    });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    answer.destroy();
  });

  test('broken off where the API server breaks off, not ended [SPEC E44]', async () => {
    const stage = await stageWith();
    stage.script.log = (_request, response) => response.write('half', () => response.destroy());
    await expect(stage.get(path, token)).rejects.toThrow(/aborted|hang up/);
  });

  test('refused where 200 are read already, and read again when one ends [SPEC E44]', async () => {
    const stage = await stageWith();
    stage.script.log = (_request, response) => response.flushHeaders();
    const open = await Promise.all(Array.from({ length: 200 }, () => stage.open(`${path}?follow=true`, token)));
    for (const one of open) one.on('error', () => {});
    expect(await stage.get(path, token)).toMatchObject({ code: 429 });
    open[0]?.destroy();
    stage.script.log = (_request, response) => response.end('again');
    await eventually('there is room', async () => (await stage.get(path, token)).code === 200);
    for (const one of open) one.destroy();
  });

  test('cut when the controller ends', async () => {
    const stage = await stageWith();
    stage.script.log = (_request, response) => response.flushHeaders();
    const answer = await stage.open(`${path}?follow=true`, token);
    const ended = new Promise((resolve) => answer.on('close', resolve));
    answer.on('error', () => {});
    answer.resume();
    await stage.logs.close();
    await ended;
  });

  test('told in the API server’s words where it has none [SPEC E45]', async () => {
    const stage = await stageWith();
    const answers = async (code: number, reason: string, message: string) => {
      stage.script.log = (_request, response) => {
        response.writeHead(code, { 'content-type': 'application/json' });
        response.end(JSON.stringify(status(code, reason, message)));
      };
      return stage.get(path, token);
    };
    expect(await answers(400, 'BadRequest', 'previous terminated container "base" not found')).toEqual({
      code: 400,
      body: 'the log of the base\'s Pod shop/orders-0: previous terminated container "base" not found',
    });
    expect(await answers(403, 'Forbidden', 'pods "orders-0" is forbidden')).toEqual({
      code: 500,
      body: 'the controller may not read the log of the base\'s Pod shop/orders-0: pods "orders-0" is forbidden',
    });
    expect(await answers(500, 'InternalError', 'dial tcp: connection refused')).toMatchObject({ code: 500 });
  });
});

describe('what is not there is said', () => {
  test.each([
    ['/containerLogs/shop/m2/biz1', 403, /Forbidden/],
    ['/containerLogs/shop/m1/other', 404, /pod shop\/m1 has no container other/],
    ['/pods', 404, /only \/containerLogs/],
    ['/containerLogs/shop/m1', 404, /only \/containerLogs/],
    ['/exec/shop/m1/biz1?command=ls', 400, /no command can be run in it; run it in the base’s own Pod/],
    ['/attach/shop/m1/biz1', 400, /kubectl logs shows the base’s log/],
    ['/portForward/shop/m1', 400, /no port can be forwarded/],
    ['/run/shop/m1/biz1', 400, /no command/],
  ])('%s is %i [SPEC E45]', async (asked, code, words) => {
    const stage = await stageWith();
    expect(await stage.get(asked, token)).toEqual({ code, body: expect.stringMatching(words) });
  });

  test('an unknown Pod is 404 for who may see every Node [SPEC E45] [U32]', async () => {
    const stage = await stageWith();
    stage.script.allowed.add('alice */proxy');
    const answer = await stage.get('/containerLogs/shop/m2/biz1', token);
    expect(answer).toEqual({ code: 404, body: 'pod shop/m2 is on no Node of this controller' });
  });

  test('to an upgrade with a Status, which kubectl shows as it is [SPEC E45]', async () => {
    const stage = await stageWith();
    const headers = { ...token.headers, connection: 'Upgrade', upgrade: 'SPDY/3.1' };
    const { code, body } = await stage.get('/exec/shop/m1/biz1?command=ls', { headers, method: 'POST' });
    expect(code).toBe(400);
    expect(JSON.parse(body)).toMatchObject({
      kind: 'Status',
      code: 400,
      message: expect.stringMatching(/base’s own Pod/),
    });
  });

  test('only GET is answered, rubbish ends nothing [SPEC E45]', async () => {
    const stage = await stageWith();
    expect(await stage.get(path, { ...token, method: 'POST' })).toMatchObject({ code: 405 });
    for (const rubbish of [
      '/%',
      '//',
      '/containerLogs/%2e%2e/%00/%ff',
      '/containerLogs/../../x/y',
      `/${'x'.repeat(9_000)}`,
    ]) {
      const { code } = await stage.get(rubbish, token);
      expect([400, 403, 404]).toContain(code);
    }
    expect(await stage.get(path, token)).toMatchObject({ code: 200 });
  });
});

describe('who asks', () => {
  test('must be known: no token, a wrong one, another scheme are 401 [SPEC E41]', async () => {
    const stage = await stageWith();
    for (const authorization of [
      undefined,
      'Bearer wrong',
      'Basic c2VjcmV0LXRva2Vu',
      'Bearer',
      `Bearer ${'x'.repeat(9_000)}`,
    ]) {
      const own = authorization === undefined ? {} : { headers: { authorization } };
      expect(await stage.get(path, own)).toEqual({ code: 401, body: 'Unauthorized' });
    }
    expect(logsAsked(stage)).toEqual([]);
  });

  test('by a certificate of the authority, one of another is none [SPEC E41]', async () => {
    const [ours, other] = [
      await newAuthority('apiserver-kubelet-client'),
      await newAuthority('apiserver-kubelet-client'),
    ];
    const { cert, key } = ours;
    const stage = await stageWith({ tls: { cert, key, clientCa: ours.ca } });
    stage.script.allowed.add('apiserver-kubelet-client vnode.b1.dev/proxy');
    expect(await stage.get(path, ours.client)).toMatchObject({ code: 200 });
    expect(await stage.get(path, other.client)).toMatchObject({ code: 401 });
    // As files that have changed are taken.
    stage.logs.renew({ cert, key, clientCa: other.ca });
    expect(await stage.get(path, other.client)).toMatchObject({ code: 200 });
    expect(await stage.get(path, ours.client)).toMatchObject({ code: 401 });
    expect(() => stage.logs.renew({ cert: 'none', key, clientCa: ours.ca })).toThrow();
    expect(await stage.get(path, other.client)).toMatchObject({ code: 200 });
  });

  test('by a certificate of the cluster’s own authority where none is named, also of a new one [SPEC E41]', async () => {
    const [first, second] = [await newAuthority('api'), await newAuthority('api')];
    const stage = await stageWith();
    stage.script.allowed.add('api vnode.b1.dev/proxy');
    // It could not be read at the start: any certificate is then as none.
    expect(stage.lines.join()).toContain('logs-for-tokens-only');
    expect(await stage.get(path, first.client)).toMatchObject({ code: 401 });
    stage.script.authority = first.ca;
    stage.clock.standStill(60_000);
    expect(await stage.get(path, first.client)).toMatchObject({ code: 401 });
    expect(await stage.get(path, first.client)).toMatchObject({ code: 200 });
    stage.script.authority = second.ca;
    stage.clock.standStill(60_000);
    expect(await stage.get(path, second.client)).toMatchObject({ code: 401 });
    expect(await stage.get(path, second.client)).toMatchObject({ code: 200 });
    // Strangers do not make it ask more often.
    const reads = () => stage.asked.filter((line) => line.includes('extension-apiserver')).length;
    const before = reads();
    for (let at = 0; at < 5; at += 1) await stage.get(path, first.client);
    expect(reads()).toBe(before);
  });

  test('must have the right to that Node: its proxy, or its logs [SPEC E42]', async () => {
    const stage = await stageWith();
    stage.script.users['token-of-bob'] = 'bob';
    const bob = { headers: { authorization: 'Bearer token-of-bob' } };
    expect(await stage.get(path, bob)).toEqual({
      code: 403,
      body: 'Forbidden (user=bob, verb=get, resource=nodes/proxy of vnode.b1.dev)',
    });
    stage.script.allowed.add('bob vnode.b1.dev/log');
    stage.clock.standStill(10_000);
    expect(await stage.get(path, bob)).toMatchObject({ code: 200 });
    expect(logsAsked(stage)).toHaveLength(1);
  });

  test('is asked once in a while, not each time; what is refused is asked again sooner [SPEC E42]', async () => {
    const stage = await stageWith();
    const reviews = () => stage.asked.filter((line) => line.includes('reviews')).length;
    await Promise.all(Array.from({ length: 20 }, () => stage.get(path, token)));
    expect(reviews()).toBe(2);
    stage.clock.standStill(59_000);
    await stage.get(path, token);
    expect(reviews()).toBe(2);
    stage.script.users = {};
    stage.clock.standStill(2_000);
    expect(await stage.get(path, token)).toMatchObject({ code: 401 });
    expect(reviews()).toBe(3);
  });

  test('no token is ever logged', async () => {
    const stage = await stageWith();
    stage.script.users = {};
    await stage.get(path, token);
    expect(stage.lines.join()).toContain('log-refused');
    expect(stage.lines.join()).not.toContain('secret-token');
  });
});

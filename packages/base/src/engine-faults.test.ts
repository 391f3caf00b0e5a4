import { beforeEach, describe, expect, it } from 'vitest';
import { Jvm } from './engine.ts';
import { baseFacts } from './facts.ts';
import { Bench, install, jar } from './testing/jvm-bench.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench().connect();
  bench.said = [];
});

describe('faults that a URL asks for', () => {
  const failedBecause = (query: string, url = jar('biz1-1', query)) => {
    bench.said = [];
    bench.send('installBiz', { bizName: 'biz1', bizVersion: '1', bizUrl: url }).pass(20);
    const [told] = bench.outcomes();
    return told?.outcome.kind === 'failed' ? told.outcome.message : told?.outcome.kind;
  };

  it.each([
    ['?kouplet-fail=404', `java.io.FileNotFoundException: ${jar('biz1-1', '?kouplet-fail=404')}`],
    ['?kouplet-fail=503', /Server returned HTTP response code: 503 for URL: https:/],
    ['?kouplet-fail=refused', 'java.net.ConnectException: Connection refused'],
    ['?kouplet-fail=unknown-host', 'java.net.UnknownHostException: modules.example'],
    ['?kouplet-fail=not-a-jar', 'java.util.zip.ZipException: zip END header not found'],
    ['?kouplet-fail=no-manifest', 'java.lang.IllegalArgumentException: Biz Name must not be empty!'],
    ['?a=b&kouplet-fail=start', /^java\.lang\.IllegalStateException: biz1:1 was told to fail at its start/],
    ['/kouplet-fail=refused/x.jar', 'java.net.ConnectException: Connection refused'],
    ['?kouplet-fial=404', /the simulator knows no fault "kouplet-fial=404"/],
    ['?kouplet-fail=later', /the simulator knows no fault "kouplet-fail=later"/],
    ['?kouplet-delay=soon', /the simulator knows no fault "kouplet-delay=soon"/],
  ])('[SPEC S12] %s fails it with its reason', (query, reason) => {
    if (typeof reason === 'string') expect(failedBecause(query)).toBe(reason);
    else expect(failedBecause(query)).toMatch(reason);
    expect(bench.list()).toEqual([]);
  });

  it.each([
    ['oss://bucket/x.jar', 'java.net.MalformedURLException: unknown protocol: oss'],
    ['x.jar', 'java.net.MalformedURLException: no protocol: x.jar'],
    ['registry.example/team/biz1:1', 'java.net.MalformedURLException: no protocol: registry.example/team/biz1:1'],
    ['nginx:1.27', 'java.net.MalformedURLException: unknown protocol: nginx'],
    ['https://no-such-host.invalid/x.jar', 'java.net.UnknownHostException: no-such-host.invalid'],
    ['file:///srv/x.jar', 'success'],
    ['HTTP://modules.example/x.jar', 'success'],
  ])('[SPEC S13] the URL %s is what Java makes of it', (url, reason) => {
    expect(failedBecause('', url)).toBe(reason);
  });

  it('[SPEC S12] so many failures, then it heals', () => {
    const told = [1, 2, 3].map(() => failedBecause('?kouplet-fail=404&kouplet-fail-times=2'));
    expect(told).toEqual([expect.stringContaining('FileNotFound'), expect.stringContaining('FileNotFound'), 'success']);
    bench.send('uninstallBiz', { bizName: 'biz1', bizVersion: '1' }).pass(20);
    expect(failedBecause('?kouplet-fail-times=1')).toMatch(/told to fail at its start/);
    expect(failedBecause('?kouplet-fail-times=1')).toBe('success');
  });

  it('[SPEC S12] a lost command changes nothing, a lost answer changes everything but is not told', () => {
    expect(failedBecause('?kouplet-lose=command')).toBeUndefined();
    expect(bench.list()).toEqual([]);
    expect(failedBecause('?kouplet-lose=command')).toBe('success');
    bench.send('uninstallBiz', { bizName: 'biz1', bizVersion: '1' }).pass(20);
    expect(failedBecause('?kouplet-lose=answer')).toBeUndefined();
    expect(bench.list()).toEqual(['biz1:1 ACTIVATED']);
    expect(failedBecause('?kouplet-lose=answer')).toBe('repeat');
  });

  it('[SPEC S12] a download that hangs holds its thread and its lock until the other side closes', () => {
    for (const number of [1, 2, 3, 4, 5]) bench.send('installBiz', install(`h${number}`, '1', '?kouplet-hang=1'));
    bench.pass(75_000).said = [];
    bench.send('health', {}).send('installBiz', install('h1', '1'));
    expect(bench.pass(9000).said.filter(({ message }) => message.kind !== 'heartbeat')).toEqual([]);
    bench.take(bench.jvm.releaseHung(bench.at));
    bench.pass(20);
    expect(bench.kinds().filter((kind) => kind === 'health')).toHaveLength(1);
    expect(bench.answers()).toEqual([...[1, 2, 3, 4, 5].map((number) => `h${number}:1 failed`), 'h1:1 success']);
  });

  it('[SPEC S12] states, slow downloads and slow starts', () => {
    bench.send('installBiz', install('biz1', '1', '?kouplet-state=deactivated')).pass(20);
    bench
      .send('installBiz', install('biz2', '1', '?kouplet-state=broken&kouplet-download=1s&kouplet-delay=1m'))
      .pass(900);
    expect(bench.list()).toEqual(['biz1:1 DEACTIVATED']);
    bench.pass(200);
    expect(bench.list()).toEqual(['biz1:1 DEACTIVATED', 'biz2:1 RESOLVED']);
    bench.pass(60_000);
    expect(bench.list()).toEqual(['biz1:1 DEACTIVATED', 'biz2:1 BROKEN']);
  });

  it('[SPEC S12] a crash takes the process with it, once', () => {
    bench.send('installBiz', install('biz1', '1', '?kouplet-crash=5s')).pass(20);
    expect(bench.crashes).toEqual([5000]);
    expect(bench.answers()).toEqual([]);
    bench.jvm = new Jvm(baseFacts({ identity: 'b1' }), bench.script, bench.at);
    bench
      .connect()
      .send('installBiz', install('biz1', '1', '?kouplet-crash=5s'))
      .pass(20);
    expect(bench.crashes).toEqual([5000]);
    expect(bench.list()).toEqual(['biz1:1 ACTIVATED']);
  });

  it('[SPEC S12] the memory of counted faults is bounded', () => {
    for (let index = 0; index < 1500; index++) {
      bench.send('installBiz', install(`m${index}`, '1', '?kouplet-fail=404&kouplet-fail-times=1')).pass(3);
    }
    expect(bench.script.strikes.size).toBe(1000);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { Jvm } from './engine.ts';
import { baseFacts } from './facts.ts';
import { Bench, install, jar } from './testing/jvm-bench.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench().connect();
  bench.said = [];
});

describe('its life on the wire', () => {
  it('[SPEC S1] asks for its baseline once a process, then beats at once and every ten seconds', () => {
    const fresh = new Bench().connect().pass(25_000);
    expect(fresh.said.map(({ at, message }) => [at, message.kind])).toEqual([
      [0, 'baseline-query'],
      [0, 'heartbeat'],
      [10_000, 'heartbeat'],
      [20_000, 'heartbeat'],
    ]);
  });

  it('[SPEC S2] a reconnect is invisible: neither question nor beat out of turn', () => {
    bench.pass(3000).cut().pass(2000).connect();
    expect(bench.kinds()).toEqual([]);
    expect(bench.pass(5000).kinds()).toEqual(['heartbeat']);
  });

  it('[SPEC S3] an operation that ends without a connection answers nobody, ever; one that ends after it answers', () => {
    bench.send('installBiz', install('biz1', '1', '?kouplet-delay=2s'));
    bench.send('installBiz', install('biz2', '1', '?kouplet-delay=6s'));
    bench.pass(1000).cut().pass(3000).connect().pass(60_000);
    expect(bench.answers()).toEqual(['biz2:1 success']);
    expect(bench.list()).toEqual(['biz1:1 ACTIVATED', 'biz2:1 ACTIVATED']);
  });

  it('[SPEC S4] a tick without a connection kills the heartbeat for ever, while questions are answered', () => {
    bench.pass(9000).cut().pass(14_000).connect().pass(120_000);
    expect(bench.kinds()).toEqual([]);
    bench.send('health', {}).send('queryAllBiz', {}).pass(10);
    expect(bench.kinds()).toEqual(['health', 'biz-report']);
  });

  it('[SPEC S4] the heartbeat of a base whose timer does not die comes back at its next tick', () => {
    const sturdy = new Bench({ heartbeatDies: false }).connect();
    sturdy.said = [];
    expect(sturdy.pass(9000).cut().pass(14_000).connect().pass(10_000).kinds()).toEqual(['heartbeat']);
  });
});

describe('its threads', () => {
  it('[SPEC S5] five commands run at once, the sixth waits, questions included', () => {
    for (const number of [1, 2, 3, 4, 5, 6]) {
      bench.send('installBiz', install(`slow${number}`, '1', '?kouplet-delay=6s'));
    }
    bench.send('health', {}).send('queryAllBiz', {});
    bench.pass(6009);
    expect(bench.said).toEqual([]);
    bench.pass(1);
    expect(bench.answers()).toHaveLength(5);
    bench.pass(1);
    expect(bench.kinds()).toEqual(['health', 'biz-report']);
    bench.pass(6020);
    expect(bench.answers()).toEqual(['slow6:1 success']);
  });

  it('[SPEC S5] a hundred commands that wait bring more threads, and their number is bounded', () => {
    for (let index = 0; index < 3000; index++) {
      bench.send('installBiz', install(`m${index}`, '1', '?kouplet-hang=1'));
    }
    expect(bench.jvm.busy).toBe(10 + 1000);
  });

  it('[SPEC S6] a second command on a key is refused at once, before the running one answers', () => {
    bench.send('installBiz', install('biz1', '1', '?kouplet-delay=1s')).pass(100);
    bench.send('installBiz', install('biz1', '1')).send('uninstallBiz', { bizName: 'biz1', bizVersion: '1' });
    bench.send('installBiz', install('biz1', '2'));
    expect(bench.outcomes().map(({ outcome }) => outcome)).toEqual([
      { kind: 'conflict', message: conflict('biz1:1', 'installBiz', 'installBiz') },
      { kind: 'conflict', message: conflict('biz1:1', 'uninstallBiz', 'installBiz') },
    ]);
    bench.said = [];
    expect(bench.pass(2000).answers()).toEqual(['biz1:2 success', 'biz1:1 success']);
  });

  it('[SPEC S6] uninstall and install of one key back to back: the install is refused', () => {
    bench.send('installBiz', install('biz1', '1')).pass(20);
    bench.said = [];
    bench.send('uninstallBiz', { bizName: 'biz1', bizVersion: '1' }).send('installBiz', install('biz1', '1')).pass(20);
    expect(bench.answers()).toEqual(['biz1:1 conflict', 'biz1:1 success']);
    expect(bench.list()).toEqual([]);
  });
});

describe('installs', () => {
  it('[SPEC S7] the manifest in the jar, not the request, says what is installed', () => {
    bench.send('installBiz', install('biz1', '1', '?kouplet-manifest=other:2')).pass(20);
    expect(bench.outcomes()).toMatchObject([
      { key: 'biz1:1', outcome: { kind: 'success', installedAs: [{ key: 'other:2', state: 'ACTIVATED' }] } },
    ]);
    expect(bench.list()).toEqual(['other:2 ACTIVATED']);
  });

  it('[SPEC S7] without name and version the jar tells them, and the answer has no identity', () => {
    bench.send('installBiz', { bizUrl: jar('biz1-0.0.1') }).pass(20);
    expect(bench.answers()).toEqual(['nobody success']);
    expect(bench.list()).toEqual(['biz1:0.0.1 ACTIVATED']);
  });

  it('[SPEC S8] what is installed or just being installed is a repeat, whatever its URL', () => {
    bench
      .send('installBiz', install('biz1', '1'))
      .pass(20)
      .send('installBiz', install('biz1', '1', '?other'))
      .pass(20);
    expect(bench.answers()).toEqual(['biz1:1 success', 'biz1:1 repeat']);
    bench.send('baseline', [install('biz2', '1', '?kouplet-delay=5s')]).pass(100);
    expect(bench.list()).toEqual(['biz1:1 ACTIVATED', 'biz2:1 RESOLVED']);
    bench.send('installBiz', install('biz2', '1')).pass(100);
    expect(bench.answers()).toEqual(['biz2:1 repeat']);
  });

  it('[SPEC S9] while it starts it is listed as resolved; a failed start leaves nothing behind', () => {
    bench.send('installBiz', install('biz1', '1', '?kouplet-delay=1s&kouplet-fail=start')).pass(500);
    bench.send('queryAllBiz', {}).pass(1);
    expect(bench.said.at(-1)?.message).toMatchObject({
      bizes: [{ key: 'biz1:1', state: 'RESOLVED', reason: 'CREATED' }],
    });
    bench.pass(1000).send('queryAllBiz', {}).pass(1);
    expect(bench.outcomes()).toMatchObject([
      { key: 'biz1:1', outcome: { kind: 'failed', message: expect.stringContaining('biz1:1 was told to fail') } },
    ]);
    expect(bench.said.at(-1)?.message).toMatchObject({ bizes: [] });
  });

  it('[SPEC S10] a second version starts DEACTIVATED though its answer is a success, and stays so when the first goes', () => {
    bench.send('installBiz', install('biz1', '1')).pass(20).send('installBiz', install('biz1', '2')).pass(20);
    expect(bench.outcomes()[1]).toMatchObject({
      outcome: { kind: 'success', installedAs: [{ state: 'DEACTIVATED', message: 'start but is deactivated' }] },
    });
    bench.send('uninstallBiz', { bizName: 'biz1', bizVersion: '1' }).pass(20);
    expect(bench.list()).toEqual(['biz1:2 DEACTIVATED']);
  });

  it('[SPEC S10] with activate.new.module the second version takes over from the first', () => {
    const eager = new Bench({ activateNewModule: true }).connect();
    eager.send('installBiz', install('biz1', '1')).pass(20).send('installBiz', install('biz1', '2')).pass(20);
    expect(eager.list()).toEqual(['biz1:1 DEACTIVATED', 'biz1:2 ACTIVATED']);
    eager.send('queryAllBiz', {}).pass(1);
    expect(eager.said.at(-1)?.message).toMatchObject({
      bizes: [
        { key: 'biz1:1', reason: 'SWITCHED', message: 'switch to new biz biz1:2' },
        { key: 'biz1:2', reason: 'STARTED', message: 'switch from old biz: biz1:1' },
      ],
    });
  });

  it('[SPEC S10] uninstallThenInstall takes every version off before it downloads, so that a 404 loses the old one', () => {
    bench.send('installBiz', install('biz1', '1')).pass(20);
    const strategy = { installStrategy: 'uninstallThenInstall' };
    bench.send('installBiz', install('biz1', '2', '?kouplet-fail=404', strategy)).pass(20);
    expect(bench.answers()).toEqual(['biz1:1 success', 'biz1:2 failed']);
    expect(bench.list()).toEqual([]);
  });

  it('[SPEC S15] uninstall: gone, not found, the master biz never, and one that fails to stop is gone all the same', () => {
    bench.send('installBiz', install('biz1', '1', '?kouplet-uninstall-fail=1&kouplet-uninstall-delay=2s')).pass(20);
    bench.send('installBiz', install('biz2', '1')).pass(20);
    bench.said = [];
    for (const bizName of ['biz1', 'biz2', 'biz3']) bench.send('uninstallBiz', { bizName, bizVersion: '1' });
    bench.send('uninstallBiz', { bizName: 'base', bizVersion: '1.0.0' }).pass(3000);
    expect(bench.answers()).toEqual(['biz3:1 not-found', 'base:1.0.0 failed', 'biz2:1 success', 'biz1:1 failed']);
    expect(bench.list()).toEqual([]);
  });
});

describe('a baseline', () => {
  const results = () => bench.said.flatMap(({ message }) => (message.kind === 'batch-result' ? [message] : []));

  it('[SPEC S11] is executed whenever it comes, in parallel, and answered once, by URL', () => {
    const slow = install('biz1', '1', '?kouplet-delay=2s');
    bench.send('baseline', [slow, install('biz2', '1'), install('biz3', '1', '?kouplet-fail=start')]).pass(2020);
    expect(results()).toMatchObject([
      {
        results: [
          { url: slow.bizUrl, outcome: { kind: 'success', installedAs: [{ key: 'biz1:1' }] } },
          { outcome: { kind: 'success' } },
          { outcome: { kind: 'failed', message: 'internal exception: null' } },
        ],
        message: 'batch install failed',
      },
    ]);
    expect(bench.list()).toEqual(['biz1:1 ACTIVATED', 'biz2:1 ACTIVATED']);
  });

  it('[SPEC S11] one URL that cannot be fetched fails all of it before any install', () => {
    bench.send('baseline', [install('biz1', '1'), { bizName: 'x', bizVersion: '1', bizUrl: 'oss://x/y.jar' }]).pass(20);
    expect(results()).toMatchObject([
      { results: [], message: 'java.net.MalformedURLException: unknown protocol: oss' },
    ]);
    expect(bench.list()).toEqual([]);
  });

  it('[SPEC S11] an empty list succeeds, nothing and null fail, rubbish is not answered', () => {
    bench.send('baseline', []).pass(1);
    expect(results()).toMatchObject([{ results: [], message: 'batch install success' }]);
    bench.said = [];
    bench.send('baseline', '').send('baseline', 'null').send('baseline', '{}').send('baseline', 'no json').pass(20);
    expect(results().map((result) => result.message)).toEqual(['bizList is null', 'bizList is null']);
  });

  it('[SPEC S11] an entry without URL fails all; entries of one URL become one; a second batch meanwhile is refused', () => {
    bench.send('baseline', [{ bizName: 'biz1', bizVersion: '1' }]);
    expect(results()).toMatchObject([{ results: [], message: 'bizUrl should not be blank' }]);
    bench.said = [];
    bench
      .send('baseline', [install('biz1', '1'), install('biz1', '1')])
      .send('baseline', [])
      .pass(20);
    expect(results()).toMatchObject([
      { message: expect.stringContaining('batchInstallBiz conflict') },
      { results: [{ outcome: { kind: 'repeat' } }] },
    ]);
  });
});

describe('what arklet cannot read', () => {
  it.each([
    'installBiz',
    'uninstallBiz',
    'health',
    'queryAllBiz',
  ] as const)('[SPEC S14] rubbish on %s is not answered at all', (kind) => {
    for (const text of ['this is not json', '{"bizName":', '[]', '42', '"x"', '{}x']) bench.send(kind, text);
    expect(bench.pass(50).said).toEqual([]);
    expect(bench.jvm.busy).toBe(0);
  });

  it('[SPEC S14] an empty question is a question, an empty command is nothing', () => {
    for (const text of ['', 'null']) {
      bench.send('health', text).send('queryAllBiz', text).send('installBiz', text).send('uninstallBiz', text);
    }
    expect(bench.pass(50).kinds()).toEqual(['health', 'biz-report', 'health', 'biz-report']);
  });

  it('[SPEC S14] an unsupported command and an unknown type of health are not answered', () => {
    bench.send(undefined, { bizName: 'biz1' }).send('health', { type: 'bogus' });
    expect(bench.pass(50).said).toEqual([]);
  });

  it.each([
    [{}, 'bizUrl should not be blank'],
    [{ bizName: 'a', bizVersion: '1', bizUrl: ' ' }, 'bizUrl should not be blank'],
    [{ bizName: 'a', bizUrl: jar('a') }, 'bizName and bizVersion should be both blank or both not blank.'],
    [{ bizName: 'a', bizVersion: '1:2', bizUrl: jar('a') }, 'Format of Biz Identity is error.'],
    [{ bizUrl: jar('nameless') }, `refresh biz info from jar failed: ${jar('nameless')}`],
  ])('[SPEC S14] an install %j is refused in the words of arklet', (fields, message) => {
    bench.send('installBiz', fields);
    expect(bench.outcomes()).toMatchObject([{ outcome: { kind: 'failed', message } }]);
  });

  it('[SPEC S14] an uninstall needs both name and version; extra fields are ignored, numbers echoed', () => {
    bench.send('uninstallBiz', {}).send('uninstallBiz', { bizName: 'biz1' });
    bench.send('installBiz', install('biz1', '1', '', { bizVersion: 1, kouplet: { id: 'x' } })).pass(20);
    expect(bench.outcomes()).toMatchObject([
      { outcome: { message: 'bizName should not be blank' } },
      { outcome: { message: 'bizVersion should not be blank' } },
      { key: 'biz1:1', outcome: { kind: 'success' } },
    ]);
  });
});

describe('what it says of itself', () => {
  it('[SPEC S16] a new process has its run time back and an empty list', () => {
    bench.send('installBiz', install('biz1', '1')).pass(60_000).send('health', {}).pass(1);
    expect(bench.said.at(-1)?.message).toMatchObject({
      isSuccess: true,
      runTimeSeconds: 60.001,
      masterBizState: 'ACTIVATED',
      cpuCount: 2,
      maxMetaspaceBytes: 268435456,
      bizes: [{ key: 'biz1:1', state: 'ACTIVATED' }],
    });
    bench.jvm = new Jvm(baseFacts({ identity: 'b1', maxMetaspaceBytes: -1 }), bench.script, bench.at);
    bench.connect().send('health', {}).pass(1);
    const fresh = bench.said.at(-1)?.message;
    expect(fresh).toMatchObject({ runTimeSeconds: 0.001, bizes: [] });
    expect(fresh).not.toHaveProperty('maxMetaspaceBytes');
  });

  it('[SPEC S16] parts of health are answered for those who ask for parts', () => {
    bench
      .send('health', { type: 'system', metrics: ['jvm'] })
      .send('health', { type: 'biz', bizName: 'nope' })
      .pass(1);
    expect(bench.said[0]?.message).not.toHaveProperty('cpuCount');
    expect(bench.said[1]?.message).toMatchObject({ isSuccess: false, message: 'can not find biz: nope' });
  });

  it('[SPEC S16] its default address is private, its own, and never loopback', () => {
    const addresses = new Set(Array.from({ length: 70_000 }, (_, index) => baseFacts({ index }).ip));
    expect(addresses.size).toBe(70_000);
    const isUsable = /^10\.\d{1,3}\.\d{1,3}\.([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])$/;
    expect([...addresses].filter((address) => !isUsable.test(address))).toEqual([]);
    expect(baseFacts({ identity: 'a' }).ip).toBe(baseFacts({ identity: 'a' }).ip);
    expect(baseFacts({ identity: 'a' }).ip).not.toBe(baseFacts({ identity: 'b' }).ip);
  });
});

function conflict(key: string, command: string, running: string): string {
  return `FAILED:${key} ${command} conflict, exist unfinished command(${running}) for this biz`;
}

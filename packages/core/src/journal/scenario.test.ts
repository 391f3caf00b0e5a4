import { describe, expect, test } from 'vitest';
import { runScenario } from '../scenarios/runner.ts';
import { goldenOf } from './golden.ts';
import type { JournalLine } from './lines.ts';
import { journalOf, livesOf, livesOfSteps, scenarioFiles } from './testing/lives.ts';

/** Where others had a hand in it that no journal tells: what they sent, and what the base did for them. */
const otherwise = new Set([
  'conflict-with-anothers.txt',
  'fact04-answers-are-not-repeated.txt',
  'restart-unheard.txt',
  'upstream-clock-behind.txt',
  'upstream-takeover-in-time.txt',
  'upstream-takeover.txt',
  'w19-a-stuck-base-holds-up-nobody.txt',
  'w20-three-kinds-of-no.txt',
]);

function isSend(line: JournalLine): boolean {
  return line.kind === 'base' && line.input.kind === 'action-started' && line.input.action.key.includes('/biz/');
}

describe('a journal made a scenario again', () => {
  test.each(scenarioFiles)('%s: is green, and the controller sends what it sent, in order [SPEC M48]', async (file) => {
    const lives = livesOf(file);
    const life = lives.at(-1);
    if (life === undefined) return;
    const { text, recorded, again } = await goldenOf(journalOf(life), { policy: life.policy, title: file });
    // What it prints is what it prints when it is run again: looked at for some, as it takes the time of them all.
    if (scenarioFiles.indexOf(file) % 5 === 0) expect(runScenario(text).text).toBe(text);
    if (lives.length === 1 && !otherwise.has(file)) expect(again).toEqual(recorded);
  });

  test('reads as a person would have written it [SPEC M48]', async () => {
    const steps = [
      'policy gone-after=30s',
      'base b1',
      'start',
      'wait 2s',
      'pod p1 base=b1 biz=biz1:1 url=https://u:hunter2@repo/biz1.jar owner=Job/j1 restart=Never',
      'script b1 install biz2:1 fail "no \'jar\' here"',
      'pod p2 base=b1 biz=biz2:1',
      'wait 5s',
      'pause pod p1',
      'module b1 biz9:1',
      'delete-pod p2',
      'link api down',
      'wait 3s',
      'link api up',
      'wait 60s',
      'restart-base b1',
      'wait 2s',
      'stop',
    ];
    const [life] = livesOfSteps(steps);
    if (life === undefined) throw new Error('it did not start');
    const { text, recorded, again } = await goldenOf(journalOf(life), { policy: life.policy, title: 'A day' });
    expect(text).toMatchInlineSnapshot(`
      "# A day
      policy gone-after=30s unmanaged=report
      start
      wait 2s
      base b1 name=base version=1.0.0 cluster=default ip=10.0.0.1 host=b1
      script b1 install biz2:1 fail "no 'jar' here" delay=20ms
      wait 2ms
      pod p1 base=b1 biz=biz1:1 uid=uid-p1-2 url=https://***@repo/biz1.jar#~12366649 restart=Never owner=Job/j1 owner-uid=uid-Job-j1
      pod p2 base=b1 biz=biz2:1 uid=uid-p2-3 url=https://repo/biz2-1.jar
      wait 4.998s
      link api down
      wait 3s
      link api up
      pause pod p1
      delete-pod p2
      wait 37.58s
      module b1 biz9:1=ACTIVATED
      wait 22.42s
      disconnect b1
      restart-base b1
      wait 2s
      stop
      log
      show
      ----
      > log
      2s create-node vnode.b1.dev Ready=True/BaseReady
      2s write-record b1 [biz1:1 biz2:1]
      2s send b1 installBiz biz1:1 https://***@repo/biz1.jar#~12366649
      2s send b1 installBiz biz2:1 https://repo/biz2-1.jar
      2s patch-pod-status p1 Running ready=True biz1:Running
      2s patch-pod-status p2 Pending ready=False/ContainersNotReady biz2:Waiting/InstallFailed("no 'jar' here")
      10s write-record b1 [biz1:1]
      10s delete-pod p2
      49.6s patch-node-status vnode.b1.dev Ready=True/BaseReady
      70s patch-node-status vnode.b1.dev Ready=True/BaseReady
      70s delete-record b1
      70s patch-pod-status p1 Failed ready=False/ContainersNotReady biz1:Terminated/BizStopped(1)
      72s delete-lease kouplet-r1
      > show
      node vnode.b1.dev Ready=True/BaseReady
      pod p1 Failed ready=False/ContainersNotReady biz1:Terminated/BizStopped(1)
      base b1 connected []
      "
    `);
    expect(again).toEqual(recorded);
  });

  test('what was there before is lived through before; with one base named, of the others nothing is said [SPEC M48]', async () => {
    const steps = [
      'base b1',
      'base b2',
      'start',
      'pod p1 base=b1 biz=biz1:1',
      'pod p2 base=b2 biz=biz1:1',
      'wait 10s',
      'restart',
      'wait 10s',
      'delete-pod p1',
      'wait 5s',
    ];
    const life = livesOfSteps(steps).at(-1);
    if (life === undefined) throw new Error('it did not start');
    const options = { policy: life.policy, title: 'After a restart', base: 'b1' };
    const { text, recorded, again } = await goldenOf(journalOf(life), options);
    expect(text).toContain('start\nwait 70s\nkill\nforget\nstart\n');
    expect(text).not.toMatch(/b2|p2/);
    expect(recorded).toEqual(['b1 uninstallBiz biz1:1']);
    expect(again).toEqual(recorded);
  });

  test('what fails is tried again when it was: the jitter of it comes of UIDs, which a real server makes at random [SPEC M48]', async () => {
    const life = livesOfSteps([
      'base b1',
      'base b2',
      'start',
      'wait 2s',
      'script b1 install biz1:1 fail "no memory" delay=800ms times=always',
      'script b2 install biz1:1 fail "no memory" delay=700ms times=always',
      'pod p1 base=b1 biz=biz1:1 uid=9f1c4c1e-5b1f-4f0b-9d6c-3f6f0e1a7b52',
      'pod p2 base=b2 biz=biz1:1 uid=e7a3d2b9-91c4-4d6e-8a57-c2b4f1096d38',
      'wait 150s',
    ]).at(-1);
    if (life === undefined) throw new Error('it did not start');
    const journal = journalOf(life);
    // It ends as the last is sent: what comes later than it did would not come at all.
    const lines = journal.slice(0, journal.findLastIndex(isSend) + 1);
    const { text, recorded, again } = await goldenOf(lines, { policy: life.policy, title: 'Retries' });
    expect(text).toContain('pod p1 base=b1 biz=biz1:1 uid=9f1c4c1e-5b1f-4f0b-9d6c-3f6f0e1a7b52 ');
    expect(recorded).toHaveLength(10);
    expect(again).toEqual(recorded);
  });

  test('the annotation hand-over stands in it without what is handed over, and what it spoils stays spoilt [SPEC M48]', async () => {
    const life = livesOfSteps([
      'base b1',
      'start',
      'wait 2s',
      'pod p1 base=b1 biz=biz1:1 hand-over=env,args',
      'pod p2 base=b1 biz=biz2:1 hand-over=env env-from',
      'pod p3 base=b1 biz=biz3:1 hand-over=secrets',
      'wait 5s',
    ]).at(-1);
    if (life === undefined) throw new Error('it did not start');
    const { text, recorded, again } = await goldenOf(journalOf(life), { policy: life.policy, title: 'Handed over' });
    expect(text.match(/ hand-over=.*/g)).toEqual([
      ' hand-over=env,args',
      ' hand-over=env env-from',
      ' hand-over=secrets',
    ]);
    expect(text.match(/^pod p\d .*InvalidModule/gm)).toHaveLength(2);
    expect(recorded).toEqual(['b1 installBiz biz1:1']);
    expect(again).toEqual(recorded);
  });

  test('what only a question of ours finds is found when it was: questions come by the clock, and it is as late in both [SPEC M48]', async () => {
    const life = livesOfSteps([
      'base b1',
      'base b2',
      'start',
      'pod p1 base=b1 biz=biz1:1',
      'pod p2 base=b2 biz=biz1:1',
      'wait 33s',
      'restart',
      'wait 15s',
      'module b1 biz1:1=gone',
      'module b2 biz1:1=gone',
      'wait 65s',
    ]).at(-1);
    if (life === undefined) throw new Error('it did not start');
    const journal = journalOf(life);
    const { recorded, again } = await goldenOf(journal.slice(0, journal.findLastIndex(isSend) + 1), {
      policy: life.policy,
      title: 'Found',
    });
    expect(recorded).toEqual(['b1 installBiz biz1:1', 'b2 installBiz biz1:1']);
    expect(again).toEqual(recorded);
  });
});

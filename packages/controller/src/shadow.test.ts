import type { Plan, PlannedAction } from '@kouplet/core';
import { type BaseId, bizKeyOf } from '@kouplet/protocol';
import { expect, test } from 'vitest';
import { logTo } from './log.ts';
import { Shadow } from './shadow.ts';
import { SteppedClock } from './testing/stepped-clock.ts';

const install: PlannedAction = {
  kind: 'send-command',
  key: 'base/b1/biz/biz1:1',
  baseId: 'b1' as BaseId,
  generation: 'current',
  command: { kind: 'installBiz', name: 'biz1', version: '1', url: 'https://u:pw@h/x.jar?token=1' },
  bizKey: bizKeyOf('biz1', '1'),
  claim: { podUid: 'u', namespace: 'shop', podName: 'web-0', url: 'https://h/x.jar' },
};
const question: PlannedAction = {
  kind: 'send-command',
  key: 'base/b1/list',
  baseId: 'b1' as BaseId,
  generation: 'current',
  command: { kind: 'queryAllBiz' },
};
const node: PlannedAction = { kind: 'delete-node', key: 'node/n', name: 'vnode.b1.dev', uid: 'u' };

const planOf = (...actions: readonly PlannedAction[]): Plan => ({ actions, waiting: [], wakeAt: 0 });

test('tells what would be done once, when it is due no more, and a summary after a change [SPEC E31]', async () => {
  const lines: string[] = [];
  const clock = new SteppedClock();
  const log = logTo({ write: (line) => lines.push(line) }, 'info');
  const told = (): string[] =>
    lines.splice(0).map((line) => {
      const { level: _level, time: _time, msg, ...fields } = JSON.parse(line);
      return `${msg} ${JSON.stringify(fields)}`;
    });
  const shadow = new Shadow(log, clock);
  shadow.planned('b1', planOf(question, install));
  shadow.planned('b1', planOf(question, install));
  const would = 'installBiz biz1:1 from https://***@h/x.jar?*** for Pod shop/web-0';
  expect(told()).toEqual([`would {"base":"b1","do":"${would}"}`]);
  await clock.pass(1_000);
  expect(told()).toEqual(['would-in-all {"bases":1,"send-command":1}']);
  await clock.pass(10_000);
  shadow.planned('b1', planOf(install));
  await clock.pass(10_000);
  expect(told()).toEqual([]);
  shadow.planned('b1', planOf(question, node));
  await clock.pass(1_000);
  expect(told()).toEqual([
    'would {"base":"b1","do":"delete Node vnode.b1.dev"}',
    `would-no-longer {"base":"b1","do":"${would}"}`,
    'would-in-all {"bases":1,"delete-node":1}',
  ]);
  shadow.planned('b1', planOf());
  await clock.pass(1_000);
  expect(told().at(-1)).toBe('would-in-all {"bases":0}');
  expect(clock.pending).toBe(0);
});

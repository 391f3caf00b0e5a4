import { expect, test } from 'vitest';
import { Lanes } from './lanes.ts';

const slots = { lease: 1, record: 1, write: 2, command: 1, event: Number.POSITIVE_INFINITY };

test('at most one action of a key is under way, and its scope is planned anew when it ends [SPEC E5]', () => {
  const woken: string[] = [];
  const lanes = new Lanes((scope) => woken.push(scope), slots);
  expect(lanes.take('patch-pod-status', 'pod/1', 'b1')).toBe(true);
  expect(lanes.take('patch-pod-status', 'pod/1', 'b1')).toBe(false);
  lanes.free('patch-pod-status', 'pod/1');
  expect(woken).toEqual(['b1']);
  expect(lanes.take('patch-pod-status', 'pod/1', 'b1')).toBe(true);
});

test('a full lane remembers who waits, not what for, and wakes them in order as slots come free [SPEC E6]', () => {
  const woken: string[] = [];
  const lanes = new Lanes((scope) => woken.push(scope), slots);
  for (const base of ['b1', 'b2', 'b3', 'b4', 'b3'])
    lanes.take('patch-pod-status', `pod/${base}/${woken.length}`, base);
  expect(lanes.waiting).toBe(2);
  lanes.free('patch-pod-status', 'pod/b1/0');
  lanes.free('patch-pod-status', 'pod/b2/0');
  // One at a time: b3 may take both slots.
  expect(woken).toEqual(['b3']);
  lanes.planned('b3');
  expect(woken).toEqual(['b3', 'b4']);
  expect(lanes.waiting).toBe(0);
  expect(lanes.inFlight).toBe(0);
});

test('a scope that was woken and needs no slot any more does not keep the next one waiting', () => {
  const woken: string[] = [];
  const lanes = new Lanes((scope) => woken.push(scope), slots);
  for (const pod of ['1', '2']) lanes.take('delete-pod', `pod/${pod}`, 'b1');
  for (const base of ['b2', 'b3', 'b4']) lanes.take('delete-pod', `pod/${base}`, base);
  lanes.free('delete-pod', 'pod/1');
  expect(woken).toEqual(['b2']);
  // b2 planned nothing: the slot is still free.
  lanes.planned('b2');
  expect(woken).toEqual(['b2', 'b3']);
});

test('in a crowd of statuses a scope is woken for a quarter of the slots at once, and nobody takes them before it [SPEC E6]', () => {
  const woken: string[] = [];
  const lanes = new Lanes((scope) => woken.push(scope), { ...slots, write: 8 });
  for (let pod = 0; pod < 8; pod += 1) lanes.take('patch-pod-status', `pod/b1/${pod}`, 'b1');
  expect(lanes.take('patch-pod-status', 'pod/b2/0', 'b2')).toBe(false);
  expect(lanes.isWaiting('b2')).toBe(true);
  lanes.free('patch-pod-status', 'pod/b1/0');
  lanes.planned('b1');
  expect(woken).toEqual([]);
  expect(lanes.take('patch-pod-status', 'pod/b3/0', 'b3')).toBe(false);
  lanes.free('patch-pod-status', 'pod/b1/1');
  expect(woken).toEqual(['b2']);
  expect(lanes.take('patch-pod-status', 'pod/b3/0', 'b3')).toBe(false);
  for (const pod of ['0', '1']) expect(lanes.take('patch-pod-status', `pod/b2/${pod}`, 'b2')).toBe(true);
  lanes.planned('b2');
  lanes.free('patch-pod-status', 'pod/b1/2');
  lanes.free('patch-pod-status', 'pod/b1/3');
  expect(woken).toEqual(['b2', 'b3']);
});

test('a burst of Pods does not hold up the Leases [SPEC E6]', () => {
  const lanes = new Lanes(() => {}, slots);
  for (let pod = 0; pod < 10; pod += 1) lanes.take('patch-pod-status', `pod/${pod}`, 'b1');
  expect(lanes.take('write-lease', 'lease/b1', 'b1')).toBe(true);
  expect(lanes.take('send-command', 'base/b1/health', 'b1')).toBe(true);
});

test('a burst of statuses does not hold up the records that installs wait for, and Events need no slot [SPEC E6]', () => {
  const lanes = new Lanes(() => {}, slots);
  for (let pod = 0; pod < 10; pod += 1) lanes.take('patch-pod-status', `pod/${pod}`, 'b1');
  expect(lanes.take('write-record', 'record/b1', 'b1')).toBe(true);
  for (let event = 0; event < 100; event += 1) expect(lanes.take('record-event', `event/${event}`, 'b1')).toBe(true);
});

test('what is forgotten waits no longer', () => {
  const woken: string[] = [];
  const lanes = new Lanes((scope) => woken.push(scope), slots);
  lanes.take('write-lease', 'lease/b1', 'b1');
  lanes.take('write-lease', 'lease/b2', 'b2');
  lanes.forget('b2');
  lanes.free('write-lease', 'lease/b1');
  expect(woken).toEqual([]);
  expect(lanes.waiting).toBe(0);
});

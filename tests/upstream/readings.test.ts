/** How upstream's unit tests read topics, messages and names (utils_test, convert tests), in our own words for them. */
import { baseIdOfNodeName, nodeNameOf } from '@kouplet/core';
import { type BaseId, bizKeyOf, commandTopicOf, decode, parseTopic } from '@kouplet/protocol';
import { describe, expect, test } from 'vitest';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const told = (channel: string, data: unknown) => {
  const decoded = decode(`koupleless_dev/b1/base/${channel}`, bytes({ data, publishTimestamp: 1 }), { retain: false });
  if (!decoded.ok) throw new Error(decoded.error.detail);
  return decoded.value.message;
};

describe('topics', () => {
  test('the identity is the second segment, and without one there is none [U20]', () => {
    expect(parseTopic('koupleless_dev/10.0.0.1/base/heart')?.origin.baseId).toBe('10.0.0.1');
    expect(parseTopic('koupleless_dev')).toBeUndefined();
    expect(parseTopic('')).toBeUndefined();
  });

  test('commands and baselines go to the topics that bases of upstream listen on [U22]', () => {
    expect(commandTopicOf('dev', 'b1', 'current', 'installBiz')).toBe('koupleless_dev/b1/installBiz');
    expect(commandTopicOf('dev', 'b1', 'current', 'baseline')).toBe('koupleless_dev/b1/base/baseline');
  });
});

describe('messages', () => {
  test.each([
    ['ACTIVATED', true],
    ['activated', true],
    ['Activated', true],
    ['DEACTIVATED', false],
    ['whatever', false],
  ])('a heartbeat that says %s counts as activated: %s [U25]', (state, isActivated) => {
    const heartbeat = { baseMetadata: { identity: 'b1', name: 'base', version: '1.0.0' }, state };
    expect(told('heart', heartbeat)).toMatchObject({ kind: 'heartbeat', isActivated, baseName: 'base' });
  });

  test('of the records of a biz the newest tells, wherever it stands; times of zero and below tell nothing [U26] [U27]', () => {
    const record = (changeTime: number, reason: string) => ({
      changeTime,
      state: 'ACTIVATED',
      reason,
      message: reason,
    });
    const listed = (bizStateRecords: unknown) => {
      const biz = { bizName: 'biz1', bizVersion: '1', bizState: 'ACTIVATED', bizStateRecords };
      const message = told('biz', { code: 'SUCCESS', data: [biz] });
      return message.kind === 'biz-report' ? message.bizes[0] : undefined;
    };
    expect(listed([record(1, 'OLD'), record(3, 'NEW'), record(2, 'MIDDLE')])).toMatchObject({
      key: 'biz1:1',
      state: 'ACTIVATED',
      changedAt: 3,
      reason: 'NEW',
      message: 'NEW',
    });
    expect(listed([record(0, 'NEVER'), record(-5, 'NEVER')])).not.toHaveProperty('changedAt');
  });
});

describe('names', () => {
  test('a Node’s name is made of identity and env, and leads back; a key is name and version, also of nothing [U24] [U48]', () => {
    expect(nodeNameOf('10.0.0.1' as BaseId, 'dev')).toBe('vnode.10.0.0.1.dev');
    expect(baseIdOfNodeName('vnode.10.0.0.1.dev', 'dev')).toBe('10.0.0.1');
    expect(baseIdOfNodeName('some-node', 'dev')).toBeUndefined();
    expect(bizKeyOf('biz1', '1')).toBe('biz1:1');
    expect(bizKeyOf('', '1')).toBe(':1');
  });
});

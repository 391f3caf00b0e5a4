import { describe, expect, it } from 'vitest';
import {
  baseSubscriptionsOf,
  baseTopicOf,
  classifyTopic,
  commandSubscriptionsOf,
  commandTopicOf,
  listenerOf,
  parseCommandTopic,
  parseEnv,
  parseTopic,
  publisherOf,
  subscriptionsOf,
} from './topics.ts';

describe('the environment', () => {
  it.each([
    ['dev', 'dev'],
    ['DEV', 'dev'],
    [' Prod-2 ', 'prod-2'],
    ['', 'dev'],
  ])('[SPEC P1] %j is %j', (text, env) => {
    expect(parseEnv(text)).toEqual({ ok: true, value: env });
  });

  it.each(['a.b', 'a/b', '+', '-a', 'a_b', 'ü', 'x'.repeat(64)])('[SPEC P1] %j is refused with the reason', (text) => {
    const parsed = parseEnv(text);
    expect(parsed.ok ? '' : parsed.error).toMatch(/must be letters, digits and "-"/);
  });
});

describe('topics', () => {
  const current = { generation: 'current', env: 'dev', baseId: 'b1' };
  const seed = { generation: 'seed', baseId: 'b1' };

  it.each([
    ['koupleless_dev/b1/base/heart', { origin: current, channel: 'heart' }],
    ['koupleless_dev/b1/base/simpleBiz', { origin: current, channel: 'simpleBiz' }],
    ['koupleless/b1/base/biz', { origin: seed, channel: 'biz' }],
    ['koupleless_DEV/b1/base/health', { origin: current, channel: 'health' }],
    ['koupleless_dev/10.0.0.1/base/heart', { origin: { ...current, baseId: '10.0.0.1' }, channel: 'heart' }],
    ['koupleless_dev/Ünï cödé_1/base/heart', { origin: { ...current, baseId: 'Ünï cödé_1' }, channel: 'heart' }],
    // An identity may be any word, also one that the grammar uses.
    ['koupleless_dev/base/base/heart', { origin: { ...current, baseId: 'base' }, channel: 'heart' }],
  ])('[SPEC P2] a base speaks on %s', (topic, expected) => {
    expect(parseTopic(topic)).toEqual(expected);
    expect(parseCommandTopic(topic)).toBeUndefined();
  });

  it.each([
    ['koupleless_dev/b1/installBiz', { origin: current, channel: 'installBiz' }],
    ['koupleless_dev/b1/uninstallBiz', { origin: current, channel: 'uninstallBiz' }],
    ['koupleless_dev/b1/health', { origin: current, channel: 'health' }],
    ['koupleless/b1/queryAllBiz', { origin: seed, channel: 'queryAllBiz' }],
    ['koupleless_dev/b1/base/baseline', { origin: current, channel: 'baseline' }],
    ['koupleless_dev/base/health', { origin: { ...current, baseId: 'base' }, channel: 'health' }],
  ])('[SPEC P2] a base is spoken to on %s', (topic, expected) => {
    expect(parseCommandTopic(topic)).toEqual(expected);
    expect(parseTopic(topic)).toBeUndefined();
  });

  it.each([
    '',
    '/',
    'koupleless_dev',
    'koupleless_dev/b1',
    'koupleless_dev//base/heart',
    'koupleless_/b1/base/heart',
    'kouplelessdev/b1/base/heart',
    'koupleless_dev/b1/base',
    'koupleless_dev/b1/base/heart/more',
    'koupleless_dev/b1/base/nonsense',
    'koupleless_dev/b1/base/toString',
    'koupleless_dev/b1/installbiz',
    'koupleless_dev/b1/baseline',
    'koupleless_dev/+/base/heart',
    'koupleless_+/b1/base/heart',
    'koupleless_dev/b\n1/base/heart',
    `koupleless_dev/${'x'.repeat(254)}/base/heart`,
    '$SYS/broker/uptime',
  ])('[SPEC P2] %j is no topic of ours', (topic) => {
    expect(classifyTopic(topic)).toBeUndefined();
  });
});

describe('whose topic it is', () => {
  it.each([
    ['koupleless_dev/b1/base/heart', 'b1'],
    ['koupleless_dev/b1/base/ofTheFuture', 'b1'],
    ['koupleless/b1/base/heart', 'b1'],
    ['koupleless_dev/b1/base/baseline', undefined],
    ['koupleless_dev/b1/base/', undefined],
    ['koupleless_dev/b1/base/+', undefined],
    ['koupleless_dev/b1/base/heart/x', undefined],
    ['koupleless_dev/b1/installBiz', undefined],
    ['koupleless_dev/+/base/heart', undefined],
    ['other/b1/base/heart', undefined],
  ])('[SPEC P3] a publish to %s is the voice of %s', (topic, baseId) => {
    expect(publisherOf(topic)?.baseId).toBe(baseId);
  });

  it.each([
    ['koupleless_dev/b1/+', 'b1'],
    ['koupleless/b1/+', 'b1'],
    ['koupleless_dev/b1/base/baseline', 'b1'],
    ['koupleless_dev/b1/installBiz', 'b1'],
    ['koupleless_dev/b1/#', undefined],
    ['koupleless_dev/b1/base/+', undefined],
    ['koupleless_dev/b1/base/heart', undefined],
    ['koupleless_dev/+/+', undefined],
    ['koupleless_dev/+/base/baseline', undefined],
    ['#', undefined],
    ['+/b1/+', undefined],
  ])('[SPEC P3] a subscription to %s is the ear of %s', (filter, baseId) => {
    expect(listenerOf(filter)?.baseId).toBe(baseId);
  });
});

describe('what is subscribed to and published to', () => {
  it('[SPEC P4] two wildcards hear every base of an env and of the seed, whatever the case of the env', () => {
    expect(subscriptionsOf('Dev')).toEqual(['koupleless_dev/+/base/+', 'koupleless/+/base/+']);
  });

  it("[SPEC P4] upstream's retained leftovers show themselves under the command wildcards", () => {
    expect(commandSubscriptionsOf('dev')).toEqual([
      'koupleless_dev/+/+',
      'koupleless_dev/+/base/baseline',
      'koupleless/+/+',
      'koupleless/+/base/baseline',
    ]);
  });

  it('[SPEC P4] commands go to the generation that the base speaks', () => {
    expect(commandTopicOf('DEV', 'b1', 'current', 'installBiz')).toBe('koupleless_dev/b1/installBiz');
    expect(commandTopicOf('dev', 'b1', 'current', 'baseline')).toBe('koupleless_dev/b1/base/baseline');
    expect(commandTopicOf('dev', 'b1', 'seed', 'health')).toBe('koupleless/b1/health');
  });

  it('[SPEC P4] what a base subscribes to and publishes on is its own', () => {
    const filters = baseSubscriptionsOf('dev', 'b1', 'current');
    expect(filters).toEqual(['koupleless_dev/b1/+', 'koupleless_dev/b1/base/baseline']);
    for (const filter of filters) expect(listenerOf(filter)?.baseId).toBe('b1');
    expect(publisherOf(baseTopicOf('dev', 'b1', 'seed', 'heart'))?.baseId).toBe('b1');
  });
});

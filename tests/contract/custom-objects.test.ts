/** Objects of a custom kind: what is taken, with defaults and without what is unknown, and what is refused in which words. [SPEC C183] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { openThings } from './custom.ts';
import { openSetting } from './setting.ts';

const on = openSetting('custom');
const { say } = on;
const { group, of: thing, at: things } = openThings(on);

describe('create [SPEC C183]', () => {
  const rows: readonly (readonly [name: string, spec: Json, rest?: Json])[] = [
    ['the least there is, with defaults', {}],
    [
      'all fields',
      {
        ...{ replicas: 2, ratio: 1.5, below: 8, size: 'large', code: 'abc', when: '2024-01-02T03:04:05Z' },
        ...{ mail: 'a@example.org', bytes: 'YQ==', ip: '10.0.0.1', on: true, maybe: null, port: 'http' },
        ...{ free: { x: { y: [1, null] } }, labels: { a: 'b' }, counts: { a: 1 }, tags: ['t'] },
        ...{ parts: [{ name: 'a' }, { name: 'b', weight: 3 }], plain: [{ a: 'x' }], inner: { must: 'no' } },
        ...{ either: { a: 'x' }, some: { a: 'x', b: 'y' }, every: 3, never: 'good' },
        template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', labels: { a: 'b' } }, spec: { any: 1 } },
      },
    ],
    ['unknown fields go', { bogus: 1, inner: { other: 2, deep: { x: 'x', y: 1 } }, plain: [{ a: 'x', b: 'y' }] }],
    ['a field at the root that nobody knows', {}, { extra: { a: 1 } }],
    ['a status, which is dropped', {}, { status: { phase: 'Done' } }],
    ['null where it may not be', { size: null, code: null }],
    ['null in a required field', { must: null }],
    ['an integer as port', { port: 80 }],
  ];
  test.each(rows)('%s', async (name, spec, rest) => {
    expect(
      await say('POST', things(), thing(`c-${name.replace(/\W+/g, '-')}`.slice(0, 50), spec, rest)),
    ).toMatchSnapshot();
  });
});

describe('create is refused for [SPEC C183]', () => {
  const rows: readonly (readonly [name: string, spec: Json, rest?: Json])[] = [
    ['a missing required field', { must: undefined }],
    ['no spec', {}, { spec: undefined }],
    ['a spec that is a list', {}, { spec: [] }],
    ['a string for an integer', { replicas: 'two' }],
    ['a fraction for an integer', { replicas: 1.5 }],
    ['an integer for a string', { code: 5 }],
    ['a string for a boolean', { on: 'yes' }],
    ['a list for an object', { inner: [] }],
    ['an object for a list', { tags: {} }],
    ['a boolean as port', { port: true }],
    ['too little', { replicas: -1 }],
    ['too much', { replicas: 6 }],
    ['the exclusive minimum', { ratio: 0 }],
    ['the exclusive maximum', { below: 9 }],
    ['no multiple', { ratio: 0.7 }],
    ['a value out of the enum', { size: 'huge' }],
    ['a pattern that does not match', { code: 'ABC' }],
    ['a text that is too short', { code: 'a' }],
    ['a text that is too long', { code: 'abcde' }],
    ['a time that is none', { when: 'yesterday' }],
    ['an address that is none', { mail: 'nobody' }],
    ['bytes that are no base64', { bytes: '!' }],
    ['an IP that is none', { ip: '300.1.1.1' }],
    ['too many properties', { labels: { a: 'a', b: 'b', c: 'c' } }],
    ['too few properties', { labels: {} }],
    ['a map value of the wrong type', { counts: { a: 'x' } }],
    ['too many items', { tags: ['a', 'b', 'c', 'd'] }],
    ['too few items', { tags: [] }],
    ['an item twice in a set', { tags: ['a', 'a'] }],
    ['a key twice in a keyed list', { parts: [{ name: 'a' }, { name: 'a' }] }],
    ['an item without its key', { parts: [{ note: 'x' }] }],
    ['both of one', { either: { a: 'x', b: 'y' } }],
    ['none of one', { either: {} }],
    ['none of any', { some: {} }],
    ['not all', { every: 1 }],
    ['what is ruled out', { never: 'bad' }],
    ['an embedded object without a kind', { template: { apiVersion: 'v1' } }],
    ['an embedded object with a bad name', { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'A B' } } }],
    ['a null in a list', { tags: ['a', null] }],
  ];
  test.each(rows)('%s', async (_name, spec, rest) => {
    expect(await say('POST', `${things()}?dryRun=All`, thing('bad', spec, rest))).toMatchSnapshot();
  });

  const bodies: readonly (readonly [name: string, change: (body: Json) => void])[] = [
    ['a name that is none', (body) => Object.assign(body.metadata, { name: 'Not A Name' })],
    ['no name', (body) => delete body.metadata.name],
    ['labels that are none', (body) => Object.assign(body.metadata, { labels: { a: 5 } })],
    ['a label value that is none', (body) => Object.assign(body.metadata, { labels: { a: 'b c' } })],
    ['no kind', (body) => delete body.kind],
    ['no apiVersion', (body) => delete body.apiVersion],
    ['another kind', (body) => Object.assign(body, { kind: 'Other' })],
    ['another version', (body) => Object.assign(body, { apiVersion: `${group}/v7` })],
    ['another namespace', (body) => Object.assign(body.metadata, { namespace: 'elsewhere' })],
  ];
  test.each(bodies)('%s', async (_name, change) => {
    const body = thing('bad');
    change(body);
    expect(await say('POST', `${things()}?dryRun=All`, body)).toMatchSnapshot();
  });

  test.each(['Strict', 'Warn', 'Ignore'])('unknown fields, field validation %s', async (how) => {
    const body = thing('bad', { bogus: 1, inner: { other: 2 }, plain: [{ a: 'x', b: 'y' }] }, { extra: 1 });
    expect(await say('POST', `${things()}?dryRun=All&fieldValidation=${how}`, body)).toMatchSnapshot();
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clone, equal } from '../json.ts';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMergePatch } from './strategic.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const container = fc.record({ name, image: fc.constantFrom('x', 'y'), env: envs() }, { requiredKeys: ['name'] });
const containers = fc.uniqueArray(container, { selector: (one) => one.name });
const finalizers = fc.uniqueArray(name);
const object = fc.record({
  metadata: fc.record({ finalizers, labels: fc.dictionary(name, fc.constantFrom('1', '2')) }),
  spec: fc.record(
    { containers, paused: fc.boolean(), tolerations: fc.array(fc.record({ key: name })) },
    { requiredKeys: ['containers'] },
  ),
});
const json = fc.jsonValue({ maxDepth: 4 });

function envs() {
  return fc.uniqueArray(fc.record({ name, value: fc.constantFrom('1', '2') }), { selector: (one) => one.name });
}

describe('patches', () => {
  test('[SPEC C20] a strategic patch applied twice is as applied once, and leaves its arguments alone', () => {
    fc.assert(
      fc.property(object, object, (before, patch) => {
        const [a, b] = [JSON.stringify(before), JSON.stringify(patch)];
        const once = strategicMergePatch(before, patch);
        expect(strategicMergePatch(once, patch)).toEqual(once);
        expect([JSON.stringify(before), JSON.stringify(patch)]).toEqual([a, b]);
      }),
    );
  });

  test('[SPEC C20] keyed lists never hold a key twice, hold every key of both sides, and what the patch names is as the patch says', () => {
    fc.assert(
      fc.property(object, object, (before, patch) => {
        const after = strategicMergePatch(before, patch) as typeof before;
        const names = after.spec.containers.map((one) => one.name);
        expect(new Set(names).size).toBe(names.length);
        const all = [...before.spec.containers, ...patch.spec.containers].map((one) => one.name);
        expect(new Set(names)).toEqual(new Set(all));
        for (const one of patch.spec.containers) {
          if (one.image !== undefined)
            expect(after.spec.containers.find((x) => x.name === one.name)?.image).toBe(one.image);
        }
        expect(new Set(after.metadata.finalizers)).toEqual(
          new Set([...before.metadata.finalizers, ...patch.metadata.finalizers]),
        );
        if (patch.spec.tolerations !== undefined) expect(after.spec.tolerations).toEqual(patch.spec.tolerations);
      }),
    );
  });

  test('[SPEC C20] an explicit order of all items is the order of the answer', () => {
    fc.assert(
      fc.property(containers, fc.infiniteStream(fc.nat()), (items, noise) => {
        const order = [...items]
          .sort(() => ((noise.next().value ?? 0) % 2 === 0 ? 1 : -1))
          .map((one) => ({ name: one.name }));
        const after = strategicMergePatch(
          { spec: { containers: items } },
          { spec: { '$setElementOrder/containers': order } },
        );
        const list = (after.spec as { containers: { name: string }[] }).containers;
        expect(list.map((one) => one.name)).toEqual(order.map((one) => one.name));
      }),
    );
  });

  test('[SPEC C21] a merge patch is idempotent and has no null left in what it touched', () => {
    fc.assert(
      fc.property(json, json, (before, patch) => {
        const once = mergePatch(before, patch);
        expect(mergePatch(once, patch)).toEqual(once);
      }),
    );
  });

  test('[SPEC C21] a JSON patch that replaces the document, or tests it first, does just that', () => {
    const documents = fc.dictionary(fc.string(), json);
    fc.assert(
      fc.property(json, documents, (before, wanted) => {
        const patch = [
          { op: 'test', path: '', value: before },
          { op: 'replace', path: '', value: wanted },
        ];
        expect(equal(jsonPatch(before, patch), wanted)).toBe(true);
      }),
    );
  });

  test.each([
    ['a place counted from the end', ['a', 'b'], { op: 'remove', path: '/-1' }, ['a']],
    [
      'an item before the end, counted from behind',
      ['a', 'b'],
      { op: 'add', path: '/-2', value: 'x' },
      ['a', 'x', 'b'],
    ],
    ['a place with a leading zero', ['a', 'b'], { op: 'replace', path: '/01', value: 'x' }, ['a', 'x']],
    ['a key that is not there', {}, { op: 'replace', path: '/a', value: 1 }, { a: 1 }],
    ['what is not there, copied', {}, { op: 'copy', from: '/a', path: '/b' }, { b: null }],
    ['what is not there, tested for nothing', {}, { op: 'test', path: '/a' }, {}],
    ['no value', {}, { op: 'add', path: '/a' }, { a: null }],
    ['a path without its slash', {}, { op: 'add', path: 'a/b', value: 1 }, { b: 1 }],
  ])('[SPEC C21] %s: as a real server takes it', (_what, target, operation, after) => {
    expect(jsonPatch(target, [operation])).toEqual(after);
  });

  test('[SPEC C21] copies that double and double are stopped at 3 MiB', () => {
    const start = { op: 'add', path: '/a', value: ['x'.repeat(1_000)] };
    const doubling = (times: number) => Array.from({ length: times }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
    expect(jsonPatch({}, [start, ...doubling(10)])).toMatchObject({ a: { length: 11 } });
    expect(() => jsonPatch({}, [start, ...doubling(40)])).toThrow(/rejected our request/);
  });

  test('[SPEC C22] no patch reaches a prototype', () => {
    const evil = JSON.parse(
      '{"__proto__":{"polluted":true},"a":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}',
    );
    const target = { a: { b: 1 } };
    const results = [strategicMergePatch(target, evil), mergePatch(target, evil), clone(evil)];
    for (const path of ['/__proto__/polluted', '/a/__proto__/polluted', '/constructor/prototype/polluted']) {
      expect(() => jsonPatch(target, [{ op: 'add', path, value: true }])).toThrow();
    }
    // As data it stays what it is: a ConfigMap may have such a key.
    const kept = [
      jsonPatch(target, [{ op: 'add', path: '/a/__proto__', value: 'x' }]),
      mergePatch(target, JSON.parse('{"a":{"__proto__":"x"}}')),
      strategicMergePatch(target, JSON.parse('{"a":{"__proto__":"x"}}')),
    ];
    for (const one of kept) expect(JSON.stringify(one)).toBe('{"a":{"b":1,"__proto__":"x"}}');
    expect(results.map((one) => (one as Record<string, unknown>).polluted)).toEqual([undefined, undefined, undefined]);
    expect(({} as Record<string, unknown>).polluted).toBe(undefined);
  });
});

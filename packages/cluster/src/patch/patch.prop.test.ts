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
    fc.assert(
      fc.property(json, json, (before, after) => {
        // A body with a key that reaches a prototype is cut of it, here as everywhere.
        const [clean, wanted] = [clone(before), clone(after)];
        const done = jsonPatch(clean, [
          { op: 'test', path: '', value: clean },
          { op: 'replace', path: '', value: wanted },
        ]);
        expect(equal(done, wanted)).toBe(true);
      }),
    );
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
    expect(results.map((one) => (one as Record<string, unknown>).polluted)).toEqual([undefined, undefined, undefined]);
    expect(({} as Record<string, unknown>).polluted).toBe(undefined);
  });
});

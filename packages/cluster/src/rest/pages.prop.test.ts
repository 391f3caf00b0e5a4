import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kinds } from '../kinds/index.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { bootstrap } from './bootstrap.ts';
import { createState } from './cluster-state.ts';
import { faceOf } from './face.ts';
import { list } from './reads.ts';

/** In the order in which bytes sort: `a-b` before `aa`, a namespace before one that begins with it. */
const place = fc.tuple(fc.constantFrom('default', 'one', 'one-more'), fc.constantFrom('a', 'a-b', 'aa', 'b', 'z'));
const clock = { now: () => 0, after: () => () => {} };
const uidsOf = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.uid);

test('pages of any size are the whole list once, and say how much is left, also where the last one of a page is gone', () => {
  const { ground, api } = createState({ kinds, admission: [], clock, onError: () => {} });
  bootstrap(api);
  const actor = 'test';
  for (const name of ['one', 'one-more']) api.create('namespaces', { metadata: { name } }, { actor });
  const face = faceOf(ground, 'configmaps');
  const remove = ({ metadata }: KubeObject) => api.delete('configmaps', metadata.name, metadata.namespace ?? '');
  fc.assert(
    fc.property(
      fc.uniqueArray(place, { selector: String, maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      fc.option(fc.constantFrom('one', 'default'), { nil: undefined }),
      (places, limit, isLastDeleted, namespace) => {
        for (const [space, name] of places) {
          api.create('configmaps', { metadata: { name } }, { actor, namespace: space });
        }
        const all = uidsOf(list(ground, face, { namespace }).items);
        const seen: unknown[] = [];
        let page = list(ground, face, { namespace, limit });
        for (;;) {
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...uidsOf(page.items));
          expect(page.remaining ?? 0).toBe(all.length - seen.length);
          const last = page.items.at(-1);
          if (page.continue === undefined || last === undefined) break;
          if (isLastDeleted) remove(last);
          page = list(ground, face, { namespace, limit, continue: page.continue });
        }
        expect(seen).toEqual(all);
        for (const object of list(ground, face, {}).items) remove(object);
      },
    ),
  );
});

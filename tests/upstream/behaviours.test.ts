/** The table of what upstream's own tests assert (SPEC.md): whole, and each row held by a test that carries its tag, or by a reason. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const spec = readFileSync(new URL('SPEC.md', root), 'utf8');
const rows = [...spec.matchAll(/^\| \[(U\d+)\] \| (.+) \| (.+) \|$/gm)].map(([, id = '', there = '', here = '']) => ({
  id,
  there,
  here,
}));

/** Names of tests in a file that carry a tag. */
function namesIn(file: string, id: string): string[] {
  if (!existsSync(new URL(file, root))) return [];
  const source = readFileSync(new URL(file, root), 'utf8');
  return [...source.matchAll(/'([^'\n]*\[U\d+\][^'\n]*)'/g)]
    .map(([, name = '']) => name)
    .filter((name) => name.includes(`[${id}]`));
}

describe('what upstream’s tests assert', () => {
  test('is a row each, U1 to U51', () => {
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 51 }, (_, index) => `U${index + 1}`));
  });

  test.each(rows)('$id ($there) is held by a test that names it, or has a reason', ({ id, here }) => {
    const cited = [...here.matchAll(/`([^`]+\.test\.ts)` › ([^`;]+)/g)];
    for (const [, file = '', name = ''] of cited) {
      const names = namesIn(file, id);
      const held = names.some((candidate) => candidate.startsWith(name.trim()));
      expect({ file, name: name.trim(), tagged: names, held }).toMatchObject({ held: true });
    }
    if (cited.length === 0) expect(here).toMatch(/^(differs|not yet)[^:]*: .{30,}$/);
    for (const [, file = ''] of here.matchAll(/`([^`]+\.txt)`/g)) {
      const title = readFileSync(new URL(file, root), 'utf8').split('\n', 1)[0] ?? '';
      expect({ file, isTagged: title.includes(`[${id}]`) }).toEqual({ file, isTagged: true });
    }
  });

  test('each tag in a test or a scenario is of a row that cites it', () => {
    const scenarios = 'packages/core/src/scenarios/';
    const files = [
      ...['base-lifecycle', 'module-lifecycle', 'readings', 'take-over'].map(
        (name) => `tests/upstream/${name}.test.ts`,
      ),
      'tests/e2e/peers.test.ts',
      'packages/core/src/upstream-limits.test.ts',
      ...readdirSync(new URL(scenarios, root))
        .filter((name) => name.endsWith('.txt'))
        .map((name) => scenarios + name),
    ];
    for (const path of files) {
      const source = readFileSync(new URL(path, root), 'utf8');
      for (const [, id = ''] of source.matchAll(/\[(U\d+)\]/g)) {
        expect({ path, id, cites: rows.find((row) => row.id === id)?.here.includes(path) }).toEqual({
          path,
          id,
          cites: true,
        });
      }
    }
  });
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const folder = new URL('.', import.meta.url);
const root = new URL('../../../../', import.meta.url);
const rows = [
  ...readFileSync(new URL('PITFALLS.md', folder), 'utf8').matchAll(/^\| (W\d+|fact \d+) \|.*\| (.+) \|$/gm),
];
const filesOf = new Map(rows.map(([, id = '', cell = '']) => [id, cell.match(/(?<=`)[^` ]+(?=`)/g) ?? []]));
const ids = [
  ...Array.from({ length: 52 }, (_, index) => `W${index + 1}`),
  ...Array.from({ length: 16 }, (_, index) => `fact ${index + 1}`),
];
/** Of these there can be no scenario named by them: what they are about is not the core's, or cannot arise, as their rows say. */
const elsewhere = ['W8', 'W10', ...Array.from({ length: 11 }, (_, index) => `W${index + 42}`)];

describe('pitfalls and facts', () => {
  test('each has one row', () => {
    expect(rows.map(([, id]) => id)).toEqual(ids);
  });

  test.each(ids)('%s is enforced by files that are there, by a scenario named by it where it can arise', (id) => {
    const files = filesOf.get(id) ?? [];
    expect(files).not.toEqual([]);
    for (const file of files)
      expect({ file, isThere: existsSync(new URL(file, file.includes('/') ? root : folder)) }).toEqual({
        file,
        isThere: true,
      });
    const [kind = '', number = ''] = id.startsWith('W') ? ['w', id.slice(1)] : ['fact', id.slice(5)];
    const named = files.some((file) => file.startsWith(`${kind}${number.padStart(2, '0')}-`));
    expect(named).toBe(!elsewhere.includes(id));
  });

  test('each scenario named by one is in its row', () => {
    for (const name of readdirSync(folder)) {
      const [, kind, number] = /^(w|fact)(\d\d)-.*\.txt$/.exec(name) ?? [];
      if (kind === undefined) continue;
      const files = filesOf.get(kind === 'w' ? `W${Number(number)}` : `fact ${Number(number)}`);
      expect(files).toContain(name);
    }
  });
});

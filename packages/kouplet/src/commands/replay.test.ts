import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ended, runCommand } from '../testing/command.ts';

let dir: string;
let journal: string;

const policy = {
  ...{ env: 'dev', holderIdentity: 'r1', namespace: 'default', kubeletVersion: 'v1.34.0' },
  ...{ hasEnvTaint: false, hasOsLabels: false, unmanagedModules: 'report', goneAfterMs: 60_000, hasSessions: true },
  timings: { leaseRenewMs: 10_000 },
};
const header = { kind: 'kouplet-journal', format: 1, version: '0.1.0', session: 's1', part: 1, at: 'AT', policy };
const at = { mono: 1, wall: Date.UTC(2026, 0, 1) };
const up = { kind: 'fleet', at, input: { kind: 'link-up', link: 'api' } };
const textOf = (...lines: unknown[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kouplet-replay-'));
  journal = join(dir, 'journal');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function replay(text: string, ...args: string[]): Promise<Ended> {
  writeFileSync(journal, text);
  return runCommand(['replay', journal, ...args]);
}

describe('kouplet replay', () => {
  test('says what the journal is, what happened when, and how much of it this version plans [SPEC O13]', async () => {
    expect(await replay(textOf(header, up))).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        'journal of Kouplet 0.1.0, env dev, as r1, from AT',
        '2026-01-01T00:00:00.000Z  link   api is up',
        '1 inputs of 0 bases; 0 of 0 actions planned by this version too, 0 by it alone',
        '',
      ].join('\n'),
    });
  });

  test('a last line that a killed process left is left out with a note; any other damage is named by its line, and 1 [SPEC O13] [SPEC M46]', async () => {
    const cut = await replay(textOf(header, up) + textOf(up).slice(0, 40));
    expect(cut).toMatchObject({ code: 0, stdout: expect.stringContaining('1 inputs of 0 bases') });
    expect(cut.stderr).toMatch(/journal: line 3, the last, is cut and left out/);
    const damaged = await replay(`${textOf(header, up) + textOf(up).slice(0, 40)}\n${textOf(up)}`);
    expect(damaged).toMatchObject({ code: 1, stdout: expect.stringContaining('api is up') });
    expect(damaged.stderr).toMatch(/^kouplet: .*journal: line 3 is no JSON object\. It was changed or damaged/);
  });

  test.each([
    ['something else', 'apiVersion: v1\nkind: Pod\n', /is no journal of Kouplet/],
    [
      'another format',
      textOf({ ...header, format: 2, version: '9.1.0' }),
      /format 2, written by Kouplet 9\.1\.0; this version reads format 1\. Replay it with that version\.$/m,
    ],
    ['nothing', '', /journal is empty/],
    ['a header without a policy', textOf({ ...header, policy: {} }), /first line is damaged/],
  ])('%s is one line that says so, and 1 [SPEC O13]', async (_, text, words) => {
    const { code, stdout, stderr } = await replay(text);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(words);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a base of which there is nothing is said, with those that there are, and 1 [SPEC O13]', async () => {
    const opened = { kind: 'base', at, baseId: 'b1', input: { kind: 'session-opened', id: '1', topics: 'x' } };
    for (const args of [
      ['--base', 'b2'],
      ['--base', 'b2', '--scenario'],
    ]) {
      const { code, stderr } = await replay(textOf(header, up, opened), ...args);
      expect({ args, code }).toEqual({ args, code: 1 });
      expect(stderr).toMatch(/^kouplet: .*journal: there is nothing of base b2 in it\. It tells of b1\.$/m);
    }
  });

  test('no file is 1, none named is 2 [SPEC O13]', async () => {
    expect(await runCommand(['replay', join(dir, 'nowhere')])).toMatchObject({ code: 1 });
    expect(await runCommand(['replay'])).toMatchObject({ code: 2 });
  });

  test('the earlier part of the same run is read first, that of another run is not [SPEC O13]', async () => {
    const down = { ...up, input: { kind: 'link-down', link: 'api', reason: 'cut' } };
    writeFileSync(`${journal}.1`, textOf(header, up));
    const both = await replay(textOf({ ...header, part: 2 }, down));
    expect(both.stdout).toMatch(/in 2 parts\n.*api is up\n.*api is down: cut\n2 inputs/);
    const alone = await replay(textOf({ ...header, part: 2, session: 's2' }, down));
    expect(alone.stdout).toMatch(/AT\nwhat came before is not in it.*\n.*api is down: cut\n1 inputs/);
    rmSync(`${journal}.1`);
  });

  test('--record-limit is a size, and --record takes no file of others [SPEC E32] [SPEC O2]', async () => {
    expect(await runCommand(['up', '--record-limit', '64'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not a size'),
    });
    writeFileSync(journal, 'mine\n');
    const { code, stderr } = await runCommand(['up', '--bases', '0', '--dir', dir, '--record', journal]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is there and is no journal.*Name another file with --record/);
    expect(readFileSync(journal, 'utf8')).toBe('mine\n');
  });
});

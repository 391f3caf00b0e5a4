import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BaseState,
  createBase,
  createFleet,
  defaultTimings,
  foldBase,
  JournalReader,
  type ObservedPod,
  type Policy,
  Replay,
  readHeader,
} from '@kouplet/core';
import type { BaseId } from '@kouplet/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { logTo } from '../log.ts';
import { eventually } from '../testing/eventually.ts';
import { earlierPart, type Journal, JournalError, type JournalOptions, openJournal } from './journal.ts';

let dir: string;
let path: string;
let logged: string[];
const open: Journal[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kouplet-journal-'));
  path = join(dir, 'journal');
  logged = [];
});
afterEach(async () => {
  for (const journal of open.splice(0)) await journal.close();
  rmSync(dir, { recursive: true, force: true });
});

const policy: Policy = {
  ...{ env: 'dev', holderIdentity: 'r1', namespace: 'default', kubeletVersion: 'v1.34.0-kouplet.0.1.0' },
  ...{ hasEnvTaint: false, hasOsLabels: false, unmanagedModules: 'report', goneAfterMs: 60_000, hasSessions: true },
  timings: defaultTimings,
};

function opened(options: Partial<JournalOptions> = {}): Journal {
  const log = logTo({ write: (line) => logged.push(line) }, 'info');
  const journal = openJournal({ path, limitBytes: 2 ** 20, policy, version: '0.1.0', log, ...options });
  open.push(journal);
  return journal;
}

const podOf = (base: string, serial: number): ObservedPod => ({
  metadata: { name: `p${serial}`, namespace: 'default', uid: `uid-${base}`, resourceVersion: String(serial) },
  spec: {
    nodeName: `vnode.${base}.dev`,
    restartPolicy: 'Always',
    containers: [{ name: 'biz1', image: 'https://u:hunter2@repo/x.jar', env: [{ name: 'BIZ_VERSION', value: '1' }] }],
  },
  status: { phase: 'Pending' },
});

/** So many versions of a Pod on each of three bases, folded and told as the pipeline does. */
function tellPods(journal: Journal, from: number, to: number, states = new Map<string, BaseState>()): void {
  for (let serial = from; serial < to; serial += 1) {
    for (const id of ['b1', 'b2', 'b3']) {
      const at = { mono: serial, wall: 1_700_000_000_000 + serial };
      const input = { kind: 'pod-observed', at, baseId: id as BaseId, pod: podOf(id, serial) } as const;
      const before = states.get(id);
      journal.base(input, before, createFleet());
      states.set(id, foldBase(before ?? createBase(id as BaseId), input, policy));
    }
  }
}

function linesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text.slice(0, -1).split('\n');
}

/** All lines but the header are read, and the Pods that are known at the end. */
function podsIn(file: string): { readonly gaps: number; readonly last: Record<string, string> } {
  const [header = '', ...rest] = linesOf(file);
  expect(readHeader(header).kind).toBe('header');
  const reader = new JournalReader();
  const replay = new Replay(policy);
  let gaps = 0;
  const last: Record<string, string> = {};
  for (const text of rest) {
    const read = reader.read(text);
    if (read.kind !== 'line') throw new Error(`${read.kind}: ${text}`);
    expect(replay.take(read.line).filter(({ kind }) => kind === 'crash')).toEqual([]);
    const { line } = read;
    if (line.kind === 'gap') gaps += line.lines;
    if (line.kind === 'base' && line.input.kind === 'pod-observed') {
      last[line.baseId] = line.input.pod.metadata.resourceVersion;
    }
  }
  return { gaps, last };
}

test('what came in stands in a file that only its owner may read, without a secret [SPEC E32] [SPEC M46]', async () => {
  const journal = opened();
  tellPods(journal, 1, 4);
  await journal.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(podsIn(path)).toEqual({ gaps: 0, last: { b1: '3', b2: '3', b3: '3' } });
  expect(readFileSync(path, 'utf8')).not.toContain('hunter2');
});

test('it is no larger than it may be, and each of its two parts stands alone [SPEC E32]', async () => {
  const limitBytes = 64 * 1024;
  const journal = opened({ limitBytes });
  const states = new Map<string, BaseState>();
  for (let from = 1; from < 400; from += 20) {
    tellPods(journal, from, from + 20, states);
    await eventually('it is written', () => existsSync(path));
  }
  await journal.close();
  const parts = [earlierPart(path), path];
  expect(parts.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThanOrEqual(limitBytes);
  for (const file of parts) {
    const [header = '', fleet = '', state = ''] = linesOf(file);
    expect(JSON.parse(header).part).toBeGreaterThan(1);
    expect([JSON.parse(fleet).kind, JSON.parse(state).kind]).toEqual(['fleet-state', 'base-state']);
    expect(podsIn(file).gaps).toBe(0);
  }
  expect(podsIn(path).last).toEqual({ b1: '400', b2: '400', b3: '400' });
});

test('what there is no room for is missing, is counted, and the states after it are told again [SPEC E32]', async () => {
  const journal = opened({ waitingBytes: 8 * 1024 });
  const states = new Map<string, BaseState>();
  tellPods(journal, 1, 100, states);
  await eventually('it is written', () => readFileSync(path, 'utf8').includes('pod-observed'));
  tellPods(journal, 100, 101, states);
  await journal.close();
  const { gaps, last } = podsIn(path);
  expect(gaps).toBeGreaterThan(100);
  expect(last).toEqual({ b1: '100', b2: '100', b3: '100' });
  expect(linesOf(path).filter((line) => line.includes('"base-state"'))).toHaveLength(3);
});

test('the journal of the run before becomes the earlier part; what is none is not written over [SPEC E32]', async () => {
  const first = opened();
  tellPods(first, 1, 2);
  await first.close();
  const before = readFileSync(path, 'utf8');
  await opened().close();
  expect(readFileSync(earlierPart(path), 'utf8')).toBe(before);
  writeFileSync(path, 'apiVersion: v1\n');
  expect(() => opened()).toThrow(JournalError);
  expect(() => opened()).toThrow(/is there and is no journal/);
  expect(readFileSync(path, 'utf8')).toBe('apiVersion: v1\n');
  // Nor is what stands where the earlier part would.
  renameSync(path, earlierPart(path));
  expect(() => opened()).toThrow(`${earlierPart(path)} is there and is no journal`);
  expect(readFileSync(earlierPart(path), 'utf8')).toBe('apiVersion: v1\n');
  expect(() => opened({ path: join(dir, 'nowhere', 'journal') })).toThrow(/cannot be written: ENOENT/);
});

test.runIf(existsSync('/proc/self/fd'))(
  'the journal of a process that runs is not taken from it; that of one that was killed is [SPEC E32]',
  async () => {
    const first = opened();
    tellPods(first, 1, 2);
    await eventually('it is written', () => readFileSync(path, 'utf8').includes('pod-observed'));
    const words = `is the journal of process ${process.pid}, which runs: two cannot record to one file`;
    expect(() => opened()).toThrow(`${path} ${words}`);
    // Nor may it become the earlier part of another's.
    const before = join(dir, 'other');
    linkSync(path, earlierPart(before));
    expect(() => opened({ path: before })).toThrow(`${earlierPart(before)} ${words}`);
    expect(existsSync(earlierPart(path))).toBe(false);
    await first.close();
    const [header = '', ...rest] = linesOf(path);
    const file = openSync(path, 'a');
    const child = spawn('sleep', ['60'], { stdio: ['ignore', file, 'ignore'] });
    closeSync(file);
    try {
      writeFileSync(path, `${[JSON.stringify({ ...JSON.parse(header), pid: child.pid }), ...rest].join('\n')}\n`);
      expect(() => opened()).toThrow(`${path} is the journal of process ${child.pid}, which runs`);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await opened().close();
    expect(readFileSync(earlierPart(path), 'utf8')).toContain(`"pid":${child.pid},`);
  },
);

test('a disk that fails ends nothing: it is told once, and what is missing is said when it works again [SPEC E32]', async () => {
  const limitBytes = 512 * 1024;
  const journal = opened({ limitBytes });
  const states = new Map<string, BaseState>();
  // The earlier part is in the way of the next: a folder cannot be written over by a file.
  mkdirSync(earlierPart(path));
  writeFileSync(join(earlierPart(path), 'x'), '');
  let serial = 1;
  const tell = (): void => {
    tellPods(journal, serial, serial + 20, states);
    serial += 20;
  };
  await eventually('it is told', () => {
    tell();
    return logged.some((line) => line.includes('journal-not-written'));
  });
  tell();
  renameSync(earlierPart(path), join(dir, 'aside'));
  await eventually('it works again', () => {
    tell();
    return logged.some((line) => line.includes('journal-written-again'));
  });
  tell();
  await journal.close();
  expect(logged.filter((line) => line.includes('journal-not-written'))).toHaveLength(1);
  const texts = [earlierPart(path), path].map((file) => readFileSync(file, 'utf8')).join('');
  const gaps = texts.match(/"kind":"gap","lines":\d+,"reason":"they could not be written: /g) ?? [];
  expect(gaps).toHaveLength(1);
  expect(podsIn(path).last.b1).toBe(String(serial - 1));
});

test('what is larger than a part is missing, and so is what has no words; nothing grows beyond its bound [SPEC E32]', async () => {
  const limitBytes = 16 * 1024;
  const journal = opened({ limitBytes });
  const pod = podOf('b1', 1);
  const labels = { big: 'x'.repeat(limitBytes) };
  const at = { mono: 1, wall: 1 };
  const tell = (name: string, metadata: ObservedPod['metadata']): void =>
    journal.base(
      { kind: 'pod-observed', at, baseId: name as BaseId, pod: { ...pod, metadata } },
      undefined,
      createFleet(),
    );
  tell('b1', { ...pod.metadata, labels });
  // biome-ignore lint/suspicious/noExplicitAny: what JSON cannot say
  const circle: any = {};
  circle.self = circle;
  tell('b2', { ...pod.metadata, labels: circle });
  tell('b3', pod.metadata);
  await journal.close();
  expect(podsIn(path)).toEqual({ gaps: 3, last: { b3: '1' } });
  expect(statSync(path).size).toBeLessThan(limitBytes / 2);
});

test('a folder that may not be written to is one line [SPEC E32]', () => {
  if (process.getuid?.() === 0) return;
  chmodSync(dir, 0o500);
  expect(() => opened()).toThrow(/cannot be written: EACCES/);
  chmodSync(dir, 0o700);
});

/** kill −9, many times, under both promises of durability. KILLS and SEED choose another length and another run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { endProcesses } from '../support/processes.ts';
import { randomOf, Unkillable } from '../support/unkillable.ts';

const kills = Number(process.env.KILLS ?? 50);
const seed = Number(process.env.SEED ?? Date.now());
const dir = mkdtempSync(join(tmpdir(), 'kouplet-killed-'));
afterEach(async () => {
  await endProcesses();
  rmSync(dir, { recursive: true, force: true });
});

test.each([
  'kill',
  'power-loss',
] as const)('[SPEC C154] killed at random moments with --durable %s, it has every acknowledged write, whole', async (durable) => {
  const lives = new Unkillable({ dir: join(dir, durable), durable, random: randomOf(seed) });
  for (let life = 0; life < kills; life++) {
    expect(await lives.live(2_000), `life ${life}, SEED=${seed}`).toEqual([]);
  }
  expect(lives.acknowledged).toBeGreaterThan(kills);
});

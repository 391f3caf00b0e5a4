/** Dockerfile and .dockerignore: the image can be built of what an engine is given, and what is in it starts. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BuiltStage, buildImage } from '../support/image.ts';

const { version } = JSON.parse(readFileSync('packages/kouplet/package.json', 'utf8'));

describe.skipIf(process.platform === 'win32')('the image (needs sh and tar)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kouplet-image-'));
  let image: BuiltStage;
  beforeAll(() => {
    image = buildImage(folder);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Starts a container's process: its entry point with these arguments, or with those that it has by default. */
  const start = (args: readonly string[] = image.command): string => {
    const [node, main = '', ...rest] = image.entrypoint;
    expect(node).toBe('node');
    return execFileSync(process.execPath, [join(image.root, main), ...rest, ...args], {
      cwd: folder,
      env: { ...image.environment, NO_COLOR: '1' },
      encoding: 'utf8',
    });
  };

  test('is built of what .dockerignore leaves, and tells its version and its help [SPEC O10]', () => {
    expect(start(['--version']).trim()).toBe(version);
    expect(start()).toContain('Usage: kouplet');
    expect(image.environment).toEqual({ NODE_ENV: 'production' });
  });

  test('holds what its parts import, though they are loaded only when they are needed [SPEC O10]', () => {
    const parts = `const { readdirSync } = require('node:fs');
      const dist = process.argv[1];
      const others = readdirSync(dist).filter((name) => name !== 'main.js');
      Promise.all(others.map((name) => import(dist + '/' + name))).then((all) => console.log(all.length));`;
    const dist = join(image.root, '/app/node_modules/kouplet/dist');
    const loaded = execFileSync(process.execPath, ['-e', parts, dist], { cwd: folder, encoding: 'utf8' });
    expect(Number(loaded)).toBeGreaterThan(5);
  });

  test('is an ordinary user’s, without sources and without anything of development', () => {
    expect(image.user).toBe('1000:1000');
    for (const name of ['build', 'app/package.json', 'app/kouplet.tgz', 'app/node_modules/typescript'])
      expect(existsSync(join(image.root, name)), name).toBe(false);
  });
});

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kouplet-package-'));
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const installed = join(folder, 'node_modules/kouplet');
let running: ChildProcess | undefined;

beforeAll(() => {
  const printed = execFileSync(process.execPath, [join(root, 'scripts/build.ts')], { cwd: root, encoding: 'utf8' });
  const tarball = printed.trim().split('\n').at(-1) ?? '';
  copyFileSync(tarball, join(folder, 'kouplet.tgz'));
  writeFileSync(join(folder, 'package.json'), '{"name":"empty","private":true}\n');
  // A user's settings, not those of the npm that runs the tests.
  const environment = Object.entries(process.env).filter(([name]) => !/^npm_(config_|lifecycle|package)/i.test(name));
  execFileSync(npm, ['install', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', './kouplet.tgz'], {
    cwd: folder,
    env: Object.fromEntries(environment),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
});
afterAll(() => {
  running?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

test('what is installed is JavaScript only, without tests, without anything of development [SPEC O10]', () => {
  const files = readdirSync(join(installed, 'dist'));
  expect(files).toContain('main.js');
  expect(files.filter((name) => !name.endsWith('.js'))).toEqual([]);
  const code = files.map((name) => readFileSync(join(installed, 'dist', name), 'utf8')).join('\n');
  // Each file that is packed is named where it begins.
  const sources = [...code.matchAll(/^\/\/ (\S+\.js)$/gm)].map(([, name = '']) => name);
  expect(sources.length).toBeGreaterThan(100);
  expect(sources.filter((name) => /\.(test|contract)\.|\/testing\//.test(name))).toEqual([]);
  expect(code).not.toMatch(/\bfrom ?["']@kouplet\//);
  for (const name of ['vitest', 'typescript', '@biomejs'])
    expect(existsSync(join(folder, 'node_modules', name))).toBe(false);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const [name, version] of Object.entries(dependencies)) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
});

test('kouplet --help runs from where it is installed [SPEC O10]', () => {
  const help = execFileSync(process.execPath, [join(installed, 'dist/main.js'), '--help'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(help).toContain('Usage: kouplet');
  expect(existsSync(join(folder, 'node_modules/.bin/kouplet'))).toBe(true);
});

test('kouplet up with a sample of the package brings a module on line and ends with 0 [SPEC O10]', async () => {
  const sample = join(installed, 'samples/module-deployment.yaml');
  running = spawn(process.execPath, [join(installed, 'dist/main.js'), 'up', '--bases', '1', '--apply', sample], {
    cwd: folder,
  });
  let said = '';
  running.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  running.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<number | null>((resolve) => running?.once('close', (code) => resolve(code)));
  const until = performance.now() + 60_000;
  while (!/on line +biz1:/.test(said)) {
    if (performance.now() > until || running.exitCode !== null) throw new Error(`it did not come on line:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  running.kill('SIGINT');
  expect(await ended).toBe(0);
});

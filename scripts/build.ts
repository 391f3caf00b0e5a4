/**
 * `npm run build`: what is published. Builds every room and puts together `build/package`: the JavaScript of the command and all rooms in a
 * few files (a start that reads 300 files takes twice as long), outside dependencies pinned, no test, no TypeScript. Then packs it.
 *
 *   node scripts/build.ts            → build/kouplet-<version>.tgz
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

interface Package {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'build/package');
const scope = '@kouplet/';

/** Folders of the rooms that the command needs, itself first, by following what each says that it depends on. */
function roomsOf(folder: string, seen = new Map<string, Package>()): Map<string, Package> {
  const room = readJson(join(root, folder, 'package.json'));
  seen.set(folder, room);
  for (const name of Object.keys(room.dependencies ?? {})) {
    if (!name.startsWith(scope)) continue;
    const short = name.slice(scope.length);
    const found = short === 'broker' ? 'broker' : `packages/${short}`;
    if (!seen.has(found)) roomsOf(found, seen);
  }
  return seen;
}

function readJson(path: string): Package {
  return JSON.parse(readFileSync(path, 'utf8')) as Package;
}

/**
 * The command and its rooms in one file, and one more for each part that is loaded when it is needed.
 *
 * @returns the names of the packages that are imported from outside
 */
async function bundle(): Promise<ReadonlySet<string>> {
  const dist = join(root, 'packages/kouplet/dist');
  const packages = new Set<string>();
  const bundled = await rolldown({
    input: [join(dist, 'main.js'), join(dist, 'index.js')],
    platform: 'node',
    // JavaScript needs none; looked for, it would be the whole workspace's, which names folders that an image is built without.
    tsconfig: false,
    resolve: { alias: builtRooms() },
    external: (id) => !/^[./]|^[A-Za-z]:[\\/]/.test(id) && !id.startsWith(scope),
  });
  const { output } = await bundled.write({
    dir: join(target, 'dist'),
    chunkFileNames: ({ name, facadeModuleId }) => `${roomOf(facadeModuleId) ?? name}-[hash].js`,
  });
  for (const part of output) {
    if (part.type !== 'chunk') throw new Error(`${part.fileName} is no JavaScript`);
    const required = [...part.code.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name = '']) => name);
    for (const name of [...part.imports, ...part.dynamicImports, ...required]) {
      if (output.some(({ fileName }) => fileName === name) || name.startsWith('node:')) continue;
      packages.add(name.startsWith('@') ? name.split('/', 2).join('/') : (name.split('/')[0] ?? name));
    }
  }
  return packages;
}

/** The room whose whole a file is: `…/packages/cluster/dist/index.js` → `cluster`. */
function roomOf(file: string | null): string | undefined {
  return /([^/\\]+)[/\\]dist[/\\]index\.js$/.exec(file ?? '')?.[1];
}

/** Within the workspace a room's name means its TypeScript. */
function builtRooms(): Record<string, string> {
  return Object.fromEntries(
    [...roomsOf('packages/kouplet')].map(([folder, { name }]) => [name, join(root, folder, 'dist/index.js')]),
  );
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

async function build(): Promise<string> {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', 'packages/kouplet'], {
    cwd: root,
    stdio: 'inherit',
  });
  rmSync(target, { recursive: true, force: true });
  const rooms = roomsOf('packages/kouplet');
  const imported = await bundle();
  const pinned: Record<string, string> = {};
  for (const room of rooms.values()) {
    for (const [name, version] of Object.entries(room.dependencies ?? {})) {
      if (name.startsWith(scope) || !imported.has(name)) continue;
      if (pinned[name] !== undefined && pinned[name] !== version)
        throw new Error(`${name} is wanted as ${pinned[name]} and ${version}`);
      pinned[name] = version;
    }
  }
  for (const name of imported) if (pinned[name] === undefined) throw new Error(`no room depends on ${name}`);
  const command = rooms.get('packages/kouplet');
  if (command === undefined) throw new Error('there is no command');
  const { name, version, description, license, engines } = command;
  writeJson(join(target, 'package.json'), {
    name,
    version,
    description,
    license,
    type: 'module',
    engines,
    bin: { kouplet: 'dist/main.js' },
    exports: { '.': './dist/index.js' },
    files: ['dist', 'samples'],
    dependencies: sorted(pinned),
  });
  for (const file of ['LICENSE', 'README.md', 'README.zh-CN.md', 'CHANGELOG.md']) {
    if (existsSync(join(root, file))) copyFileSync(join(root, file), join(target, file));
  }
  if (existsSync(join(root, 'samples'))) cpSync(join(root, 'samples'), join(target, 'samples'), { recursive: true });
  return pack(version);
}

function sorted(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => a.localeCompare(b)));
}

function pack(version: string): string {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  execFileSync(npm, ['pack', '--silent', '--pack-destination', join(root, 'build')], {
    cwd: target,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return join(root, 'build', `kouplet-${version}.tgz`);
}

process.stdout.write(`${await build()}\n`);

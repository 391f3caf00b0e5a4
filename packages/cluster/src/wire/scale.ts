/** `/scale`: the number of replicas of any workload, as an autoscaling/v1 Scale. */
import { applied } from '../apply/apply.ts';
import { type Entries, entriesOf } from '../apply/managed-fields.ts';
import { replicasAt, scaleEntries, scaleKind, workloadEntries } from '../apply/scale-fields.ts';
import { trackUpdate } from '../apply/track.ts';
import { fieldNames, findFirst, type JsonPath, parseJsonPath, write } from '../custom/json-path.ts';
import { clone, isRecord } from '../json.ts';
import { ageOf } from '../kinds/ages.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { formatSelector } from '../kinds/label-selectors.ts';
import { ageColumn, column, nameColumn } from '../kinds/shape.ts';
import type { Face } from '../rest/face.ts';
import { type Ground, timestamp } from '../rest/ground.ts';
import { get } from '../rest/reads.ts';
import { update } from '../rest/writes.ts';
import { decode } from '../schema/decode.ts';
import { badRequest, cannotBeHandled, invalid, invalidPatch } from '../status.ts';
import { isApply, readConfig } from './apply-patches.ts';
import { contentType, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { negotiate } from './negotiate.ts';
import { type FieldValidation, writeQuery } from './options.ts';
import { applyPatch, readPatch, refusalOf } from './patches.ts';
import { includeOf, tableOf } from './tables.ts';
import { complain } from './typed-body.ts';

const SCALE = { group: 'autoscaling', plural: 'scales', kind: 'Scale' };

/** GET, PUT and PATCH. @throws ApiError 404, 409, 422 */
export async function serveScale(
  ground: Ground,
  exchange: Exchange,
  face: Face,
  namespace: string,
  name: string,
): Promise<void> {
  if (exchange.method === 'GET' || exchange.method === 'HEAD') {
    return sendScale(exchange, face, get(face, namespace, name), ground.clock.now());
  }
  const applies = isApply(exchange);
  const query = writeQuery(exchange, exchange.method === 'PUT' ? 'UpdateOptions' : 'PatchOptions', applies);
  get(face, namespace, name);
  const read = applies ? undefined : await readScale(exchange, query.fieldValidation);
  const config = applies ? readConfig((await exchange.body()).toString('utf8')).config : {};
  // Only now: while the body came in, the object may have changed.
  const old = get(face, namespace, name);
  const owned = replicasAt(fieldNames(pathsOf(face.kind).replicas));
  const present = withEntries(scaleOf(face.kind, old), scaleEntries(entriesOf(old), owned));
  const time = timestamp(ground.clock.now());
  const change = { manager: exchange.actor, subresource: 'scale', time };
  const apply = applies ? applied(scaleKind, present, config, { ...change, force: query.force }) : undefined;
  const wanted = apply?.value ?? read?.(present) ?? {};
  const draft = clone(old);
  const metadata = isRecord(wanted.metadata) ? wanted.metadata : {};
  if (typeof metadata.name === 'string' && metadata.name !== '' && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  const replicas = replicasOf(wanted, face.kind.custom === undefined ? name : undefined);
  draft.metadata.resourceVersion = typeof metadata.resourceVersion === 'string' ? metadata.resourceVersion : '';
  write(draft, pathsOf(face.kind).replicas, replicas);
  const next = { ...present, spec: replicas === 0 ? {} : { replicas } };
  const entries = apply?.entries ?? trackUpdate(scaleKind, present, next, entriesOf(present), change);
  const managedFields = workloadEntries(face.kind, entriesOf(old), entries, owned);
  const options = { actor: exchange.actor, dryRun: query.dryRun, patch: true, managedFields };
  const { object } = update(ground, face, namespace, name, draft, options);
  sendScale(exchange, face, object, ground.clock.now());
}

function withEntries(scale: KubeObject, entries: Entries): KubeObject {
  return { ...scale, metadata: { ...scale.metadata, managedFields: [...entries] } };
}

function sendScale(exchange: Exchange, face: Face, object: KubeObject, now: number): void {
  const scale = scaleOf(face.kind, object);
  const form = negotiate(exchange.header('accept'));
  if (form.as !== 'table') {
    exchange.sendObject(200, form.encoding, JSON.stringify(scale));
    return;
  }
  const { resourceVersion } = scale.metadata;
  const include = includeOf(exchange.param('includeObject'));
  const options = { include, version: form.version, now, columns: true };
  exchange.sendJson(200, tableOf(TABLE, [scale], { resourceVersion }, options));
}

/** The columns that a real server takes from the fields' own descriptions; those of metadata stand with every kind. */
const TABLE: Pick<Kind, 'columns' | 'row'> = {
  columns: [
    { ...nameColumn, format: '' },
    column('Desired', 'integer', 'replicas is the desired number of instances for the scaled object.'),
    column('Available', 'integer', 'replicas is the actual number of observed instances of the scaled object.'),
    ageColumn,
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec.replicas ?? 0,
    status.replicas,
    ageOf(metadata.creationTimestamp, now),
  ],
};

/** The body, and what it makes of the Scale that is there. @throws ApiError for what is no Scale */
async function readScale(
  exchange: Exchange,
  validation: FieldValidation,
): Promise<(present: KubeObject) => KubeObject> {
  if (exchange.method === 'PUT') {
    const { value } = readBody(await exchange.body(), contentType(exchange.header('content-type')), SCALE);
    const { draft, complaints } = decode(scaleKind, value);
    complain(exchange, validation, complaints, (text) => cannotBeHandled(scaleKind, `strict decoding error: ${text}`));
    return () => draft;
  }
  const document = await readPatch(exchange);
  return (present) => {
    const { value, quoted, duplicates } = applyPatch(document, present);
    if (!isRecord(value)) throw badRequest('the patched document is no object');
    const refusal = refusalOf(quoted, document.type === 'strategic');
    const { draft, complaints } = decode(scaleKind, value, { refusal });
    const doubled = duplicates.map((path) => `duplicate field "${path}"`);
    complain(exchange, validation, [...complaints, ...doubled], (text) =>
      invalidPatch(quoted(), `strict decoding error: ${text}`),
    );
    return draft;
  };
}

/** @param name  of the object; undefined where its own validation speaks of what is below zero */
function replicasOf(scale: Record<string, unknown>, name: string | undefined): number {
  const spec = isRecord(scale.spec) ? scale.spec : {};
  // What was applied was typed before; all else has been decoded as a Scale.
  const replicas = typeof spec.replicas === 'number' ? spec.replicas : 0;
  if (replicas < 0 && name !== undefined) {
    throw invalid(SCALE, name, [
      {
        field: 'spec.replicas',
        type: 'Invalid value',
        value: replicas,
        detail: 'must be greater than or equal to 0',
      },
    ]);
  }
  return replicas;
}

interface Paths {
  readonly replicas: JsonPath;
  readonly current: JsonPath;
  readonly selector: JsonPath;
}

const BUILT_IN: Paths = {
  replicas: parseJsonPath('.spec.replicas') ?? [],
  current: parseJsonPath('.status.replicas') ?? [],
  selector: parseJsonPath('.spec.selector') ?? [],
};

/** Where the numbers stand: in the same place in every kind of ours, where its definition says in a custom one. */
function pathsOf({ custom }: Kind): Paths {
  if (custom?.scale === undefined) return BUILT_IN;
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = custom.scale;
  return {
    replicas: parseJsonPath(specReplicasPath) ?? [],
    current: parseJsonPath(statusReplicasPath) ?? [],
    selector:
      labelSelectorPath === undefined ? [{ kind: 'field', name: '' }] : (parseJsonPath(labelSelectorPath) ?? []),
  };
}

function scaleOf(kind: Kind, object: KubeObject): KubeObject {
  const paths = pathsOf(kind);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = findFirst(object, paths.replicas);
  const selector = findFirst(object, paths.selector);
  // A custom kind tells its selector as text, where it tells one.
  const text = kind.custom === undefined ? formatSelector(selector) : typeof selector === 'string' ? selector : '';
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: replicas === undefined || replicas === 0 ? {} : { replicas },
    status: {
      replicas: findFirst(object, paths.current) ?? 0,
      ...(text === '' && kind.custom !== undefined ? {} : { selector: text }),
    },
  };
}

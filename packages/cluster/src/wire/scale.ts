/** `/scale`: the number of replicas of any workload, as an autoscaling/v1 Scale. */
import { clone, isRecord } from '../json.ts';
import { ageOf } from '../kinds/ages.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { formatSelector } from '../kinds/label-selectors.ts';
import { ageColumn, column, nameColumn } from '../kinds/shape.ts';
import type { Face } from '../rest/face.ts';
import type { Ground } from '../rest/ground.ts';
import { get } from '../rest/reads.ts';
import { update } from '../rest/writes.ts';
import { badRequest, invalid } from '../status.ts';
import { contentType, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { negotiate } from './negotiate.ts';
import { writeQuery } from './options.ts';
import { applyPatch, readPatch } from './patches.ts';
import { includeOf, tableOf } from './tables.ts';

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
    return sendScale(exchange, get(face, namespace, name), ground.clock.now());
  }
  const { dryRun } = writeQuery(exchange, exchange.method === 'PUT' ? 'UpdateOptions' : 'PatchOptions');
  get(face, namespace, name);
  const wanted = await readScale(exchange, () => scaleOf(get(face, namespace, name)));
  const draft = clone(get(face, namespace, name));
  const metadata = isRecord(wanted.metadata) ? wanted.metadata : {};
  if (typeof metadata.name === 'string' && metadata.name !== '' && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  const replicas = replicasOf(wanted, name);
  draft.metadata.resourceVersion = typeof metadata.resourceVersion === 'string' ? metadata.resourceVersion : '';
  draft.spec = { ...draft.spec, replicas };
  const { object } = update(ground, face, namespace, name, draft, { actor: exchange.actor, dryRun, patch: true });
  sendScale(exchange, object, ground.clock.now());
}

function sendScale(exchange: Exchange, object: KubeObject, now: number): void {
  const scale = scaleOf(object);
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

async function readScale(exchange: Exchange, present: () => KubeObject): Promise<Record<string, unknown>> {
  if (exchange.method === 'PUT') {
    return readBody(await exchange.body(), contentType(exchange.header('content-type')), SCALE).value;
  }
  const document = await readPatch(exchange);
  const { value } = applyPatch(document, present());
  if (!isRecord(value)) throw badRequest('the patched document is no object');
  return value;
}

function replicasOf(scale: Record<string, unknown>, name: string): number {
  const spec = isRecord(scale.spec) ? scale.spec : {};
  const replicas = spec.replicas ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest(
      `Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal ${typeof replicas} into Go struct field ScaleSpec.spec.replicas of type int32`,
    );
  }
  if (replicas < 0) {
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

function scaleOf(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas: unknown = object.spec?.replicas;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: replicas === undefined || replicas === 0 ? {} : { replicas },
    status: { replicas: object.status?.replicas ?? 0, selector: formatSelector(object.spec?.selector) },
  };
}

/** What stands behind an object's name: status, scale, binding, eviction, finalize, tokens; logs and the like, which are refused in words. */
import { isRecord } from '../json.ts';
import type { Subresource, Verb } from '../kinds/kind.ts';
import { bind } from '../rest/binding.ts';
import type { Face } from '../rest/face.ts';
import type { Ground } from '../rest/ground.ts';
import { get } from '../rest/reads.ts';
import { update } from '../rest/writes.ts';
import { badRequest, methodNotAllowed, noSuchResource, notFound } from '../status.ts';
import { sendObject } from './answers.ts';
import { contentType, readBody } from './body.ts';
import { containerRequests, refuseContainerRequest, serveLog } from './containers.ts';
import { evict } from './eviction.ts';
import type { Exchange } from './exchange.ts';
import { writeQuery } from './options.ts';
import { patch } from './patches.ts';
import type { ResourceRoute } from './route.ts';
import { serveScale } from './scale.ts';
import { createToken } from './token-request.ts';
import { checkAddress, decodeBody } from './typed-body.ts';

const VERBS: Readonly<Record<string, Verb>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** @throws ApiError 404 for one the kind does not have, 405 for a verb it does not have */
export async function subresource(ground: Ground, exchange: Exchange, route: ResourceRoute, face: Face): Promise<void> {
  const name = route.name ?? '';
  const { namespace } = route;
  const found =
    face.kind.subresources.find((one) => one.name === route.subresource) ?? refusedOf(face, route.subresource);
  if (found === undefined && face.kind.custom !== undefined) throw notFound(face.kind, name);
  if (found === undefined || (route.rest !== undefined && found.name !== 'proxy')) throw noSuchResource();
  const verb = VERBS[exchange.method];
  if (verb === undefined || !allows(found, verb)) throw methodNotAllowed();
  switch (found.name) {
    case 'status':
      return serveStatus(ground, exchange, face, namespace, name);
    case 'finalize':
      return finalize(ground, exchange, face, name);
    case 'scale':
      return serveScale(ground, exchange, face, namespace, name);
    case 'binding':
      return postBinding(ground, exchange, face, namespace, name);
    case 'eviction':
      return evict(ground, exchange, face, namespace, name);
    case 'log':
      return serveLog(ground, exchange, get(face, namespace, name));
    case 'token':
      return createToken(ground, exchange, face, namespace, name);
    default:
      if (containerRequests.some((one) => one.name === found.name)) {
        return refuseContainerRequest(exchange, get(face, namespace, name), found.name);
      }
      throw badRequest(`the embedded cluster does not serve ${face.kind.plural}/${found.name}`);
  }
}

function refusedOf(face: Face, name: string | undefined): Subresource | undefined {
  return face.kind.kind === 'Pod' ? containerRequests.find((one) => one.name === name) : undefined;
}

/** exec and the like take GET (websocket) and POST (SPDY) alike. */
function allows(subresource: Subresource, verb: Verb): boolean {
  return subresource.verbs.includes(verb);
}

async function serveStatus(
  ground: Ground,
  exchange: Exchange,
  face: Face,
  namespace: string,
  name: string,
): Promise<void> {
  if (exchange.method === 'GET' || exchange.method === 'HEAD') {
    return sendObject(exchange, 200, face.kind, get(face, namespace, name), ground.clock.now());
  }
  if (exchange.method === 'PATCH') return patch(ground, exchange, face, { namespace, name, subresource: 'status' });
  const { dryRun, fieldValidation } = writeQuery(exchange, 'UpdateOptions');
  const draft = decodeBody(exchange, await exchange.body(), face.kind, fieldValidation);
  checkAddress(draft, namespace, name);
  const written = update(ground, face, namespace, name, draft, {
    actor: exchange.actor,
    dryRun,
    subresource: 'status',
  });
  sendObject(exchange, 200, face.kind, written.object, ground.clock.now());
}

async function finalize(ground: Ground, exchange: Exchange, face: Face, name: string): Promise<void> {
  const { dryRun, fieldValidation } = writeQuery(exchange, 'UpdateOptions');
  const draft = decodeBody(exchange, await exchange.body(), face.kind, fieldValidation);
  checkAddress(draft, '', name);
  const written = update(ground, face, '', name, draft, { actor: exchange.actor, dryRun, subresource: 'finalize' });
  sendObject(exchange, 200, face.kind, written.object, ground.clock.now());
}

async function postBinding(
  ground: Ground,
  exchange: Exchange,
  face: Face,
  namespace: string,
  name: string,
): Promise<void> {
  const { dryRun } = writeQuery(exchange, 'CreateOptions');
  const { value } = readBody(await exchange.body(), contentType(exchange.header('content-type')), { kind: 'Binding' });
  const target = isRecord(value.target) ? value.target : {};
  const metadata = isRecord(value.metadata) ? value.metadata : {};
  if (metadata.name !== name) throw badRequest('name in URL does not match name in Binding object');
  const uid = typeof metadata.uid === 'string' && metadata.uid !== '' ? metadata.uid : undefined;
  const nodeName = typeof target.name === 'string' ? target.name : '';
  if (!dryRun) bind(ground, face, namespace, name, { nodeName, uid });
  exchange.sendJson(
    201,
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }),
  );
}

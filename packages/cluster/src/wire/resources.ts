/** The verbs of resources over HTTP: reads the request, calls the same verbs as the in-process Api, answers. */

import type { Verb } from '../kinds/kind.ts';
import { type Face, faceOfKind } from '../rest/face.ts';
import type { Ground } from '../rest/ground.ts';
import { get, list, selection } from '../rest/reads.ts';
import { remove } from '../rest/removal.ts';
import { create, update } from '../rest/writes.ts';
import { badRequest, failure, methodNotAllowed } from '../status.ts';
import { sendList, sendObject } from './answers.ts';
import type { Exchange } from './exchange.ts';
import { listOptions, tooLargeRevision } from './list-options.ts';
import { negotiate } from './negotiate.ts';
import { deleteOptions, writeQuery } from './options.ts';
import { patch } from './patches.ts';
import type { ResourceRoute } from './route.ts';
import { subresource } from './subresources.ts';
import { includeOf } from './tables.ts';
import { checkAddress, decodeBody, tellWarnings } from './typed-body.ts';
import type { Watches } from './watches.ts';

/** Answers a request for a resource. @throws ApiError */
export async function serveResource(
  ground: Ground,
  watches: Watches,
  exchange: Exchange,
  route: ResourceRoute,
): Promise<void> {
  const face = faceOfKind(ground, route.kind);
  if (face.kind.warning !== undefined) exchange.warn(face.kind.warning);
  const now = ground.clock.now();
  if (route.subresource !== undefined) return subresource(ground, exchange, route, face);
  const verb = verbOf(exchange, route);
  if (verb === undefined || !face.kind.verbs.includes(verb)) throw methodNotAllowed();
  const { namespace } = route;
  const name = route.name ?? '';
  switch (verb) {
    case 'get':
      return sendObject(exchange, 200, face.kind, get(face, namespace, name), now);
    case 'list':
      return answerList(ground, exchange, face, namespace);
    case 'watch':
      return startWatch(watches, exchange, face, namespace);
    case 'create':
      return post(ground, exchange, face, namespace);
    case 'update':
      return put(ground, exchange, face, namespace, name);
    case 'patch':
      return patch(ground, exchange, face, { namespace, name, subresource: undefined });
    case 'delete':
      return answerDelete(ground, exchange, face, namespace, name);
    case 'deletecollection':
      return deleteCollection(ground, exchange, face, namespace);
    default:
      return verb satisfies never;
  }
}

function verbOf(exchange: Exchange, route: ResourceRoute): Verb | undefined {
  const named = route.name !== undefined;
  switch (exchange.method) {
    case 'GET':
    case 'HEAD':
      // A path that names one object is read, whatever it says of watching.
      if (named) return 'get';
      return exchange.flag('watch') ? 'watch' : 'list';
    case 'POST':
      return named || (route.kind.namespaced && route.namespace === '') ? undefined : 'create';
    case 'PUT':
      return named ? 'update' : undefined;
    case 'PATCH':
      return named ? 'patch' : undefined;
    case 'DELETE':
      if (named) return 'delete';
      return route.kind.namespaced && route.namespace === '' ? undefined : 'deletecollection';
    default:
      return undefined;
  }
}

function answerList(ground: Ground, exchange: Exchange, face: Face, namespace: string): void {
  const options = listOptions(exchange, false);
  const asked = options.resourceVersion;
  if (asked !== undefined && asked > ground.store.revision) throw tooLargeRevision(asked, ground.store.revision);
  if (
    options.resourceVersionMatch === 'Exact' &&
    asked !== undefined &&
    face.shelf.history.since(asked)?.length !== 0
  ) {
    // The past is not kept: only a state that still is the present one can be listed.
    throw failure(410, 'Expired', 'The resourceVersion for the provided list is too old.');
  }
  const page = list(ground, face, { ...options, ...(namespace === '' ? {} : { namespace }) });
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.continue === undefined ? {} : { continue: page.continue }),
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
  };
  sendList(exchange, face.kind, page.items, metadata, ground.clock.now());
}

function startWatch(watches: Watches, exchange: Exchange, face: Face, namespace: string): void {
  const options = listOptions(exchange, true);
  const form = negotiate(exchange.header('accept'), true);
  if (form.encoding !== 'json') throw failure(406, 'NotAcceptable', 'a watch is answered in JSON only', {});
  const matches = selection(face, options);
  const include = form.as === 'table' ? includeOf(exchange.param('includeObject')) : 'Metadata';
  watches.start({ face, namespace, matches, options, form, include }, exchange.response);
}

async function post(ground: Ground, exchange: Exchange, face: Face, namespace: string): Promise<void> {
  const { dryRun, fieldValidation } = writeQuery(exchange, 'CreateOptions');
  const draft = decodeBody(exchange, await exchange.body(), face.kind, fieldValidation);
  const own = draft.metadata.namespace;
  if (own !== undefined && own !== '' && own !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const object = create(ground, face, namespace, draft, { ...exchange.writer, dryRun });
  tellWarnings(exchange, face, object);
  sendObject(exchange, 201, face.kind, object, ground.clock.now());
}

async function put(ground: Ground, exchange: Exchange, face: Face, namespace: string, name: string): Promise<void> {
  const { dryRun, fieldValidation } = writeQuery(exchange, 'UpdateOptions');
  const draft = decodeBody(exchange, await exchange.body(), face.kind, fieldValidation);
  checkAddress(draft, namespace, name);
  const { object, created } = update(ground, face, namespace, name, draft, { ...exchange.writer, dryRun });
  tellWarnings(exchange, face, object);
  sendObject(exchange, created ? 201 : 200, face.kind, object, ground.clock.now());
}

async function answerDelete(
  ground: Ground,
  exchange: Exchange,
  face: Face,
  namespace: string,
  name: string,
): Promise<void> {
  const { options, dryRun } = await deleteOptions(exchange);
  const removal = remove(ground, face, namespace, name, options, dryRun);
  if (removal.answersObject) return sendObject(exchange, 200, face.kind, removal.object, ground.clock.now());
  const { group, plural } = face.kind;
  exchange.sendJson(
    200,
    JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name, ...(group === '' ? {} : { group }), kind: plural, uid: removal.object.metadata.uid },
    }),
  );
}

async function deleteCollection(ground: Ground, exchange: Exchange, face: Face, namespace: string): Promise<void> {
  const query = listOptions(exchange, false);
  const { options, dryRun } = await deleteOptions(exchange);
  const page = list(ground, face, { ...query, ...(namespace === '' ? {} : { namespace }) });
  const removed = page.items.map((object) => {
    const { name, namespace: space = '' } = object.metadata;
    return remove(ground, face, space, name, options, dryRun).object;
  });
  sendList(exchange, face.kind, removed, { resourceVersion: String(ground.store.revision) }, ground.clock.now());
}

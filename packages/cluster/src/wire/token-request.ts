/** `serviceaccounts/NAME/token`, by which `kubectl create token` and kubelets get tokens. Nothing of it is kept. */
import { isRecord } from '../json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { type Face, faceOf } from '../rest/face.ts';
import { type Ground, timestamp } from '../rest/ground.ts';
import { get } from '../rest/reads.ts';
import type { BoundObject } from '../security/service-account-tokens.ts';
import { badRequest, conflict, invalid } from '../status.ts';
import { contentType, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { writeQuery } from './options.ts';

const ABOUT = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', plural: 'tokenrequests' } as const;
const DEFAULT_SECONDS = 60 * 60;
const MIN_SECONDS = 10 * 60;
const MAX_SECONDS = 2 ** 32;
const BINDABLE = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' } as const;

/** @throws ApiError 404 without the account or what the token is to be bound to, 409 for another one's uid, 422 for a bad span */
export async function createToken(
  ground: Ground,
  exchange: Exchange,
  face: Face,
  namespace: string,
  name: string,
): Promise<void> {
  writeQuery(exchange, 'CreateOptions');
  const { value } = readBody(await exchange.body(), contentType(exchange.header('content-type')), ABOUT);
  const account = get(face, namespace, name);
  const given = isRecord(value.metadata) ? value.metadata : {};
  if (typeof given.name === 'string' && given.name !== '' && given.name !== name) {
    const detail = 'must match the service account name if specified';
    throw invalid(ABOUT, name, [{ field: 'metadata.name', type: 'Invalid value', value: given.name, detail }]);
  }
  const spec = isRecord(value.spec) ? value.spec : {};
  const audiences = Array.isArray(spec.audiences) ? spec.audiences.map(String) : [];
  const expirationSeconds = secondsOf(spec.expirationSeconds);
  const bound = boundOf(ground, namespace, spec.boundObjectRef);
  const { uid } = account.metadata;
  const issued = exchange.access.tokens.issue({
    namespace,
    name,
    uid,
    audiences,
    expirationSeconds,
    ...(bound === undefined ? {} : { bound }),
  });
  exchange.sendJson(
    201,
    JSON.stringify({
      kind: ABOUT.kind,
      apiVersion: `${ABOUT.group}/${ABOUT.version}`,
      metadata: { name, namespace, uid, creationTimestamp: timestamp(ground.clock.now()) },
      spec: {
        audiences: issued.audiences,
        expirationSeconds,
        boundObjectRef:
          bound === undefined ? null : { kind: bound.kind, apiVersion: 'v1', name: bound.name, uid: bound.uid },
      },
      status: { token: issued.token, expirationTimestamp: issued.expirationTimestamp },
    }),
  );
}

function secondsOf(value: unknown): number {
  const seconds = typeof value === 'number' ? value : DEFAULT_SECONDS;
  if (seconds >= MIN_SECONDS && seconds <= MAX_SECONDS) return seconds;
  const detail =
    seconds < MIN_SECONDS
      ? 'may not specify a duration less than 10 minutes'
      : 'may not specify a duration larger than 2^32 seconds';
  throw invalid(ABOUT, '', [{ field: 'spec.expirationSeconds', type: 'Invalid value', value: seconds, detail }]);
}

function boundOf(ground: Ground, namespace: string, reference: unknown): BoundObject | undefined {
  if (!isRecord(reference)) return undefined;
  const kind = String(reference.kind ?? '');
  const name = String(reference.name ?? '');
  if ((kind !== 'Pod' && kind !== 'Secret' && kind !== 'Node') || reference.apiVersion !== 'v1') {
    const [group, version] = groupVersion(String(reference.apiVersion ?? ''));
    throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  }
  const face = faceOf(ground, BINDABLE[kind]);
  const object: KubeObject = get(face, kind === 'Node' ? '' : namespace, name);
  const { uid } = object.metadata;
  if (typeof reference.uid === 'string' && reference.uid !== '' && reference.uid !== uid) {
    const what = `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict(face.kind, name, what);
  }
  return { kind, name, uid };
}

function groupVersion(apiVersion: string): [group: string, version: string] {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

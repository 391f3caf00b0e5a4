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
  const given = isRecord(value.metadata) ? value.metadata : {};
  if (isSaid(given.namespace) && given.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (isSaid(given.name) && given.name !== name) {
    const detail = 'must match the service account name if specified';
    throw invalid(ABOUT, name, [{ field: 'metadata.name', type: 'Invalid value', value: given.name, detail }]);
  }
  const account = get(face, namespace, name);
  const { uid } = account.metadata;
  if (isSaid(given.uid) && given.uid !== uid) {
    const what = `the UID in the token request (${given.uid}) does not match the UID of the service account (${uid})`;
    throw conflict({ ...ABOUT, plural: ABOUT.kind }, name, what);
  }
  const spec = isRecord(value.spec) ? value.spec : {};
  const audiences = Array.isArray(spec.audiences) ? spec.audiences.map(String) : [];
  const expirationSeconds = secondsOf(spec.expirationSeconds);
  const bound = boundOf(ground, namespace, name, spec.boundObjectRef);
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
      metadata: { ...given, name, namespace, uid, creationTimestamp: timestamp(ground.clock.now()) },
      spec: {
        audiences: issued.audiences,
        expirationSeconds,
        boundObjectRef: isRecord(spec.boundObjectRef) ? asSaid(spec.boundObjectRef) : null,
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

/** What a token is to be bound to: there, the one that is meant, and, of a Pod, one that runs as the account (`TokenREST.Create` of Kubernetes). */
function boundOf(ground: Ground, namespace: string, account: string, reference: unknown): BoundObject | undefined {
  if (!isRecord(reference)) return undefined;
  const kind = String(reference.kind ?? '');
  const name = String(reference.name ?? '');
  const [group, version] = groupVersion(String(reference.apiVersion ?? ''));
  if ((kind !== 'Pod' && kind !== 'Secret' && kind !== 'Node') || group !== '') {
    throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  }
  const face = faceOf(ground, BINDABLE[kind]);
  const object: KubeObject = get(face, kind === 'Node' ? '' : namespace, name);
  if (kind === 'Pod' && object.spec?.serviceAccountName !== account) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    );
  }
  const { uid } = object.metadata;
  if (isSaid(reference.uid) && reference.uid !== uid) {
    const what = `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: '', plural: kind, kind }, name, what);
  }
  return { kind, name, uid };
}

const isSaid = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** A reference without what it leaves open. */
function asSaid(reference: Record<string, unknown>): Record<string, unknown> {
  const said = ['kind', 'apiVersion', 'name', 'uid'].filter((field) => isSaid(reference[field]));
  return Object.fromEntries(said.map((field) => [field, reference[field]]));
}

function groupVersion(apiVersion: string): [group: string, version: string] {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

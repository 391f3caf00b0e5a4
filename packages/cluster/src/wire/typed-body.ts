/** A request's body as an object of the kind it was sent to: decoded, strictly or not, and about what the path names. */
import { ENVELOPE } from '../custom/schema.ts';
import { isRecord } from '../json.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { apiVersionOf } from '../registry.ts';
import type { Face } from '../rest/face.ts';
import { decode } from '../schema/decode.ts';
import { badRequest, cannotBeHandled, invalid } from '../status.ts';
import { contentType, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import type { FieldValidation } from './options.ts';
import { complaintsOf } from './scan-json.ts';

/** A body as an object of the kind, ready to be written. @throws ApiError 400, 415 */
export function decodeBody(exchange: Exchange, bytes: Buffer, kind: Kind, validation: FieldValidation): KubeObject {
  const { value, duplicates } = readBody(bytes, contentType(exchange.header('content-type')), kind);
  if (kind.custom === undefined) checkType(value, kind);
  else checkCustomType(exchange, bytes, value, kind);
  const { draft, complaints } = decode(kind, value);
  // Only a body of JSON has duplicates.
  const odd = duplicates.length === 0 ? complaints : complaintsOf(bytes.toString('utf8'), complaints, duplicates);
  complain(exchange, validation, odd, (text) => cannotBeHandled(kind, `strict decoding error: ${text}`));
  return draft;
}

/** What is odd but readable: refused, told or ignored. */
export function complain(
  exchange: Exchange,
  validation: FieldValidation,
  complaints: readonly string[],
  refusal: (text: string) => Error,
): void {
  if (complaints.length === 0 || validation === 'Ignore') return;
  if (validation === 'Strict') throw refusal(complaints.join(', '));
  for (const complaint of complaints) exchange.warn(complaint);
}

/** kind and apiVersion may be left out, but not be others'. */
function checkType(value: Record<string, unknown>, kind: Kind): void {
  const given = typeof value.kind === 'string' && value.kind !== '' ? value.kind : kind.kind;
  const version =
    typeof value.apiVersion === 'string' && value.apiVersion !== '' ? value.apiVersion : apiVersionOf(kind);
  if (given === kind.kind && version === apiVersionOf(kind)) return;
  const short = version.includes('/') ? version.slice(version.indexOf('/') + 1) : version;
  const start = `${given} in version "${short}" cannot be handled as a ${kind.kind}: `;
  const known = KNOWN_ELSEWHERE.has(given) && given !== kind.kind;
  throw badRequest(
    known
      ? `${start}converting (${short}.${given}) to (${goPackage(kind)}.${kind.kind}): unknown conversion`
      : `${start}no kind ${JSON.stringify(given)} is registered for version ${JSON.stringify(version)} in scheme "pkg/runtime/scheme.go:110"`,
  );
}

/** A custom kind must say what it is: it is read before its type is known. */
function checkCustomType(exchange: Exchange, bytes: Buffer, value: Record<string, unknown>, kind: Kind): void {
  const given = typeof value.kind === 'string' ? value.kind : '';
  const version = typeof value.apiVersion === 'string' ? value.apiVersion : '';
  if (given === '') {
    const text = bytes.toString('utf8');
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)} ...` : text;
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): Object 'Kind' is missing in '${text}' (${shown})`,
    );
  }
  if (version !== apiVersionOf(kind)) {
    // Under a version that is not this one nothing is known.
    if (version !== '') {
      for (const key of Object.keys(value))
        if (!ENVELOPE.has(key)) exchange.warn(`unknown field ${JSON.stringify(key)}`);
    }
    throw badRequest(
      `the API version in the data (${version}) does not match the expected API version (${apiVersionOf(kind)})`,
    );
  }
  if (given !== kind.kind) {
    const name = isRecord(value.metadata) && typeof value.metadata.name === 'string' ? value.metadata.name : '';
    throw invalid({ ...kind, kind: given }, name, [
      { field: 'kind', type: 'Invalid value', value: given, detail: `must be ${kind.kind}` },
    ]);
  }
}

/** How much of an unreadable body is shown. */
const SHOWN = 30;

/** What of a written object has no effect here. */
export function tellWarnings(exchange: Exchange, face: Face, object: KubeObject): void {
  for (const warning of face.kind.warningsOf?.(object) ?? []) exchange.warn(warning);
}

/** Kinds a client might send to a wrong place; the texts differ for kinds that nobody knows. */
const KNOWN_ELSEWHERE: ReadonlySet<string> = new Set([
  'ConfigMap',
  'CronJob',
  'DaemonSet',
  'Deployment',
  'Event',
  'Job',
  'Lease',
  'LimitRange',
  'Namespace',
  'Node',
  'Pod',
  'PodDisruptionBudget',
  'ReplicaSet',
  'ReplicationController',
  'Secret',
  'Service',
  'ServiceAccount',
  'StatefulSet',
]);

function goPackage(kind: Kind): string {
  return kind.group === '' ? 'core' : (kind.group.split('.')[0] ?? kind.group);
}

/** A body must name what the path names. @throws ApiError 400 */
export function checkAddress(draft: KubeObject, namespace: string, name: string): void {
  const own = draft.metadata.name;
  if (!own) {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (own !== name) throw badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`);
  const space = draft.metadata.namespace;
  if (space !== undefined && space !== '' && space !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

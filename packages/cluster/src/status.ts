/**
 * Every refusal of the server in Kubernetes' words (apimachinery, pkg/api/errors; texts held against a real 1.34).
 * In Invalid `details.kind` is the Kind, in all others the plural resource.
 */
import { ApiError, type Status } from './api.ts';
import { goJson, goQuoted } from './go-text.ts';
import type { FieldError, Kind } from './kinds/kind.ts';

type Causes = NonNullable<NonNullable<Status['details']>['causes']>;
/** What a refusal is about: the plural resource and its group. */
export type About = Pick<Kind, 'group' | 'plural' | 'kind' | 'storedAs'>;

/** `deployments.apps`, `pods`. */
export function qualifiedResource(about: About): string {
  return about.group === '' ? about.plural : `${about.plural}.${about.group}`;
}

/** What the Kind is called where it is kept: a real server names an events.k8s.io Event by the v1 Event behind it. */
function groupOfKind(about: About): string {
  return about.storedAs === undefined ? about.group : about.storedAs.group;
}

function qualifiedKind(about: About): string {
  const group = groupOfKind(about);
  return group === '' ? about.kind : `${about.kind}.${group}`;
}

/** A Status of failure, in the key order of a real server. */
export function failure(
  code: number,
  reason: string | undefined,
  message: string,
  details?: Status['details'],
): ApiError {
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  });
}

function resourceDetails(about: About, name: string): NonNullable<Status['details']> {
  return {
    ...(name === '' ? {} : { name }),
    ...(about.group === '' ? {} : { group: about.group }),
    kind: about.plural,
  };
}

export function notFound(about: About, name: string): ApiError {
  return failure(404, 'NotFound', `${qualifiedResource(about)} "${name}" not found`, resourceDetails(about, name));
}

export function alreadyExists(about: About, name: string): ApiError {
  const message = `${qualifiedResource(about)} "${name}" already exists`;
  return failure(409, 'AlreadyExists', message, resourceDetails(about, name));
}

/** A lost race or a failed precondition; `what` is the sentence after the colon. */
export function conflict(about: About, name: string, what: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedResource(about)} "${name}": ${what}`;
  return failure(409, 'Conflict', message, resourceDetails(about, name));
}

export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

/** A failed precondition of a DELETE speaks of the Kind, not of the resource. */
export function preconditionFailed(about: About, name: string, what: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedKind(about)} "${name}": ${what}`;
  const group = groupOfKind(about);
  return failure(409, 'Conflict', message, { name, ...(group === '' ? {} : { group }), kind: about.kind });
}

export function forbidden(about: About, name: string, what: string, causes?: Causes): ApiError {
  const subject = name === '' ? qualifiedResource(about) : `${qualifiedResource(about)} "${name}"`;
  return failure(403, 'Forbidden', `${subject} is forbidden: ${what}`, {
    ...resourceDetails(about, name),
    ...(causes === undefined ? {} : { causes }),
  });
}

export function badRequest(message: string): ApiError {
  return failure(400, 'BadRequest', message);
}

/** 400 for a body that is no object of the kind. */
export function cannotBeHandled(kind: Pick<Kind, 'version' | 'kind'>, what: string): ApiError {
  return badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${what}`);
}

const CAUSE_REASONS: Record<FieldError['type'], string> = {
  'Required value': 'FieldValueRequired',
  'Invalid value': 'FieldValueInvalid',
  'Unsupported value': 'FieldValueNotSupported',
  Forbidden: 'FieldValueForbidden',
  'Duplicate value': 'FieldValueDuplicate',
  'Not found': 'FieldValueNotFound',
  'Too long': 'FieldValueTooLong',
  'Too many': 'FieldValueTooMany',
};

/** The text after `<field>: `, as apimachinery prints it (1.34: values as JSON). */
export function fieldErrorBody(error: FieldError): string {
  switch (error.type) {
    case 'Required value':
    case 'Forbidden':
    case 'Too long':
    case 'Too many':
      return error.detail === '' ? error.type : `${error.type}: ${error.detail}`;
    case 'Invalid value':
    case 'Unsupported value':
    case 'Duplicate value':
    case 'Not found': {
      const value = typeof error.value === 'string' ? goQuoted(error.value) : goJson(error.value);
      return error.detail === '' ? `${error.type}: ${value}` : `${error.type}: ${value}: ${error.detail}`;
    }
    default:
      return error.type satisfies never;
  }
}

/** 422 for what validation complains of; one complaint stands bare, several in brackets. */
export function invalid(about: About, name: string, errors: readonly FieldError[]): ApiError {
  return invalidNamed(qualifiedKind(about), about.kind, groupOfKind(about), name, errors);
}

/** 422 about the request's options: `CreateOptions.meta.k8s.io "" is invalid: …`. */
export function invalidOptions(kind: string, errors: readonly FieldError[]): ApiError {
  return invalidNamed(`${kind}.meta.k8s.io`, kind, 'meta.k8s.io', '', errors);
}

/** 422 about a whole patch, which has no kind and no name. */
export function invalidPatch(value: string, detail: string): ApiError {
  return invalidNamed('', '', '', '', [{ field: 'patch', type: 'Invalid value', value, detail }]);
}

function invalidNamed(
  qualified: string,
  kind: string,
  group: string,
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const texts = errors.map((error) => `${error.field}: ${fieldErrorBody(error)}`);
  const list = [...new Set(texts)];
  const text = list.length === 1 ? list[0] : `[${list.join(', ')}]`;
  return failure(422, 'Invalid', `${qualified} "${name}" is invalid: ${text}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    ...(kind === '' ? {} : { kind }),
    causes: errors.map((error) => ({
      reason: error.reason ?? CAUSE_REASONS[error.type],
      message: fieldErrorBody(error),
      field: error.field,
    })),
  });
}

/** 422 about a resource in its plural (how a Lease without resourceVersion is refused). */
export function invalidResource(about: About, name: string, errors: readonly FieldError[]): ApiError {
  return invalidNamed(qualifiedResource(about), about.plural, about.group, name, errors);
}

export function methodNotAllowed(): ApiError {
  return failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export function noSuchResource(): ApiError {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function tooOld(asked: number, oldest: number): ApiError {
  return failure(410, 'Expired', `too old resource version: ${asked} (${oldest})`);
}

/** A bug of ours: said, and the process lives on. */
export function internalError(error: unknown): ApiError {
  const text = error instanceof Error ? error.message : String(error);
  return failure(500, 'InternalError', `Internal error occurred: ${text}`, {
    causes: [{ message: text }],
  });
}

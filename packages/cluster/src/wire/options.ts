/** The query of writes: `dryRun`, `fieldValidation`, and the options of a DELETE. */
import type { DeleteOptions } from '../api.ts';
import { isRecord } from '../json.ts';
import type { FieldError } from '../kinds/kind.ts';
import { badRequest, invalidOptions } from '../status.ts';
import { contentType, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface WriteQuery {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  /** An apply takes over what others own. */
  readonly force: boolean;
}

/**
 * @param kind  `CreateOptions`, `UpdateOptions`, `PatchOptions`
 * @param applies  the request is a server-side apply
 * @throws ApiError 422
 */
export function writeQuery(exchange: Exchange, kind: string, applies = false): WriteQuery {
  checkManager(exchange, kind, applies);
  const dryRun = exchange.query.getAll('dryRun').filter((value) => value !== '');
  checkDryRun(kind, dryRun);
  const fieldValidation = exchange.param('fieldValidation') ?? 'Warn';
  if (fieldValidation !== 'Ignore' && fieldValidation !== 'Warn' && fieldValidation !== 'Strict') {
    throw invalidOptions(kind, [
      {
        field: 'fieldValidation',
        type: 'Unsupported value',
        value: fieldValidation,
        detail: 'supported values: "", "Ignore", "Strict", "Warn"',
      },
    ]);
  }
  return { dryRun: dryRun.length > 0, fieldValidation, force: exchange.flag('force') };
}

const MAX_MANAGER_BYTES = 128;

/** Who applies must say so; nobody else may force. */
function checkManager(exchange: Exchange, kind: string, applies: boolean): void {
  const errors: FieldError[] = [];
  const manager = exchange.param('fieldManager') ?? '';
  if (applies && manager === '') {
    errors.push({ field: 'fieldManager', type: 'Required value', detail: 'is required for apply patch' });
  }
  if (kind === 'PatchOptions' && !applies && exchange.query.has('force')) {
    errors.push({ field: 'force', type: 'Forbidden', detail: 'may not be specified for non-apply patch' });
  }
  if (Buffer.byteLength(manager) > MAX_MANAGER_BYTES) {
    errors.push({ field: 'fieldManager', type: 'Too long', detail: `may not be more than ${MAX_MANAGER_BYTES} bytes` });
  }
  let position = 0;
  for (const char of manager) {
    if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) {
      position += Buffer.byteLength(char);
      continue;
    }
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const detail = `invalid character U+${code} (at position ${position})`;
    errors.push({ field: 'fieldManager', type: 'Invalid value', value: manager, detail });
    break;
  }
  if (errors.length > 0) throw invalidOptions(kind, errors);
}

function checkDryRun(kind: string, values: readonly unknown[]): void {
  if (values.every((value) => value === 'All')) return;
  throw invalidOptions(kind, [
    { field: 'dryRun', type: 'Unsupported value', value: values, detail: 'supported values: "All"' },
  ]);
}

/** A DELETE's options: of the body where there is one, else of the query. @throws ApiError 400, 415, 422 */
export async function deleteOptions(exchange: Exchange): Promise<{ options: DeleteOptions; dryRun: boolean }> {
  const bytes = await exchange.body();
  const given = bytes.length > 0 ? fromBody(exchange, bytes) : fromQuery(exchange);
  const dryRun = Array.isArray(given.dryRun) ? given.dryRun : [];
  checkDryRun('DeleteOptions', dryRun);
  const { gracePeriodSeconds, propagationPolicy, preconditions, orphanDependents } = given;
  if (gracePeriodSeconds != null && !Number.isSafeInteger(gracePeriodSeconds)) {
    throw badRequest(
      `json: cannot unmarshal ${typeof gracePeriodSeconds} into Go struct field DeleteOptions.gracePeriodSeconds of type int64`,
    );
  }
  if (orphanDependents != null && propagationPolicy != null && propagationPolicy !== '') {
    const detail = 'orphanDependents and deletionPropagation cannot be both set';
    throw invalidOptions('DeleteOptions', [
      { field: 'propagationPolicy', type: 'Invalid value', value: propagationPolicy, detail },
    ]);
  }
  const wanted = isRecord(preconditions) ? preconditions : {};
  const options: DeleteOptions = {
    ...(typeof gracePeriodSeconds === 'number' ? { gracePeriodSeconds } : {}),
    // Checked by the verb itself, which answers in the words of DeleteOptions.
    ...(propagationPolicy == null || propagationPolicy === ''
      ? orphanOf(orphanDependents)
      : { propagationPolicy: propagationPolicy as NonNullable<DeleteOptions['propagationPolicy']> }),
    preconditions: {
      ...(typeof wanted.uid === 'string' ? { uid: wanted.uid } : {}),
      ...(typeof wanted.resourceVersion === 'string' ? { resourceVersion: wanted.resourceVersion } : {}),
    },
  };
  return { options, dryRun: dryRun.length > 0 };
}

/** The old spelling of a propagation. */
function orphanOf(orphan: unknown): DeleteOptions {
  if (orphan === true) return { propagationPolicy: 'Orphan' };
  return orphan === false ? { propagationPolicy: 'Background' } : {};
}

const OPTIONS = { kind: 'DeleteOptions' } as const;

function fromBody(exchange: Exchange, bytes: Buffer): Record<string, unknown> {
  const given = contentType(exchange.header('content-type'));
  // A client that sends a body without naming its type means JSON; urlencoded is curl's habit with -d.
  const type = given === 'application/x-www-form-urlencoded' ? undefined : given;
  if (type !== undefined && type !== 'application/json') return optionsOf(readBody(bytes, type, OPTIONS).value);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw badRequest('the body of the DELETE is no JSON: DeleteOptions are expected');
  }
  if (!isRecord(value)) throw badRequest('the body of the DELETE is no object: DeleteOptions are expected');
  return optionsOf(value);
}

/** An object sent by mistake is no wish to delete. */
function optionsOf(value: Record<string, unknown>): Record<string, unknown> {
  const { kind = '', apiVersion = '' } = value;
  if (kind === '' || kind === OPTIONS.kind) return value;
  throw badRequest(
    `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:110"`,
  );
}

function fromQuery(exchange: Exchange): Record<string, unknown> {
  const grace = exchange.param('gracePeriodSeconds');
  const orphan = exchange.param('orphanDependents');
  if (grace !== undefined && !/^-?\d+$/.test(grace)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
  }
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan === 'true' }),
    propagationPolicy: exchange.param('propagationPolicy'),
    dryRun: exchange.query.getAll('dryRun').filter((value) => value !== ''),
  };
}

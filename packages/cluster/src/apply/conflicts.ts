/** Conflicts between who applies and who owns, in apimachinery's words. */
import type { ApiError } from '../api.ts';
import { failure } from '../status.ts';
import { type FieldSet, intersection, isEmpty, paths, pathText } from './field-set.ts';
import type { Entries, Entry } from './managed-fields.ts';

export interface Conflict {
  readonly entry: Entry;
  /** What both want. */
  readonly set: FieldSet;
}

/** Whom a change of `touched` would take something from. */
export function conflictsWith(others: Entries, touched: FieldSet, apiVersion: string): Conflict[] {
  return others.flatMap((entry) => {
    const set = entry.apiVersion === apiVersion ? intersection(entry.fieldsV1, touched) : {};
    return isEmpty(set) ? [] : [{ entry, set }];
  });
}

/** `"kubectl-client-side-apply" using apps/v1`; an applier is named without version. */
function ownerText({ manager = '', operation, apiVersion, subresource }: Entry): string {
  let text = JSON.stringify(manager);
  if (subresource !== undefined) text += ` with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Update' ? `${text} using ${apiVersion}` : text;
}

/** 409 with a cause for each field of each owner. */
export function conflictRefusal(conflicts: readonly Conflict[]): ApiError {
  const told = [...conflicts]
    .map(({ entry, set }) => ({ key: keyOf(entry), owner: ownerText(entry), fields: paths(set).map(pathText) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const count = told.reduce((sum, { fields }) => sum + fields.length, 0);
  const [only] = told;
  const text =
    count === 1 && only !== undefined
      ? `1 conflict: conflict with ${only.owner}: ${only.fields[0]}`
      : `${count} conflicts: ${told.map(({ owner, fields }) => [`conflicts with ${owner}:`, ...fields.map((field) => `- ${field}`)].join('\n')).join('\n')}`;
  return failure(409, 'Conflict', `Apply failed with ${text}`, {
    causes: told.flatMap(({ owner, fields }) =>
      fields.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${owner}`, field })),
    ),
  });
}

/** As a real server sorts: by the owner's entry as JSON. */
function keyOf({ manager, operation, apiVersion, subresource }: Entry): string {
  return JSON.stringify({ manager, operation, ...(operation === 'Apply' ? {} : { apiVersion }), subresource });
}

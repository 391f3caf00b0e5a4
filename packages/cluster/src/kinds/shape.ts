/** Parts of `Kind` that many kinds share: verbs, subresources, the two columns that every table has. */
import type { Column, Kind, Subresource, Verb } from './kind.ts';

/** What nearly every resource can do, in the order of discovery. */
export const allVerbs: Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** `/status` of a kind. */
export function statusSubresource(kind: Pick<Kind, 'group' | 'version' | 'kind'>): Subresource {
  return { name: 'status', verbs: ['get', 'patch', 'update'], responseKind: responseKind(kind) };
}

/** `/scale`: an autoscaling/v1 Scale. */
export const scaleSubresource: Subresource = {
  name: 'scale',
  verbs: ['get', 'patch', 'update'],
  responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
};

function responseKind(kind: Pick<Kind, 'group' | 'version' | 'kind'>): NonNullable<Subresource['responseKind']> {
  return { group: kind.group, version: kind.version, kind: kind.kind };
}

/** The Name column of every table (kubernetes, pkg/printers/internalversion/printers.go: the field's own description). */
export const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
  priority: 0,
};

const creationTimestamp =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';

/** The Age column of most tables. */
export const ageColumn: Column = {
  name: 'Age',
  type: 'string',
  format: '',
  description: creationTimestamp,
  priority: 0,
};

/** Tables without a printer of their own show this in place of an age. */
export const createdAtColumn: Column = {
  name: 'Created At',
  type: 'date',
  format: '',
  description: creationTimestamp,
  priority: 0,
};

/** A further column, shown always. */
export function column(name: string, type: Column['type'], description: string): Column {
  return { name, type, format: '', description, priority: 0 };
}

/** A further column, shown with `-o wide` only. */
export function wideColumn(name: string, type: Column['type'], description: string): Column {
  return { name, type, format: '', description, priority: 1 };
}

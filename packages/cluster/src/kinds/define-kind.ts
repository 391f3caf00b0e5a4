/** From what is special about a kind to a whole `Kind`: the parts that all of them do alike stand here. */
import { ageOf } from './ages.ts';
import { dropNulls, fieldsOf, isFields } from './json.ts';
import type { FieldError, Kind, KubeObject, Subresource } from './kind.ts';
import { type NameRule, subdomainName } from './names.ts';
import {
  validateCommonUpdate,
  validateKubeFinalizers,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from './object-meta.ts';
import { ageColumn, allVerbs, nameColumn, scaleSubresource, statusSubresource } from './shape.ts';

type Replaced =
  | 'singular'
  | 'verbs'
  | 'subresources'
  | 'hasGeneration'
  | 'allowsUnconditionalUpdate'
  | 'columns'
  | 'row'
  | 'validateCreate'
  | 'validateUpdate'
  | 'validateStatusUpdate';

/** A kind by its differences. */
export interface KindDefinition
  extends Omit<Kind, Replaced>,
    Partial<Pick<Kind, Exclude<Replaced, `validate${string}`>>> {
  /** Which names are good; absent: a DNS subdomain, as for most. */
  nameRule?: NameRule;
  /** Has `/status`, which alone may write `status`. The value is what a new object's `status` says. */
  status?: () => Record<string, unknown>;
  /** Has `/scale`. */
  scalable?: boolean;
  /** The kind's update checks `metadata` as its creation does, once more: complaints come up once more, too. */
  revalidatesMetadata?: boolean;
  /** Runs on whatever is decoded, after nulls are gone. */
  defaults?(draft: KubeObject): void;
  /** Complaints about everything but `metadata`, for a creation and for an update alike. */
  validate?(draft: KubeObject, old?: KubeObject): FieldError[];
  /** Further complaints about an update. */
  validateChange?(draft: KubeObject, old: KubeObject): FieldError[];
  /** Complaints about `status`, `metadata` aside. */
  validateStatus?(draft: KubeObject, old: KubeObject): FieldError[];
}

/** The whole kind; whatever the definition says of a member of `Kind` wins. */
export function defineKind(definition: KindDefinition): Kind {
  const {
    nameRule = subdomainName,
    status,
    scalable,
    revalidatesMetadata,
    validate,
    validateChange,
    validateStatus,
    ...given
  } = definition;
  const { namespaced } = given;
  const subresources: Subresource[] = [...(given.subresources ?? [])];
  if (scalable) subresources.push(scaleSubresource);
  if (status !== undefined) subresources.push(statusSubresource(given));
  return {
    singular: given.kind.toLowerCase(),
    verbs: allVerbs,
    hasGeneration: false,
    allowsUnconditionalUpdate: true,
    columns: [nameColumn, ageColumn],
    row: (object, now) => [object.metadata.name, ageOf(object.metadata.creationTimestamp, now)],
    ...given,
    subresources,
    defaults: (draft) => {
      dropNulls(draft);
      // Every complaint below names a path in it, and every strategy writes to it.
      if (!isFields(draft.metadata)) Object.assign(draft, { metadata: {} });
      given.defaults?.(draft);
    },
    prepareCreate: (draft, now) => {
      if (status !== undefined) draft.status = status();
      given.prepareCreate?.(draft, now);
    },
    prepareUpdate: (draft, old) => {
      if (status !== undefined) keep(draft, old, 'status');
      given.prepareUpdate?.(draft, old);
    },
    validateCreate: (draft) => [
      ...validateObjectMeta(draft, { namespaced, nameRule }),
      ...validateKubeFinalizers(draft),
      ...(validate?.(draft) ?? []),
    ],
    validateUpdate: (draft, old) => [
      ...validateCommonUpdate(draft, old, namespaced),
      ...validateObjectMetaUpdate(draft, old),
      ...validateKubeFinalizers(draft),
      ...(revalidatesMetadata ? validateObjectMeta(draft, { namespaced, nameRule }) : []),
      ...(validate?.(draft, old) ?? []),
      ...(validateChange?.(draft, old) ?? []),
    ],
    validateStatusUpdate: (draft, old) => [
      ...validateCommonUpdate(draft, old, namespaced),
      ...validateObjectMetaUpdate(draft, old),
      ...(validateStatus?.(draft, old) ?? []),
    ],
  };
}

/** The stored value of a field, or none where none is stored. */
export function keep(draft: KubeObject, old: KubeObject, field: string): void {
  if (old[field] === undefined) delete draft[field];
  else draft[field] = old[field];
}

/** `spec` (or another part) as an object, made where it is missing, so that defaults have a place to stand. */
export function ensure(parent: Record<string, unknown>, field: string): ReturnType<typeof fieldsOf> {
  if (!isFields(parent[field])) parent[field] = {};
  return fieldsOf(parent[field]);
}

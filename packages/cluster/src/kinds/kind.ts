/**
 * A kind as data: everything the server knows of it stands in one file of this folder, and a new kind is one more file.
 * The wire, the storage, discovery and the tables read this and nothing else.
 */

/** A Kubernetes object as JSON. Objects in the store are frozen by convention: whoever changes one works on a copy. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  // biome-ignore lint/suspicious/noExplicitAny: objects of every kind pass through here; each kind's file narrows its own.
  [field: string]: any;
}

export interface Metadata {
  name: string;
  generateName?: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
  [field: string]: unknown;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** One complaint of validation, in apimachinery's words: the message is `<field>: <type>: <value>: <detail>`. */
export interface FieldError {
  field: string;
  type:
    | 'Required value'
    | 'Invalid value'
    | 'Unsupported value'
    | 'Forbidden'
    | 'Duplicate value'
    | 'Not found'
    | 'Too long'
    | 'Too many';
  /** Printed as JSON (1.34) for Invalid, Unsupported, Duplicate and Not found; left out for the rest. */
  value?: unknown;
  detail: string;
}

export interface Column {
  name: string;
  type: 'string' | 'integer' | 'date' | 'boolean' | 'number';
  format: '' | 'name';
  description: string;
  /** 1: shown with -o wide only. */
  priority: 0 | 1;
}

/** How creating and changing an object of the kind differs from the rule. Every function may change the draft in place. */
export interface Kind {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames?: string[];
  categories?: string[];
  namespaced: boolean;
  /** Verbs as discovery lists them; a verb that is not listed answers 405. */
  verbs: Verb[];
  /** `status`, `scale`, `binding`, `eviction`, `token`, `log`, …; what each does stands in wire/subresources. */
  subresources: Subresource[];
  /** Name of the type in schema/types.json, e.g. `V1Deployment`: strict field validation, types, explain. */
  schema: string;
  /** True where `metadata.generation` counts changes of the spec. */
  hasGeneration: boolean;
  /** An update without resourceVersion is allowed (core and apps), or is refused (leases). */
  allowsUnconditionalUpdate: boolean;
  /** Creation answers what defaulting made of it. */
  defaults?(draft: KubeObject): void;
  /** Drops what a client may not set (status of most kinds), before validation. */
  prepareCreate?(draft: KubeObject): void;
  /** Keeps what a client may not change through the main resource; `old` is what is stored. */
  prepareUpdate?(draft: KubeObject, old: KubeObject): void;
  validateCreate?(draft: KubeObject): FieldError[];
  validateUpdate?(draft: KubeObject, old: KubeObject): FieldError[];
  validateStatusUpdate?(draft: KubeObject, old: KubeObject): FieldError[];
  /** Field selectors beyond metadata.name and metadata.namespace. */
  fieldSelectors?: Record<string, (object: KubeObject) => string>;
  columns: Column[];
  /** Cells in the order of `columns`; the first is the name. `now` in ms since the epoch, for ages. */
  row(object: KubeObject, now: number): unknown[];
  /** A delete of pods answers the object, most kinds answer a Status. */
  deleteAnswersObject?: boolean;
}

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface Subresource {
  name: string;
  verbs: Verb[];
  /** The kind it speaks, where that is another (Scale of autoscaling/v1, Eviction of policy/v1, Binding of v1). */
  responseKind?: { group: string; version: string; kind: string };
}

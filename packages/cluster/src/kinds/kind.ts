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

/**
 * One complaint of validation, in apimachinery's words: the message is `<field>: <type>: <value>: <detail>` without the
 * parts that are empty. A Status lists every complaint as a cause; its message leaves out the repeated ones.
 */
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
  /** The cause's reason where it is not the one of the type (`FieldValueTypeInvalid`). */
  reason?: string;
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
  /**
   * Fills in what was left out and brings values into their one spelling (quantities). Runs on every decoded object, before
   * admission: the body of a POST or PUT, and what a patch made of the stored object. Doing it twice is doing it once.
   *
   * @throws DecodingError for what the real server cannot decode (a quantity that is none): 400
   *   `<Kind> in version "<version>" cannot be handled as a <Kind>: <message>`.
   */
  defaults?(draft: KubeObject): void;
  /** Drops what a client may not set (status of most kinds), before validation. `now` in ms since the epoch. */
  prepareCreate?(draft: KubeObject, now?: number): void;
  /** Keeps what a client may not change through the main resource (status); `old` is what is stored. */
  prepareUpdate?(draft: KubeObject, old: KubeObject): void;
  /** The same through `/status`. Absent: everything but `status` and `metadata` is taken from `old`. */
  prepareStatusUpdate?(draft: KubeObject, old: KubeObject): void;
  /** With hasGeneration: whether an update of the main resource counts. Absent: it does if `spec` differs. */
  bumpsGeneration?(draft: KubeObject, old: KubeObject): boolean;
  /** Everything, `metadata` included (names with the kind's own rule, labels, annotations, owners, finalizers). */
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
  /**
   * Seconds that a deletion gives the object (`requested`: the body's gracePeriodSeconds; pods). Absent: it goes at once,
   * finalizers aside. 0 means at once, too.
   */
  deletionGraceSeconds?(object: KubeObject, requested: number | undefined): number;
  /** Changes what a DELETE marks for its end, the first time (a definition's finalizer). The draft's parts are the store's. */
  prepareDelete?(draft: KubeObject, now: number): void;
  /** The kind is another face of objects that are stored as that kind (events.k8s.io/v1 Event of v1 Event). */
  storedAs?: StoredAs;
  /** Told in a header with every answer: the version is deprecated. */
  warning?: string;
  /** Told in headers when the object is written: what of it has no effect here. */
  warningsOf?(object: KubeObject): string[];
  /** What a definition says of the kind, where it has no generated type. */
  custom?: CustomKind;
}

/** Of a kind that came with a CustomResourceDefinition. */
export interface CustomKind {
  /** The OpenAPI v3 schema of the version, `x-kubernetes-list-type` and the like included. */
  // biome-ignore lint/suspicious/noExplicitAny: a schema is JSON of its own shape, checked when the definition was taken.
  schema: Record<string, any>;
  /** From a body to the fields of an object: unknown ones dropped and named (`spec.a[0].b`), metadata aside. */
  prune(raw: Readonly<Record<string, unknown>>): { fields: Record<string, unknown>; unknown: readonly string[] };
  /** Where `/scale` finds its numbers. */
  scale?: ScalePaths;
}

/** JSON paths into the object: `.spec.replicas`. */
export interface ScalePaths {
  specReplicasPath: string;
  statusReplicasPath: string;
  labelSelectorPath?: string;
}

/** How the objects of one kind are kept as those of another. Both ways are total; metadata passes unchanged. */
export interface StoredAs {
  /** The kind that keeps them: `''`, `events`. */
  group: string;
  plural: string;
  /** From the body of a write to what is stored (apiVersion and kind included). */
  toStored(object: KubeObject): KubeObject;
  /** From what is stored to what is answered and watched. */
  fromStored(object: KubeObject): KubeObject;
}

/** What cannot be read as an object of the kind: 400 BadRequest. */
export class DecodingError extends Error {
  override name = 'DecodingError';
}

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface Subresource {
  name: string;
  verbs: Verb[];
  /** The kind it speaks, where that is another (Scale of autoscaling/v1, Eviction of policy/v1, Binding of v1). */
  responseKind?: { group: string; version: string; kind: string };
}

/** Kubernetes objects as they come off the wire: only what every object has is typed, the rest is decoded by who reads it. */

export interface KubeObjectMeta {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly namespace?: string;
  readonly [field: string]: unknown;
}

/** An object of any kind, as JSON gave it. Items of a LIST carry no `apiVersion` and `kind` of their own. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: KubeObjectMeta;
  readonly [field: string]: unknown;
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value has what every stored object has: `metadata` with name, uid and resourceVersion as non-empty strings. */
export function isKubeObject(value: unknown): value is KubeObject {
  if (!isRecord(value) || !isRecord(value.metadata)) return false;
  const { name, uid, resourceVersion } = value.metadata;
  return isText(name) && isText(uid) && isText(resourceVersion);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

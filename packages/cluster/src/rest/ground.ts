/** What every verb stands on, and the small facts of time and names they share. */
import { randomInt } from 'node:crypto';
import type { AdmissionContext, AdmissionPlugin, AdmissionReader } from '../admission/plugin.ts';
import type { Entries } from '../apply/managed-fields.ts';
import type { Clock } from '../clock.ts';
import type { Kind, KubeObject, Metadata } from '../kinds/kind.ts';
import type { Registry } from '../registry.ts';
import type { User } from '../security/user.ts';
import { qualifiedResource } from '../status.ts';
import type { Store } from '../storage/store.ts';

export interface Ground {
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly admission: readonly AdmissionPlugin[];
  /** The store as admission may read it. */
  readonly reader: AdmissionReader;
}

/** Who writes, and whether it is only a rehearsal. */
export interface WriteOptions {
  readonly actor: string;
  /** Who asks; absent for what the cluster does itself. */
  readonly user?: User;
  /** The whole pipeline, and nothing stored. */
  readonly dryRun?: boolean;
  /** Whose the fields are from now on, where that is known already (server-side apply, scale). Absent: found out. */
  readonly managedFields?: Entries;
}

/** RFC 3339 in whole seconds, as metav1.Time is written. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== latest.second) latest = { second, text: `${new Date(second * 1000).toISOString().slice(0, 19)}Z` };
  return latest.text;
}

/** Of a second there are thousands of writes. */
let latest = { second: Number.NaN, text: '' };

/** Without vowels and look-alikes, as apimachinery's rand.String. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const MAX_GENERATED_LENGTH = 63;

/** `base` cut so that with five random characters it stays a label. */
export function generateName(base: string): string {
  let name = base.slice(0, MAX_GENERATED_LENGTH - SUFFIX_LENGTH);
  for (let i = 0; i < SUFFIX_LENGTH; i++) name += ALPHABET[randomInt(ALPHABET.length)];
  return name;
}

const METADATA_ORDER: readonly (keyof Metadata)[] = [
  'name',
  'generateName',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
];

/** The object with its parts in the order a real server writes them. */
export function inOrder(kind: Kind, draft: KubeObject): KubeObject {
  const metadata: Record<string, unknown> = {};
  for (const key of METADATA_ORDER) {
    const value = draft.metadata[key];
    // An empty resourceVersion keeps its place: the store fills it in.
    if (value !== undefined && (value !== '' || key === 'resourceVersion')) metadata[key] = value;
  }
  const { kind: _kind, apiVersion: _apiVersion, metadata: _metadata, status, ...rest } = draft;
  return {
    kind: kind.kind,
    apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`,
    metadata: metadata as Metadata,
    ...rest,
    ...(status === undefined ? {} : { status }),
  };
}

export interface Attempt {
  readonly operation: AdmissionContext['operation'];
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: string;
  readonly user?: User;
  readonly draft?: KubeObject;
  readonly old?: KubeObject;
}

/** Runs one step of the admission chain over what is attempted. @throws ApiError of the plugin that refuses */
export function admit(ground: Ground, step: 'admit' | 'validate' | 'commit', attempt: Attempt): void {
  if (ground.admission.length === 0) return;
  const { kind, namespace, ...rest } = attempt;
  const context: AdmissionContext = {
    ...rest,
    kind,
    resource: qualifiedResource(kind),
    ...(kind.namespaced || namespace !== '' ? { namespace } : {}),
    store: ground.reader,
    now: ground.clock.now(),
  };
  for (const plugin of ground.admission) plugin[step]?.(context);
}

/**
 * What an admission plugin is: it sees a write before the kind's own strategy does, may complete the draft, and may refuse it.
 *
 * The order of one write (apiserver, endpoints/handlers/create.go and registry/generic/registry/store.go):
 * decode → `Kind.defaults` → every plugin's `admit` → `Kind.prepareCreate | prepareUpdate` → system fields (uid, generateName, …)
 * → `Kind.validateCreate | validateUpdate` → every plugin's `validate` → every plugin's `commit` → store.
 */

import type { ListOptions, Resource } from '../api.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';
import type { User } from '../security/user.ts';

/** The store as it is at this moment; read only. */
export interface AdmissionReader {
  get(resource: Resource, name: string, namespace?: string): KubeObject | undefined;
  list(resource: Resource, options?: ListOptions): KubeObject[];
  /** How many there are in all. */
  count?(resource: Resource): number;
  /** Writes the status of an object as it was just read; for `commit` alone. */
  putStatus?(resource: Resource, object: KubeObject, status: Readonly<Record<string, unknown>>): void;
}

export interface AdmissionContext {
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  kind: Kind;
  /** `pods`, `deployments.apps`. */
  resource: Resource;
  /** `status`, `scale`, `binding`, …; absent for the main resource. */
  subresource?: string;
  /** Absent for kinds of the cluster. */
  namespace?: string;
  /** As in the URL or the body; '' while `generateName` has not been used, or for a deletecollection. */
  name: string;
  /** What is about to be written, with defaults; plugins change it in place. Absent for DELETE. */
  draft?: KubeObject;
  /** What is stored; absent for CREATE. */
  old?: KubeObject;
  /** Who asks; absent for what the cluster does itself. */
  user?: User;
  store: AdmissionReader;
  /** Milliseconds since the epoch. */
  now: number;
}

export interface AdmissionPlugin {
  /** The real plugin's name where there is one. */
  name: string;
  /** Completes the draft. @throws ApiError to refuse the write. */
  admit?(context: AdmissionContext): void;
  /** Looks at the final draft, changes nothing. @throws ApiError to refuse the write. */
  validate?(context: AdmissionContext): void;
  /** The write is stored next, in this turn: notes what follows from it. Never for a dry run. */
  commit?(context: AdmissionContext): void;
}

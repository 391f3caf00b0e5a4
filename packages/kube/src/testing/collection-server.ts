/**
 * One collection with resourceVersions, pages, history, compaction and bookmarks, served through the scripted server: the
 * truth that a reflector's view is compared with, behind whatever faults a test puts between them.
 */

import type { Behaviour, ScriptedServer, SeenRequest, WatchOut } from './scripted-server.ts';
import { startScriptedServer, status, statusBody } from './scripted-server.ts';

export interface StoredObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly spec: { readonly value: number };
}

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
}

/** A fault for the next request of that kind: instead of the answer, or (for a watch) within it. */
export type Fault =
  | { readonly kind: 'instead'; readonly behaviour: Behaviour }
  /** After so many lines: cut, cut within a line, garbage, an ERROR event, silence, a clean end, the last events again. */
  | {
      readonly kind: 'within';
      readonly afterLines: number;
      readonly what: 'reset' | 'reset-mid-line' | 'garbage' | 'error-500' | 'error-410' | 'silence' | 'end' | 'repeat';
    };

export interface CollectionServer {
  readonly http: ScriptedServer;
  readonly objects: ReadonlyMap<string, StoredObject>;
  readonly version: string;
  /** Full LISTs begun (first pages; `limit=1` is none), and 410s given. */
  readonly lists: number;
  readonly expirations: number;
  set(name: string, value: number): void;
  remove(name: string): void;
  /** Forgets the history: a watch or a continued list from before gets 410. */
  compact(): void;
  bookmark(): void;
  fault(on: 'list' | 'watch', fault: Fault): void;
  close(): Promise<void>;
}

export async function startCollectionServer(): Promise<CollectionServer> {
  const objects = new Map<string, StoredObject>();
  const faults: Record<'list' | 'watch', Fault[]> = { list: [], watch: [] };
  const watchers = new Set<(change: Change | 'bookmark') => void>();
  const snapshots = new Map<string, readonly StoredObject[]>();
  let history: Change[] = [];
  let compactedTo = 0;
  let version = 100;
  let uids = 0;
  let lists = 0;
  let expirations = 0;

  function commit(type: Change['type'], object: StoredObject): void {
    const change: Change = { version, type, object };
    history.push(change);
    for (const watcher of [...watchers]) watcher(change);
  }

  function expired(): Behaviour {
    expirations += 1;
    return status(410, 'Expired', 'The resourceVersion for the provided list is too old.');
  }

  function list(request: SeenRequest): Behaviour {
    const limit = Number(request.query.get('limit'));
    const token = request.query.get('continue');
    let all: readonly StoredObject[];
    let start = 0;
    let listVersion = String(version);
    if (token === null) {
      if (limit !== 1) lists += 1;
      all = [...objects.values()];
      snapshots.set(listVersion, all);
    } else {
      const [from = '', at = '0'] = token.split(':');
      const snapshot = snapshots.get(from);
      if (snapshot === undefined || Number(from) < compactedTo) return expired();
      [all, start, listVersion] = [snapshot, Number(at), from];
    }
    const next = start + limit < all.length ? `${listVersion}:${start + limit}` : '';
    const metadata = { resourceVersion: listVersion, continue: next };
    const items = all.slice(start, start + limit);
    return { kind: 'json', status: 200, body: { kind: 'List', apiVersion: 'v1', metadata, items } };
  }

  function watch(request: SeenRequest, fault: Fault | undefined): Behaviour {
    const from = Number(request.query.get('resourceVersion'));
    if (from < compactedTo) {
      expirations += 1;
      const object = statusBody(410, 'Expired', `too old resource version: ${from} (${compactedTo})`);
      return {
        kind: 'stream',
        play: (out) => {
          out.line({ type: 'ERROR', object });
          out.end();
        },
      };
    }
    return { kind: 'stream', play: (out) => serveWatch(out, from, fault) };
  }

  function serveWatch(out: WatchOut, from: number, fault: Fault | undefined): void {
    let lines = 0;
    let isBroken = false;
    const told: Change[] = [];
    const send = (change: Change | 'bookmark'): void => {
      if (out.isClosed) watchers.delete(send);
      if (isBroken || out.isClosed) return;
      if (change !== 'bookmark' && change.version <= from) return;
      if (fault?.kind === 'within' && lines >= fault.afterLines) {
        breakWith(fault.what, change);
        if (isBroken) return;
      }
      lines += 1;
      if (change !== 'bookmark') told.push(change);
      out.line(lineOf(change));
    };
    const breakWith = (what: Extract<Fault, { kind: 'within' }>['what'], change: Change | 'bookmark'): void => {
      isBroken = what !== 'repeat';
      if (what === 'reset') out.reset();
      else if (what === 'reset-mid-line') {
        out.raw(JSON.stringify(lineOf(change)).slice(0, 40));
        out.reset();
      } else if (what === 'garbage') out.raw('{"type":"ADD\u0000<html>\n');
      else if (what === 'error-500')
        out.line({ type: 'ERROR', object: statusBody(500, 'InternalError', 'etcd went away') });
      else if (what === 'error-410') {
        expirations += 1;
        out.line({ type: 'ERROR', object: statusBody(410, 'Expired', 'too old resource version') });
      } else if (what === 'end') out.end();
      else if (what === 'repeat') for (const old of told) out.line(lineOf(old));
    };
    for (const change of history) send(change);
    watchers.add(send);
  }

  function lineOf(change: Change | 'bookmark'): unknown {
    return change === 'bookmark'
      ? {
          type: 'BOOKMARK',
          object: { kind: 'Thing', apiVersion: 'v1', metadata: { resourceVersion: String(version) } },
        }
      : { type: change.type, object: change.object };
  }

  const http = await startScriptedServer((request) => {
    const fault = faults[request.isWatch ? 'watch' : 'list'].shift();
    if (fault?.kind === 'instead') {
      if (fault.behaviour.kind === 'json' && fault.behaviour.status === 410) expirations += 1;
      return fault.behaviour;
    }
    return request.isWatch ? watch(request, fault) : list(request);
  });

  return {
    http,
    objects,
    get version() {
      return String(version);
    },
    get lists() {
      return lists;
    },
    get expirations() {
      return expirations;
    },
    set(name, value) {
      const before = objects.get(name);
      version += 1;
      if (before === undefined) uids += 1;
      const uid = before?.metadata.uid ?? `uid-${uids}`;
      const metadata = { name, namespace: 'default', uid, resourceVersion: String(version) };
      const object: StoredObject = { metadata, spec: { value } };
      objects.set(name, object);
      commit(before === undefined ? 'ADDED' : 'MODIFIED', object);
    },
    remove(name) {
      const before = objects.get(name);
      if (before === undefined) return;
      version += 1;
      objects.delete(name);
      commit('DELETED', { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } });
    },
    compact() {
      // Something else in the cluster moves the revision on, as always.
      version += 1;
      compactedTo = version;
      history = [];
      snapshots.clear();
    },
    bookmark() {
      for (const watcher of [...watchers]) watcher('bookmark');
    },
    fault(on, fault) {
      faults[on].push(fault);
    },
    close: () => http.close(),
  };
}

/**
 * The one place with I/O: an action in, its outcome out, and the objects that the API server answered with, to be folded
 * before the outcome. Never rejects, retries nothing, decides nothing.
 */
import type { Tunnel } from '@kouplet/broker';
import { type Action, type BaseInputBody, maskText, type Outcome } from '@kouplet/core';
import {
  type ApiOutcome,
  configMaps,
  type EventOutbox,
  getObject,
  leases,
  nodes,
  type OutboxEvent,
  type Transport,
} from '@kouplet/kube';
import { encode } from '@kouplet/protocol';
import { projectLease } from '../projection/lease.ts';
import { projectNode } from '../projection/node.ts';
import { projectPod } from '../projection/pod.ts';
import { projectRecord } from '../projection/record.ts';
import { outcomeOfSend, outcomeOfWrite } from './outcome.ts';
import { type ApiWrite, requestOf } from './requests.ts';

export interface ExecuteEdges {
  readonly transport: Transport;
  readonly tunnel: Tunnel;
  readonly outbox: EventOutbox;
  readonly env: string;
}

/** What a write answered, as an input of the scope that asked for it. */
export type Observation = Extract<
  BaseInputBody,
  { readonly kind: 'pod-observed' | 'node-observed' | 'lease-observed' | 'record-observed' }
>;

export interface Executed {
  readonly outcome: Outcome;
  /** Folded before the outcome, so that a plan never sees a write as ended without what it made. */
  readonly observed?: Observation;
}

export type Execute = (action: Action) => Promise<Executed>;

export function createExecute(edges: ExecuteEdges): Execute {
  return async (action) => {
    try {
      return await execute(edges, action);
    } catch (error) {
      // A bug of ours (an empty name in a path); the plan backs off from it as from a server's error.
      return { outcome: { kind: 'failed', message: error instanceof Error ? error.message : String(error) } };
    }
  };
}

async function execute(edges: ExecuteEdges, action: Action): Promise<Executed> {
  switch (action.kind) {
    case 'send-command': {
      const { env, tunnel } = edges;
      const { baseId, generation } = action;
      const { topic, payload } = encode(action.command, { env, baseId, generation });
      return { outcome: outcomeOfSend(await tunnel.send(baseId, topic, payload)) };
    }
    case 'record-event':
      // Best effort: it is written when nobody waits for anything else, and never asked for again.
      edges.outbox.tell(eventOf(action));
      return { outcome: { kind: 'done' } };
    case 'create-node':
    case 'patch-node':
    case 'patch-node-status':
    case 'delete-node':
    case 'patch-pod-status':
    case 'delete-pod':
    case 'write-lease':
    case 'delete-lease':
    case 'write-record':
    case 'delete-record': {
      const answer = await edges.transport.request(requestOf(action, edges.env));
      const outcome = outcomeOfWrite(answer);
      const seen = answer.kind === 'conflict' ? await lookAgain(edges, action) : answer;
      const observed = seen?.kind === 'ok' ? observationOf(action, seen.body) : undefined;
      return observed === undefined ? { outcome } : { outcome, observed };
    }
    default:
      throw new Error(`no such action: ${JSON.stringify(action satisfies never)}`);
  }
}

/**
 * After a conflict, the object as it is. The watch may never show it: one of that name that somebody made without our labels is
 * not in any of our lists, and would be created in vain for ever.
 */
async function lookAgain(edges: ExecuteEdges, action: ApiWrite): Promise<ApiOutcome | undefined> {
  switch (action.kind) {
    case 'create-node':
      return edges.transport.request(getObject(nodes, { name: action.name }));
    case 'write-lease':
      return edges.transport.request(getObject(leases, { namespace: action.namespace, name: action.name }));
    case 'write-record':
      return edges.transport.request(getObject(configMaps, { namespace: action.namespace, name: action.name }));
    default:
      return undefined;
  }
}

/** What a write's answer tells. That of a delete tells nothing: it may be the object's last state or a Status; the watch says when it is gone. */
function observationOf(action: ApiWrite, body: unknown): Observation | undefined {
  switch (action.kind) {
    case 'create-node':
    case 'patch-node':
    case 'patch-node-status': {
      const node = projectNode(body);
      return node && { kind: 'node-observed', node };
    }
    case 'patch-pod-status': {
      const pod = projectPod(body, () => true);
      return pod && { kind: 'pod-observed', pod };
    }
    case 'write-lease': {
      const lease = projectLease(body);
      return lease && { kind: 'lease-observed', lease };
    }
    case 'write-record': {
      const record = projectRecord(body);
      return record && { kind: 'record-observed', record };
    }
    case 'delete-node':
    case 'delete-pod':
    case 'delete-lease':
    case 'delete-record':
      return undefined;
    default:
      throw new Error(`no such write: ${JSON.stringify(action satisfies never)}`);
  }
}

/** The deepest cause of a failed install is wanted whole; everything else fits into a kilobyte. */
const longReasons = new Set(['InstallFailed']);

/** What a burst makes superfluous: that something began, where it is told by then that it ended. */
const begunBy: Readonly<Record<string, string>> = { Installed: 'Installing', Uninstalled: 'Uninstalling' };

function eventOf(action: Extract<Action, { readonly kind: 'record-event' }>): OutboxEvent {
  const supersedes = begunBy[action.reason];
  const { kind, name, namespace, uid } = action.regarding;
  return {
    regarding: { apiVersion: 'v1', kind, name, uid, ...(namespace === undefined ? {} : { namespace }) },
    type: action.type,
    reason: action.reason,
    message: maskText(action.message),
    ...(supersedes === undefined ? {} : { supersedes }),
    ...(longReasons.has(action.reason) ? { maxMessageBytes: 4096 } : {}),
  };
}

/** What a simulated base is: the facts that its messages tell, and the periods that its JVM runs by. */
import type { TopicGeneration } from '@kouplet/protocol';
import { heartbeatMsOf, type Release } from './releases.ts';

export interface BaseFacts {
  /** Second segment of every topic; also what the broker binds credentials to. */
  readonly identity: string;
  /** Lower-cased, as a base does with its own. */
  readonly env: string;
  readonly generation: TopicGeneration;
  /** Which arklet it runs: what its messages look like. */
  readonly release: Release;
  readonly name: string;
  readonly version: string;
  readonly clusterName: string;
  readonly hostName: string;
  /** An IPv4 address; never loopback by default, so that it can be a podIP. */
  readonly ip: string;
  /** `spring.application.name`: the master biz in health, not the heartbeat's name. */
  readonly applicationName: string;
  readonly cpuCount: number;
  /** -1: no `-XX:MaxMetaspaceSize`. */
  readonly maxMetaspaceBytes: number;
  /** The JVM property `activate.new.module`: a second version takes over instead of staying DEACTIVATED. */
  readonly activateNewModule: boolean;
  /** Whether the heartbeat's timer dies at a tick without a connection, for ever, as a real base's does. */
  readonly heartbeatDies: boolean;
  readonly heartbeatMs: number;
  /** How long a download, a start and a stop take where no fault says otherwise. */
  readonly downloadMs: number;
  readonly startMs: number;
  readonly stopMs: number;
}

/** What is known of a base before it is filled in. */
export type GivenFacts = { readonly [K in keyof BaseFacts]?: BaseFacts[K] | undefined } & {
  readonly index?: number | undefined;
};

const mebibyte = 1024 * 1024;

/**
 * Fills in what was left out.
 *
 * @param given what is known; `index` numbers the bases of a fleet and makes the address, else the identity does
 */
export function baseFacts(given: GivenFacts): BaseFacts {
  const identity = given.identity ?? `base-${(given.index ?? 0) + 1}`;
  const name = given.name ?? 'base';
  const release = given.release ?? '1.4.2';
  return {
    identity,
    env: (given.env?.trim() || 'dev').toLowerCase(),
    generation: given.generation ?? 'current',
    release,
    name,
    version: given.version ?? '1.1.1',
    clusterName: given.clusterName ?? 'default',
    hostName: given.hostName ?? identity,
    ip: given.ip ?? addressOf(given.index ?? hashOf(identity)),
    applicationName: given.applicationName ?? name,
    cpuCount: given.cpuCount ?? 2,
    maxMetaspaceBytes: given.maxMetaspaceBytes ?? 256 * mebibyte,
    activateNewModule: given.activateNewModule ?? false,
    heartbeatDies: given.heartbeatDies ?? true,
    heartbeatMs: given.heartbeatMs ?? heartbeatMsOf(release),
    downloadMs: given.downloadMs ?? 2,
    startMs: given.startMs ?? 8,
    stopMs: given.stopMs ?? 8,
  };
}

/** A private address from a number: 10.250.x.y, then 10.249.x.y and so on, without .0 and .255 at the end. */
export function addressOf(index: number): string {
  const block = Math.floor(index / 254);
  return `10.${250 - (Math.floor(block / 256) % 200)}.${block % 256}.${(index % 254) + 1}`;
}

/** FNV-1a: two bases of other names rarely share an address, and one keeps its own over restarts. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash % (254 * 256 * 200);
}

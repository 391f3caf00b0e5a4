/**
 * One replica with the embedded broker: its bases connect to it alone, so a second one would take Nodes whose bases it cannot
 * reach. Whoever starts while another one lives, ends. A Lease is no proof of life (a killed one stands for a while); its
 * renewal is.
 */
import type { ObservedLease } from '@kouplet/core';

export class ReplicaError extends Error {
  constructor(holder: string) {
    super(`another controller with an embedded broker runs in this env and namespace: ${holder}`);
    this.name = 'ReplicaError';
  }
}

/** Long enough for several renewals of a living one; who has run for longer is the one that stays. */
const lookForMs = 20_000;

export class OnlyReplica {
  readonly #own: string;
  readonly #env: string;
  readonly #renewals = new Map<string, string>();
  #until: number | undefined;

  constructor(holderIdentity: string, env: string) {
    this.#own = holderIdentity;
    this.#env = env;
  }

  /** @returns the holder of a replica's Lease of this env that was renewed since we started, while we are young */
  observed(lease: ObservedLease, nowMs: number): string | undefined {
    this.#until ??= nowMs + lookForMs;
    const { holderIdentity = '', renewTime = '' } = lease.spec;
    if (nowMs > this.#until || holderIdentity === '' || holderIdentity === this.#own) return undefined;
    if (lease.metadata.labels?.['virtual-kubelet.koupleless.io/env'] !== this.#env) return undefined;
    const before = this.#renewals.get(lease.metadata.uid);
    this.#renewals.set(lease.metadata.uid, renewTime);
    return before === undefined || before === renewTime ? undefined : holderIdentity;
  }
}

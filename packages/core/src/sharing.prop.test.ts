/** How replicas share the bases: each computes it for itself, and all must come to the same. */
import type { BaseId } from '@kouplet/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFleet, type FleetState } from './fleet.ts';
import { foldFleet } from './fold-fleet.ts';
import { replicaLeaseNameOf } from './names.ts';
import { defaultTimings, type Policy } from './policy.ts';
import { betterReplica, deafLabels, isToBeHandedOver } from './sharing.ts';
import { createBase } from './state.ts';

function policyOf(holderIdentity: string, hasSessions = false): Policy {
  return {
    env: 'dev',
    holderIdentity,
    namespace: 'default',
    kubeletVersion: 'v1.34.0-kouplet.0',
    hasEnvTaint: false,
    hasOsLabels: false,
    unmanagedModules: 'report',
    goneAfterMs: 60_000,
    hasSessions,
    timings: defaultTimings,
  };
}

/** What anybody sees of replicas that renewed at that moment, for the n-th time. */
function seen(holders: readonly string[], mono: number, before = createFleet(), env = 'dev'): FleetState {
  return holders.reduce((fleet, holder) => {
    const lease = {
      metadata: {
        name: replicaLeaseNameOf(holder),
        namespace: 'default',
        uid: holder,
        resourceVersion: `${mono}`,
        labels: {
          'virtual-kubelet.koupleless.io/component': 'replica-lease',
          'virtual-kubelet.koupleless.io/env': env,
        },
      },
      spec: { holderIdentity: holder, renewTime: new Date(mono).toISOString() },
    };
    return foldFleet(fleet, { kind: 'replica-lease-observed', lease, at: { mono, wall: mono } }, policyOf('any'));
  }, before);
}

const baseOf = (id: string) => createBase(id as BaseId);
const at = (mono: number) => ({ mono, wall: mono });
const isChosen = (holder: string, base: string, fleet: FleetState, mono: number): boolean =>
  betterReplica(baseOf(base), fleet, policyOf(holder), at(mono)) === undefined;

const replicas = fc.uniqueArray(fc.stringMatching(/^[a-z0-9_-]{1,12}$/), { minLength: 1, maxLength: 6 });

test('of the replicas that live exactly one is the first choice for a base [SPEC N16]', () => {
  fc.assert(
    fc.property(replicas, fc.string({ minLength: 1 }), (holders, base) => {
      const fleet = seen(holders, 1_000);
      expect(holders.filter((holder) => isChosen(holder, base, fleet, 2_000))).toHaveLength(1);
    }),
  );
});

test('when one dies only its bases go to others, and when it is back they return [SPEC N16]', () => {
  fc.assert(
    fc.property(replicas, fc.string({ minLength: 1 }), (holders, base) => {
      const [dead, ...rest] = holders;
      const fleet = seen(holders, 1_000);
      const before = holders.find((holder) => isChosen(holder, base, fleet, 1_000));
      const later = seen(rest, 20_000, fleet);
      const after = rest.find((holder) => isChosen(holder, base, later, 20_000));
      if (before !== dead) expect(after).toBe(before);
      const back = seen(holders, 21_000, later);
      expect(holders.find((holder) => isChosen(holder, base, back, 21_000))).toBe(before);
    }),
  );
});

test('three hundred bases are spread over three replicas, a third each give or take a half [SPEC N16]', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { minLength: 3, maxLength: 3 }), (holders) => {
      const fleet = seen(holders, 1_000);
      const shares = holders.map(
        (holder) =>
          Array.from({ length: 300 }, (_none, n) => `10.0.0.${n}`).filter((id) => isChosen(holder, id, fleet, 1_000))
            .length,
      );
      expect(Math.min(...shares)).toBeGreaterThan(55);
      expect(Math.max(...shares)).toBeLessThan(150);
    }),
    { numRuns: 50 },
  );
});

test('a base is handed over once the other has lived for half a minute without a break, not before [SPEC N17]', () => {
  const holders = ['r1', 'r2'];
  let fleet = seen(holders, 1_000);
  const base = Array.from({ length: 99 }, (_none, n) => `b${n}`).find((id) => isChosen('r2', id, fleet, 1_000)) ?? '';
  const isHandedOver = (mono: number) => isToBeHandedOver(baseOf(base), fleet, policyOf('r1'), at(mono));
  for (const mono of [11_000, 21_000]) fleet = seen(holders, mono, fleet);
  expect(isHandedOver(21_000)).toBe(false);
  // It stood still for twenty seconds: its half a minute begins anew.
  for (const mono of [41_000, 51_000, 61_000]) fleet = seen(holders, mono, fleet);
  expect(isHandedOver(61_000)).toBe(false);
  fleet = seen(holders, 71_000, fleet);
  expect(isHandedOver(71_000)).toBe(true);
  const busy = { ...baseOf(base), flights: { 'pod/x': { actionId: 1, startedAt: 0, hash: '' } } };
  expect(isToBeHandedOver(busy, fleet, policyOf('r1'), at(71_000))).toBe(false);
});

test('replicas of another env, and any beside the embedded broker, are no choice [SPEC N16]', () => {
  const others = Array.from({ length: 20 }, (_none, n) => `r${n}`);
  expect(isChosen('own', 'b1', seen(others, 1_000, createFleet(), 'prod'), 1_000)).toBe(true);
  const fleet = seen(others, 1_000);
  expect(betterReplica(baseOf('b1'), fleet, policyOf('own', true), at(1_000))).toBeUndefined();
});

test('one without its broker is no choice for anybody, itself included, while another hears; where none hears all stays [SPEC N18]', () => {
  const holders = ['r1', 'r2', 'r3'];
  const heard = seen(holders, 100_000);
  const deaf = foldFleet(
    foldFleet(heard, { kind: 'link-up', link: 'tunnel', at: at(1) }, policyOf('r1')),
    { kind: 'link-down', link: 'tunnel', reason: 'gone', at: at(90_000) },
    policyOf('r1'),
  );
  const bases = Array.from({ length: 30 }, (_none, n) => `b${n}`);
  const own = (fleet: FleetState, mono: number) => bases.filter((id) => isChosen('r1', id, fleet, mono)).length;
  expect(own(deaf, 99_999)).toBeGreaterThan(0);
  expect(own(deaf, 100_000)).toBe(0);
  for (const id of bases) {
    if (betterReplica(baseOf(id), deaf, policyOf('r1'), at(100_000)) === undefined) continue;
    expect(isToBeHandedOver({ ...baseOf(id), flights: {} }, deaf, policyOf('r1'), at(100_000))).toBe(true);
  }
  const labels = deafLabels(deaf, policyOf('r1'), at(100_000));
  const allDeaf = {
    ...deaf,
    replicas: Object.fromEntries(
      Object.entries(deaf.replicas).map(([name, { lease, ...rest }]) => {
        const metadata = { ...lease.metadata, labels: { ...lease.metadata.labels, ...labels } };
        return [name, { ...rest, lease: { ...lease, metadata } }];
      }),
    ),
  };
  expect(own(allDeaf, 100_000)).toBe(30);
});

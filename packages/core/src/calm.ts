/**
 * Bases on which all that is wanted runs and nothing else does: nearly all of them, nearly always. Slots and Pods never change, so
 * what follows from the two is derived once, and a plan of a base with thirty Pods costs what one with none does. [SPEC I13]
 */
import type { BizKey } from '@kouplet/protocol';
import { type Desire, isContainerEnded, wishesOf } from './ownership.ts';
import type { BaseState, Slot } from './state.ts';

/**
 * Every biz of the base runs for the one Pod that wants it, from where that wants it, and every wish is met: there is nothing to
 * send, to wait for, to report or to try again, whatever the time.
 */
export interface Calm {
  readonly pods: BaseState['pods'];
  readonly desires: ReadonlyMap<BizKey, Desire>;
}

const calmBySlots = new WeakMap<
  BaseState['slots'],
  Calm | { readonly pods: BaseState['pods']; readonly desires?: never }
>();

/** @returns undefined where anything is under way, unmet, broken, foreign or of no use */
export function calmOf({ slots, pods }: BaseState): Calm | undefined {
  let known = calmBySlots.get(slots);
  if (known?.pods !== pods) {
    const desires = calmDesires(slots, pods);
    known = desires === undefined ? { pods } : { pods, desires };
    calmBySlots.set(slots, known);
  }
  return known.desires === undefined ? undefined : known;
}

function calmDesires(slots: BaseState['slots'], pods: BaseState['pods']): ReadonlyMap<BizKey, Desire> | undefined {
  for (const key in slots) if (!isSettled(slots[key])) return undefined;
  const wishes = wishesOf(pods);
  const desires = new Map<BizKey, Desire>();
  for (const [key, [wish, ...others]] of wishes) {
    const slot = slots[key];
    if (wish === undefined || others.length > 0 || slot?.claim === undefined) return undefined;
    const { entry, biz } = wish;
    if (slot.claim.podUid !== entry.pod.metadata.uid || slot.claim.url !== biz.mark) return undefined;
    if (isContainerEnded(slot, entry, biz)) return undefined;
    desires.set(key, { key, winner: wish, losers: [] });
  }
  return Object.keys(slots).length === desires.size ? desires : undefined;
}

/** It runs, is ours, and nothing about it is unsure or under way. */
function isSettled(slot: Slot | undefined): boolean {
  return (
    slot?.presence === 'ACTIVATED' &&
    slot.claim !== undefined &&
    slot.operation === undefined &&
    slot.lost === undefined &&
    slot.due === undefined &&
    slot.contested === undefined &&
    slot.troubles === undefined &&
    slot.resolvedSince === undefined
  );
}

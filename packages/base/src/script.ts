/**
 * What was arranged for one base from outside, beyond what module URLs ask for: it outlives the base's processes. The engine
 * reads it and counts down; the `faults` of a SimulatedBase write it.
 */
import type { BaseChannel, CommandKind } from '@kouplet/protocol';
import type { FailureName } from './module-url.ts';

export interface Script {
  /** How many of the next commands, by kind, vanish on their way. */
  readonly commandsToDrop: Map<CommandKind, number>;
  /** How many of the next publishes, by channel, vanish on their way. */
  readonly publishesToDrop: Map<BaseChannel, number>;
  /** Failures for the next installs, whatever their URLs say; first in, first out. */
  readonly installsToFail: FailureName[];
  /** Added to every operation, ms. */
  delayMs: number;
  /** Hears everything, says nothing. */
  isMuted: boolean;
  /** The heartbeat's timer is dead, as after an outage. */
  isHeartFrozen: boolean;
  /** How often a URL's fault has struck, by `fault url`. */
  readonly strikes: Map<string, number>;
}

/** More URLs with a counted fault than anybody tries on one base; the oldest is forgotten. */
const mostStrikes = 1000;

export function emptyScript(): Script {
  return {
    commandsToDrop: new Map(),
    publishesToDrop: new Map(),
    installsToFail: [],
    delayMs: 0,
    isMuted: false,
    isHeartFrozen: false,
    strikes: new Map(),
  };
}

/** Whether a counted fault strikes this time; counts it if so. */
export function strikes(script: Script, fault: string, url: string, times: number): boolean {
  if (times === Infinity) return true;
  const key = `${fault} ${url}`;
  const before = script.strikes.get(key) ?? 0;
  if (before >= times) return false;
  script.strikes.delete(key);
  script.strikes.set(key, before + 1);
  const oldest = script.strikes.keys().next();
  if (script.strikes.size > mostStrikes && !oldest.done) script.strikes.delete(oldest.value);
  return true;
}

/** Takes one off a count; whether there was one. */
export function takeOne<Key>(counts: Map<Key, number>, key: Key): boolean {
  const left = counts.get(key) ?? 0;
  if (left <= 0) return false;
  if (left === 1) counts.delete(key);
  else counts.set(key, left - 1);
  return true;
}

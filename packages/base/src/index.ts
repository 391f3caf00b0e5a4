/** @kouplet/base: the base simulator. It speaks the wire of a Java base, with faults that a URL or a test can ask for. */
export type { BaseFacts } from './facts.ts';
export { addressOf } from './facts.ts';
export { type Fleet, type FleetOptions, startFleet } from './fleet.ts';
export { type FailureName, failureNames } from './module-url.ts';
export { type Release, releases } from './releases.ts';
export {
  type BaseFaults,
  type BaseOptions,
  type ListedBiz,
  type LoggedCommand,
  type SimulatedBase,
  startBase,
} from './simulated-base.ts';

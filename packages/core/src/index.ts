/**
 * @kouplet/core: what the wire means. Pure: no I/O, no clock, no randomness, no RxJS.
 *
 * The edge keeps a Map of `BaseState` and one `FleetState`, folds every input into them, plans, executes, and folds the
 * outcomes: `action-started` when it takes an action up, the objects that a write answered, then `action-ended`.
 */
export { wordsOfAction } from './action-words.ts';
export * from './actions.ts';
export { describeBase, shownPlan } from './describe.ts';
export { createFleet, type FleetState, type Link, type Replica } from './fleet.ts';
export { foldBase } from './fold-base.ts';
export { foldFleet } from './fold-fleet.ts';
export { type Handed, handedOf, handOverAnnotation } from './hand-over.ts';
export * from './inputs.ts';
export * from './journal/index.ts';
export { concernsBases, surveyBase } from './liveness.ts';
export { markOf, maskData, maskText, maskUrl } from './mask.ts';
export {
  baseIdOfNodeName,
  givenUpAnnotation,
  identityAnnotation,
  nodeLeaseNamespace,
  nodeNameOf,
  recordNameOf,
  replicaLeaseNameOf,
} from './names.ts';
export * from './observed.ts';
export * from './peers.ts';
export { isForgettable, planBase } from './plan-base.ts';
export { planFleet } from './plan-fleet.ts';
export * from './policy.ts';
export { type Projection, projectBase } from './project.ts';
export { type BaseState, createBase } from './state.ts';
export * from './time.ts';
export { type Why, type WhyLine, type WhySubject, type WhyTopic, whyOf } from './why.ts';

/** @kouplet/core: what the wire means. Pure: no I/O, no clock, no randomness, no RxJS. */
export * from './actions.ts';
export * from './inputs.ts';
export * from './observed.ts';
export * from './policy.ts';
export * from './time.ts';

/** @kouplet/protocol: what is on the wire between Kouplet and a base. Pure; depends on zod only. */
export * from './decode.ts';
export * from './encode.ts';
export * from './ids.ts';
export * from './messages.ts';
export * from './text.ts';
export * from './topics.ts';
export { bizStateOf } from './wire.ts';

/** @kouplet/protocol: what is on the wire between Kouplet and a base. Pure; depends on zod only. */
export * from './ids.ts';
export * from './messages.ts';

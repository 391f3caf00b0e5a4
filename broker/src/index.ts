/** @kouplet/broker */
export type { SendOutcome, Tunnel, TunnelEvent, TunnelMessage } from './tunnel.ts';

/** What a scenario's world is made with: its clock's origin, its policy, its link faults, and the trace it leaves. Test support. */
import type { ArkletCommand, BaseMessage } from '@kouplet/protocol';
import type { Action } from '../actions.ts';
import type { BaseInput, FleetInput, Outcome } from '../inputs.ts';
import { defaultTimings, type Policy } from '../policy.ts';
import type { BaseState } from '../state.ts';
import type { Change } from './fake-api.ts';

/** 2026-01-01T00:00:00Z: where every scenario starts. */
export const epochWall = Date.UTC(2026, 0, 1);

/** What may be done to a delivery on its way: a link fault. */
export type Delivery =
  | { readonly kind: 'message'; readonly baseId: string; readonly message: BaseMessage }
  | { readonly kind: 'command'; readonly baseId: string; readonly command: ArkletCommand }
  | { readonly kind: 'watch'; readonly change: Change };

export type LinkFault = (delivery: Delivery, index: number) => { readonly copies: number; readonly delayMs: number };

/** Everything that happened, for the invariants and for `log`. */
export type Happening =
  | { readonly at: number; readonly kind: 'input'; readonly input: BaseInput | FleetInput }
  | { readonly at: number; readonly kind: 'started'; readonly action: Action; readonly before: BaseState | undefined }
  | { readonly at: number; readonly kind: 'ended'; readonly action: Action; readonly outcome: Outcome };

export const defaultPolicy: Policy = {
  env: 'dev',
  holderIdentity: 'r1',
  namespace: 'default',
  kubeletVersion: 'v1.34.0-kouplet.0.1.0',
  hasEnvTaint: false,
  hasOsLabels: false,
  unmanagedModules: 'report',
  goneAfterMs: 60_000,
  hasSessions: true,
  timings: defaultTimings,
};

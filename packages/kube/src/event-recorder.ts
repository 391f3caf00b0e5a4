import type { Clock } from './clock.ts';
import type { Transport } from './transport.ts';

/** What an Event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent for objects without a namespace: their Events are in `default`. */
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
}

export interface EventContent {
  readonly regarding: Regarding;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  readonly message: string;
  /** Where the message is cut. Default 1024 bytes; 4096 where the whole text matters. */
  readonly maxMessageBytes?: number;
}

/** `created`, `counted` on an earlier one, `limited` (too many about this object, or too many under way), `failed` (told to nobody again). */
export type EventOutcome = 'created' | 'counted' | 'limited' | 'failed';

export interface EventRecorder {
  /** Best effort: never rejects, never retries. */
  record(event: EventContent): Promise<EventOutcome>;
  /** Waits for those under way, at most `withinMs`. */
  flush(withinMs: number): Promise<void>;
}

export interface EventRecorderOptions {
  readonly transport: Transport;
  /** `source.component`: what kubectl shows under From. */
  readonly component: string;
  /** `source.host`. */
  readonly host?: string;
  readonly clock?: Clock;
}

export function createEventRecorder(_options: EventRecorderOptions): EventRecorder {
  throw new Error('not built yet');
}

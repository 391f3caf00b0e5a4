/**
 * The port between the controller and whatever broker carries its bytes. A tunnel carries, it decides nothing:
 * no retry, no queue, no knowledge of what a message means. Two implementations, one contract suite:
 * `AedesTunnel` (the embedded broker, in process) and `MqttTunnel` (an external broker, by mqtt.js).
 */

/** A publish as it came in. */
export interface TunnelMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

/** What became of a publish of ours. `no-session`: the base is not connected, or no longer reads (embedded broker only). `down`: the link to the broker is. */
export type SendOutcome = 'sent' | 'no-session' | 'down';

/**
 * Why a base's session closed.
 * - `closed`: its connection ended, by a goodbye, a FIN or a reset: nobody can tell a stop from a kill by it
 * - `taken-over`: a newer connection of the same base is there; its `session-opened` follows as soon as it has subscribed
 * - `silent`: nothing came within one and a half keep-alives
 * - `stuck`: it did not take what was written to it for the drain time-out
 * - `unsubscribed`: it is connected but no longer listens to its commands
 * - `cut`: the broker ended it, for a packet too large or malformed
 */
export type SessionCloseCause = 'closed' | 'taken-over' | 'silent' | 'stuck' | 'unsubscribed' | 'cut';

/** Everything a tunnel tells. Called in order, never re-entrantly; a listener that throws is logged and nothing else. */
export type TunnelEvent =
  | { readonly kind: 'message'; readonly message: TunnelMessage }
  /**
   * A base's session opened or closed: embedded broker only. `sessionId` differs for each connection. Opened means that the base has
   * subscribed to its commands, so that a command sent from now on reaches it; every opened one is closed once, and before the next of that base opens.
   */
  | { readonly kind: 'session-opened'; readonly baseId: string; readonly sessionId: string }
  | {
      readonly kind: 'session-closed';
      readonly baseId: string;
      readonly sessionId: string;
      readonly reason: string;
      readonly cause?: SessionCloseCause;
    }
  /** We see (external: connected, subscribed and a canary has come back) or are blind. The embedded broker is up from listening to closing. */
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly reason: string };

export interface Tunnel {
  /** Which it is: the controller words its messages by it. */
  readonly kind: 'embedded' | 'external';
  /** Registers the one listener and starts; resolves when up for the first time, rejects with a clear error where it can never be. */
  start(listener: (event: TunnelEvent) => void): Promise<void>;
  /**
   * Publishes to one base, never retained. QoS 0 through the embedded broker, 1 through an external one.
   * Resolves once the bytes are handed to the socket (external: not when acknowledged). Never rejects.
   */
  send(baseId: string, topic: string, payload: Uint8Array): Promise<SendOutcome>;
  /** Clears a retained message on a topic by an empty retained publish (external only; the embedded broker keeps none). */
  clearRetained(topic: string): Promise<SendOutcome>;
  /** Ends it. Closing our own listener is no session close: no `session-closed` is told after this is called. */
  close(): Promise<void>;
}

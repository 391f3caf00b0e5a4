/** The tunnel as a source: its events → inputs. Whatever bytes come on whatever topic, nothing here throws. */
import type { Tunnel, TunnelEvent, TunnelMessage } from '@kouplet/broker';
import { type BaseId, decode, isBaseId, parseCommandTopic, parseTopic, type Rejection } from '@kouplet/protocol';
import { Observable } from 'rxjs';
import { type EdgeInput, ofBase, ofFleet } from './edge-input.ts';

export interface TunnelSourceOptions {
  readonly tunnel: Tunnel;
  readonly env: string;
  readonly onMessage: (kind: string) => void;
  readonly onRejection: (rejection: Rejection, topic: string) => void;
  /** A retained command that upstream left behind is being cleared. */
  readonly onLeftover: (topic: string) => void;
  /** The tunnel could not start and never will: its own error, with a clear message. */
  readonly onStartFailed: (error: unknown) => void;
  readonly onStarted: () => void;
}

/** Starts the tunnel when it is subscribed to; a tunnel is started once. Closing it is up to whoever made it. */
export function fromTunnel(options: TunnelSourceOptions): Observable<EdgeInput> {
  return new Observable((subscriber) => {
    options.tunnel
      .start((event) => {
        for (const input of inputsOf(options, event)) subscriber.next(input);
      })
      .then(options.onStarted, options.onStartFailed);
  });
}

/** Exported for its table. An event is at most one input, but for bytes that nobody needs to know of. */
export function inputsOf(options: TunnelSourceOptions, event: TunnelEvent): readonly EdgeInput[] {
  switch (event.kind) {
    case 'message':
      return inputsOfMessage(options, event.message);
    case 'session-opened':
    case 'session-closed': {
      const { kind, baseId, sessionId } = event;
      return isBaseId(baseId) ? [ofBase(baseId, { kind, sessionId })] : [];
    }
    case 'up':
      return [ofFleet({ kind: 'link-up', link: 'tunnel' })];
    case 'down':
      return [ofFleet({ kind: 'link-down', link: 'tunnel', reason: event.reason })];
    default:
      event satisfies never;
      return [];
  }
}

function inputsOfMessage(options: TunnelSourceOptions, message: TunnelMessage): readonly EdgeInput[] {
  const { topic, payload, retain } = message;
  const command = parseCommandTopic(topic);
  if (command !== undefined) {
    // Upstream retains every command: a base that reconnects would run it again, out of the past. Without the
    // flag, and empty, it is our own command or our own clearing that comes back to us.
    if (retain && payload.length > 0) {
      options.onLeftover(topic);
      void options.tunnel.clearRetained(topic);
    }
    return [];
  }
  const decoded = decode(topic, payload, { retain });
  if (!decoded.ok) {
    options.onRejection(decoded.error, topic);
    const baseId = baseIdOf(options, topic);
    return baseId === undefined ? [] : [ofBase(baseId, { kind: 'rejected', rejection: decoded.error })];
  }
  const { origin, baseId, message: said } = decoded.value;
  if (origin.env !== undefined && origin.env !== options.env) {
    options.onRejection({ code: 'unknown-topic', detail: `env ${origin.env} is not served here` }, topic);
    return [];
  }
  options.onMessage(said.kind);
  return [ofBase(baseId, { kind: 'message', generation: origin.generation, message: said })];
}

function baseIdOf(options: TunnelSourceOptions, topic: string): BaseId | undefined {
  const origin = parseTopic(topic)?.origin;
  return origin === undefined || (origin.env !== undefined && origin.env !== options.env) ? undefined : origin.baseId;
}

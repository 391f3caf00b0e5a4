/**
 * Bytes on a topic to a message, or a typed rejection with a reason. Total: no input throws. The one place where bytes of
 * strangers become values of ours; everything behind it is typed.
 */
import type { z } from 'zod';
import { bizReport } from './biz-report.ts';
import { healthReport } from './health-report.ts';
import { baselineQuery, heartbeat } from './heartbeat.ts';
import { type BaseId, err, ok, type Result } from './ids.ts';
import type { BaseMessage, Origin, Rejection } from './messages.ts';
import { batchResult, operationResult } from './operation-result.ts';
import { oneLine } from './text.ts';
import { type BaseChannel, parseTopic } from './topics.ts';

export interface DecodedMessage {
  readonly origin: Origin;
  /** `origin.baseId`, branded: the topic is what proves it. */
  readonly baseId: BaseId;
  readonly message: BaseMessage;
}

/**
 * Largest payload that is looked at: 1 MiB. The largest recorded is 7 kB (a stack trace); a list takes 150 bytes a biz, so
 * that a thousand modules with their records make 150 kB. Above that it is no base, and parsing it would only cost.
 */
export const largestPayloadBytes = 1024 * 1024;

const shapes: Readonly<Record<BaseChannel, z.ZodType<BaseMessage>>> = {
  heart: heartbeat,
  health: healthReport,
  biz: bizReport,
  simpleBiz: bizReport,
  bizOperation: operationResult,
  queryBaseline: baselineQuery,
  batchInstallBizResponse: batchResult,
};

// Told apart from the payload's own text: a byte order mark is dropped, as fastjson drops it.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes a publish that a base made.
 *
 * @param topic   as it came, `koupleless_<env>/<identity>/base/<channel>` or the seed's
 * @param payload its bytes; not kept
 * @param options `retain` as delivered: a retained message is history, whoever left it
 * @returns the message with its origin, or why it is none. Never throws. [SPEC P15] [SPEC P16] [SPEC P17] [SPEC P18]
 */
export function decode(
  topic: string,
  payload: Uint8Array,
  options: { readonly retain: boolean },
): Result<DecodedMessage, Rejection> {
  const parsed = parseTopic(topic);
  if (parsed === undefined)
    return reject('unknown-topic', `no topic of a base: ${JSON.stringify(topic.slice(0, 200))}`);
  const { origin, channel } = parsed;
  if (options.retain) return reject('retained', `${channel}: a retained message tells the past`);
  if (payload.length === 0) return reject('empty', `${channel}: no payload`);
  if (payload.length > largestPayloadBytes) {
    return reject('too-large', `${channel}: ${payload.length} bytes, at most ${largestPayloadBytes} are read`);
  }
  const text = textOf(payload);
  if (text === undefined) return reject('not-utf8', `${channel}: ${payload.length} bytes that are no UTF-8`);
  const json = jsonOf(text);
  if (!json.ok) return reject('not-json', `${channel}: ${json.error}: ${JSON.stringify(text.slice(0, 60))}`);
  const message = shapes[channel].safeParse(json.value);
  if (!message.success) return reject('wrong-shape', `${channel}: ${whereOf(message.error)}`);
  const said = 'identity' in message.data ? message.data.identity : undefined;
  if (said !== undefined && said !== origin.baseId) {
    const both = `${JSON.stringify(said.slice(0, 100))} on a topic of ${JSON.stringify(origin.baseId.slice(0, 100))}`;
    return reject('identity-mismatch', `${channel}: the payload says ${both}`);
  }
  return ok({ origin, baseId: origin.baseId, message: message.data });
}

function reject(code: Rejection['code'], detail: string): Result<never, Rejection> {
  return err({ code, detail: oneLine(detail, 300) });
}

function textOf(payload: Uint8Array): string | undefined {
  try {
    return utf8.decode(payload);
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): Result<unknown, string> {
  try {
    return ok(JSON.parse(text));
  } catch {
    // Not the parser's own words: they quote the payload at length.
    return err('no JSON');
  }
}

/** The first thing wrong and where, without the value. */
function whereOf(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? 'not this shape' : `${issue.path.join('.') || 'payload'}: ${issue.message}`;
}

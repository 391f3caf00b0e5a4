/** The one table from what the API server or the tunnel answered to what the core knows as an `Outcome`. */
import type { SendOutcome } from '@kouplet/broker';
import type { Outcome } from '@kouplet/core';
import { type ApiOutcome, describeOutcome } from '@kouplet/kube';

/**
 * - 404 and another incarnation are `gone`; 409 is `conflict`: the next observation decides
 * - what will fail again in the same way (422, 403, 401) is `refused`: tried on at the back-off's cap, for rights may change
 * - 429, 5xx, time-out and reset are `failed`, with the server's own Retry-After
 */
export function outcomeOfWrite(answer: ApiOutcome): Outcome {
  switch (answer.kind) {
    case 'ok':
      return { kind: 'done' };
    case 'gone':
      return { kind: 'gone' };
    case 'conflict':
      return { kind: 'conflict' };
    case 'unprocessable':
    case 'refused':
    case 'unauthorized':
      return { kind: 'refused', message: describeOutcome(answer) };
    case 'throttled':
      return { kind: 'failed', message: describeOutcome(answer), retryAfterMs: answer.retryAfterMs };
    case 'failed':
      return answer.retryAfterMs === undefined
        ? { kind: 'failed', message: describeOutcome(answer) }
        : { kind: 'failed', message: describeOutcome(answer), retryAfterMs: answer.retryAfterMs };
    default:
      throw new Error(`no such answer: ${JSON.stringify(answer satisfies never)}`);
  }
}

const sent: Readonly<Record<SendOutcome, Outcome>> = {
  sent: { kind: 'done' },
  'no-session': { kind: 'unsent' },
  down: { kind: 'unsent' },
};

export function outcomeOfSend(answer: SendOutcome): Outcome {
  return sent[answer];
}

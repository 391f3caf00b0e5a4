/** `P/base/bizOperation` and `P/base/batchInstallBizResponse`: how a command ended. */
import { z } from 'zod';
import { reportedBiz } from './biz-report.ts';
import type { BatchResult, OperationOutcome, OperationResult, ReportedBiz } from './messages.ts';
import { cutBytes, deepestCause, longestDetailBytes, oneLine } from './text.ts';
import { anything, envelope, fact, keyOf, maybe, present, prose } from './wire.ts';

/** `data` of a response: an InstallResponse, an uninstall's, a ProcessRecord (asynchronous), or a failure with its stack trace. */
const responseData = z.object({
  code: fact,
  message: prose,
  bizInfos: anything,
  requestId: fact,
  status: fact,
  arkBizMeta: anything,
  bizUrlToResponse: anything,
});
type ResponseData = z.infer<typeof responseData>;

const response = z.object({ code: fact, message: prose, data: maybe(responseData) });
type Response = z.infer<typeof response>;

/** An answer without any code says nothing about how it ended. */
const answered = response.refine((answer) => answer.code !== undefined, 'no code');

/** Longest `command` that is kept: the names are a dozen letters. */
const command = z.string().min(1).max(128);

/** Answer to one command. Name and version are echoed as they were sent, in whatever type; 1.3.2 leaves them out. [SPEC P9] */
export const operationResult = envelope(
  z.object({ command, bizName: anything, bizVersion: anything, response: answered }),
).transform(
  ({ data, publishTimestamp }): OperationResult => ({
    kind: 'operation-result',
    command: oneLine(data.command, 128),
    outcome: outcomeOf(data.response),
    ...present({ key: keyOf(data.bizName, data.bizVersion), publishedAt: publishTimestamp }),
  }),
);

/** Answer to a baseline, by URL; a thrown error has no URLs at all. [SPEC P10] */
export const batchResult = envelope(z.object({ response: answered })).transform(
  ({ data, publishTimestamp }): BatchResult => {
    const whole = outcomeOf(data.response);
    return {
      kind: 'batch-result',
      results: resultsByUrl(data.response.data?.bizUrlToResponse),
      ...present({ message: 'message' in whole ? whole.message : undefined, publishedAt: publishTimestamp }),
    };
  },
);

/**
 * Classifies one response. [SPEC P11] [SPEC P12] [SPEC P13]
 *
 * The inner code decides before the outer one: REPEAT_BIZ and NOT_FOUND_BIZ come inside a FAILED response. A conflict has
 * neither data nor a code of its own, only its words (arklet BizOpsCommandCoordinator). A ProcessRecord has no code inside.
 */
export function outcomeOf(answer: Response): OperationOutcome {
  const data = answer.data ?? undefined;
  const code = (data?.code ?? answer.code ?? '').toUpperCase();
  const isSuccess = (answer.code ?? '').toUpperCase() === 'SUCCESS';
  if (isSuccess && data !== undefined && isProcessRecord(data)) return { kind: 'accepted' };
  const text = oneLine(data?.message ?? answer.message ?? '');
  switch (code) {
    case 'SUCCESS':
      return isSuccess
        ? { kind: 'success', ...present({ installedAs: listOf(data?.bizInfos), message: text || undefined }) }
        : failureOf(answer, data);
    case 'REPEAT_BIZ':
      return { kind: 'repeat', message: text };
    case 'NOT_FOUND_BIZ':
      return { kind: 'not-found', message: text };
    default:
      return data === undefined && /\bconflict, exist unfinished command\b/.test(answer.message ?? '')
        ? { kind: 'conflict', message: text }
        : failureOf(answer, data);
  }
}

/** A command taken up asynchronously answers with a record of its progress instead of a result. */
function isProcessRecord(data: ResponseData): boolean {
  return data.code === undefined && (data.requestId ?? data.status ?? data.arkBizMeta) !== undefined;
}

/** The deepest cause as one line, else the response's own message where it says anything, else the first line of the whole text. */
function failureOf(answer: Response, data: ResponseData | undefined): OperationOutcome {
  const whole = data?.message;
  const own = oneLine(answer.message ?? '');
  const message =
    (whole && deepestCause(whole)) ||
    (/^(un)?install biz not success!$/.test(own) ? '' : own) ||
    oneLine(whole?.split('\n', 1)[0] ?? '') ||
    own ||
    oneLine(data?.code ?? answer.code ?? '');
  return { kind: 'failed', message, ...present({ detail: whole && cutBytes(whole.trim(), longestDetailBytes) }) };
}

/** What the base really installed; entries that name no biz are left out (the operation's end is not in doubt for that). */
function listOf(bizInfos: unknown): readonly ReportedBiz[] | undefined {
  if (!Array.isArray(bizInfos)) return undefined;
  const read = bizInfos.slice(0, 100).flatMap((info): ReportedBiz[] => {
    const biz = reportedBiz.safeParse(info);
    if (!biz.success) return [];
    const { mainClass: _, ...reported } = biz.data;
    return [reported];
  });
  return read.length > 0 ? read : undefined;
}

/** The map by URL as a list: its keys are URLs that somebody else chose, `__proto__` included. */
function resultsByUrl(byUrl: unknown): BatchResult['results'] {
  if (typeof byUrl !== 'object' || byUrl === null || Array.isArray(byUrl)) return [];
  return Object.entries(byUrl)
    .slice(0, 2000)
    .flatMap(([url, each]) => {
      const data = responseData.safeParse(each);
      return data.success
        ? [{ url, outcome: outcomeOf({ code: data.data.code, message: undefined, data: data.data }) }]
        : [];
    });
}

/** What is taken of a request for logs, and the words in which one is refused. */
import type { RefusedOutcome } from '@kouplet/kube';

/** A refusal: its HTTP status and its words. */
export interface Answer {
  readonly code: number;
  readonly text: string;
}

/** What a kubelet takes of a log's query and the API of Kubernetes has, too. */
const passedOn = ['follow', 'previous', 'timestamps', 'sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes', 'stream'];
const containerRequests = /^\/(exec|attach|portForward|run|cri)\//;

/** What of a log's query goes to the API server. */
export function given(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries(
    passedOn.flatMap((name) => {
      const value = query.get(name);
      return value === null || value === '' ? [] : [[name, value]];
    }),
  );
}

/** What the API server says of the base's Pod: bad requests are the asker's, all else ours. */
export function refusalOf(outcome: RefusedOutcome, whose: string): Answer {
  const words = `${whose}: ${outcome.failure.message}`;
  switch (outcome.kind) {
    case 'gone':
      return { code: 400, text: words };
    case 'throttled':
      return { code: 429, text: words };
    case 'refused':
    case 'unprocessable':
      if (outcome.status === 403) return { code: 500, text: `the controller may not read ${words}` };
      return { code: 400, text: words };
    default:
      return { code: outcome.status === 503 ? 503 : 500, text: words };
  }
}

/** Whether it asks for what needs a container: exec, attach, port-forward. */
export function isContainerRequest(path: string): boolean {
  return containerRequests.test(path);
}

/** What to do instead of such a request. */
export function insteadOf(path: string): string {
  if (path.startsWith('/portForward/')) return 'no port can be forwarded to it; forward one of the base’s own Pod';
  if (path.startsWith('/attach/')) return 'nothing can be attached to; kubectl logs shows the base’s log';
  return 'no command can be run in it; run it in the base’s own Pod';
}

/** A refusal as the Status that kubectl reads where it wanted another protocol. */
export function statusOf(code: number, message: string): object {
  const reason = code === 400 ? { reason: 'BadRequest' } : {};
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, ...reason, code };
}

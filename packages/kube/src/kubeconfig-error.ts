/** What can be wrong with a kubeconfig. */
import { textOf } from './error-text.ts';

/** What is wrong, by kind; the error's message says it to a person. */
export type KubeconfigProblem =
  | 'nothing-found'
  | 'file-missing'
  | 'file-unreadable'
  | 'not-yaml'
  | 'not-a-kubeconfig'
  | 'no-current-context'
  | 'no-such-context'
  | 'no-such-cluster'
  | 'no-such-user'
  | 'bad-server'
  | 'bad-certificate'
  | 'unsupported-proxy'
  | 'credentials-failed';

/** The user's mistake: the message is one line that says what, where and what to do. */
export class KubeconfigError extends Error {
  readonly code: KubeconfigProblem;
  constructor(code: KubeconfigProblem, message: string, options?: { cause?: unknown }) {
    super(message.replace(/\s+/g, ' ').trim(), options);
    this.name = 'KubeconfigError';
    this.code = code;
  }
}

/** Anything thrown while credentials are read, as the error it is told as. */
export function asKubeconfigError(error: unknown): KubeconfigError {
  return error instanceof KubeconfigError
    ? error
    : new KubeconfigError('credentials-failed', textOf(error), { cause: error });
}

/**
 * How a command ends: 0 done, 1 failed, 2 wrong use. A `Failure` is one clear line and what to do about it; anything else
 * that is thrown is a bug and is shown with its stack.
 */

export const exitCodes = { done: 0, failed: 1, wrongUse: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export class Failure extends Error {
  readonly exitCode: ExitCode;
  /** What to do, as a sentence of its own. */
  readonly advice: string;

  constructor(exitCode: ExitCode, message: string, advice: string) {
    // The advice follows as a sentence of its own, and messages of others may end as one; a question keeps its mark.
    super(message.replace(/\.$/, ''));
    this.name = 'Failure';
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

/** The world is not as it has to be: a port in use, a broker that refuses. */
export function failed(message: string, advice: string): Failure {
  return new Failure(exitCodes.failed, message, advice);
}

/** The command was given wrongly. */
export function wrongUse(message: string, advice: string): Failure {
  return new Failure(exitCodes.wrongUse, message, advice);
}

/** The system's code of an error (`EADDRINUSE`), through any `cause`. */
export function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Says a listen error in words.
 * @param flag the flag that would choose another place, e.g. `--listen`
 */
export function listenFailure(error: unknown, what: string, place: string, flag: string): Error {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return failed(
        `${what} cannot listen on ${place}: the port is in use`,
        `Stop what listens there, or choose another with ${flag}.`,
      );
    case 'EACCES':
      return failed(
        `${what} cannot listen on ${place}: not allowed`,
        `Ports below 1024 need rights; choose another with ${flag}.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return failed(
        `${what} cannot listen on ${place}: this machine has no such address`,
        `Choose one of this machine's with ${flag}.`,
      );
    default:
      return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Says a failure to read a file that the user named in words.
 * @param flag the flag that named it; undefined where the file is the command's argument
 */
export function fileFailure(error: unknown, flag: string | undefined, path: string): Error {
  const said = flag === undefined ? '' : `${flag}: `;
  switch (codeOf(error)) {
    case 'ENOENT':
      return failed(`${said}there is no file ${path}`, 'Check the path.');
    case 'EACCES':
      return failed(`${said}${path} may not be read`, 'Check its owner and mode.');
    case 'EISDIR':
      return failed(`${said}${path} is a directory`, 'Name a file.');
    default:
      return failed(`${said}${path} cannot be used: ${messageOf(error)}`, 'Check its content.');
  }
}

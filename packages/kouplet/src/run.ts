/** From arguments to an exit code: parses, runs the command, and says in one line what went wrong. */
import { CommanderError } from 'commander';
import { type Environment, normaliseVariables } from './environment.ts';
import { exitCodes, Failure } from './failure.ts';
import { createProgram } from './program.ts';

/** Runs a command to its end; a long-running one ends by a signal. Never rejects. @returns the exit code */
export async function run(argv: readonly string[], environment: Environment): Promise<number> {
  let complaint = '';
  try {
    const program = createProgram(environment, (text) => {
      complaint += text;
    });
    normaliseVariables(program.commands, environment);
    await program.parseAsync([...argv]);
    return exitCodes.done;
  } catch (error) {
    return await tell(error, complaint);
  }
}

async function tell(error: unknown, complaint: string): Promise<number> {
  // Help and version were said already, and are no complaint.
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
  // Commander repeats the value of a flag, which may be a URL with a password.
  const { maskText } = await import('@kouplet/core');
  if (error instanceof CommanderError) {
    process.stderr.write(maskText(complaint));
    return exitCodes.wrongUse;
  }
  // Loaded only now: it knows the errors of all rooms, and a help text needs none of them.
  const failure = error instanceof Failure ? error : (await import('./explain.ts')).explain(error);
  if (failure instanceof Failure) {
    process.stderr.write(`kouplet: ${maskText(sentenceOf(failure.message))} ${failure.advice}\n`);
    return failure.exitCode;
  }
  process.stderr.write(
    `kouplet: this is a bug of Kouplet, please report it: ${maskText(failure.stack ?? failure.message)}\n`,
  );
  return exitCodes.failed;
}

/** With its full stop, unless it is a question. */
function sentenceOf(message: string): string {
  return message.endsWith('?') ? message : `${message}.`;
}

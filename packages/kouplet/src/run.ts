/** From arguments to an exit code: parses, runs the command, and says in one line what went wrong. */
import { CommanderError } from 'commander';
import { type Environment, normaliseVariables } from './environment.ts';
import { exitCodes, Failure } from './failure.ts';
import { createProgram } from './program.ts';

/** Runs a command to its end; a long-running one ends by a signal. Never rejects. @returns the exit code */
export async function run(argv: readonly string[], environment: Environment): Promise<number> {
  try {
    const program = createProgram(environment);
    normaliseVariables(program.commands, environment);
    await program.parseAsync([...argv]);
    return exitCodes.done;
  } catch (error) {
    return await tell(error);
  }
}

async function tell(error: unknown): Promise<number> {
  // Commander has said it already, help and version included.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUse;
  // Loaded only now: it knows the errors of all rooms, and a help text needs none of them.
  const failure = error instanceof Failure ? error : (await import('./explain.ts')).explain(error);
  if (failure instanceof Failure) {
    process.stderr.write(`kouplet: ${failure.message}. ${failure.advice}\n`);
    return failure.exitCode;
  }
  process.stderr.write(`kouplet: this is a bug of Kouplet, please report it: ${failure.stack ?? failure.message}\n`);
  return exitCodes.failed;
}

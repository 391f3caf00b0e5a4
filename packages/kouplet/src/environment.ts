/**
 * Settings from the environment: `KOUPLET_<FLAG>` for every flag; upstream's variables are in `upstream.ts`.
 * Precedence: flag, then `KOUPLET_…`, then upstream's variable, then the default.
 */
import { type Command, Option } from 'commander';
import { wrongUse } from './failure.ts';

export type Environment = Record<string, string | undefined>;

/** `--api-port` → `KOUPLET_API_PORT`. */
export function variableOf(option: Option): string {
  return `KOUPLET_${option.name().replaceAll('-', '_').toUpperCase()}`;
}

/** An option that can also be given as a variable; its help says which. `--no-logs` is what `--logs`' variable says by false. */
export function option<T>(
  flags: string,
  description: string,
  settings: {
    readonly parse?: (value: string) => T;
    readonly default?: T;
    readonly choices?: readonly string[];
    readonly shown?: string;
  } = {},
): Option {
  const made = new Option(flags, description);
  const { parse } = settings;
  if (parse !== undefined) made.argParser(parse);
  if (settings.choices !== undefined) made.choices(settings.choices);
  if (settings.default !== undefined) made.default(settings.default, settings.shown);
  return made.negate ? made : made.env(variableOf(made));
}

const yes = new Set(['1', 'true', 'yes', 'on']);
const no = new Set(['0', 'false', 'no', 'off']);

/**
 * Makes the variables of a command's options mean what a person means by them: empty is unset, and a switch is on for true, 1, yes or
 * on and off for false, 0, no or off, which goes before upstream's variable as any value does. Changes `environment` in place, before
 * parsing.
 *
 * @throws Failure for a switch that is neither
 */
export function normaliseVariables(commands: readonly Command[], environment: Environment): void {
  const done = new Set<string>();
  for (const command of commands) {
    for (const option of command.options) {
      const { envVar = '', long, required, optional } = option;
      const value = environment[envVar];
      if (value === undefined) continue;
      if (value === '') done.add(envVar);
      if (value === '' || required || optional || yes.has(value.toLowerCase())) continue;
      if (!no.has(value.toLowerCase())) {
        throw wrongUse(
          `${envVar}: "${value}" is neither true nor false`,
          `It stands for ${long ?? envVar}: say true or false, or leave it out.`,
        );
      }
      // Commander takes a switch's variable for a yes whatever it says; a value that is there before parsing only a flag replaces.
      command.setOptionValueWithSource(option.attributeName(), false, 'env');
      done.add(envVar);
    }
  }
  for (const name of done) delete environment[name];
}

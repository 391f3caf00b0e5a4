import { expect, test } from 'vitest';
import { normaliseVariables } from './environment.ts';
import { createProgram } from './program.ts';

test('every flag of every command has its variable, named after it, and --no-… that of what it says no to [SPEC O1]', () => {
  for (const command of createProgram({}).commands) {
    const flags = command.options.map(({ long }) => long);
    for (const { long, envVar, negate } of command.options) {
      if (negate) expect(flags, long).toContain(long?.replace('--no-', '--'));
      expect(envVar, `${command.name()} ${long}`).toBe(
        negate ? undefined : `KOUPLET_${long?.slice(2).replaceAll('-', '_').toUpperCase()}`,
      );
    }
  }
});

test('a switch is on for true, 1, yes and on, off for false, 0, no and off, and anything else is wrong use [SPEC O3]', () => {
  const after = (value: string) => {
    const { commands } = createProgram({});
    const environment = { KOUPLET_TLS: value };
    normaliseVariables(commands, environment);
    const having = commands.filter((command) => command.options.some(({ envVar }) => envVar === 'KOUPLET_TLS'));
    return [environment.KOUPLET_TLS, ...having.map((command) => command.getOptionValue('tls'))];
  };
  // Of `up` and of `cluster`. A yes is left to Commander.
  for (const value of ['true', '1', 'YES', 'on']) expect(after(value)).toEqual([value, undefined, undefined]);
  for (const value of ['false', '0', 'No', 'off']) expect(after(value)).toEqual([undefined, false, false]);
  expect(after('')).toEqual([undefined, undefined, undefined]);
  expect(() => after('perhaps')).toThrow(/KOUPLET_TLS/);
});

test('an empty variable is none [SPEC O3]', () => {
  const environment = { KOUPLET_ENV: '', KOUPLET_LOGS: '', KOUPLET_DIR: 'x' };
  const { commands } = createProgram({});
  normaliseVariables(commands, environment);
  expect(environment).toEqual({ KOUPLET_DIR: 'x' });
  expect(commands.find((command) => command.name() === 'controller')?.getOptionValue('logs')).toBeUndefined();
});

/** Lines for people on the standard output; logs of rooms that tell by a function, into pino or as warnings. */
import type { Log as BrokerLog } from '@kouplet/broker';
import type { Log } from '@kouplet/controller';

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function warn(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The broker's log into pino: one event name, ids as fields. */
export function brokerLogTo(log: Log): BrokerLog {
  return (event, fields, level) => log[level](fields, event);
}

/** Only what a person at the terminal must know: warnings and errors, one line each. */
export const brokerWarnings: BrokerLog = (event, fields, level) => {
  if (level !== 'warn' && level !== 'error') return;
  const words = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  warn(`broker: ${event} ${words.join(' ')}`.trimEnd());
};

/** How this room tells what happened: one event name a call, ids as fields, never a secret. Injected; nothing is written by default. */
export type Log = (
  event: string,
  fields: Readonly<Record<string, string | number | boolean | undefined>>,
  level: 'debug' | 'info' | 'warn' | 'error',
) => void;

export const silentLog: Log = () => {};

/** An error of any making as one line, safe to log: no stack, no line breaks, at most 300 characters. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, ' ').slice(0, 300);
}

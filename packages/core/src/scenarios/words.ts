/** Words of a scenario's line, and what a running scenario holds. Test support. */
import type { Policy } from '../policy.ts';
import type { LinkFault } from './setting.ts';
import type { World } from './world.ts';

export interface Run {
  world: World;
  readonly output: string[];
  readonly fault: LinkFault | undefined;
  readonly onWorld: ((world: World) => void) | undefined;
  policy: Partial<Policy>;
  /** How far each kind of log was printed. */
  readonly logged: Map<string, number>;
}

/** A line's words: bare words in order, `key=value` by key; quotes keep spaces. */
export interface Words {
  readonly bare: readonly string[];
  readonly named: ReadonlyMap<string, string>;
}

export function wordsOf(line: string): Words {
  const bare: string[] = [];
  const named = new Map<string, string>();
  for (const [, whole = ''] of line.matchAll(/((?:[^\s"]|"[^"]*")+)/g)) {
    const word = whole.replaceAll('"', '');
    const named_ = /^([a-z][a-z-]*)=(.*)$/s.exec(word);
    if (named_?.[1] !== undefined && !whole.startsWith('"')) named.set(named_[1], named_[2] ?? '');
    else bare.push(word);
  }
  return { bare, named };
}

export function durationOf(text: string | undefined): number {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text ?? '');
  if (parts === null) throw new Error(`no duration: ${text}`);
  return Number(parts[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[parts[2] as 'ms' | 's' | 'm' | 'h'];
}

/** `-1h`, `+30s`: a span that has a direction. */
export function offsetOf(text: string | undefined): number {
  return (text?.startsWith('-') === true ? -1 : 1) * durationOf(text?.replace(/^[-+]/, ''));
}

/** What one step does with the words after its name. */
export type Step = (run: Run, words: Words) => void;

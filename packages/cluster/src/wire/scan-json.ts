/** What JSON.parse does not tell: keys that stand twice in one object, and nesting deeper than anyone needs. */
import { badRequest } from '../status.ts';

/** Go stops at 10,000; our recursions want less, and no object of Kubernetes needs fifty. */
const MAX_DEPTH = 400;
const MAX_DUPLICATES = 16;

/**
 * Reads text that JSON.parse has accepted.
 *
 * @param onKey  told of every key's path in the order of the text, and whether it stood in its object before
 * @returns paths of doubled keys, as `spec.containers[0].name`, in their order, bounded
 * @throws ApiError 400 for too deep nesting
 */
export function scanJson(text: string, onKey?: (path: string, again: boolean) => void): string[] {
  const duplicates: string[] = [];
  let at = 0;

  const skipSpace = (): void => {
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      at++;
    }
  };
  /** At an opening quote; the end is after the closing one. */
  const string = (): string => {
    const start = ++at;
    let escaped = false;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 34) break;
      if (code === 92) {
        escaped = true;
        at++;
      }
      at++;
    }
    const raw = text.slice(start, at++);
    return escaped ? String(JSON.parse(`"${raw}"`)) : raw;
  };
  const value = (path: string, depth: number): void => {
    if (depth > MAX_DEPTH) throw badRequest('json: exceeded max depth');
    skipSpace();
    const char = text[at];
    if (char === '{') object(path, depth);
    else if (char === '[') list(path, depth);
    else if (char === '"') string();
    else while (at < text.length && !/[,\]}\s]/.test(text[at] ?? '')) at++;
  };
  const object = (path: string, depth: number): void => {
    at++;
    const seen = new Set<string>();
    for (;;) {
      skipSpace();
      if (text[at] === '}') break;
      if (text[at] === ',') {
        at++;
        continue;
      }
      const key = string();
      const inner = path === '' ? key : `${path}.${key}`;
      if (seen.has(key)) {
        if (duplicates.length < MAX_DUPLICATES && !duplicates.includes(inner)) duplicates.push(inner);
      }
      onKey?.(inner, seen.has(key));
      seen.add(key);
      skipSpace();
      at++;
      value(inner, depth + 1);
    }
    at++;
  };
  const list = (path: string, depth: number): void => {
    at++;
    for (let index = 0; ; ) {
      skipSpace();
      if (text[at] === ']') break;
      if (text[at] === ',') {
        at++;
        index++;
        continue;
      }
      value(`${path}[${index}]`, depth + 1);
    }
    at++;
  };
  value('', 0);
  return duplicates;
}

const unknownField = (path: string): string => `unknown field "${path}"`;

/** What strict decoding complains of, as the text has it from top to bottom. */
export function complaintsOf(text: string, unknown: readonly string[], duplicates: readonly string[]): string[] {
  const doubled = duplicates.map((path) => `duplicate field "${path}"`);
  if (unknown.length === 0 || doubled.length === 0) return [...unknown, ...doubled];
  const waiting = new Set([...unknown, ...doubled]);
  const found: string[] = [];
  const take = (complaint: string): void => {
    if (waiting.delete(complaint)) found.push(complaint);
  };
  // Of a key that is unknown it does not matter how often it stands there.
  const strange = new Set(unknown);
  scanJson(text, (path, again) =>
    take(again && !strange.has(unknownField(path)) ? `duplicate field "${path}"` : unknownField(path)),
  );
  for (const path of duplicates) if (strange.has(unknownField(path))) waiting.delete(`duplicate field "${path}"`);
  return [...found, ...waiting];
}

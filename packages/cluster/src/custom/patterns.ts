/** Regular expressions of schemas: Go's RE2 as JavaScript's, compiled once, with a bound on what is kept. */

const MAX_KEPT = 1_024;
const kept = new Map<string, RegExp | string>();

/** The expression, or what Go says is wrong with it. */
export function compilePattern(pattern: string): RegExp | string {
  let found = kept.get(pattern);
  if (found === undefined) {
    found = compile(pattern);
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(pattern, found);
  }
  return found;
}

function compile(pattern: string): RegExp | string {
  // RE2's own spellings: flags at the start, \A, \z, classes in Posix brackets.
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  const source = pattern
    .slice(flags?.[0].length ?? 0)
    .replace(/\\A/g, '^')
    .replace(/\\z/g, '$')
    .replace(/\[:alpha:\]/g, 'A-Za-z')
    .replace(/\[:digit:\]/g, '0-9')
    .replace(/\[:alnum:\]/g, 'A-Za-z0-9')
    .replace(/\[:lower:\]/g, 'a-z')
    .replace(/\[:upper:\]/g, 'A-Z')
    .replace(/\[:space:\]/g, '\\s')
    .replace(/\(\?P</g, '(?<');
  try {
    return new RegExp(source, flags?.[1] ?? '');
  } catch (error) {
    return goWords(pattern, error instanceof Error ? error.message : '');
  }
}

/** `error parsing regexp: missing closing ): …` */
function goWords(pattern: string, message: string): string {
  if (/Unterminated group/.test(message)) return `error parsing regexp: missing closing ): \`${pattern}\``;
  if (/Unmatched '\)'/.test(message)) return `error parsing regexp: unexpected ): \`${pattern}\``;
  if (/Unterminated character class/.test(message)) {
    return `error parsing regexp: missing closing ]: \`${pattern.slice(pattern.indexOf('['))}\``;
  }
  if (/Nothing to repeat/.test(message)) {
    const operator = /[*+?]/.exec(pattern)?.[0] ?? '*';
    return `error parsing regexp: missing argument to repetition operator: \`${operator}\``;
  }
  return `error parsing regexp: ${message.replace(/^.*: /, '')}: \`${pattern}\``;
}

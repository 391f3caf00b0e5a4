/** Values as Go prints them in the texts of refusals (apimachinery, util/validation/field: strings with %q, the rest as encoding/json). */

/** What strconv.IsPrint lets stand: letters, marks, numbers, punctuation, symbols and the plain space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** `"a<b\x01"`: a string in Go's quotes. */
export function goQuoted(text: string): string {
  let quoted = '"';
  for (const char of text) quoted += SHORT[char] ?? (PRINTABLE.test(char) ? char : escaped(char.codePointAt(0) ?? 0));
  return `${quoted}"`;
}

function escaped(code: number): string {
  const hex = code.toString(16);
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** As json.Marshal writes it: what could end a script element is escaped, and so are the two line separators. */
export function goJson(value: unknown): string {
  return JSON.stringify(value === undefined ? null : value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

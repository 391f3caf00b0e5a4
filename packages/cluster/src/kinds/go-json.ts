/** Text that an object holds and that must be JSON: what Go's encoding/json says of it (scanner.go). */
import { isFields } from './json.ts';

type Awaited = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'more' | 'nothing';

/** `json.Unmarshal` into a map: its complaint, or nothing. An empty text is no JSON. */
export function mapComplaint(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return syntaxComplaint(text);
  }
  if (value === null || isFields(value)) return undefined;
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}

/** The first character that cannot stand where it stands; for a text that is no JSON. */
function syntaxComplaint(text: string): string {
  const open: string[] = [];
  let awaited: Awaited = 'value';
  let at = 0;
  let end: number | string;
  const afterValue = (): Awaited => (open.length === 0 ? 'nothing' : 'more');
  for (;;) {
    while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at += 1;
    const char = text.charAt(at);
    if (char === '') return ended;
    const isObject = open.at(-1) === '{';
    if ((awaited === 'value or end' && char === ']') || (awaited === 'key or end' && char === '}')) {
      open.pop();
      awaited = afterValue();
      at += 1;
      continue;
    }
    switch (awaited) {
      case 'nothing':
        return unexpected(char, 'after top-level value');
      case 'colon':
        if (char !== ':') return unexpected(char, 'after object key');
        awaited = 'value';
        at += 1;
        break;
      case 'more':
        if (char === ',') awaited = isObject ? 'key' : 'value';
        else if (char === (isObject ? '}' : ']')) {
          open.pop();
          awaited = afterValue();
        } else return unexpected(char, isObject ? 'after object key:value pair' : 'after array element');
        at += 1;
        break;
      case 'key':
      case 'key or end':
        if (char !== '"') return unexpected(char, 'looking for beginning of object key string');
        end = endOfToken(text, at);
        if (typeof end === 'string') return end;
        at = end;
        awaited = 'colon';
        break;
      case 'value':
      case 'value or end':
        if (char === '{' || char === '[') {
          open.push(char);
          awaited = char === '{' ? 'key or end' : 'value or end';
          at += 1;
          break;
        }
        end = endOfToken(text, at);
        if (typeof end === 'string') return end;
        at = end;
        awaited = afterValue();
        break;
      default:
        awaited satisfies never;
    }
  }
}

const ended = 'unexpected end of JSON input';

/** Past the string, number or literal at a place, or what is wrong with it. */
function endOfToken(text: string, at: number): number | string {
  const first = text.charAt(at);
  if (first === '"') return endOfString(text, at + 1);
  const literal = ['true', 'false', 'null'].find((one) => one.startsWith(first));
  if (literal !== undefined) return endOfLiteral(text, at, literal);
  if (!/[-0-9]/.test(first)) return unexpected(first, 'looking for beginning of value');
  const begun = /-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][+-]?[0-9]*)?/y;
  begun.lastIndex = at;
  const number = begun.exec(text)?.[0] ?? '';
  const end = at + number.length;
  if (/[0-9]$/.test(number) && !/^-?\.|\.[eE]/.test(number)) return end;
  const found = text.charAt(end);
  if (found === '') return ended;
  if (/[eE]/.test(number)) return unexpected(found, 'in exponent of numeric literal');
  return unexpected(found, number.includes('.') ? 'after decimal point in numeric literal' : 'in numeric literal');
}

function endOfLiteral(text: string, at: number, literal: string): number | string {
  for (let step = 1; step < literal.length; step += 1) {
    const found = text.charAt(at + step);
    if (found === '') return ended;
    const wanted = literal.charAt(step);
    if (found !== wanted) return unexpected(found, `in literal ${literal} (expecting ${quoted(wanted)})`);
  }
  return at + literal.length;
}

function endOfString(text: string, from: number): number | string {
  for (let at = from; ; at += 1) {
    const char = text.charAt(at);
    if (char === '"') return at + 1;
    if (char === '') return ended;
    if (char < ' ') return unexpected(char, 'in string literal');
    if (char !== '\\') continue;
    at += 1;
    const code = text.charAt(at);
    if (code === '') return ended;
    if (!'"\\/bfnrtu'.includes(code)) return unexpected(code, 'in string escape code');
    for (let digit = 0; code === 'u' && digit < 4; digit += 1) {
      at += 1;
      const found = text.charAt(at);
      if (found === '') return ended;
      if (!/[0-9a-fA-F]/.test(found)) return unexpected(found, 'in \\u hexadecimal character escape');
    }
  }
}

function unexpected(char: string, where: string): string {
  return `invalid character ${quoted(char)} ${where}`;
}

const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\', "'": "\\'" };

/** A character as `quoteChar` writes it. */
function quoted(char: string): string {
  const code = char.charCodeAt(0);
  return `'${escapes[char] ?? (code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, '0')}` : char)}'`;
}

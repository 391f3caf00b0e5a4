/**
 * Label and field selectors as they stand in a query (apimachinery, pkg/labels/selector.go and pkg/fields/selector.go),
 * with the same complaints.
 */
import { ownValue } from '../json.ts';
import type { Kind, KubeObject } from '../kinds/kind.ts';
import { badRequest } from '../status.ts';

export type Matches = (object: KubeObject) => boolean;

type Operator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | '>' | '<';
interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

const SPECIAL = new Set(['=', '!', '(', ')', ',', '>', '<']);
const OPERATORS = new Set(['in', 'notin', '=', '==', '!=', '>', '<']);

interface Token {
  readonly kind: 'identifier' | 'symbol' | 'end';
  readonly text: string;
}

function tokens(text: string): Token[] {
  const out: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? '';
    if (/\s/.test(char)) {
      at++;
    } else if (SPECIAL.has(char)) {
      const two = text.slice(at, at + 2);
      const symbol = two === '==' || two === '!=' ? two : char;
      out.push({ kind: 'symbol', text: symbol });
      at += symbol.length;
    } else {
      let end = at;
      while (end < text.length && !SPECIAL.has(text[end] ?? '') && !/\s/.test(text[end] ?? '')) end++;
      out.push({ kind: 'identifier', text: text.slice(at, end) });
      at = end;
    }
  }
  out.push({ kind: 'end', text: '' });
  return out;
}

const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

class Parser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '' };
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  requirements(): Requirement[] {
    const out: Requirement[] = [];
    const first = this.#peek();
    if (first.kind === 'end') return out;
    if (first.kind === 'symbol' && first.text !== '!') {
      throw badRequest(`found '${first.text}', expected: !, identifier, or 'end of string'`);
    }
    for (;;) {
      out.push(this.#requirement());
      const token = this.#next();
      if (token.kind === 'end') return out;
      if (token.text !== ',') throw badRequest(`found '${token.text}', expected: ',' or 'end of string'`);
      const after = this.#peek();
      if (after.kind !== 'identifier' && after.text !== '!') {
        throw badRequest(`found '${after.text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): Requirement {
    let token = this.#next();
    const negated = token.text === '!' && token.kind === 'symbol';
    if (negated) token = this.#next();
    if (token.kind !== 'identifier') throw badParse(`found '${token.text}', expected: identifier`);
    const key = token.text;
    checkKey(key);
    if (negated) return { key, operator: '!', values: [] };
    const ahead = this.#peek();
    if (ahead.kind === 'end' || ahead.text === ',') return { key, operator: 'exists', values: [] };
    const operator = this.#next().text;
    if (!OPERATORS.has(operator)) {
      throw badParse(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    const values = operator === 'in' || operator === 'notin' ? this.#values() : [this.#exactValue()];
    if (operator === '>' || operator === '<') {
      if (!/^[+-]?\d+$/.test(values[0] ?? '')) {
        throw badRequest(
          `unable to parse requirement: values[0]: Invalid value: "${values[0] ?? ''}": for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      }
    } else {
      for (const value of values) checkValue(key, value);
    }
    return { key, operator: operator as Operator, values };
  }

  #values(): string[] {
    const open = this.#next();
    if (open.text !== '(') throw badParse(`found '${open.text}' expected: '('`);
    const values: string[] = [];
    for (;;) {
      const token = this.#next();
      if (token.text === ')' && token.kind === 'symbol') return [...values, ...(values.length === 0 ? [''] : [])];
      if (token.kind === 'identifier') {
        values.push(token.text);
        const after = this.#next();
        if (after.text === ')') return values;
        if (after.text !== ',') throw badParse(`found '${after.text}', expected: ',' or ')'`);
        if (this.#peek().text === ')') {
          this.#next();
          return [...values, ''];
        }
      } else if (token.text === ',') {
        values.push('');
      } else {
        throw badParse(`found '${token.text}', expected: ',', ')' or identifier`);
      }
    }
  }

  #exactValue(): string {
    const token = this.#peek();
    if (token.kind === 'end' || token.text === ',') return '';
    this.#next();
    if (token.kind === 'identifier') return token.text;
    throw badParse(`found '${token.text}', expected: identifier`);
  }
}

function badParse(what: string): ReturnType<typeof badRequest> {
  return badRequest(`unable to parse requirement: ${what}`);
}

function checkKey(key: string): void {
  const slash = key.indexOf('/');
  if (key.indexOf('/', slash + 1) > slash && slash >= 0) {
    throw badRequest(
      `unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    );
  }
  const name = slash < 0 ? key : key.slice(slash + 1);
  if (name.length > 63 || !QUALIFIED_NAME.test(name)) {
    throw badRequest(
      `unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
    );
  }
}

function checkValue(key: string, value: string): void {
  if (value.length > 63 || !LABEL_VALUE.test(value)) {
    throw badRequest(
      `unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
    );
  }
}

function holds(requirement: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const has = Object.hasOwn(labels, requirement.key);
  const value = has ? (labels[requirement.key] ?? '') : '';
  switch (requirement.operator) {
    case 'exists':
      return has;
    case '!':
      return !has;
    case '=':
    case '==':
    case 'in':
      return has && requirement.values.includes(value);
    case '!=':
    case 'notin':
      return !has || !requirement.values.includes(value);
    case '>':
      return has && /^[+-]?\d+$/.test(value) && Number(value) > Number(requirement.values[0]);
    case '<':
      return has && /^[+-]?\d+$/.test(value) && Number(value) < Number(requirement.values[0]);
    default:
      return requirement.operator satisfies never;
  }
}

/**
 * `a=b,c in (x,y),!d`.
 *
 * @returns undefined where everything matches
 * @throws ApiError 400 in apimachinery's words
 */
export function parseLabelSelector(text: string | undefined): Matches | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const requirements = new Parser(text).requirements();
  return (object) => requirements.every((requirement) => holds(requirement, object.metadata.labels ?? {}));
}

/** Fields that every kind can be selected by. */
const COMMON: Readonly<Record<string, (object: KubeObject) => string>> = {
  'metadata.name': (object) => object.metadata.name,
  'metadata.namespace': (object) => object.metadata.namespace ?? '',
};

/**
 * `spec.nodeName=n1,status.phase!=Failed`: only `=`, `==`, `!=`, and only the fields that the kind names.
 *
 * @returns undefined where everything matches
 * @throws ApiError 400 for a field that cannot be selected by
 */
export function parseFieldSelector(text: string | undefined, kind: Kind): Matches | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const terms = splitTerms(text).map((term) => {
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, field = '', operator, raw = ''] = match;
    if (/(?<!\\)=/.test(raw)) throw badRequest('invalid field selector: unescaped character in value: 61');
    const read = ownValue(COMMON, field) ?? ownValue(kind.fieldSelectors ?? {}, field);
    if (read === undefined) throw unknownField(kind, field);
    return { read, wanted: raw.replace(/\\([,=\\])/g, '$1'), negated: operator === '!=' };
  });
  return (object) => terms.every(({ read, wanted, negated }) => (read(object) === wanted) !== negated);
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let term = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char === '\\') {
      term += char + (text[++i] ?? '');
    } else if (char === ',') {
      terms.push(term);
      term = '';
    } else {
      term += char;
    }
  }
  terms.push(term);
  return terms.filter((part) => part !== '');
}

function unknownField(kind: Kind, field: string): ReturnType<typeof badRequest> {
  return kind.fieldSelectors === undefined
    ? badRequest(`"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`)
    : badRequest(`field label not supported: ${field}`);
}

/** Both at once; undefined where everything matches. */
export function both(a: Matches | undefined, b: Matches | undefined): Matches | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return (object) => a(object) && b(object);
}

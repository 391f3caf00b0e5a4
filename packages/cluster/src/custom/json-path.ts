/** The JSON paths that definitions use for columns, scale and selectable fields: `.spec.parts[?(@.name=="a")].weight`. */
import { isFields } from '../kinds/json.ts';

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly operator: string; readonly value: unknown };

export type JsonPath = readonly Step[];

/** @returns undefined for a text that is no path of this simple kind */
export function parseJsonPath(text: string): JsonPath | undefined {
  const steps: Step[] = [];
  let rest = text;
  while (rest !== '') {
    const field = /^\.((?:\\.|[^.[\\])+)/.exec(rest);
    const bracket = /^\.?\[(-?\d+|\*|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\?\((?:[^)"']|"[^"]*"|'[^']*')*\))\]/.exec(
      rest,
    );
    if (bracket !== null) {
      const step = bracketStep(bracket[1] ?? '');
      if (step === undefined) return undefined;
      steps.push(step);
      rest = rest.slice(bracket[0].length);
    } else if (field !== null) {
      const name = (field[1] ?? '').replace(/\\(.)/g, '$1');
      steps.push(name === '*' ? { kind: 'all' } : { kind: 'field', name });
      rest = rest.slice(field[0].length);
    } else {
      return undefined;
    }
  }
  return steps;
}

function bracketStep(inside: string): Step | undefined {
  if (inside === '*') return { kind: 'all' };
  if (/^-?\d+$/.test(inside)) return { kind: 'index', index: Number(inside) };
  if (inside.startsWith('?')) {
    const match = /^\?\(\s*@((?:\.[\w-]+)*)\s*(?:(==|!=|>=|<=|>|<)\s*(.+?))?\s*\)$/.exec(inside);
    if (match === null) return undefined;
    const path = parseJsonPath(match[1] ?? '');
    if (path === undefined) return undefined;
    return { kind: 'filter', path, operator: match[2] ?? '', value: literal(match[3] ?? '') };
  }
  return { kind: 'field', name: inside.slice(1, -1).replace(/\\(.)/g, '$1') };
}

function literal(text: string): unknown {
  if (/^(['"]).*\1$/s.test(text)) return text.slice(1, -1);
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** All that the path finds, in order. */
export function findAll(value: unknown, path: JsonPath): unknown[] {
  let found: unknown[] = [value];
  for (const step of path) found = found.flatMap((one) => take(one, step));
  return found;
}

/** The first that the path finds; undefined where it finds nothing. */
export function findFirst(value: unknown, path: JsonPath): unknown {
  return findAll(value, path)[0];
}

function take(value: unknown, step: Step): unknown[] {
  switch (step.kind) {
    case 'field':
      return isFields(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'index': {
      const item = Array.isArray(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case 'all':
      return Array.isArray(value) ? value : isFields(value) ? Object.values(value) : [];
    case 'filter':
      return Array.isArray(value) ? value.filter((item) => holds(findFirst(item, step.path), step)) : [];
    default:
      return step satisfies never;
  }
}

function holds(value: unknown, { operator, value: wanted }: Extract<Step, { kind: 'filter' }>): boolean {
  if (value === undefined) return false;
  const compared = typeof value === 'number' && typeof wanted === 'number' ? value - wanted : undefined;
  switch (operator) {
    case '':
      return true;
    case '==':
      return value === wanted;
    case '!=':
      return value !== wanted;
    case '>':
      return compared !== undefined && compared > 0;
    case '<':
      return compared !== undefined && compared < 0;
    case '>=':
      return compared !== undefined && compared >= 0;
    default:
      return compared !== undefined && compared <= 0;
  }
}

/** Writes a number at a path of plain fields, making what is missing on the way. */
export function write(target: Record<string, unknown>, path: JsonPath, value: unknown): void {
  let at = target;
  for (const [index, step] of path.entries()) {
    if (step.kind !== 'field' || step.name === '__proto__') return;
    if (index === path.length - 1) {
      at[step.name] = value;
      return;
    }
    const next = at[step.name];
    if (isFields(next)) at = next;
    else {
      const made = {};
      at[step.name] = made;
      at = made;
    }
  }
}

/** The names along a path of fields alone, up to the first step that is none. */
export function fieldNames(path: JsonPath): string[] {
  const end = path.findIndex(({ kind }) => kind !== 'field');
  return (end < 0 ? path : path.slice(0, end)).flatMap((step) => (step.kind === 'field' ? [step.name] : []));
}

/** Whether an applied configuration is of its kind's type, in the words of structured-merge-diff. */
import { isRecord } from '../json.ts';
import { type Atom, atomFor, type ListAtom, type MapAtom, type ScalarAtom } from './atoms.ts';
import { elementOf, Unnamable } from './elements.ts';
import { type Element, elementText } from './field-set.ts';

const MAX_COMPLAINTS = 64;

/** @returns one text for all complaints, undefined where there are none */
export function misfits(atom: MapAtom, value: unknown): string | undefined {
  const complaints: string[] = [];
  check(complaints, '', atom, value);
  if (complaints.length <= 1) return complaints[0];
  return ['errors:', ...complaints.slice(0, MAX_COMPLAINTS).map((text) => `  ${text}`)].join('\n');
}

function check(complaints: string[], path: string, atom: Atom, value: unknown): void {
  const complain = (text: string): void => {
    complaints.push(path === '' ? text : `${path}: ${text}`);
  };
  if (value === null || value === undefined) return;
  const shape = atomFor(atom, value);
  if (shape.kind === 'scalar') {
    const text = wrongScalar(shape.of, value);
    if (text !== undefined) complain(text);
  } else if (shape.kind === 'map') {
    if (isRecord(value)) checkEntries(complaints, path, shape, value);
    else complain(`expected map, got &{${goValue(value)}}`);
  } else if (Array.isArray(value)) checkItems(complaints, path, shape, value);
  else complain(`expected list, got &{${goValue(value)}}`);
}

/** Stops at the first field that the type does not have. */
function checkEntries(complaints: string[], path: string, shape: MapAtom, value: Record<string, unknown>): void {
  for (const key of Object.keys(value).sort()) {
    const of = shape.field(key);
    if (of === undefined) {
      complaints.push(`${path}.${key}: field not declared in schema`);
      return;
    }
    check(complaints, `${path}.${key}`, of, value[key]);
  }
}

function checkItems(complaints: string[], path: string, shape: ListAtom, value: readonly unknown[]): void {
  const seen = new Set<Element>();
  for (const [index, item] of value.entries()) {
    if (shape.relation === 'atomic') {
      check(complaints, `${path}[${index}]`, shape.of(), item);
      continue;
    }
    try {
      const element = elementOf(shape, item);
      if (seen.has(element)) complaints.push(`${path}: duplicate entries for key ${elementText(element)}`);
      seen.add(element);
      check(complaints, path + elementText(element), shape.of(), item);
    } catch (error) {
      if (!(error instanceof Unnamable)) throw error;
      complaints.push(`${path}: element ${index}: ${error.message}`);
      return;
    }
  }
}

function wrongScalar(of: ScalarAtom['of'], value: unknown): string | undefined {
  const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  switch (of) {
    case 'numeric':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goTypeOf(value)}`;
    case 'string':
      return typeof value === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goLiteral(value)}}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goValue(value)}}`;
    case 'untyped':
      return plain ? undefined : `expected any scalar, got &{${goValue(value)}}`;
    default:
      return of satisfies never;
  }
}

/** Go's %T. */
function goTypeOf(value: unknown): string {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}

/** Go's %v. */
function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (!isRecord(value)) return String(value);
  const parts = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goValue(value[key])}`);
  return `map[${parts.join(' ')}]`;
}

/** Go's %#v. */
function goLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goLiteral).join(', ')}}`;
  if (!isRecord(value)) return String(value);
  const parts = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${goLiteral(value[key])}`);
  return `map[string]interface {}{${parts.join(', ')}}`;
}

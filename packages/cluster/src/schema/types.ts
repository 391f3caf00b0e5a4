/** types.json as tables: each field with its parsed code, made when a type is first met. */
import written from './types.json' with { type: 'json' };

export type FieldType =
  | { readonly kind: 'string' | 'bool' | 'int32' | 'int64' | 'double' | 'time' | 'micro-time' | 'quantity' | 'bytes' }
  | { readonly kind: 'int-or-string' | 'any' }
  | { readonly kind: 'list' | 'map'; readonly of: FieldType }
  | { readonly kind: 'struct'; readonly name: string };

export interface Field {
  readonly type: FieldType;
  /** Left out when it is empty or zero: `omitempty` of a Go field that is no pointer. */
  readonly omitsEmpty: boolean;
  /** Written with this zero where it is absent; undefined for nearly all. */
  readonly zero: unknown;
}

const source: Readonly<Record<string, Readonly<Record<string, string>>>> = written;
const parsed = new Map<string, ReadonlyMap<string, Field>>();

/** @returns undefined for a type that was not generated */
export function fieldsOfType(name: string): ReadonlyMap<string, Field> | undefined {
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const codes = source[name];
  if (codes === undefined) return undefined;
  const fields = new Map<string, Field>();
  for (const [field, code] of Object.entries(codes)) {
    const omitsEmpty = code.startsWith('~');
    const always = code.startsWith('!');
    const type = parse(omitsEmpty || always ? code.slice(1) : code);
    fields.set(field, { type, omitsEmpty, zero: always ? zeroOf(type) : undefined });
  }
  parsed.set(name, fields);
  return fields;
}

const zeros = new Map<string, ReadonlyArray<readonly [string, unknown]>>();

/** The fields of a status that are written with their zero where nobody set them. */
export function zerosOfType(name: string): ReadonlyArray<readonly [string, unknown]> {
  let known = zeros.get(name);
  if (known === undefined) {
    const fields = [...(fieldsOfType(name) ?? [])];
    known = fields.filter(([, { zero }]) => zero !== undefined).map(([key, { zero }]) => [key, zero] as const);
    zeros.set(name, known);
  }
  return known;
}

/** The zero of a type that a real server writes though nobody set it. */
function zeroOf({ kind }: FieldType): unknown {
  if (kind === 'string') return '';
  if (kind === 'bool') return false;
  return kind === 'struct' ? {} : 0;
}

const PLAIN: Readonly<Record<string, FieldType>> = {
  s: { kind: 'string' },
  b: { kind: 'bool' },
  i: { kind: 'int32' },
  l: { kind: 'int64' },
  d: { kind: 'double' },
  t: { kind: 'time' },
  m: { kind: 'micro-time' },
  q: { kind: 'quantity' },
  y: { kind: 'bytes' },
  o: { kind: 'int-or-string' },
  '*': { kind: 'any' },
};

function parse(code: string): FieldType {
  if (code.startsWith('[]')) return { kind: 'list', of: parse(code.slice(2)) };
  if (code.startsWith('{}')) return { kind: 'map', of: parse(code.slice(2)) };
  return PLAIN[code] ?? { kind: 'struct', name: code };
}

const PREFIX =
  /^(?:Core|Events|Discovery|Storage|Authentication|Flowcontrol|Rbac|Apiextensions)?(V\d+(?:(?:alpha|beta)\d+)?)(?=[A-Z])/;

/** `V1Container` → `Container`, as Go's texts name the struct. */
export function goStruct(name: string): string {
  return name.replace(PREFIX, '');
}

/** `[]v1.Container`, `map[string]string`, `int32`: a type as Go writes it. */
export function goType(type: FieldType): string {
  switch (type.kind) {
    case 'string':
    case 'bool':
    case 'int32':
    case 'int64':
      return type.kind;
    case 'double':
      return 'float64';
    case 'time':
      return 'v1.Time';
    case 'micro-time':
      return 'v1.MicroTime';
    case 'quantity':
      return 'resource.Quantity';
    case 'bytes':
      return '[]uint8';
    case 'int-or-string':
      return 'intstr.IntOrString';
    case 'any':
      return 'runtime.RawExtension';
    case 'list':
      return `[]${goType(type.of)}`;
    case 'map':
      return `map[string]${goType(type.of)}`;
    case 'struct':
      return `${(PREFIX.exec(type.name)?.[1] ?? 'V1').toLowerCase()}.${goStruct(type.name)}`;
    default:
      return type satisfies never;
  }
}

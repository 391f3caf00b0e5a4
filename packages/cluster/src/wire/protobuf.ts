/**
 * Bodies in protobuf, which kubectl from 1.32 on sends with `kubectl create <kind>`, `auth can-i` and `auth whoami`:
 * `k8s\0`, then `Unknown{1: TypeMeta{1: apiVersion, 2: kind}, 2: raw}`, raw being the object. Field numbers are of the
 * generated.proto files of k8s.io/api. What stands in a field that is not known here is never dropped: the body is refused.
 */
import { setKey } from '../json.ts';
import { messages, type ProtoField, rootOf } from './protobuf-tables.ts';

const MAGIC = Buffer.from('k8s\0', 'latin1');
const MAX_DEPTH = 32;

/** What cannot be read, or has a field that is not known. */
class Unreadable extends Error {}

interface Wire {
  readonly field: number;
  /** A varint (as number), or the bytes of a length-delimited field. */
  readonly value: number | Buffer;
}

/** @returns the object as JSON would say it; undefined for what is broken or of a kind whose fields are not known here */
export function readProtobuf(bytes: Buffer): Record<string, unknown> | undefined {
  if (!bytes.subarray(0, 4).equals(MAGIC)) return undefined;
  try {
    const { type = Buffer.alloc(0), raw = Buffer.alloc(0) } = envelopeOf(bytes.subarray(4));
    const [apiVersion, kind] = typeOf(type);
    const root = rootOf(apiVersion, kind);
    if (root === undefined) return undefined;
    return { apiVersion, kind, ...message(root, raw, 0) };
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

function envelopeOf(bytes: Buffer): { type?: Buffer; raw?: Buffer } {
  const out: { type?: Buffer; raw?: Buffer } = {};
  for (const { field, value } of wires(bytes)) {
    if (field === 1 && typeof value !== 'number') out.type = value;
    if (field === 2 && typeof value !== 'number') out.raw = value;
  }
  return out;
}

function typeOf(bytes: Buffer): [apiVersion: string, kind: string] {
  let apiVersion = '';
  let kind = '';
  for (const { field, value } of wires(bytes)) {
    if (field === 1) apiVersion = String(value);
    if (field === 2) kind = String(value);
  }
  return [apiVersion, kind];
}

function* wires(bytes: Buffer): Generator<Wire> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Unreadable();
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) return value;
    }
    throw new Unreadable();
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { field, value: varint() };
        break;
      case 2: {
        const length = varint();
        if (at + length > bytes.length) throw new Unreadable();
        yield { field, value: bytes.subarray(at, at + length) };
        at += length;
        break;
      }
      default:
        throw new Unreadable();
    }
  }
}

function message(name: string, bytes: Buffer, depth: number): Record<string, unknown> {
  const fields = messages[name];
  if (fields === undefined || depth > MAX_DEPTH) throw new Unreadable();
  const out: Record<string, unknown> = {};
  for (const { field, value } of wires(bytes)) {
    const known = fields[field];
    if (known === undefined) {
      // proto2 writes fields that are empty as well; only what says something is missed.
      if (typeof value === 'number' ? value === 0 : isBlank(value)) continue;
      throw new Unreadable();
    }
    put(out, known, value, depth);
  }
  return out;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.length === 0;
}

function put(out: Record<string, unknown>, known: ProtoField, value: number | Buffer, depth: number): void {
  const [name, type] = known;
  if (type.startsWith('[]')) {
    const list = Array.isArray(out[name]) ? out[name] : [];
    list.push(readValue(type.slice(2), value, depth));
    out[name] = list;
  } else if (type.startsWith('{}')) {
    if (typeof value === 'number') throw new Unreadable();
    const [key, entry] = mapEntry(type.slice(2), value, depth);
    const map = (out[name] as Record<string, unknown> | undefined) ?? {};
    setKey(map, key, entry);
    out[name] = map;
  } else if (type.startsWith('<')) {
    if (typeof value === 'number') throw new Unreadable();
    Object.assign(out, message(type.slice(1), value, depth + 1));
  } else {
    const read = readValue(type, value, depth);
    // Fields that are no pointers arrive even when they are empty, and would stand in the way of defaults.
    if (read !== '' && read !== undefined && !(type === 'i' && read === 0) && !(type === 'b' && read === false)) {
      out[name] = read;
    }
  }
}

function mapEntry(type: string, bytes: Buffer, depth: number): [string, unknown] {
  let key = '';
  let entry: unknown = '';
  for (const { field, value } of wires(bytes)) {
    if (field === 1) key = String(value);
    if (field === 2) entry = readValue(type, value, depth);
  }
  return [key, entry];
}

function readValue(type: string, value: number | Buffer, depth: number): unknown {
  switch (type) {
    case 's':
      return String(value);
    case 'y':
      return typeof value === 'number' ? undefined : value.toString('base64');
    case 'i':
    case 'I':
      return typeof value === 'number' ? signed(value) : undefined;
    case 'b':
    case 'B':
      return value !== 0;
    case 't':
      return typeof value === 'number' ? undefined : time(value);
    case 'o':
      return typeof value === 'number' ? undefined : intOrString(value);
    case 'q':
      return typeof value === 'number' ? undefined : quantity(value);
    case '-':
      return undefined;
    default:
      if (typeof value === 'number') throw new Unreadable();
      return message(type, value, depth + 1);
  }
}

/** Negative numbers come as 64-bit two's complement, which a double holds closely enough to tell. */
function signed(value: number): number {
  return value > Number.MAX_SAFE_INTEGER ? value - 2 ** 64 : value;
}

const ZERO_TIME_SECONDS = -62_135_596_800;

function time(bytes: Buffer): string | undefined {
  let seconds = 0;
  for (const { field, value } of wires(bytes)) if (field === 1 && typeof value === 'number') seconds = signed(value);
  // The smallest negatives lose their last digits in a double.
  if (seconds === 0 || Math.abs(seconds - ZERO_TIME_SECONDS) < 4_096) return undefined;
  return new Date(seconds * 1000).toISOString();
}

function quantity(bytes: Buffer): string {
  for (const { field, value } of wires(bytes)) if (field === 1) return String(value);
  return '0';
}

function intOrString(bytes: Buffer): number | string {
  let type = 0;
  let number = 0;
  let text = '';
  for (const { field, value } of wires(bytes)) {
    if (field === 1 && typeof value === 'number') type = value;
    if (field === 2 && typeof value === 'number') number = signed(value);
    if (field === 3) text = String(value);
  }
  return type === 1 ? text : number;
}

/**
 * Bodies in protobuf, which Go's typed clients and kubectl from 1.32 on send (`kubectl create <kind>`, `drain`, `auth can-i`):
 * `k8s\0`, then `Unknown{1: TypeMeta{1: apiVersion, 2: kind}, 2: raw}`, raw being the object. Field numbers are of the
 * generated.proto files of k8s.io/api. What stands in a field that is not known here is never dropped: the body is refused.
 */
import { isRecord, setKey } from '../json.ts';
import { fieldsOf, type ProtoField, rootOf } from './protobuf-tables.ts';

const MAGIC = Buffer.from('k8s\0', 'latin1');
const MAX_DEPTH = 32;
const MAX_VARINT_BYTES = 10;

/** What cannot be read, or has a field that is not known. */
class Unreadable extends Error {}

interface Wire {
  readonly field: number;
  /** A varint as its 64 bits without a sign, or the bytes of a length-delimited field. */
  readonly value: bigint | Buffer;
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
    if (field === 1) out.type = bytesOf(value);
    if (field === 2) out.raw = bytesOf(value);
  }
  return out;
}

function typeOf(bytes: Buffer): [apiVersion: string, kind: string] {
  let apiVersion = '';
  let kind = '';
  for (const { field, value } of wires(bytes)) {
    if (field === 1) apiVersion = textOf(value);
    if (field === 2) kind = textOf(value);
  }
  return [apiVersion, kind];
}

function* wires(bytes: Buffer): Generator<Wire> {
  let at = 0;
  const varint = (): bigint => {
    const first = bytes[at];
    if (first !== undefined && first < 0x80) {
      at++;
      return BigInt(first);
    }
    let value = 0n;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Unreadable();
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Unreadable();
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { field, value: varint() };
        break;
      case 2: {
        const length = Number(varint());
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
  const fields = fieldsOf(name);
  if (fields === undefined || depth > MAX_DEPTH) throw new Unreadable();
  const out: Record<string, unknown> = {};
  for (const { field, value } of wires(bytes)) {
    const known = fields.get(field);
    if (known === undefined) {
      // proto2 writes fields that are empty as well; only what says something is missed.
      if (typeof value === 'bigint' ? value === 0n : value.length === 0) continue;
      throw new Unreadable();
    }
    put(out, known, value, depth);
  }
  return out;
}

function put(out: Record<string, unknown>, known: ProtoField, value: bigint | Buffer, depth: number): void {
  const [name, type] = known;
  if (type.startsWith('[]')) {
    const list = Array.isArray(out[name]) ? out[name] : [];
    list.push(readValue(type.slice(2), value, depth));
    out[name] = list;
  } else if (type.startsWith('{}')) {
    const [key, entry] = mapEntry(type.slice(2), bytesOf(value), depth);
    const map = isRecord(out[name]) ? out[name] : {};
    setKey(map, key, entry);
    out[name] = map;
  } else if (type.startsWith('<')) {
    Object.assign(out, message(type.slice(1), bytesOf(value), depth + 1));
  } else {
    const read = readValue(type, value, depth);
    if (read !== undefined && !isUnset(type, read)) out[name] = read;
  }
}

/** Fields that are no pointers arrive even when they are empty, and would stand in the way of defaults. */
function isUnset(type: string, read: unknown): boolean {
  switch (type) {
    case 's':
    case 'y':
      return read === '';
    case 'i':
    case 'l':
      return read === 0;
    case 'b':
      return read === false;
    default:
      return false;
  }
}

function mapEntry(type: string, bytes: Buffer, depth: number): [string, unknown] {
  let key = '';
  let entry: unknown;
  for (const { field, value } of wires(bytes)) {
    if (field === 1) key = textOf(value);
    if (field === 2) entry = readValue(type, value, depth);
  }
  return [key, entry ?? readValue(type, Buffer.alloc(0), depth)];
}

function readValue(type: string, value: bigint | Buffer, depth: number): unknown {
  switch (type) {
    case 's':
    case 'S':
      return textOf(value);
    case 'y':
      return bytesOf(value).toString('base64');
    case 'i':
    case 'I':
      return int32Of(value);
    case 'l':
    case 'L':
      return int64Of(value);
    case 'b':
    case 'B':
      return bitsOf(value) !== 0n;
    case 't':
      return time(bytesOf(value));
    case 'm':
      return microTime(bytesOf(value));
    case 'o':
      return intOrString(bytesOf(value));
    case 'q':
      return quantity(bytesOf(value));
    case 'j':
      return json(bytesOf(value));
    case 'e':
      return list(bytesOf(value));
    default:
      return message(type, bytesOf(value), depth + 1);
  }
}

function bitsOf(value: bigint | Buffer): bigint {
  if (typeof value !== 'bigint') throw new Unreadable();
  return value;
}

function bytesOf(value: bigint | Buffer): Buffer {
  if (typeof value === 'bigint') throw new Unreadable();
  return value;
}

const textOf = (value: bigint | Buffer): string => bytesOf(value).toString('utf8');

/** A negative number comes as ten bytes of 64-bit two's complement, of which Go takes the lower half. */
const int32Of = (value: bigint | Buffer): number => Number(BigInt.asIntN(32, bitsOf(value)));

/** Beyond 2^53 the nearest double, as of a number in JSON. */
const int64Of = (value: bigint | Buffer): number => Number(BigInt.asIntN(64, bitsOf(value)));

const ZERO_TIME_SECONDS = -62_135_596_800;
const FIRST_SECOND_OF_YEAR_10000 = 253_402_300_800;

/** `2026-01-01T00:00:00`; undefined for Go's zero time. */
function instant(seconds: number): string | undefined {
  if (seconds === ZERO_TIME_SECONDS) return undefined;
  if (seconds < ZERO_TIME_SECONDS || seconds >= FIRST_SECOND_OF_YEAR_10000) throw new Unreadable();
  return new Date(seconds * 1000).toISOString().slice(0, -'.000Z'.length);
}

function timestamp(bytes: Buffer): { seconds: number; nanos: number } {
  let [seconds, nanos] = [0, 0];
  for (const { field, value } of wires(bytes)) {
    if (field === 1) seconds = int64Of(value);
    if (field === 2) nanos = int32Of(value);
  }
  return { seconds, nanos };
}

/** Nothing at all is no time, as Go writes its zero time. */
function time(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return undefined;
  const whole = instant(timestamp(bytes).seconds);
  return whole === undefined ? undefined : `${whole}Z`;
}

function microTime(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return undefined;
  const { seconds, nanos } = timestamp(bytes);
  if (nanos < 0 || nanos >= 1e9) throw new Unreadable();
  const whole = instant(seconds);
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0');
  return whole === undefined ? undefined : `${whole}.${micros}Z`;
}

function quantity(bytes: Buffer): string {
  for (const { field, value } of wires(bytes)) if (field === 1) return textOf(value);
  return '0';
}

function intOrString(bytes: Buffer): number | string {
  let [type, number, text] = [0, 0, ''];
  for (const { field, value } of wires(bytes)) {
    if (field === 1) type = int64Of(value);
    if (field === 2) number = int32Of(value);
    if (field === 3) text = textOf(value);
  }
  return type === 1 ? text : number;
}

/** FieldsV1 and RawExtension: what was JSON stays JSON. */
function json(bytes: Buffer): unknown {
  for (const { field, value } of wires(bytes)) {
    if (field !== 1 || bytesOf(value).length === 0) continue;
    try {
      return JSON.parse(textOf(value));
    } catch {
      throw new Unreadable();
    }
  }
  return undefined;
}

function list(bytes: Buffer): string[] {
  return [...wires(bytes)].filter(({ field }) => field === 1).map(({ value }) => textOf(value));
}

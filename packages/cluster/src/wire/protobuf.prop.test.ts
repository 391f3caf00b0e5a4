import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readProtobuf } from './protobuf.ts';

/** A varint as Go writes it: seven bits a byte, a negative number as its 64-bit two's complement. */
function varint(value: bigint): number[] {
  const bits = BigInt.asUintN(64, value);
  return bits < 0x80n ? [Number(bits)] : [Number(bits & 0x7fn) | 0x80, ...varint(bits >> 7n)];
}
const integer = (number: number, value: bigint): Buffer =>
  Buffer.from([...varint(BigInt(number * 8)), ...varint(value)]);
function bytes(number: number, value: Buffer | string): Buffer {
  const content = Buffer.from(value);
  return Buffer.concat([Buffer.from([...varint(BigInt(number * 8 + 2)), ...varint(BigInt(content.length))]), content]);
}
const body = (apiVersion: string, kind: string, ...fields: Buffer[]): Buffer => {
  const type = Buffer.concat([bytes(1, apiVersion), bytes(2, kind)]);
  return Buffer.concat([Buffer.from('k8s\0', 'latin1'), bytes(1, type), bytes(2, Buffer.concat(fields))]);
};

const int32 = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: -3_000, max: 3_000 }));
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -5_000n, max: 5_000n }));

test('[SPEC C8] an int32 in protobuf is the number that was written, in ten bytes or in the five of its lower half', () => {
  const read = (value: bigint): unknown =>
    readProtobuf(body('scheduling.k8s.io/v1', 'PriorityClass', integer(2, value)))?.value;
  fc.assert(
    fc.property(int32, (value) => {
      expect(read(BigInt(value))).toBe(value);
      expect(read(BigInt.asUintN(32, BigInt(value)))).toBe(value);
    }),
  );
});

test('[SPEC C8] an int64 in protobuf is the number that JSON would say', () => {
  fc.assert(
    fc.property(int64, (value) => {
      const read = readProtobuf(body('v1', 'DeleteOptions', integer(1, value)));
      expect(read?.gracePeriodSeconds).toBe(JSON.parse(String(value)));
    }),
  );
});

test('[SPEC C8] a port by its number in protobuf is that number, whatever its sign', () => {
  fc.assert(
    fc.property(int32, (value) => {
      const maxUnavailable = bytes(3, Buffer.concat([integer(1, 0n), integer(2, BigInt(value)), bytes(3, '')]));
      const read = readProtobuf(body('policy/v1', 'PodDisruptionBudget', bytes(2, maxUnavailable)));
      expect(read?.spec).toEqual({ maxUnavailable: value });
    }),
  );
});

test('[SPEC C8] a time in protobuf is that second of years 1 to 9999, and no time at all in no bytes', () => {
  const read = (time: Buffer): unknown => readProtobuf(body('v1', 'ConfigMap', bytes(1, bytes(8, time))))?.metadata;
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_799, max: 253_402_300_799 }), (seconds) => {
      const creationTimestamp = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
      expect(read(Buffer.concat([integer(1, BigInt(seconds)), integer(2, 0n)]))).toEqual({ creationTimestamp });
    }),
  );
  expect(read(Buffer.alloc(0))).toEqual({});
  expect(read(integer(1, -62_135_596_800n))).toEqual({});
  expect(read(integer(1, 253_402_300_800n))).toBe(undefined);
});

test('[SPEC C8] no bytes are more than unreadable', () => {
  const start = body('v1', 'Pod');
  const arbitrary = fc.oneof(
    fc
      .uint8Array({ maxLength: 200 })
      .map((tail) => Buffer.concat([start.subarray(0, -2), bytes(2, Buffer.from(tail))])),
    fc.uint8Array({ maxLength: 60 }).map((tail) => Buffer.concat([Buffer.from('k8s\0', 'latin1'), tail])),
  );
  fc.assert(
    fc.property(arbitrary, (given) => {
      const read = readProtobuf(given);
      expect(read === undefined || read.kind === 'Pod').toBe(true);
    }),
    { numRuns: 500 },
  );
});

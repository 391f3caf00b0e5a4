import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode } from './decode.ts';
import { encode } from './encode.ts';
import { recordings } from './fixtures/recordings.ts';
import type { ArkletCommand } from './messages.ts';
import { cutBytes } from './text.ts';
import { baseChannels, baseTopicOf, classifyTopic, isBaseId } from './topics.ts';

const baseId = fc.oneof(
  fc.constantFrom('b1', '10.0.0.1', 'base', 'ü b'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter(isBaseId),
);
const generation = fc.constantFrom('current' as const, 'seed' as const);
const channel = fc.constantFrom(...baseChannels);
const env = fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/);

/** A Result whatever went in: ok with the topic's identity, or a rejection that fits in a log line. */
function check(topic: string, payload: Uint8Array, retain: boolean): void {
  const decoded = decode(topic, payload, { retain });
  if (decoded.ok) {
    expect(retain).toBe(false);
    expect(topic.split('/')[1]).toBe(decoded.value.baseId);
    expect(decoded.value.origin.baseId).toBe(decoded.value.baseId);
  } else {
    expect(decoded.error.detail).not.toMatch(/\p{Cc}|^$/u);
    expect(decoded.error.detail.length).toBeLessThanOrEqual(300);
  }
}

const command: fc.Arbitrary<ArkletCommand> = fc.oneof(
  fc.record({ kind: fc.constant('installBiz' as const), name: fc.string(), version: fc.string(), url: fc.string() }),
  fc.record({ kind: fc.constant('uninstallBiz' as const), name: fc.string(), version: fc.string() }),
  fc.constantFrom({ kind: 'health' } as const, { kind: 'queryAllBiz' } as const, { kind: 'baseline' } as const),
);

describe('decoding', () => {
  it('[SPEC P18] [SPEC I11] any bytes on any topic give a Result', () => {
    const topic = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(env, baseId, generation, channel).map(([e, id, g, c]) => baseTopicOf(e, id, g, c)),
    );
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json({ maxDepth: 3 }).map((text) => new TextEncoder().encode(text)),
      fc.json({ maxDepth: 3 }).map((text) => new TextEncoder().encode(`{"data":${text},"publishTimestamp":1}`)),
    );
    fc.assert(fc.property(topic, payload, fc.boolean(), check), { numRuns: 500 });
  });

  it('[SPEC P18] a recorded message with any part of it changed gives a Result', () => {
    const recorded = fc.constantFrom(...recordings.filter((message) => message.dir === 'base>'));
    const instead = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(null, '', 0, -1, [], {}, 'FAILED', '__proto__', 1e308, { __proto__: null }),
    );
    fc.assert(
      fc.property(
        recorded,
        fc.array(fc.tuple(fc.nat(1000), instead), { minLength: 1, maxLength: 3 }),
        (message, changes) => {
          const json = changes.reduce<unknown>((value, [at, part]) => replaceAt(value, at, part), message.json);
          check(message.topic, new TextEncoder().encode(JSON.stringify(json)), false);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('[SPEC P18] a recorded message cut or with bytes changed gives a Result', () => {
    const recorded = fc.constantFrom(...recordings.filter((message) => message.dir === 'base>'));
    fc.assert(
      fc.property(
        recorded,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(255),
        fc.boolean(),
        (message, at, byte, cut) => {
          const index = Math.floor(at * message.payload.length);
          const changed = Uint8Array.from(message.payload);
          changed[index] = byte;
          check(message.topic, cut ? message.payload.subarray(0, index) : changed, false);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('[SPEC P16] on every topic the identity is the second segment, and no payload changes it', () => {
    fc.assert(
      fc.property(env, baseId, generation, fc.string(), (e, id, g, said) => {
        const topic = baseTopicOf(e, id, g, 'heart');
        const data = { baseMetadata: { identity: said }, state: 'activated' };
        const decoded = decode(topic, new TextEncoder().encode(JSON.stringify({ data })), { retain: false });
        if (said === '' || said === id) expect(decoded).toMatchObject({ ok: true, value: { baseId: id } });
        else expect(decoded).toMatchObject({ ok: false, error: { code: 'identity-mismatch' } });
      }),
    );
  });
});

describe('encoding', () => {
  it('[SPEC P20] the topic of a command leads back to its base, and its payload to its fields', () => {
    fc.assert(
      fc.property(command, env, baseId, generation, (sent, e, id, g) => {
        const made = encode(sent, { env: e.toUpperCase(), baseId: id, generation: g });
        const origin = g === 'seed' ? { generation: g, baseId: id } : { generation: g, env: e, baseId: id };
        expect(classifyTopic(made.topic)).toEqual({ direction: 'to-base', origin, channel: sent.kind });
        const json = JSON.parse(new TextDecoder().decode(made.payload));
        if (sent.kind === 'installBiz' || sent.kind === 'uninstallBiz') {
          expect(json.bizName).toBe(sent.name);
          expect(json.bizVersion).toBe(sent.version);
          expect(Object.keys(json)).toHaveLength(sent.kind === 'installBiz' ? 3 : 2);
        } else {
          expect(Object.keys(json)).toEqual([]);
        }
      }),
    );
  });
});

describe('cutting', () => {
  it('[SPEC P14] never exceeds its bound, splits no code point and leaves what fits alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 3, max: 80 }), (text, max) => {
        const cut = cutBytes(text, max);
        const size = (value: string) => new TextEncoder().encode(value).length;
        expect(size(cut)).toBeLessThanOrEqual(max);
        if (size(text) <= max) expect(cut).toBe(text);
        else
          expect([cut.endsWith('…'), text.startsWith(cut.slice(0, -1)), cut.isWellFormed()]).toEqual([
            true,
            true,
            true,
          ]);
      }),
    );
  });
});

/** Puts another value at the n-th place of a JSON value, counted depth first. */
function replaceAt(value: unknown, at: number, instead: unknown): unknown {
  let left = at % (countOf(value) || 1);
  const walk = (part: unknown): unknown => {
    if (left-- === 0) return instead;
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value);
}

function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, part) => sum + countOf(part), 1);
}

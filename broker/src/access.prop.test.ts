import { isBaseId } from '@kouplet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identityOf, matchesPattern, mayPublish, maySubscribe } from './access.ts';

/** Segments that look like what an attacker, or a careless base, would write. */
const segment = fc.oneof(
  fc.constantFrom(
    'koupleless',
    'koupleless_dev',
    'koupleless_',
    'base',
    'heart',
    'health',
    'baseline',
    '+',
    '#',
    '',
    '$SYS',
    'b1',
    'b2',
    'b1 ',
  ),
  fc.string({ maxLength: 6 }),
);
const topic = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('/'));
const identity = fc
  .oneof(fc.constantFrom('b1', 'b2', 'base', '192.168.0.1'), fc.string({ minLength: 1, maxLength: 12 }))
  .filter((text) => isBaseId(text));

/** Whether an MQTT filter matches a topic, by the clauses of MQTT 3.1.1 §4.7, apart from the code under test. */
function isMatch(filter: string, name: string): boolean {
  const wanted = filter.split('/');
  const given = name.split('/');
  if (name.startsWith('$') && /^[+#]/.test(filter)) return false;
  for (const [index, one] of wanted.entries()) {
    if (one === '#') return true;
    if (index >= given.length || (one !== '+' && one !== given[index])) return false;
  }
  return wanted.length === given.length;
}

describe('what a base may say and hear, whatever the topic', () => {
  it('publishes under its own identity’s base/ only [SPEC I12]', () => {
    fc.assert(
      fc.property(identity, topic, (own, name) => {
        const access = identityOf(`p@@@${own}`);
        if (access === undefined || !mayPublish({ role: 'base', baseId: access }, name)) return;
        const segments = name.split('/');
        expect(segments).toHaveLength(4);
        expect(segments[0]).toMatch(/^koupleless(_.+)?$/);
        expect(segments[1]).toBe(own);
        expect(segments[2]).toBe('base');
        expect(segments[3]).not.toBe('baseline');
      }),
      { numRuns: 2_000 },
    );
  });

  it('hears no topic of another identity by any filter it is granted [SPEC I12]', () => {
    fc.assert(
      fc.property(
        identity,
        identity,
        topic,
        fc.constantFrom('koupleless_dev', 'koupleless', 'koupleless_x'),
        (own, other, filter, prefix) => {
          fc.pre(own !== other);
          const baseId = identityOf(`p@@@${own}`);
          if (baseId === undefined || !maySubscribe({ role: 'base', baseId }, filter)) return;
          for (const rest of ['health', 'installBiz', 'base/baseline', 'base/heart']) {
            expect(isMatch(filter, `${prefix}/${other}/${rest}`)).toBe(false);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('is granted what a base needs, whatever its identity [SPEC I12]', () => {
    fc.assert(
      fc.property(identity, fc.constantFrom('koupleless_dev', 'koupleless'), (own, prefix) => {
        fc.pre(!own.includes('@@@'));
        const baseId = identityOf(`koupleless@@@${own}`);
        expect(baseId).toBe(own);
        if (baseId === undefined) return;
        const access = { role: 'base', baseId } as const;
        for (const channel of ['heart', 'health', 'simpleBiz', 'bizOperation', 'queryBaseline']) {
          expect(mayPublish(access, `${prefix}/${own}/base/${channel}`)).toBe(true);
        }
        expect(maySubscribe(access, `${prefix}/${own}/+`)).toBe(true);
        expect(maySubscribe(access, `${prefix}/${own}/base/baseline`)).toBe(true);
      }),
    );
  });

  it('matches a pattern as a regular expression of it would', () => {
    const part = fc.constantFrom('a', 'b', '-', '.', '*', 'ab');
    const pattern = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(''));
    const name = fc.array(fc.constantFrom('a', 'b', '-', '.'), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, name, (wanted, given) => {
        const source = wanted
          .split('*')
          .map((text) => text.replace(/[.-]/g, '\\$&'))
          .join('.*');
        expect(matchesPattern(wanted, given)).toBe(new RegExp(`^${source}$`).test(given));
      }),
      { numRuns: 2_000 },
    );
  });
});

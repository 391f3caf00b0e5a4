import { type CommandKind, commandKinds } from '@kouplet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Jvm, type Output } from './engine.ts';
import { baseFacts } from './facts.ts';
import { readModuleUrl } from './module-url.ts';
import { emptyScript } from './script.ts';

const kind = fc.constantFrom<CommandKind | undefined>(...commandKinds, undefined);
const name = fc.constantFrom('a', 'b', 'c');
const version = fc.constantFrom('1', '2');
const query = fc.constantFrom(
  '',
  '?kouplet-delay=50ms',
  '?kouplet-fail=404',
  '?kouplet-fail=start',
  '?kouplet-download=9ms',
);
const module = fc.record({ bizName: name, bizVersion: version, bizUrl: query.map((text) => `http://h/x.jar${text}`) });
const strategy = fc.constantFrom({}, { installStrategy: 'uninstallThenInstall' });
const operation = fc.record({
  kind: fc.constantFrom<CommandKind>('installBiz', 'uninstallBiz'),
  body: fc.tuple(module, strategy).map(([fields, more]) => ({ ...fields, ...more })),
  pauseMs: fc.nat(30),
});
const facts = baseFacts({ identity: 'b1', heartbeatMs: 1_000_000 });

describe('the engine', () => {
  it('[SPEC S6] [SPEC S9] answers every operation exactly once, ends idle, and has one ACTIVATED version a name at most', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const jvm = new Jvm(facts, emptyScript(), 0);
        const outputs: Output[] = [...jvm.connected(0)];
        let at = 0;
        for (const { kind, body, pauseMs } of operations) {
          outputs.push(...jvm.receive({ kind, payload: new TextEncoder().encode(JSON.stringify(body)) }, at));
          at += pauseMs;
        }
        outputs.push(...jvm.advance(at + 10_000));
        const answers = outputs.filter((output) => output.kind === 'publish' && output.channel === 'bizOperation');
        expect(answers).toHaveLength(operations.length);
        expect(jvm.busy).toBe(0);
        const active = jvm.bizes().filter((biz) => biz.state === 'ACTIVATED');
        expect(new Set(active.map((biz) => biz.name)).size).toBe(active.length);
        expect(jvm.bizes().some((biz) => biz.state === 'RESOLVED')).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('[SPEC S14] survives any payload on any command, whenever its connection comes and goes', () => {
    const step = fc.record({
      kind,
      text: fc.oneof(
        fc.json({ maxDepth: 3 }),
        fc.string(),
        module.map((fields) => JSON.stringify([fields])),
      ),
      isUp: fc.boolean(),
      pauseMs: fc.nat(20_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const jvm = new Jvm(facts, emptyScript(), 0);
        let at = 0;
        for (const { kind, text, isUp, pauseMs } of steps) {
          const outputs = [...(isUp ? jvm.connected(at) : jvm.disconnected(at))];
          outputs.push(...jvm.receive({ kind, payload: new TextEncoder().encode(text) }, at));
          at += pauseMs;
          if (!isUp) expect(jvm.advance(at)).toEqual([]);
        }
        jvm.advance(at + 10_000);
        expect(jvm.busy).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('[SPEC S12] any URL is read: as faults, as a mistake told, or as nothing', () => {
    const parameter = fc.tuple(fc.constantFrom('fail', 'delay', 'crash', 'manifest', 'lose-times', 'x'), fc.string());
    const url = fc.oneof(
      fc.string(),
      parameter.map(([one, value]) => `http://h/x.jar?kouplet-${one}=${value}`),
    );
    fc.assert(
      fc.property(url, (text) => {
        const { faults } = readModuleUrl(text);
        expect(faults.delayMs + faults.downloadMs + (faults.crashBackAfterMs ?? 0)).toBeLessThanOrEqual(3 * 3_600_000);
      }),
    );
  });
});

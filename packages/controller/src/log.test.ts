import { expect, test } from 'vitest';
import { logTo, maskSecrets, Throttle } from './log.ts';

test.each([
  ['https://user:pw@repo/x.jar failed', 'https://***@repo/x.jar failed'],
  ['oss://b/x.jar?Signature=abc&Expires=1: 403', 'oss://b/x.jar?***: 403'],
  ['no url, one line\n  at two', 'no url, one line | at two'],
])('%j is told as %j [SPEC E16]', (text, masked) => {
  expect(maskSecrets(text)).toBe(masked);
});

test('a long text is cut', () => {
  expect(maskSecrets('x'.repeat(5_000), 100)).toHaveLength(101);
});

test('a throttle lets the first of a name through, then one each span with what it held back, and holds few names', () => {
  const throttle = new Throttle(1_000, 2);
  expect(throttle.pass('a', 0)).toBe(0);
  expect(throttle.pass('a', 10)).toBeUndefined();
  expect(throttle.pass('a', 999)).toBeUndefined();
  expect(throttle.pass('a', 1_000)).toBe(2);
  throttle.pass('b', 1_001);
  throttle.pass('c', 1_002);
  expect(throttle.pass('a', 1_003)).toBe(0);
});

test('no field of a line, however deep, and no error in it shows a secret [SPEC E16]', () => {
  const lines: string[] = [];
  const log = logTo({ write: (line) => lines.push(line) }, 'info');
  const url = 'mqtts://user:hunter2@h:1/x?token=abc';
  const error = new Error(`refused: ${url}`, { cause: new Error(`Bearer hunter2hunter2, ${url}`) });
  log.error({ err: error, url, deep: [{ password: url }], held: 0 }, 'machinery-broke');
  log.info({ message: `401 with password=hunter2 at ${url}` }, 'credentials-not-refreshed');
  expect(lines).toHaveLength(2);
  expect(lines.join('')).not.toMatch(/hunter2|abc/);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    url: 'mqtts://***@h:1/x?***',
    err: { type: 'Error', stack: expect.stringContaining('log.test.ts') },
    held: 0,
  });
});

test('a line is JSON with its event, its level in words and its ids as fields', () => {
  const lines: string[] = [];
  logTo({ write: (line) => lines.push(line) }, 'info').info({ base: 'b1' }, 'module-on-line');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', base: 'b1', msg: 'module-on-line' });
});

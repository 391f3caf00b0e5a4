import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logDestination } from './log-destination.ts';

const failing = (code: string): Error => Object.assign(new Error(code), { code });

/** A file that does, write after write, what it is told: takes so many bytes, or fails. Without more orders it takes all. */
function fileOf(...orders: ReadonlyArray<number | string>) {
  const left = [...orders];
  const taken: Buffer[] = [];
  let writes = 0;
  return {
    text: () => Buffer.concat(taken).toString(),
    writes: () => writes,
    write: (_descriptor: number, bytes: Buffer): number => {
      writes += 1;
      const order = left.shift() ?? bytes.length;
      if (typeof order === 'string') throw failing(order);
      const part = bytes.subarray(0, order);
      taken.push(Buffer.from(part));
      return part.length;
    },
  };
}

const linesLost = (text: string): number =>
  text
    .split('\n')
    .filter((line) => line.includes('log-lines-lost'))
    .reduce((sum, line) => sum + JSON.parse(line).lines, 0);

describe('where log lines go [SPEC E47]', () => {
  test.each(['EPIPE', 'ENOSPC', 'EIO'])('%s loses lines, and the next that can be written says how many', (code) => {
    const file = fileOf(code, code);
    const log = logDestination(1, file.write);
    log.write('{"n":1}\n');
    log.flush();
    log.write('{"n":2}\n{"n":3}\n');
    log.flush();
    log.write('{"n":4}\n');
    log.flush();
    expect(file.text()).toMatch(/^\{"n":4\}\n\{.*"lines":3,"msg":"log-lines-lost"\}\n$/);
  });

  test.each([
    ['by a full disk', [4, 'ENOSPC']],
    ['by one that is still full the next times', [4, 'ENOSPC', 'ENOSPC', 'ENOSPC']],
    ['by one that was only slow at first', [4, 'EAGAIN', 'ENOSPC']],
    ['by one whose next byte has to wait', [4, 'ENOSPC', 'EAGAIN', 0]],
  ])('a line that was cut in the middle %s is not continued by another', (_how, orders) => {
    const file = fileOf(...orders);
    const log = logDestination(1, file.write);
    log.write('{"n":1}\n');
    for (let times = 0; times < orders.length; times += 1) log.flush();
    log.write('{"n":2}\n');
    log.flush();
    const [cut, ...others] = file.text().split('\n');
    expect(cut).toBe('{"n"');
    expect(others).toContain('{"n":2}');
    expect(others.filter((line) => !line.includes('log-lines-lost'))).toEqual(['{"n":2}', '']);
    expect(linesLost(file.text())).toBe(1);
  });

  test('a slow reader gets all of it in the end, up to a megabyte, and is not asked with each line', () => {
    const file = fileOf(...Array(3).fill('EAGAIN'));
    const log = logDestination(1, file.write);
    const line = `${'x'.repeat(999)}\n`;
    for (let times = 0; times < 2_000; times += 1) log.write(line);
    expect(file.writes()).toBeLessThan(5);
    for (let times = 0; times < 4; times += 1) log.flush();
    const lines = file.text().split('\n');
    expect(lines.filter((one) => one.length === 999)).toHaveLength(1_048);
    expect(linesLost(file.text())).toBe(2_000 - 1_048);
  });

  test('whatever a file does, whole lines come in order, and the others are counted', () => {
    const orders = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom('EAGAIN', 'EPIPE', 'ENOSPC')));
    fc.assert(
      fc.property(orders, fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (does, flushes) => {
        const file = fileOf(...does);
        const log = logDestination(1, file.write);
        flushes.forEach((isFlushed, n) => {
          log.write(`line ${n}\n`);
          if (isFlushed) log.flush();
        });
        for (let times = 0; times <= does.length; times += 1) log.flush();
        const whole = file
          .text()
          .split('\n')
          .filter((line) => /^line \d+$/.test(line));
        const numbers = whole.map((line) => Number(line.slice(5)));
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        expect(new Set(numbers).size).toBe(numbers.length);
        if (!does.some((order) => typeof order === 'string' && order !== 'EAGAIN')) {
          expect(numbers).toHaveLength(flushes.length);
        }
      }),
    );
  });
});

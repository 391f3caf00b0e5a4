import { expect, test } from 'vitest';
import { scheduleComplaint } from './cron-schedule.ts';

test.each([
  '* * * * *',
  '*/5 0-6/2 1,15 jan-MAR mon',
  '0 3 ? * 0',
  '@hourly',
  '@every 1h30m',
  ' 0  3 1 1 * ',
])('[SPEC C171] %s is a schedule', (schedule) => {
  expect(scheduleComplaint(schedule)).toBeUndefined();
});

// As kubectl shows them of a real 1.34.4.
test.each([
  ['often', 'expected exactly 5 fields, found 1: [often]'],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
  ['-1 * * * *', 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'],
  ['TZ=UTC * * * * *', 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'],
  ['@never', 'unrecognized descriptor: @never'],
  ['@every x', 'failed to parse duration @every x: time: invalid duration "x"'],
])('[SPEC C171] %s is none: %s', (schedule, complaint) => {
  expect(scheduleComplaint(schedule)).toBe(complaint);
});

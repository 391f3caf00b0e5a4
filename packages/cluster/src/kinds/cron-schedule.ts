/** When a CronJob's schedule is one: the rules and complaints of robfig/cron's ParseStandard, by which kube-apiserver judges it. */
import { goQuoted } from '../go-text.ts';

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
/** Minute, hour, day of month, month, day of week. */
const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
];
const DESCRIPTORS = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);
const EVERY = '@every ';
const DURATION = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))*$/;

/** What is wrong with a schedule, or undefined. */
export function scheduleComplaint(schedule: string): string | undefined {
  if (schedule.includes('TZ')) return 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
  if (schedule.startsWith('@')) return descriptorComplaint(schedule);
  const fields = schedule.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== FIELDS.length) {
    return `expected exactly ${FIELDS.length} fields, found ${fields.length}: [${fields.join(' ')}]`;
  }
  for (const [at, bounds] of FIELDS.entries()) {
    for (const part of (fields[at] ?? '').split(',').filter((one) => one !== '')) {
      const complaint = rangeComplaint(part, bounds);
      if (complaint !== undefined) return complaint;
    }
  }
  return undefined;
}

function descriptorComplaint(text: string): string | undefined {
  if (DESCRIPTORS.has(text)) return undefined;
  if (!text.startsWith(EVERY)) return `unrecognized descriptor: ${text}`;
  const span = text.slice(EVERY.length);
  if (DURATION.test(span) || span === '0') return undefined;
  return `failed to parse duration ${text}: time: invalid duration ${goQuoted(span)}`;
}

/** `*`, `5`, `1-5`, each with `/2` behind it. */
function rangeComplaint(part: string, bounds: Bounds): string | undefined {
  const [range = '', stepText, ...moreSteps] = part.split('/');
  const [lowText = '', highText, ...moreEnds] = range.split('-');
  let low = bounds.min;
  let high = bounds.max;
  if (lowText !== '*' && lowText !== '?') {
    const first = numberOf(lowText, bounds.names, bounds.min);
    if (typeof first === 'string') return first;
    low = first;
    if (moreEnds.length > 0) return `too many hyphens: ${part}`;
    const last = highText === undefined ? first : numberOf(highText, bounds.names, bounds.min);
    if (typeof last === 'string') return last;
    // `5/10` means from 5 on.
    high = highText === undefined && stepText !== undefined ? bounds.max : last;
  }
  if (moreSteps.length > 0) return `too many slashes: ${part}`;
  const step = stepText === undefined ? 1 : numberOf(stepText);
  if (typeof step === 'string') return step;
  if (low < bounds.min) return `beginning of range (${low}) below minimum (${bounds.min}): ${part}`;
  if (high > bounds.max) return `end of range (${high}) above maximum (${bounds.max}): ${part}`;
  if (low > high) return `beginning of range (${low}) beyond end of range (${high}): ${part}`;
  if (step === 0) return `step of range should be a positive number: ${part}`;
  return undefined;
}

/** @returns the number, or the complaint */
function numberOf(text: string, names: readonly string[] = [], first = 0): number | string {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + first;
  if (!/^[+-]?\d+$/.test(text)) {
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${goQuoted(text)}: invalid syntax`;
  }
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number;
}

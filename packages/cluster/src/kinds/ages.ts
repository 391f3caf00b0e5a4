/** Spans as kubectl shows them: `45s`, `5m10s`, `3h`, `2d5h` (apimachinery, pkg/util/duration/duration.go). */

/**
 * @param ms the span in milliseconds
 * @returns at most two units, the finer one left out once it says little: `<invalid>` for more than a second into the future. [SPEC C41]
 */
export function formatSpan(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 24 * 8) return withRest(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.floor(hours / 24 / 365);
  if (hours < 24 * 365 * 8) return withRest(years, 'y', days % 365, 'd');
  return `${years}y`;
}

function withRest(whole: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${whole}${unit}` : `${whole}${unit}${rest}${restUnit}`;
}

/** The age of an RFC 3339 instant at `now` (ms since the epoch); `<unknown>` where there is none. */
export function ageOf(instant: unknown, now: number): string {
  if (typeof instant !== 'string' || instant === '') return '<unknown>';
  const at = Date.parse(instant);
  return Number.isNaN(at) ? '<unknown>' : formatSpan(now - at);
}

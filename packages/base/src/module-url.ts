/**
 * What a module's URL says: whether Java would open it at all, and which faults it asks for, so that anybody can try them with
 * kubectl alone. A fault is `kouplet-<name>=<value>` after `?` or `&`, or as a segment of the path. The table is in README.md.
 */

/** Why an install fails, by the name that a URL gives it. A number is an HTTP status. */
export const failureNames = ['start', 'refused', 'unknown-host', 'not-a-jar', 'no-manifest'] as const;
export type FailureName = (typeof failureNames)[number] | number;

/** Faults of one URL. Each may be limited to its first so many times on a base. */
export interface ModuleFaults {
  readonly fail?: FailureName;
  readonly failTimes: number;
  /** Added to the download or to the start, ms. */
  readonly downloadMs: number;
  readonly delayMs: number;
  readonly lose?: 'answer' | 'command';
  readonly loseTimes: number;
  /** The download never ends: its slot and its lock are held. */
  readonly hangs: boolean;
  readonly hangTimes: number;
  /** The state it ends in instead of ACTIVATED. */
  readonly state?: 'DEACTIVATED' | 'BROKEN';
  /** Name and version in the jar, where they are not those asked for. */
  readonly manifest?: { readonly name: string; readonly version: string };
  /** The process dies while the module starts, and is back after so long. */
  readonly crashBackAfterMs?: number;
  readonly crashTimes: number;
  readonly uninstallFails: boolean;
  readonly uninstallDelayMs: number;
}

export interface ModuleUrl {
  readonly faults: ModuleFaults;
  /** What Java says of the URL itself: class and message of the exception. */
  readonly unopenable?: readonly [className: string, message: string];
  /** A fault nobody knows or with a value that means nothing; the install fails with this sentence. */
  readonly mistake?: string;
  /** Name and version that the file's name suggests: `biz1-0.0.1-ark-biz.jar`. */
  readonly fileIdentity?: { readonly name: string; readonly version: string };
  readonly host: string;
}

/** Schemes for which every JDK has a handler and arklet opens a stream. */
const schemes: readonly string[] = ['http', 'https', 'file', 'jar', 'ftp'];

/** How long a crashed process stays away where its URL does not say: a container's restart. */
const defaultCrashMs = 2000;

/** Longest wait that a URL may ask for: an hour. */
const longestMs = 3_600_000;

/** Reads a module's URL. Never throws. [SPEC S12] [SPEC S13] */
export function readModuleUrl(url: string): ModuleUrl {
  const faults: { -readonly [K in keyof ModuleFaults]: ModuleFaults[K] } = {
    failTimes: Infinity,
    downloadMs: 0,
    delayMs: 0,
    loseTimes: 1,
    hangs: false,
    hangTimes: Infinity,
    crashTimes: 1,
    uninstallFails: false,
    uninstallDelayMs: 0,
  };
  let mistake: string | undefined;
  for (const [, name = '', raw = ''] of url.matchAll(/[?&;/]kouplet-([a-zA-Z-]+)=?([^?&;/#]*)/g)) {
    const value = decoded(raw);
    const isUnderstood = readFault(faults, name.toLowerCase(), value);
    if (!isUnderstood) mistake ??= `the simulator knows no fault "kouplet-${name}=${value}"`.slice(0, 200);
  }
  // A count of failures alone means "fails to start".
  if (faults.failTimes !== Infinity) faults.fail ??= 'start';
  const host = /^[a-z]+:\/\/(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)/i.exec(url)?.[1] ?? '';
  const unopenable = unopenableOf(url, host);
  const fileIdentity = fileIdentityOf(url);
  return {
    faults,
    host,
    ...(unopenable && { unopenable }),
    ...(mistake !== undefined && { mistake }),
    ...(fileIdentity && { fileIdentity }),
  };
}

/** `500ms`, `6s`, `2m`; a bare number is milliseconds. Undefined for anything else; capped at an hour. */
export function durationOf(text: string): number | undefined {
  const [, digits, unit = 'ms'] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const factor = unit === 'm' ? 60_000 : unit === 's' ? 1000 : 1;
  return Math.min(Number(digits) * factor, longestMs);
}

function readFault(
  faults: { -readonly [K in keyof ModuleFaults]: ModuleFaults[K] },
  name: string,
  value: string,
): boolean {
  const times = /^\d{1,6}$/.test(value) ? Number(value) : undefined;
  const duration = durationOf(value);
  const isOn = value === '' || value === '1' || value === 'true';
  switch (name) {
    case 'fail': {
      const failure = failureOf(value);
      if (failure === undefined) return false;
      faults.fail = failure;
      return true;
    }
    case 'fail-times':
    case 'lose-times':
    case 'hang-times':
    case 'crash-times':
      if (times === undefined) return false;
      faults[`${name.slice(0, -'-times'.length) as 'fail' | 'lose' | 'hang' | 'crash'}Times`] = times;
      return true;
    case 'download':
    case 'delay':
    case 'uninstall-delay':
      if (duration === undefined) return false;
      faults[name === 'delay' ? 'delayMs' : name === 'download' ? 'downloadMs' : 'uninstallDelayMs'] = duration;
      return true;
    case 'lose':
      if (value !== 'answer' && value !== 'command') return false;
      faults.lose = value;
      return true;
    case 'hang':
      faults.hangs = isOn;
      return isOn;
    case 'uninstall-fail':
      faults.uninstallFails = isOn;
      return isOn;
    case 'crash': {
      const backAfter = isOn ? defaultCrashMs : duration;
      if (backAfter === undefined) return false;
      faults.crashBackAfterMs = backAfter;
      return true;
    }
    case 'state': {
      const state = value.toUpperCase();
      if (state !== 'DEACTIVATED' && state !== 'BROKEN') return false;
      faults.state = state;
      return true;
    }
    case 'manifest': {
      const [manifestName, version, ...rest] = value.split(':');
      if (!manifestName || !version || rest.length > 0) return false;
      faults.manifest = { name: manifestName, version };
      return true;
    }
    default:
      return false;
  }
}

/** A word of the table or an HTTP status that is an error. */
export function failureOf(value: string): FailureName | undefined {
  if (/^[45]\d\d$/.test(value)) return Number(value);
  return failureNames.find((name) => name === value);
}

/** What `java.net.URL` and the first look-up say before a byte is read. Source: recorded failures; java.net.URL's grammar. */
function unopenableOf(url: string, host: string): ModuleUrl['unopenable'] {
  const malformed = 'java.net.MalformedURLException';
  const scheme = /^([A-Za-z][A-Za-z0-9.+-]*):/.exec(url.trimStart())?.[1]?.toLowerCase();
  if (scheme === undefined) return [malformed, `no protocol: ${url}`];
  if (!schemes.includes(scheme)) return [malformed, `unknown protocol: ${scheme}`];
  // RFC 6761: nothing under .invalid ever resolves.
  return /(^|\.)invalid$/i.test(host) ? ['java.net.UnknownHostException', host] : undefined;
}

function fileIdentityOf(url: string): ModuleUrl['fileIdentity'] {
  const file = url.split(/[?#]/, 1)[0]?.split('/').at(-1) ?? '';
  const [, name, version] = /^(.+?)-(\d[^/]*?)(?:-ark-biz)?\.jar$/.exec(file) ?? [];
  return name === undefined || version === undefined ? undefined : { name, version };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

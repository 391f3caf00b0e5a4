/** Values of flags: each from its text, with an error that says what is expected. Thrown errors are Commander's, so they name the flag. */
import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:1883`, `[::1]:1883`, `localhost:0`. */
export function hostPort(value: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new InvalidArgumentError(`"${value}" is not HOST:PORT, such as 127.0.0.1:1883 (port 0: any free one).`);
  }
  return { host, port };
}

export function showHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function port(value: string): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= 65_535))
    throw new InvalidArgumentError(`"${value}" is not a port from 0 to 65535 (0: any free one).`);
  return number;
}

/** A count from `least` to `most`. */
export function count(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      throw new InvalidArgumentError(`"${value}" is not a whole number from ${least} to ${most}.`);
    }
    return number;
  };
}

const unitBytes = new Map([
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
]);

/** `64Mi`, `512Ki`, `1Gi`; bytes, from `least` to 1 TiB. */
export function size(least: number): (value: string) => number {
  return (value) => {
    const [, number = '', unit = ''] = /^(\d{1,9})(Ki|Mi|Gi)$/.exec(value) ?? [];
    const bytes = Number(number) * (unitBytes.get(unit) ?? Number.NaN);
    if (!(bytes >= least && bytes <= 2 ** 40)) {
      throw new InvalidArgumentError(
        `"${value}" is not a size of at least ${least / 2 ** 10}Ki, such as 512Ki, 64Mi or 1Gi.`,
      );
    }
    return bytes;
  };
}

const unitMs = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** `60s`, `1m30s`, `500ms`, `0`; milliseconds, at most a year. */
export function duration(value: string): number {
  if (value === '0') return 0;
  const parts = /^(?:\d+(?:ms|[smhd]))+$/.test(value) ? [...value.matchAll(/(\d+)(ms|[smhd])/g)] : [];
  let ms = parts.length > 0 ? 0 : Number.NaN;
  for (const [, number, unit] of parts) ms += Number(number) * (unitMs.get(unit ?? '') ?? Number.NaN);
  if (!(ms <= 366 * 86_400_000)) {
    throw new InvalidArgumentError(`"${value}" is not a duration, such as 60s, 1m30s, 500ms or 0.`);
  }
  return ms;
}

/** The env, lower case as the bases write it: one DNS label, because it is the last part of every Node's name. */
export function envName(value: string): string {
  const env = value.toLowerCase();
  if (!/^[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?$/.test(env)) {
    const why = env.includes('.')
      ? 'holds a dot, and the Node name vnode.IDENTITY.ENV is split at its last dot'
      : 'is no DNS label';
    throw new InvalidArgumentError(`"${value}" ${why}: use letters, digits and "-", at most 40, such as dev.`);
  }
  return env;
}

export function namespaceName(value: string): string {
  if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(value)) {
    throw new InvalidArgumentError(
      `"${value}" is no name of a namespace: lower case letters, digits and "-", at most 63.`,
    );
  }
  return value;
}

/** An address as Nodes have them: 10.0.0.7, fd00::7. */
export function ipAddress(value: string): string {
  if (isIP(value) === 0) throw new InvalidArgumentError(`"${value}" is no IP address, such as 10.0.0.7.`);
  return value;
}

/** `shop,orders`. */
export function namespaceNames(value: string): readonly string[] {
  return [...new Set(value.split(',').map((name) => namespaceName(name.trim())))];
}

export interface BrokerAddress {
  /** `mqtt://host:port` or `mqtts://host:port`, nothing else in it. */
  readonly url: string;
  readonly isTls: boolean;
}

/** `mqtt://HOST:PORT` or `mqtts://HOST:PORT`; without a port 1883 and 8883. */
export function brokerAddress(value: string): BrokerAddress {
  const url = URL.parse(value);
  if (url === null || url.host === '' || (url.protocol !== 'mqtt:' && url.protocol !== 'mqtts:')) {
    throw new InvalidArgumentError(`"${hideUserInfo(value)}" is not mqtt://HOST:PORT or mqtts://HOST:PORT.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidArgumentError(
      'no user and no password in it, everybody on the machine sees them: there are flags and variables for them.',
    );
  }
  if ((url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError('it has more than mqtt://HOST:PORT.');
  }
  const isTls = url.protocol === 'mqtts:';
  const place = url.port === '' ? `${url.host}:${isTls ? 8883 : 1883}` : url.host;
  return { url: `${url.protocol}//${place}`, isTls };
}

/** Where a controller serves HTTP. */
export interface ControllerAddress {
  /** `http://127.0.0.1:8081`, without a path. */
  readonly url: string;
}

/** `http://127.0.0.1:8081`, or `127.0.0.1:8081` as the controller's own --http and KOUPLET_HTTP have it. */
export function controllerAddress(value: string): ControllerAddress {
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === null || !isHttp || url.host === '' || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new InvalidArgumentError(`"${hideUserInfo(value)}" is not http://HOST:PORT, such as http://127.0.0.1:8081.`);
  }
  return { url: url.origin };
}

/** The value without what may be a user and a password. */
export function hideUserInfo(value: string): string {
  return value.replace(/^([a-z]*:\/\/)?.*@/i, '$1***@');
}

/** What our client id at a broker begins with: PREFIX@@@… */
export function clientPrefix(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: brokers may end a connection whose client id has one.
  if (value === '' || /[\u0000-\u001f\u007f]/.test(value) || Buffer.byteLength(value) > 200) {
    throw new InvalidArgumentError(
      `${JSON.stringify(value)} cannot begin a client id: not empty, no control characters, at most 200 bytes.`,
    );
  }
  return value;
}

/** An identity as a base may have one: the second segment of its topics. */
export function identity(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: MQTT forbids exactly these in a topic's segment.
  if (value === '' || /[/+#\u0000-\u001f]/.test(value) || Buffer.byteLength(value) > 200) {
    throw new InvalidArgumentError(
      `${JSON.stringify(value)} cannot be an identity: not empty, without "/", "+" and "#", at most 200 bytes.`,
    );
  }
  return value;
}

/**
 * Which requests are heard at all. Any page a user opens may send requests to a port of this machine (DNS rebinding, forms), so a Host
 * that nobody has named and every Origin are refused, before anything else is looked at.
 */
import { badRequest, failure } from '../status.ts';
import type { Exchange } from './exchange.ts';

export const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** @param host  a Host header @returns its name or address without port and brackets, in lower case */
export function hostName(host: string): string {
  return (/^\[(.*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase();
}

/** @throws ApiError 403, or 400 for two Hosts: whoever passes the request on may take the other one */
export function refuseForeigners(exchange: Exchange, isAllowed: (host: string) => boolean): void {
  if (hostsOf(exchange.request.rawHeaders) > 1) throw badRequest('too many Host headers');
  const host = exchange.header('host') ?? '';
  const name = hostName(host);
  if (!LOOPBACK.has(name) && !isAllowed(name)) {
    throw failure(
      403,
      'Forbidden',
      `the embedded cluster answers to loopback names and to those it was told of, not to Host ${JSON.stringify(host)}`,
      {},
    );
  }
  if (exchange.header('origin') !== undefined) {
    throw failure(403, 'Forbidden', 'the embedded cluster answers no web pages (a request with an Origin header)', {});
  }
}

/** How often it is named; Node's `headers` keep the first one alone. @param rawHeaders  names and values in turn */
function hostsOf(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}

/**
 * Which requests are heard at all. Any page a user opens may send requests to a port of this machine (DNS rebinding, forms), so a Host
 * that nobody has named and every Origin are refused, before anything else is looked at.
 */
import { failure } from '../status.ts';
import type { Exchange } from './exchange.ts';

export const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** @param host  a Host header @returns its name or address without port and brackets, in lower case */
export function hostName(host: string): string {
  return (/^\[(.*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase();
}

/** @throws ApiError 403 */
export function refuseForeigners(exchange: Exchange, isAllowed: (host: string) => boolean): void {
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

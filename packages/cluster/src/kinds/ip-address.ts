/**
 * IP addresses as Kubernetes reads them: Go's old parser, which takes leading zeros, for fields that are as old as it, and its new one for the
 * rest (apimachinery, pkg/util/validation/ip.go; kubernetes, pkg/apis/core/validation, ValidateEndpointIP).
 */

/** An address that the old parser takes. */
export interface Address {
  /** Eight groups of 16 bits; an IPv4 address stands mapped in the last two, as in Go's net.IP. */
  readonly groups: readonly number[];
  /** Whether it counts as IPv4: written so, or mapped (`::ffff:10.0.0.1`). */
  readonly isIPv4: boolean;
  /** In its one right spelling (RFC 5952). */
  readonly canonical: string;
  /** Whether the new parser takes it, too: no leading zeros. */
  readonly isStrict: boolean;
  /** Written as IPv6 though it is an IPv4 address. */
  readonly isMapped: boolean;
}

/** Undefined for what is no address; a zone (`fe80::1%eth0`) makes it none. */
export function parseAddress(text: string): Address | undefined {
  const colons = text.includes(':');
  const groups = colons ? parseIPv6(text) : parseIPv4(text);
  if (groups === undefined) return undefined;
  const isIPv4 = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  const dotted = text.slice(text.lastIndexOf(':') + 1);
  return {
    groups,
    isIPv4,
    canonical: isIPv4 ? printIPv4(groups) : printIPv6(groups),
    isStrict: !(dotted.includes('.') && /(^|\.)0\d/.test(dotted)),
    isMapped: isIPv4 && colons,
  };
}

function parseIPv4(text: string): number[] | undefined {
  const pair = parseDotted(text);
  return pair === undefined ? undefined : [0, 0, 0, 0, 0, 0xffff, ...pair];
}

function parseDotted(text: string): number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return Math.max(a, b, c, d) > 255 ? undefined : [a * 256 + b, c * 256 + d];
}

function parseIPv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, at) => parseGroups(half, at === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** @param isLast  whether it may end as an IPv4 address */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [at, part] of parts.entries()) {
    if (/^[\da-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const pair = isLast && at === parts.length - 1 ? parseDotted(part) : undefined;
      if (pair === undefined) return undefined;
      groups.push(...pair);
    }
  }
  return groups;
}

function printIPv4(groups: readonly number[]): string {
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 255])
    .join('.');
}

/** The longest run of two or more empty groups becomes `::`, the first one where two are as long. */
function printIPv6(groups: readonly number[]): string {
  let [start, length] = [0, 1];
  for (let at = 0; at < groups.length; at += 1) {
    let end = at;
    while (end < groups.length && groups[end] === 0) end += 1;
    if (end - at > length) [start, length] = [at, end - at];
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

const noAddress = 'must be a valid IP address';

/** For fields that are as old as the old parser. */
export function addressMessages(value: string): string[] {
  return parseAddress(value) === undefined ? [`${noAddress}, (e.g. 10.9.8.7 or 2001:db8::ffff)`] : [];
}

/** For fields that are not: one spelling an address. */
export function strictAddressMessages(value: string): string[] {
  const address = parseAddress(value);
  if (address === undefined) return addressMessages(value);
  if (!address.isStrict) return ['must not have leading 0s'];
  if (address.isMapped) return ['must not be an IPv4-mapped IPv6 address'];
  return address.canonical === value ? [] : [`must be in canonical form (${JSON.stringify(address.canonical)})`];
}

/** Against addresses behind which no Pod can be reached from elsewhere. */
export function specialAddressMessages(value: string): string[] {
  const address = parseAddress(value);
  if (address === undefined) return [noAddress];
  const [first = 0, last = 0] = [address.groups[0], address.groups[7]];
  const high = address.groups[6] ?? 0;
  const leads = address.groups.slice(0, 7).every((group) => group === 0);
  const { isIPv4 } = address;
  if (isIPv4 ? high === 0 && last === 0 : leads && last === 0) return [`may not be unspecified (${value})`];
  if (isIPv4 ? high >> 8 === 127 : leads && last === 1) {
    return ['may not be in the loopback range (127.0.0.0/8, ::1/128)'];
  }
  if (isIPv4 ? high === 0xa9fe : (first & 0xffc0) === 0xfe80) {
    return ['may not be in the link-local range (169.254.0.0/16, fe80::/10)'];
  }
  if (isIPv4 ? high === 0xe000 && last >> 8 === 0 : (first & 0xff0f) === 0xff02) {
    return ['may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'];
  }
  return [];
}

/** What is told of an address that is taken for now, and will not be for ever. */
export function addressWarnings(field: string, value: string): string[] {
  const address = parseAddress(value);
  if (address === undefined) return [];
  const [said, right] = [JSON.stringify(value), JSON.stringify(address.canonical)];
  if (!address.isStrict || address.isMapped) {
    return [
      `${field}: non-standard IP address ${said} will be considered invalid in a future Kubernetes release: use ${right}`,
    ];
  }
  if (address.canonical === value) return [];
  return [`${field}: IPv6 address ${said} should be in RFC 5952 canonical format (${right})`];
}

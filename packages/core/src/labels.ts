/**
 * Values that come from a base, made valid for Kubernetes. What had to be changed is kept in an annotation. [SPEC N4]
 */
import { shortHash } from './hash.ts';

const longestValue = 63;
const validValue = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** A valid label value; undefined where the text is empty. Changed values end in a hash, so that two never become one. */
export function labelValueOf(text: string): string | undefined {
  if (text === '') return undefined;
  if (validValue.test(text)) return text;
  const changed = text
    .slice(0, 4 * longestValue)
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, longestValue - 9)
    .replace(/[^A-Za-z0-9]+$/, '');
  return changed === '' ? `x${shortHash(text)}` : `${changed}-${shortHash(text)}`;
}

/** An IP address of either version, by its form. */
export function isIpAddress(text: string): boolean {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text))
    return text.split('.').every((part) => Number(part) <= 255 && String(Number(part)) === part);
  return isIpv6(text);
}

function isIpv6(text: string): boolean {
  if (!/^[0-9a-f:]+$/i.test(text) || text.includes(':::')) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}

/** Why an address can be nobody's podIP; undefined where it can. One bad address makes a whole EndpointSlice invalid. [SPEC M28] */
export function addressFault(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return 'no address';
  if (!isIpAddress(text)) return `${text} is no IP address`;
  const lower = text.toLowerCase();
  if (lower.startsWith('127.') || lower === '::1') return `${text} is a loopback address`;
  if (lower.startsWith('169.254.') || /^fe[89ab]/.test(lower)) return `${text} is a link-local address`;
  if (lower === '0.0.0.0' || lower === '::') return `${text} is the unspecified address`;
  if (/^2(2[4-9]|3\d)\./.test(lower) || lower.startsWith('ff')) return `${text} is a multicast address`;
  return undefined;
}

/** A quantity of bytes in its canonical binary form, cut to whole Ki: `256Mi`. */
export function binaryQuantity(bytes: number): string {
  const units = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let value = Math.floor(Math.max(0, bytes) / 1024);
  if (value === 0) return '0';
  let unit = 0;
  while (value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value}${units[unit]}`;
}

/** String formats that are checked, as go-openapi/strfmt knows them; any other is a note to people. */

import { isIP, isIPv4, isIPv6 } from 'node:net';
import { ownValue } from '../json.ts';

const uuid = (version: string): RegExp =>
  new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i');
const patterns: Readonly<Record<string, RegExp>> = {
  email: /^[^\s@<>()[\],;:"]+@[^\s@]+$/,
  hostname: /^(?=.{1,255}$)[a-z0-9](?:[-a-z0-9]{0,62}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,62}[a-z0-9])?)*\.?$/i,
  mac: /^(?:[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})$/i,
  uuid: uuid('[0-9a-f]'),
  uuid3: uuid('3'),
  uuid4: uuid('4'),
  uuid5: uuid('5'),
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  hexcolor: /^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i,
  bsonobjectid: /^[0-9a-f]{24}$/i,
  duration: /^-?(?:\d+(?:\.\d+)?\s*(?:ns|us|µs|ms|s|m|h|d|w|hr|min|sec|hour|minute|second|day|week)s?\s*)+$/i,
};
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})?$/;

/** Whether the text is of the format; true for a format that nobody checks. */
export function hasFormat(text: string, format: string): boolean {
  switch (format) {
    case 'date-time':
    case 'datetime':
      return DATE_TIME.test(text) && isDay(text.slice(0, 10));
    case 'date':
      return isDay(text);
    case 'ipv4':
      return isIPv4(text);
    case 'ipv6':
      return isIPv6(text);
    case 'cidr':
      return isCidr(text);
    case 'uri':
      return URL.canParse(text) || text.startsWith('/');
    default:
      return ownValue(patterns, format)?.test(text) ?? true;
  }
}

function isDay(text: string): boolean {
  return DATE.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

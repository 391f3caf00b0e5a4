/**
 * Secrets never show: the one place that says what is one and what stands in its place. A module's URL may carry a user, a token or
 * a signature, and whoever fails to open it quotes it; so does a server that refuses an object. Texts are masked before they get
 * into the state (mask-input.ts) and again where they leave the process. [SPEC M44] [SPEC E16]
 */
import { shortHash } from './hash.ts';

const stars = '***';

/** Nearly all URLs have nothing of it. */
const mayHaveSecret = /[?#@=]/;

/** `https://`, `jar:file://`; the schemes of a URL and what begins its authority. */
const schemes = /^(?:[a-z][a-z0-9+.-]{0,30}:)+\/\//i;

/**
 * A text that is a URL as a whole, less its user info, query, fragment and the values of parameters: what else it may hold stays.
 * `https://user:pw@h/x.jar?token=1` → `https://***@h/x.jar?***`. What is no URL but has such parts is masked alike.
 */
export function maskUrl(url: string): string {
  if (!mayHaveSecret.test(url)) return url;
  const scheme = schemes.exec(url)?.[0] ?? '';
  const rest = url.slice(scheme.length);
  const at = userInfoEnd(rest, scheme !== '');
  const plain = at < 0 ? rest : rest.slice(at + 1);
  const end = plain.search(/[?#]/);
  const place = end < 0 ? plain : plain.slice(0, end);
  const tail = end < 0 ? '' : `${plain[end]}${end === plain.length - 1 ? '' : stars}`;
  return `${scheme}${at < 0 ? '' : `${stars}@`}${maskParameters(place)}${tail}`;
}

/** Where the `@` after a user info stands; -1 where there is none. A password may hold what a URL should not. */
function userInfoEnd(rest: string, hasScheme: boolean): number {
  const authority = rest.slice(0, endOf(rest, /[/?#]/));
  const at = authority.lastIndexOf('@');
  // `name:tag@sha256:…` is an image of a Pod that is no module.
  if (at >= 0) return hasScheme || (authority.includes(':') && !/^@sha\d+:/.test(authority.slice(at))) ? at : -1;
  const isPlace = /^(?:\[[^\]]*\]|[^:]*)(?::\d*)?$/.test(authority);
  return isPlace || !hasScheme ? -1 : rest.lastIndexOf('@');
}

function endOf(text: string, at: RegExp): number {
  const end = text.search(at);
  return end < 0 ? text.length : end;
}

/** `token=…`, `X-Amz-Signature=…`, `"password": "…"`, `;jsessionid=…`: parameters whose values are secrets wherever they stand. */
const parameter =
  /(?<![\w-])(x-(?:amz|oss|goog|cos|obs|ms)-[\w-]{1,40}|[\w-]{0,40}(?:token|password|passwd|pwd|secret|signature|credentials?|api[_-]?key|access[_-]?key(?:[_-]?id)?)|sig|auth|jsessionid)(=|"\s{0,4}:\s{0,4}")([^\s"&;,…]+)/gi;

function maskParameters(text: string): string {
  return text.replace(parameter, `$1$2${stars}`);
}

// Whoever writes a text chooses what it costs to look through it, so no pattern looks at a place more often than a bounded number of times.
const urls = /(?<![a-z0-9+.-])(?:[a-z][a-z0-9+.-]{0,30}:){1,4}\/\/[^\s"\\]+/gi;
/** What ends a sentence or a bracket and not a URL. */
const punctuation = "),.;:']}>…";
/** Cut within its authority, of which nobody can say any more what it is. */
const cutAuthority = /((?:[a-z][a-z0-9+.-]{0,30}:){1,4}\/\/)[^\s"\\/?#]*…$/i;
/** What may be `user:password@` of a URL without its scheme: a whole word, as it would else be looked for from each of its letters. */
const userInfo = /(?<![^\s'"/@])[^\s'"/@]+@(?=[\w[])(?!sha\d+:)/g;
const bearer = /\b(bearer)\s+[\w.~+/=-]{8,}/gi;
const basic = /\b(basic)\s+(?=[\w+/-]*[\d=])[\w+/=-]{8,}/gi;
const webToken = /\beyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?/g;

/** A secret that is known as such, and what stands in its place. */
export interface Known {
  readonly secret: string;
  readonly shown: string;
}

/**
 * A text of any kind without secrets: of URLs in it only what `maskUrl` leaves, no values of parameters that are secrets by their
 * name, no bearer tokens, and nothing of what is known to be one. A text without is returned as it is; masked twice is masked once.
 */
export function maskText(text: string, known: readonly Known[] = []): string {
  let masked = text;
  for (const { secret, shown } of known) if (masked.includes(secret)) masked = masked.replaceAll(secret, shown);
  if (known.length > 0 && masked.endsWith('…')) masked = maskCut(masked, known);
  if (masked.includes('://')) masked = masked.replace(cutAuthority, `$1${stars}…`).replace(urls, maskFound);
  if (masked.includes('@')) masked = masked.replace(userInfo, maskUserInfo);
  if (/[="]/.test(masked)) masked = maskParameters(masked);
  if (/bearer|basic|eyJ/i.test(masked)) {
    masked = masked.replace(bearer, `$1 ${stars}`).replace(basic, `$1 ${stars}`).replace(webToken, stars);
  }
  return masked;
}

function maskFound(found: string): string {
  let end = found.length;
  while (end > 0 && punctuation.includes(found.charAt(end - 1))) end -= 1;
  return `${maskUrl(found.slice(0, end))}${found.slice(end)}`;
}

/** `(u:p@` → `(***@`; of a path, and without a password, it is none; `name:tag@sha256:…` is an image. */
function maskUserInfo(found: string, at: number, text: string): string {
  const before = text.charAt(at - 1);
  const colon = found.indexOf(':');
  if (before === '/' || before === '@' || colon < 0 || colon === found.length - 2) return found;
  let start = colon;
  while (start > 0 && !'([{<,;='.includes(found.charAt(start - 1))) start -= 1;
  return start === colon ? found : `${found.slice(0, start)}${stars}@`;
}

/** A text that was cut may end within a secret, of which then only the beginning is there. */
function maskCut(text: string, known: readonly Known[]): string {
  const body = text.slice(0, -1);
  for (const { secret } of known) {
    for (let length = Math.min(secret.length - 1, body.length); length >= shortestPart; length -= 1) {
      if (body.endsWith(secret.slice(0, length))) return `${body.slice(0, -length)}${stars}…`;
    }
  }
  return text;
}

const shortestPart = 4;
/** Shorter values of a query are words (`?version=1.0&os=linux`) rather than secrets: text that happens to hold them stays legible. */
const shortestValue = 8;

/** What of a URL must not be quoted by anybody, in the forms in which it is quoted; the longest first. */
export function secretsOfUrl(url: string): readonly Known[] {
  if (!mayHaveSecret.test(url)) return [];
  const masked = maskUrl(url);
  if (masked === url || isMark(url)) return [];
  const scheme = schemes.exec(url)?.[0] ?? '';
  const rest = url.slice(scheme.length);
  const at = userInfoEnd(rest, scheme !== '');
  const userInfo = at < 0 ? '' : rest.slice(0, at);
  const tail = rest.slice(at + 1);
  const query = tail.slice(Math.min(endOf(tail, /[?#]/) + 1, tail.length));
  const password = userInfo.includes(':') ? userInfo.slice(userInfo.indexOf(':') + 1) : userInfo;
  // What tries failures out in simulated bases is no secret, and `kouplet-manifest=` names what the base then speaks of.
  const pairs = query.split(/[&;#]/).filter((pair) => !pair.startsWith('kouplet-'));
  const values = pairs.map((pair) => pair.slice(pair.indexOf('=') + 1));
  return inForms([
    { secret: url, shown: masked },
    { secret: `${userInfo}@`, shown: `${stars}@` },
    ...[userInfo, query, password].map((secret) => ({ secret, shown: stars })),
    ...values.filter((value) => value.length >= shortestValue).map((secret) => ({ secret, shown: stars })),
  ]);
}

/** A value that is a secret by what it is for. */
export function secretsOfValue(name: string, value: string): readonly Known[] {
  return maskParameters(`${name}=v`) === `${name}=v` ? [] : inForms([{ secret: value, shown: stars }]);
}

function inForms(known: readonly Known[]): readonly Known[] {
  const forms = new Map<string, string>();
  for (const { secret, shown } of known) {
    for (const form of formsOf(secret)) if (form.length >= shortestPart && !forms.has(form)) forms.set(form, shown);
  }
  return [...forms]
    .filter(([secret, shown]) => secret !== shown && !/^\**@?$/.test(secret))
    .map(([secret, shown]) => ({ secret, shown }))
    .toSorted((a, b) => b.secret.length - a.secret.length);
}

/** As it is, in one line, and with or without percent signs. */
function formsOf(text: string): readonly string[] {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return [
    text,
    line,
    attempted(encodeURI, text),
    attempted(encodeURIComponent, text),
    attempted(decodeURIComponent, text),
  ];
}

function attempted(convert: (text: string) => string, text: string): string {
  try {
    return convert(text);
  } catch {
    return text;
  }
}

const digest = /#~[0-9a-f]{8}$/;

/**
 * What a URL is known by where it is written down and compared (claims, the record, `imageID`): itself where it has no secret, else
 * masked and followed by a digest of the whole, so that another token or signature is another URL. A mark's mark is itself.
 * The digest has 32 bits on purpose: it tells a change, but of a token it gives away no more than that. [SPEC M45]
 */
export function markOf(url: string): string {
  if (!mayHaveSecret.test(url) || isMark(url)) return url;
  const masked = maskUrl(url);
  return masked === url ? url : `${masked}#~${shortHash(url)}`;
}

function isMark(url: string): boolean {
  return digest.test(url) && url.includes(stars) && maskUrl(url.replace(digest, '')) === url.replace(digest, '');
}

/** Plain data with every text in it masked; names stay. What nothing is masked in is returned as it is. */
export function maskData<T>(value: T, known: readonly Known[] = []): T {
  return masked(value, known) as T;
}

function masked(value: unknown, known: readonly Known[]): unknown {
  if (typeof value === 'string') return maskText(value, known);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => masked(item, known));
    return items.every((item, at) => item === value[at]) ? value : items;
  }
  let copy: Record<string, unknown> | undefined;
  for (const [name, field] of Object.entries(value)) {
    const shown = masked(field, known);
    if (shown === field) continue;
    copy ??= { ...value };
    copy[name] = shown;
  }
  return copy ?? value;
}

import { expect, test } from 'vitest';
import { markOf, maskData, maskText, maskUrl, secretsOfUrl, secretsOfValue } from './mask.ts';

test.each([
  ['https://repo/x.jar', 'https://repo/x.jar'],
  ['https://user:pw@repo:8443/x.jar', 'https://***@repo:8443/x.jar'],
  ['https://ghp_token@repo/x.jar', 'https://***@repo/x.jar'],
  ['https://user:p/w@repo/x.jar', 'https://***@repo/x.jar'],
  ['https://repo/@scope/x.jar', 'https://repo/@scope/x.jar'],
  ['https://[::1]:8443/x.jar?a=1#b', 'https://[::1]:8443/x.jar?***'],
  ['https://repo/x.jar#access', 'https://repo/x.jar#***'],
  ['https://repo/x.jar?', 'https://repo/x.jar?'],
  ['https://repo/x.jar;jsessionid=1;v=2', 'https://repo/x.jar;jsessionid=***;v=2'],
  ['jar:https://u:p@repo/x.jar!/biz.jar?t', 'jar:https://***@repo/x.jar!/biz.jar?***'],
  ['u:p@repo/x.jar?t=1', '***@repo/x.jar?***'],
  ['registry/sidecar:1@sha256:0123', 'registry/sidecar:1@sha256:0123'],
  ['sidecar:1@sha256:0123', 'sidecar:1@sha256:0123'],
])('of the URL %j is shown %j [SPEC E16]', (url, shown) => {
  expect(maskUrl(url)).toBe(shown);
  expect(maskUrl(shown)).toBe(shown);
});

test.each([
  ['403 for https://u:p@repo/x.jar?sig=a', '403 for https://***@repo/x.jar?***'],
  ['(see oss://b/x.jar?Signature=abc&Expires=1): 403', '(see oss://b/x.jar?***): 403'],
  ["no protocol: 'u:p@repo/x.jar'", "no protocol: '***@repo/x.jar'"],
  ['two: mqtt://a:b@h:1, mqtts://c:d@h:2.', 'two: mqtt://***@h:1, mqtts://***@h:2.'],
  ['the text was cut at https://user:passwo…', 'the text was cut at https://***…'],
  ['X-Amz-Signature=abc&x=1 and "password": "p w"', 'X-Amz-Signature=***&x=1 and "password": "*** w"'],
  ['GET with Authorization: Bearer abcdefgh.ijk failed', 'GET with Authorization: Bearer *** failed'],
  ['Basic dXNlcjpwdw== was refused; basic authentication is off', 'Basic *** was refused; basic authentication is off'],
  ['token eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJl.c2ln is expired', 'token *** is expired'],
  ['a token is missing: 5 attempts, x=1, a@b', 'a token is missing: 5 attempts, x=1, a@b'],
])('of the text %j is shown %j [SPEC E16]', (text, shown) => {
  expect(maskText(text)).toBe(shown);
  expect(maskText(shown)).toBe(shown);
});

test.each([
  ['(u:p@repo/x.jar)', '(***@repo/x.jar)'],
  ['dsn=u:p:q@h, too', 'dsn=***@h, too'],
  ['jar:nested:https://u:p@h/x', 'jar:nested:https://***@h/x'],
  ['name:@h, :p@h, me@h and a/b:c@h', 'name:@h, :p@h, me@h and a/b:c@h'],
])('of the place in the text %j is shown %j [SPEC E16]', (text, shown) => {
  expect(maskText(text)).toBe(shown);
  expect(maskText(shown)).toBe(shown);
});

test('a long text is looked through in one go, whatever it is [SPEC E16]', () => {
  const length = 128 * 1024;
  for (const unit of ['-', 'u:-', 'a:', '.', '://', 'https://', 'token=', 'Bearer ', 'eyJ', '=u:a=', '"']) {
    const text = unit.repeat(length / unit.length);
    for (const end of ['@', ' @', '@h', '://x', '://h…', '.b']) expect(typeof maskText(text + end)).toBe('string');
  }
});

test('a parameter that tries a failure out in a simulated base is no secret in what that base then says', () => {
  const known = secretsOfUrl('https://repo/x.jar?kouplet-manifest=other:2.0&token=abcdefgh');
  expect(maskText('the jar says that it is other:2.0, of abcdefgh', known)).toBe(
    'the jar says that it is other:2.0, of ***',
  );
});

test('what is known to be a secret is masked in each form in which somebody quotes it [SPEC M44]', () => {
  const url = 'https://us er:pass+word@repo/x.jar?expires=1&token=a b/c+d=e';
  const known = secretsOfUrl(url);
  const quotes = [
    url,
    encodeURI(url),
    'query expires=1&token=a b/c+d=e',
    'the token a b/c+d=e is expired',
    'user or pass+word',
    'its word is pass%2Bword',
    `what was cut: ${url.slice(0, -3)}…`,
  ];
  for (const quote of quotes) expect(maskText(quote, known)).not.toMatch(/a b\/c|a%20b|pass\+|pass%|us er/);
  expect(maskText('expires=1 is not the word', known)).toBe('expires=1 is not the word');
  expect(maskText('it said hunter2, too', secretsOfValue('DB_PASSWORD', 'hunter2'))).toBe('it said ***, too');
  expect(secretsOfValue('LOG_LEVEL', 'debugging')).toEqual([]);
});

test('a mark is masked, tells any change of the whole, and is its own mark [SPEC M45]', () => {
  const marks = ['a', 'b'].flatMap((token) =>
    ['https://repo/x.jar', 'https://u:p@repo/x.jar'].map((url) => markOf(`${url}?token=${token}`)),
  );
  expect(marks[0]).toMatch(/^https:\/\/repo\/x\.jar\?\*\*\*#~[0-9a-f]{8}$/);
  expect(new Set(marks).size).toBe(4);
  for (const mark of marks) {
    expect(markOf(mark)).toBe(mark);
    expect(maskUrl(mark)).not.toMatch(/#~/);
    expect(secretsOfUrl(mark)).toEqual([]);
  }
  expect(markOf('https://repo/x.jar')).toBe('https://repo/x.jar');
  expect(markOf('https://repo/x.jar#~01234567')).not.toBe('https://repo/x.jar#~01234567');
});

test('plain data is masked to any depth, and is the same where nothing is', () => {
  const data = { a: [{ b: 'https://u:p@h/' }, 1, null], c: { d: true } };
  expect(maskData(data)).toEqual({ a: [{ b: 'https://***@h/' }, 1, null], c: { d: true } });
  expect(maskData(data).c).toBe(data.c);
  const clean = { a: ['x', { y: 'https://h/' }] };
  expect(maskData(clean)).toBe(clean);
});

/** Texts that the user names in flags. By itself, so that a command without a broker does not load one. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { failed, fileFailure, messageOf, wrongUse } from './failure.ts';

export function readText(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fileFailure(error, flag, path);
  }
}

const certificates = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*-----END \1-----/g;

/** Certificates of authorities (PEM). What is none TLS would pass over in silence, and then believe nobody. */
export function readAuthorities(flag: string, path: string): string {
  const text = readText(flag, path);
  const found = text.match(certificates) ?? [];
  const help = 'It must be a PEM file of certificates.';
  if (found.length === 0) throw failed(`${flag}: ${path} holds no certificate`, help);
  for (const one of found) {
    try {
      new X509Certificate(one);
    } catch (error) {
      throw failed(`${flag}: ${path} holds a certificate that is none: ${messageOf(error)}`, help);
    }
  }
  return text;
}

/** A password's file: without the line end that an editor leaves. */
export function readPassword(flag: string, path: string): string {
  const password = readText(flag, path).replace(/\r?\n$/, '');
  if (password === '') throw wrongUse(`${flag}: ${path} is empty`, 'Write the password into it.');
  return password;
}

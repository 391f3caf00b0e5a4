/**
 * What clients have to know of a server with TLS, and what it must keep so that they need not learn it anew: its authority, its token,
 * and the key under which it signs tokens of ServiceAccounts.
 */
import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyAndCertificate } from './certificate.ts';
import { newSigningKey } from './service-account-tokens.ts';

/** As many bits as anyone could want to guess. */
const TOKEN_BYTES = 32;
/** A shorter one can be guessed. */
const LEAST_TOKEN_LENGTH = 16;

/** What is wrong with a file or a value that the user gave; the message is one line for a person. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/** A random token. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** @throws CredentialsError for one that a header cannot carry, or that is easily guessed */
export function checkToken(token: string): string {
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    throw new CredentialsError('the token has characters that a bearer token cannot have (RFC 6750)');
  }
  if (token.length < LEAST_TOKEN_LENGTH) {
    throw new CredentialsError(`the token is too short: ${LEAST_TOKEN_LENGTH} characters at least`);
  }
  return token;
}

/** A folder of files that only their owner may read, each made when it is first asked for; without a folder nothing is kept. */
export class Credentials {
  readonly #dir: string | undefined;

  /** @param dir  the folder, made where it is missing; undefined: everything is new in each process */
  constructor(dir: string | undefined) {
    this.#dir = dir;
  }

  /** The token of the kubeconfig. @throws CredentialsError */
  token(): string {
    const kept = this.#read('token');
    if (kept !== undefined) return checkToken(kept.trim());
    const token = newToken();
    this.#write('token', `${token}\n`);
    return token;
  }

  /** The key that signs tokens of ServiceAccounts. @throws CredentialsError */
  signingKey(): KeyObject {
    const kept = this.#read('service-accounts.key');
    if (kept !== undefined) {
      try {
        const key = createPrivateKey(kept);
        if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
      } catch {
        // Said below.
      }
      throw new CredentialsError(`${this.#path('service-accounts.key')} is no private key on the curve P-256`);
    }
    const key = newSigningKey();
    this.#write('service-accounts.key', key.export({ type: 'pkcs8', format: 'pem' }).toString());
    return key;
  }

  /** The authority: the kept one, or what `make` makes. @throws CredentialsError */
  async authority(make: () => Promise<KeyAndCertificate>): Promise<KeyAndCertificate> {
    const kept = this.#read('authority.pem');
    if (kept !== undefined) {
      const cert = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(kept)?.[0];
      const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(kept)?.[0];
      if (cert !== undefined && key !== undefined) return { cert, key };
      throw new CredentialsError(`${this.#path('authority.pem')} holds no certificate with its private key`);
    }
    const authority = await make();
    this.#write('authority.pem', `${authority.cert}${authority.key}`);
    return authority;
  }

  #path(name: string): string {
    return join(this.#dir ?? '', name);
  }

  #read(name: string): string | undefined {
    if (this.#dir === undefined) return undefined;
    try {
      return readFileSync(this.#path(name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new CredentialsError(`${this.#path(name)} cannot be read: ${String(error)}`);
    }
  }

  /** Whole or not at all: a rename takes the place of a half-written file. */
  #write(name: string, text: string): void {
    if (this.#dir === undefined) return;
    const temporary = this.#path(`${name}.${process.pid}`);
    try {
      mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
      const file = openSync(temporary, 'wx', 0o600);
      try {
        writeSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.#path(name));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw new CredentialsError(`${this.#path(name)} cannot be written: ${String(error)}`);
    }
  }
}

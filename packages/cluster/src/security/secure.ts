/** A server with TLS and a token: from what the user wants to what the wire needs and what the kubeconfig says. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { systemClock } from '../clock.ts';
import type { KeyAndCertificate } from './certificate.ts';
import { type Credentials, CredentialsError, checkToken } from './credentials.ts';
import { isWildcard } from './kubeconfig.ts';

/** TLS and a token: what it takes to listen beyond this machine. */
export interface SecureOptions {
  /** Host names and addresses that clients call the server by, besides this machine's own; they stand in its certificate. */
  readonly names?: readonly string[];
  /** A certificate of the user's own (PEM; the whole chain) in place of one that is made; `ca`: what clients are to trust. */
  readonly certificate?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** The token of the kubeconfig, at least 16 characters; without one it is made. */
  readonly token?: string;
}

/** What a server with TLS works with. */
export interface Secured {
  readonly tls: KeyAndCertificate;
  /** What clients trust, in PEM; undefined: what their system trusts. */
  readonly ca: string | undefined;
  readonly token: string;
  /** Whether the certificate names this host or address. */
  isNamed(host: string): boolean;
}

const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];

/** @param host  the address that is listened on @throws CredentialsError for files and values that cannot be used */
export async function secure(options: SecureOptions, host: string, credentials: Credentials): Promise<Secured> {
  const token = options.token === undefined ? credentials.token() : checkToken(options.token);
  const { tls, ca } =
    options.certificate === undefined ? await made(options, host, credentials) : given(options.certificate);
  const shown = new X509Certificate(tls.cert);
  return {
    tls,
    ca,
    token,
    isNamed: (name) => {
      if (isIP(name) > 0) return shown.checkIP(name) !== undefined;
      return /^[a-z0-9.-]{1,253}$/.test(name) && shown.checkHost(name) !== undefined;
    },
  };
}

async function made(options: SecureOptions, host: string, credentials: Credentials) {
  const { newAuthority, serverCertificate } = await import('./certificate.ts');
  const now = systemClock.now();
  const authority = await credentials.authority(() => newAuthority(now));
  const names = new Set([...OWN_NAMES, ...(isWildcard(host) ? [] : [host]), ...(options.names ?? [])]);
  try {
    return { tls: await serverCertificate(authority, [...names], now), ca: authority.cert };
  } catch (error) {
    throw new CredentialsError(`no certificate can be made for ${[...names].join(', ')}: ${messageOf(error)}`);
  }
}

function given({ cert, key, ca }: NonNullable<SecureOptions['certificate']>) {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(cert);
    createSecureContext({ cert, key });
  } catch (error) {
    throw new CredentialsError(`the certificate and its key cannot be used: ${messageOf(error)}`);
  }
  if (leaf.validToDate.getTime() < systemClock.now()) {
    throw new CredentialsError(`the certificate ended on ${leaf.validTo}`);
  }
  // Who signed himself is his own authority; for any other it is named, or one that every system trusts.
  return { tls: { cert, key }, ca: ca ?? (leaf.checkIssued(leaf) ? cert : undefined) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

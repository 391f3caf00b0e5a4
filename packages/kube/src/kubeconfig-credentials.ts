/** The credentials of a loaded kubeconfig: certificates, tokens and plugins read, checked, and put as node:tls and headers take them. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Credentials, TlsMaterial } from './credentials.ts';
import { codeOf, firstLine, textOf } from './error-text.ts';
import { KubeconfigError } from './kubeconfig-error.ts';
import { isRecord } from './objects.ts';

/**
 * Reads them as they are now; exec plugins and token files keep their own short caches in `config`.
 *
 * @param where  names the kubeconfig in messages
 * @throws KubeconfigError  bad-certificate, credentials-failed
 */
export async function readCredentials(config: KubeConfig, where: string): Promise<Credentials> {
  const applied: Parameters<KubeConfig['applyToHTTPSOptions']>[0] & Record<string, unknown> = {};
  try {
    await config.applyToHTTPSOptions(applied);
  } catch (error) {
    const user = config.getCurrentUser();
    const isFile = codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES';
    const isToken = user?.exec !== undefined && user.exec !== null ? true : user?.authProvider?.config !== undefined;
    if (isFile && !isToken) {
      throw new KubeconfigError(
        'bad-certificate',
        `${where} names a certificate or key file that cannot be read: ${textOf(error)}`,
        { cause: error },
      );
    }
    throw new KubeconfigError(
      'credentials-failed',
      `${where}: no credentials for user "${user?.name ?? ''}": ${firstLine(textOf(error))}`,
      { cause: error },
    );
  }
  const tls = config.getCurrentCluster()?.server.startsWith('http:') === true ? {} : tlsOf(applied);
  checkTls(tls, where);
  const headers: Record<string, string> = {};
  if (isRecord(applied.headers)) {
    for (const [name, value] of Object.entries(applied.headers)) {
      // A token file ends in a line feed more often than not; in a header it is an error.
      if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
    }
  }
  const basic = applied.auth;
  if (typeof basic === 'string') headers.authorization = `Basic ${Buffer.from(basic).toString('base64')}`;
  return { headers, tls };
}

function tlsOf(applied: Readonly<Record<string, unknown>>): TlsMaterial {
  return {
    ...bytesField('ca', applied.ca),
    ...bytesField('cert', applied.cert),
    ...bytesField('key', applied.key),
    ...(typeof applied.passphrase === 'string' ? { passphrase: applied.passphrase } : {}),
    ...(typeof applied.servername === 'string' ? { servername: applied.servername } : {}),
    ...(applied.rejectUnauthorized === false ? { rejectUnauthorized: false } : {}),
  };
}

function checkTls(tls: TlsMaterial, where: string): void {
  const check = (what: string, step: () => unknown): void => {
    try {
      step();
    } catch (error) {
      throw new KubeconfigError(
        'bad-certificate',
        `${where}: ${what} cannot be used (${textOf(error)}): is it PEM, and base64 of PEM in the -data fields?`,
        { cause: error },
      );
    }
  };
  const { ca, cert, key, passphrase } = tls;
  if (ca !== undefined) check('the certificate authority', () => new X509Certificate(ca));
  if (cert !== undefined) check('the client certificate', () => new X509Certificate(cert));
  if (key !== undefined) {
    check("the client's key", () =>
      createSecureContext({
        key,
        ...(cert === undefined ? {} : { cert }),
        ...(passphrase === undefined ? {} : { passphrase }),
      }),
    );
  }
}

function bytesField<K extends string>(name: K, value: unknown): { [P in K]?: string | Buffer } {
  const result: { [P in K]?: string | Buffer } = {};
  if (typeof value === 'string' || Buffer.isBuffer(value)) result[name] = value;
  return result;
}

/** Who may reach the embedded Kubernetes, and how: the flags of `kouplet cluster` about TLS, and what they come to. */
import type { ClusterOptions, SecureOptions } from '@kouplet/cluster';
import { wrongUse } from '../failure.ts';
import { readText } from '../text-files.ts';
import { type HostPort, showHostPort } from '../values.ts';

export interface SecurityFlags {
  readonly listen: HostPort;
  readonly tls?: true;
  /** What others call the server by: it stands in the kubeconfig and in the certificate. */
  readonly advertise?: string;
  readonly tlsSan?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tokenFile?: string;
  readonly allowHost?: readonly string[];
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** @throws Failure for flags that contradict each other, files that cannot be read, and an open door */
export function securityOf(flags: SecurityFlags): Pick<ClusterOptions, 'secure' | 'allowHosts'> {
  const { listen, tls, advertise, tlsSan, tlsCert, tlsKey, tlsCa, tokenFile, allowHost } = flags;
  if (tls !== true) {
    const needing = Object.entries({
      '--advertise': advertise,
      '--tls-san': tlsSan,
      '--tls-cert': tlsCert,
      '--tls-key': tlsKey,
      '--tls-ca': tlsCa,
      '--token-file': tokenFile,
    }).find(([, value]) => value !== undefined);
    if (needing !== undefined) throw wrongUse(`${needing[0]} is for a server with TLS`, 'Give --tls as well.');
    if (!LOOPBACK.has(listen.host)) {
      throw wrongUse(
        `refusing to listen on ${showHostPort(listen)} without TLS and a token: whoever reached it could do everything`,
        'Give --tls, or listen on 127.0.0.1.',
      );
    }
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw wrongUse('--tls-cert and --tls-key go together', 'Give both, or none.');
  }
  if (tlsCa !== undefined && tlsCert === undefined) {
    throw wrongUse('--tls-ca is for a certificate of your own', 'Give --tls-cert and --tls-key as well.');
  }
  if (tlsSan !== undefined && tlsCert !== undefined) {
    throw wrongUse('--tls-san is for a certificate that is made', 'Leave it out, or --tls-cert and --tls-key.');
  }
  const names = [...(advertise === undefined ? [] : [advertise]), ...(tlsSan ?? [])];
  const secure: SecureOptions = {
    names,
    ...(tokenFile === undefined ? {} : { token: readText('--token-file', tokenFile).trim() }),
    ...(tlsCert === undefined || tlsKey === undefined
      ? {}
      : {
          certificate: {
            cert: readText('--tls-cert', tlsCert),
            key: readText('--tls-key', tlsKey),
            ...(tlsCa === undefined ? {} : { ca: readText('--tls-ca', tlsCa) }),
          },
        }),
  };
  const allowHosts = [...(allowHost ?? []), ...(advertise === undefined ? [] : [advertise])];
  return { ...(tls === true ? { secure } : {}), allowHosts };
}

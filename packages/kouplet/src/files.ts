/** Files that a broker of ours runs with, and that are followed while it does. */
import { statSync } from 'node:fs';
import { type BrokerTls, readUsers, type Users } from '@kouplet/broker';
import { messageOf, wrongUse } from './failure.ts';
import { readAuthorities, readText } from './text-files.ts';

export interface ServerFlags {
  readonly users?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
}

export interface ServerFiles {
  readonly users?: Users;
  readonly tls?: BrokerTls;
}

/** Users and certificate of a broker of ours. @throws Failure, BrokerError `bad-users` */
export function readServerFiles(flags: ServerFlags): ServerFiles {
  const { users, tlsCert, tlsKey, tlsClientCa } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw wrongUse('--tls-cert and --tls-key go together', 'Give both, or none.');
  }
  if (tlsClientCa !== undefined && tlsCert === undefined) {
    throw wrongUse('--tls-client-ca is for a broker with TLS', 'Give --tls-cert and --tls-key too.');
  }
  return {
    ...(users === undefined ? {} : { users: readUsers(readText('--users', users), users) }),
    ...(tlsCert === undefined || tlsKey === undefined
      ? {}
      : {
          tls: {
            cert: readText('--tls-cert', tlsCert),
            key: readText('--tls-key', tlsKey),
            ...(tlsClientCa === undefined ? {} : { clientCa: readAuthorities('--tls-client-ca', tlsClientCa) }),
          },
        }),
  };
}

const lookEveryMs = 1_000;

/**
 * Follows files by looking at them every second: a mounted Secret changes by a link, an editor by a new file, and neither is told reliably.
 *
 * @param apply   called after a change; where it throws, what was read before stays in force and `onBad` is told, once a change
 * @returns ends it
 */
export function followFiles(
  paths: readonly (string | undefined)[],
  apply: () => void,
  onBad: (message: string) => void,
): () => void {
  const followed = paths.filter((path) => path !== undefined);
  if (followed.length === 0) return () => undefined;
  let seen = stampOf(followed);
  const timer = setInterval(() => {
    const now = stampOf(followed);
    if (now === seen) return;
    seen = now;
    try {
      apply();
    } catch (error) {
      onBad(messageOf(error));
    }
  }, lookEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** What tells one state of the files from another. */
function stampOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
      return stat === undefined ? 'none' : `${stat.ino}.${stat.mtimeNs}.${stat.size}`;
    })
    .join(' ');
}

/** The broker that runs with such files takes each change of them. @returns ends it */
export function followServerFiles(
  flags: ServerFlags,
  renew: (files: ServerFiles) => void,
  onBad: (message: string) => void,
): () => void {
  const paths = [flags.users, flags.tlsCert, flags.tlsKey, flags.tlsClientCa];
  return followFiles(paths, () => renew(readServerFiles(flags)), onBad);
}

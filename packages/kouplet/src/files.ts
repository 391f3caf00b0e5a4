/** Files that the user names in flags. */
import { readFileSync } from 'node:fs';
import { type BrokerTls, readUsers, type Users } from '@kouplet/broker';
import { fileFailure, wrongUse } from './failure.ts';

export function readText(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fileFailure(error, flag, path);
  }
}

/** A password's file: without the line end that an editor leaves. */
export function readPassword(flag: string, path: string): string {
  const password = readText(flag, path).replace(/\r?\n$/, '');
  if (password === '') throw wrongUse(`${flag}: ${path} is empty`, 'Write the password into it.');
  return password;
}

export interface ServerFlags {
  readonly users?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Users and certificate of a broker of ours. @throws Failure, BrokerError `bad-users` */
export function readServerFiles(flags: ServerFlags): { readonly users?: Users; readonly tls?: BrokerTls } {
  const { users, tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw wrongUse('--tls-cert and --tls-key go together', 'Give both, or none.');
  }
  return {
    ...(users === undefined ? {} : { users: readUsers(readText('--users', users), users) }),
    ...(tlsCert === undefined || tlsKey === undefined
      ? {}
      : { tls: { cert: readText('--tls-cert', tlsCert), key: readText('--tls-key', tlsKey) } }),
  };
}

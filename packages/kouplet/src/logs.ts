/** Serving the logs of modules, as flags and upstream's variables ask for it. */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createSecureContext } from 'node:tls';
import { type Log, type LogsServer, type LogsTls, listenForLogs } from '@kouplet/controller';
import type { LogsEndpoint } from '@kouplet/core';
import type { Command } from 'commander';
import type { Environment } from './environment.ts';
import { failed, listenFailure, messageOf, wrongUse } from './failure.ts';
import { followFiles } from './files.ts';
import { readAuthorities, readText } from './text-files.ts';
import { orUpstream, switchedOn, type Upstream } from './upstream.ts';
import { port, showHostPort } from './values.ts';

export interface LogsFlags {
  readonly logs?: boolean;
  readonly logsPort: number;
  readonly logsAddress?: string;
  readonly logsBaseNamespaces?: readonly string[];
  readonly logsTlsCert?: string;
  readonly logsTlsKey?: string;
  readonly logsClientCa?: string;
}

export interface OpenedLogs {
  readonly server: LogsServer;
  /** What Nodes are to say. */
  readonly endpoint: LogsEndpoint;
}

/** Where upstream's manifests mount its certificate. */
const upstreamFiles = { cert: '/etc/virtual-kubelet/tls/tls.crt', key: '/etc/virtual-kubelet/tls/tls.key' };

/**
 * Listens already, so that Nodes can be told the port; answers once a controller serves.
 *
 * @returns undefined where logs are not asked for, or by an observer
 * @throws Failure for flags that do not fit, files that cannot be read and a port that is taken
 */
export async function openLogs(
  flags: LogsFlags,
  command: Command,
  upstream: Upstream,
  environment: Environment,
  isObserver: boolean,
  log: Log,
): Promise<OpenedLogs | undefined> {
  if (!switchedOn(flags, upstream).hasLogs) {
    refuseWithoutLogs(command);
    return undefined;
  }
  if (isObserver) {
    if (flags.logs !== true) return undefined;
    throw wrongUse('--logs and --observe exclude each other', 'An observer holds no Node that could name it.');
  }
  const wanted = orUpstream(command, 'logsPort', upstream.logsPort, port);
  const address = flags.logsAddress ?? podAddress(environment) ?? machineAddress();
  // Beyond an address that is this machine's alone nobody needs to reach it.
  const place = address === '::1' || address.startsWith('127.') ? { host: address } : {};
  const readTls = await tlsReader(flags, upstream, address);
  const server = await listenForLogs({
    ...place,
    port: wanted,
    tls: readTls.read(),
    baseNamespaces: flags.logsBaseNamespaces ?? [],
  }).catch((error: unknown) => {
    throw listenFailure(
      error,
      'the server of logs',
      showHostPort({ host: '*', ...place, port: wanted }),
      '--logs-port',
    );
  });
  followFiles(
    readTls.paths,
    () => server.renew(readTls.read()),
    (message) => log.error({ message }, 'files-not-renewed'),
  );
  return { server, endpoint: { address, port: server.port } };
}

interface TlsReader {
  readonly paths: readonly (string | undefined)[];
  readonly read: () => LogsTls;
}

/** The files that are named, else upstream's, else a certificate of our own making, as a kubelet makes one for itself. */
async function tlsReader(flags: LogsFlags, upstream: Upstream, address: string): Promise<TlsReader> {
  const { logsTlsCert: cert, logsTlsKey: key, logsClientCa: ca } = flags;
  if ((cert === undefined) !== (key === undefined)) {
    throw wrongUse('--logs-tls-cert and --logs-tls-key go together', 'Give both, or none.');
  }
  const readCa = () => (ca === undefined ? {} : { clientCa: readAuthorities('--logs-client-ca', ca) });
  const hasUpstreams = upstream.hasLogs === true && existsSync(upstreamFiles.cert) && existsSync(upstreamFiles.key);
  const files = cert !== undefined && key !== undefined ? { cert, key } : hasUpstreams ? upstreamFiles : undefined;
  if (files === undefined) {
    const { ownCertificate } = await import('@kouplet/cluster');
    const own = await ownCertificate([address]);
    return { paths: [ca], read: () => ({ ...own, ...readCa() }) };
  }
  return {
    paths: [files.cert, files.key, ca],
    read: () => {
      const pair = { cert: readText('--logs-tls-cert', files.cert), key: readText('--logs-tls-key', files.key) };
      checkPair(pair);
      return { ...pair, ...readCa() };
    },
  };
}

/** @throws Failure where a server cannot be made of it */
function checkPair(pair: Pick<LogsTls, 'cert' | 'key'>): void {
  try {
    createSecureContext(pair);
  } catch (error) {
    throw failed(
      `--logs-tls-cert and --logs-tls-key cannot be used: ${messageOf(error)}`,
      "Both are PEM files, and the key must be the certificate's.",
    );
  }
}

function refuseWithoutLogs(command: Command): void {
  for (const { long, attributeName } of command.options.map((each) => ({
    long: each.long ?? '',
    attributeName: each.attributeName(),
  }))) {
    if (!long.startsWith('--logs-') || command.getOptionValueSource(attributeName) !== 'cli') continue;
    throw wrongUse(`${long} is for --logs`, 'Give --logs too, or leave it out.');
  }
}

/** As a Pod is told its own by the manifest. */
function podAddress({ POD_IP: address = '' }: Environment): string | undefined {
  return isIP(address) === 0 ? undefined : address;
}

/** The first address that is not this machine's alone. */
function machineAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outward = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80'));
  const found = outward.find(({ family }) => family === 'IPv4') ?? outward[0];
  if (found !== undefined) return found.address;
  throw wrongUse(
    '--logs: this machine has no address that the API server could reach',
    'Name one with --logs-address.',
  );
}

/** `kouplet base`: simulated bases at a broker. */
import { type Fleet, type Release, startFleet } from '@kouplet/base';
import { failed, messageOf, wrongUse } from '../failure.ts';
import { say } from '../output.ts';
import { listenToSignals } from '../stopping.ts';
import { readAuthorities, readPassword, readText } from '../text-files.ts';
import type { BrokerAddress } from '../values.ts';

export interface BaseFlags {
  readonly broker: BrokerAddress;
  readonly count: number;
  readonly identity?: string;
  readonly name: string;
  readonly version: string;
  readonly clusterName: string;
  readonly env: string;
  readonly release: Release;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export async function base(flags: BaseFlags): Promise<void> {
  const { broker, count, name, version, clusterName, env, release, username, passwordFile, ca, cert, key } = flags;
  if ((cert === undefined) !== (key === undefined)) {
    throw wrongUse('--cert and --key go together', 'Give both, or none.');
  }
  const lifetime = listenToSignals((code) => process.exit(code));
  const fleet = await startFleet({
    broker: broker.url,
    count,
    identityOf: identitiesOf(flags),
    name,
    version,
    clusterName,
    env,
    release,
    username,
    password: passwordFile === undefined ? undefined : readPassword('--password-file', passwordFile),
    ca: ca === undefined ? undefined : readAuthorities('--ca', ca),
    cert: cert === undefined ? undefined : readText('--cert', cert),
    key: key === undefined ? undefined : readText('--key', key),
  }).catch((error: unknown): Fleet => {
    throw failed(
      `the bases cannot connect: ${messageOf(error)}`,
      'The flags are --broker, --username, --password-file, --ca, --cert and --key.',
    );
  });
  const shown = fleet.bases.slice(0, 5).map(({ identity }) => identity);
  const rest = fleet.bases.length - shown.length;
  say(`ready ${shown.join(' ')}${rest > 0 ? ` and ${rest} more` : ''}`);
  await lifetime.ended;
  await fleet.stop();
}

/** One base has the identity itself, several have it numbered from 1. */
export function identitiesOf(flags: { readonly count: number; readonly identity?: string }): (index: number) => string {
  const { count, identity } = flags;
  if (identity !== undefined && count === 1) return () => identity;
  return (index) => `${identity ?? 'base'}-${index + 1}`;
}

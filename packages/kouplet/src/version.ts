/** The version, as package.json says it: read at run time, because the built file lies elsewhere than the source. */
import { readFileSync } from 'node:fs';

interface PackageFile {
  readonly version: string;
}

export const version: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as PackageFile
).version;

/** What Nodes show as their kubelet's: it must parse as a Kubernetes version. */
export const kubeletVersion = `v1.34.0-kouplet.${version}`;

/** What requests and messages to the API are signed with. */
export const userAgent = `kouplet/${version}`;

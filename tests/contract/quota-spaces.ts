/** Namespaces with a quota each, for the cases of quotas. */
import { afterEach } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { openSetting, podOf, type Said } from './setting.ts';

export const on = openSetting('quota');

/** A namespace of its own with one quota, so that no test counts what another made. */
interface Space {
  at(resource: string): string;
  say(method: string, resource: string, body?: Json, contentType?: string): Promise<Said>;
  call(method: string, resource: string, body?: Json, contentType?: string): Promise<Json>;
  /** The refusal's words; the code alone where it was none. */
  words(method: string, resource: string, body?: Json, contentType?: string): Promise<string>;
  /** Not refused, at the latest when a real server's admission has heard of what changed. */
  passes(method: string, resource: string, body?: Json, contentType?: string): Promise<void>;
  quota(name?: string): Promise<Json>;
  /** Once it is `used`. */
  settles(used: Json, name?: string): Promise<void>;
}
const spaces: string[] = [];

export async function makeSpace(short: string, spec?: Json): Promise<Space> {
  const name = `${on.namespace}-${short}`;
  spaces.push(name);
  const { api } = on.cluster;
  const at = (resource: string): string =>
    on.at(resource).replace(`/namespaces/${on.namespace}/`, `/namespaces/${name}/`);
  await api.call('POST', '/api/v1/namespaces', { metadata: { name } });
  await waitFor('its ServiceAccount', async () => (await api.find(at('serviceaccounts/default'))) !== undefined);
  const space: Space = {
    at,
    say: (method, resource, body, contentType) => on.say(method, at(resource), body, contentType),
    call: (method, resource, body, contentType) => api.call(method, at(resource), body, contentType),
    words: async (method, resource, body, contentType) => {
      const { code, body: answer } = await on.say(method, at(resource), body, contentType);
      return code < 300 ? `${code}` : `${code} ${answer.message}`;
    },
    passes: async (...request) => {
      await waitFor(`${request[1]} let through`, async () => !(await space.words(...request)).startsWith('403'));
    },
    quota: (called = 'quota') => api.call('GET', at(`resourcequotas/${called}`)),
    settles: async (used, called) => {
      await waitFor(`used ${JSON.stringify(used)} in ${short}`, async () => {
        const { status } = await space.quota(called);
        return Object.entries(used).every(([key, value]) => status.used?.[key] === value);
      });
    },
  };
  if (spec !== undefined) await makeQuota(space, 'quota', spec);
  return space;
}

export async function makeQuota(space: Space, name: string, spec: Json): Promise<void> {
  await space.call('POST', 'resourcequotas', { metadata: { name }, spec });
  await waitFor('its status', async () => {
    const { status } = await space.quota(name);
    return Object.keys(spec.hard).every((key) => status.used?.[key] !== undefined);
  });
  if (spec.hard.resourcequotas === undefined) await isKnownToAll(space);
}

/**
 * A real API server's admission hears of quotas by a watch. Once it keeps this later one, it keeps all that were before it.
 */
async function isKnownToAll(space: Space): Promise<void> {
  const limit = 'count/controllerrevisions.apps';
  await space.call('POST', 'resourcequotas', { metadata: { name: 'probe' }, spec: { hard: { [limit]: '0' } } });
  await waitFor('admission that knows it', async () => {
    const words = await space.words('POST', 'controllerrevisions.apps?dryRun=All', {
      metadata: { name: 'probe' },
      revision: 1,
      data: { of: 'nothing' },
    });
    return words.includes('exceeded quota: probe');
  });
  await space.call('DELETE', 'resourcequotas/probe');
}

// One by one: a real cluster takes its time with many namespaces at once.
afterEach(async () => {
  for (const name of spaces.splice(0)) await on.cluster.api.request('DELETE', `/api/v1/namespaces/${name}`);
});

export const asking = (name: string, resources: Json, more: Json = {}): Json =>
  podOf(name, { containers: [{ name: 'c', image: 'nginx:1', resources }], ...more });

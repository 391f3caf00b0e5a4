/** What can be kept is answered; what cannot is refused in words, and reads go on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { kinds } from '../kinds/index.ts';
import { bootstrap } from '../rest/bootstrap.ts';
import { createState } from '../rest/cluster-state.ts';
import { Access } from '../security/access.ts';
import { ServiceAccountTokens } from '../security/service-account-tokens.ts';
import { listen, type Wire } from '../wire/server.ts';
import { type Answer, ask, eventually, openWatch } from '../wire/testing.ts';
import { type Keeper, KeepingError, type KeptWrite } from './keeper.ts';
import { openDirectory } from './sqlite.ts';

let dir: string;
let disk: Disk;
let wire: Wire;
let errors: unknown[];
let end: () => void;

/** The real database, on a disk that can be filled and slowed down. */
class Disk implements Keeper {
  isFull = false;
  transactions = 0;
  kept: KeptWrite[] = [];
  readonly #directory = openDirectory({ dir, durability: 'kill' });
  readonly revision = this.#directory.revision;
  objects = () => this.#directory.objects();
  close = () => this.#directory.close();
  keep(writes: Iterable<KeptWrite>, revision: number): void {
    if (this.isFull) throw new KeepingError('the disk is full');
    const all = [...writes];
    this.#directory.keep(all, revision);
    this.transactions++;
    this.kept.push(...all);
  }
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kouplet-'));
  disk = new Disk();
  errors = [];
  const onError = (error: unknown): void => void errors.push(error);
  const { ground, api } = createState({ kinds, admission: [], clock: systemClock, onError, keeper: disk });
  const access = new Access({ tokens: new ServiceAccountTokens({ clock: systemClock, find: api.get }) });
  wire = await listen(ground, {
    host: '127.0.0.1',
    port: 0,
    access,
    onError,
    ready: () => true,
    isAllowedHost: () => true,
  });
  bootstrap(api);
  ground.store.backlog.keep();
  end = () => ground.store.backlog.close();
});

afterEach(async () => {
  await wire.close();
  end();
  rmSync(dir, { recursive: true, force: true });
});

const configMaps = '/api/v1/namespaces/default/configmaps';
const post = (name: string): Promise<Answer> => ask(wire.port, 'POST', configMaps, { body: { metadata: { name } } });
const namesOf = (list: Answer): string[] => list.json.items.map((item: Answer['json']) => item.metadata.name);

test('[SPEC C152] a write that cannot be kept is answered 507 in words, later ones are not even done, and reads go on', async () => {
  await post('before');
  disk.isFull = true;
  const refused = await post('in-doubt');
  expect(refused.code).toBe(507);
  expect(refused.json).toMatchObject({
    kind: 'Status',
    status: 'Failure',
    reason: 'InsufficientStorage',
    message: "the cluster's state cannot be written: the disk is full; reads go on",
  });
  expect((await post('never')).code).toBe(507);
  expect((await ask(wire.port, 'DELETE', `${configMaps}/before`)).code).toBe(507);
  expect((await ask(wire.port, 'GET', `${configMaps}/before`)).code).toBe(200);
  expect((await ask(wire.port, 'GET', `${configMaps}/never`)).code).toBe(404);
  expect(errors).toHaveLength(1);

  disk.isFull = false;
  expect((await post('after')).code).toBe(201);
  expect(namesOf(await ask(wire.port, 'GET', configMaps))).toEqual(['after', 'before', 'in-doubt']);
  expect(disk.kept.filter(({ resource }) => resource === 'configmaps').map(({ name }) => name)).toEqual([
    'before',
    'in-doubt',
    'after',
  ]);
});

test('[SPEC C153] whatever is answered or told to a watch has been kept before', async () => {
  const watch = await openWatch(wire.port, `${configMaps}?watch=true`);
  const answered: string[] = [];
  const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
  const before = disk.transactions;
  await Promise.all(
    names.map(async (name) => {
      expect((await post(name)).code).toBe(201);
      expect(disk.kept.some((write) => write.name === name)).toBe(true);
      answered.push(name);
    }),
  );
  expect(answered).toHaveLength(40);
  await eventually(() => watch.events.length === 40);
  expect(disk.transactions - before).toBeLessThanOrEqual(40);
  watch.close();
});

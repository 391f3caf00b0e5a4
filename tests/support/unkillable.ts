/**
 * A cluster that keeps its state, killed in the middle of writes: random operations by several clients at once, SIGKILL at a
 * moment that nobody chose, and a look at what the next life has.
 *
 * For each object the states that it may be in are: the one that was acknowledged last, and every later one that was asked for
 * and not yet answered.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { startKouplet } from './processes.ts';
import { waitFor } from './wait.ts';

/** The counter that the object's every write sets; absent: it is not there. */
type State = number | undefined;

interface Expected {
  /** What may be found, oldest first: the acknowledged state and what was asked for since. */
  possible: State[];
  uid?: string;
}

const clients = 8;
const names = 24;
const path = '/api/v1/namespaces/default/configmaps';
/** Of several pages of the database, so that a half-written one would show. */
const padding = (count: number): string => String.fromCharCode(97 + (count % 26)).repeat(1 + ((count * 7919) % 20_000));

export interface KillOptions {
  readonly dir: string;
  readonly durable: 'kill' | 'power-loss';
  /** 0 ≤ x < 1; what is done and when it ends are drawn from it. */
  readonly random: () => number;
}

/** Lives on one directory, one after the other, and what each must find. */
export class Unkillable {
  readonly #options: KillOptions;
  readonly #expected = new Map<string, Expected>();
  #count = 0;
  #highestRevision = 0;
  acknowledged = 0;

  constructor(options: KillOptions) {
    this.#options = options;
  }

  /** Starts, compares, writes for about so long, and is killed. @returns what is wrong, in words */
  async live(forMs: number): Promise<readonly string[]> {
    const { dir, durable, random } = this.#options;
    const kubeconfig = join(dir, 'kubeconfig');
    const started = startKouplet(['cluster', '--dir', dir, '--durable', durable, '--kubeconfig', kubeconfig]);
    await waitFor('the cluster is ready', () => {
      if (started.child.exitCode !== null) throw new Error(started.stderr());
      return started.stdout().includes('ready');
    });
    const url = /server: (\S+)/.exec(readFileSync(kubeconfig, 'utf8'))?.[1] ?? '';
    const agent = new Agent({ connections: clients, pipelining: 1 });
    let isOver = false;
    try {
      const wrong = await this.#compare(url, agent);
      const writing = Array.from({ length: clients }, (_, client) =>
        this.#write(url, agent, client, () => isOver).catch(() => undefined),
      );
      await new Promise((resolve) => setTimeout(resolve, forMs * random()));
      await started.kill();
      isOver = true;
      await Promise.all(writing);
      return wrong;
    } finally {
      isOver = true;
      await started.kill();
      await agent.destroy();
    }
  }

  async #compare(url: string, agent: Agent): Promise<string[]> {
    const answer = await request(`${url}${path}`, { dispatcher: agent });
    // biome-ignore lint/suspicious/noExplicitAny: what the API answers.
    const list: any = await answer.body.json();
    const wrong: string[] = [];
    const revision = Number(list.metadata.resourceVersion);
    if (revision <= this.#highestRevision) wrong.push(`resourceVersion ${revision} after ${this.#highestRevision}`);
    // biome-ignore lint/suspicious/noExplicitAny: what the API answers.
    const found = new Map<string, any>(list.items.map((item: any) => [item.metadata.name, item]));
    for (const [name, expected] of this.#expected) {
      const item = found.get(name);
      const state: State = item === undefined ? undefined : Number(item.data.count);
      if (!expected.possible.includes(state)) wrong.push(`${name} is ${state}, not one of ${expected.possible}`);
      if (state !== undefined && item.data.padding !== padding(state)) wrong.push(`${name} is half ${state}`);
      if (expected.uid !== undefined && expected.possible.length === 1 && item?.metadata.uid !== expected.uid)
        wrong.push(`${name} has another uid`);
      this.#expected.set(name, { possible: [state], ...(item === undefined ? {} : { uid: item.metadata.uid }) });
    }
    return wrong;
  }

  /** One client; each has its own objects, so that what is asked of one is asked in order. */
  async #write(url: string, agent: Agent, client: number, isOver: () => boolean): Promise<void> {
    const { random } = this.#options;
    while (!isOver()) {
      const name = `c${client}-${Math.floor(random() * (names / clients))}`;
      const expected = this.#expected.get(name) ?? { possible: [undefined] };
      this.#expected.set(name, expected);
      const isThere = expected.possible.at(-1) !== undefined;
      const removes = isThere && random() < 0.2;
      const next: State = removes ? undefined : ++this.#count;
      expected.possible.push(next);
      const object = { metadata: { name }, data: { count: String(next), padding: padding(next ?? 0) } };
      const [method, target, body, type] = removes
        ? (['DELETE', `${path}/${name}`, undefined, 'application/json'] as const)
        : !isThere
          ? (['POST', path, object, 'application/json'] as const)
          : random() < 0.5
            ? (['PUT', `${path}/${name}`, object, 'application/json'] as const)
            : (['PATCH', `${path}/${name}`, { data: object.data }, 'application/merge-patch+json'] as const);
      const answer = await request(`${url}${target}`, {
        dispatcher: agent,
        method,
        headers: { 'content-type': type },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw new Error(`${method} ${name}: ${answer.statusCode} ${text}`);
      const { metadata } = JSON.parse(text);
      expected.possible = [next];
      if (removes) delete expected.uid;
      else {
        expected.uid = metadata.uid;
        this.#highestRevision = Math.max(this.#highestRevision, Number(metadata.resourceVersion));
      }
      this.acknowledged++;
    }
  }
}

/** Mulberry32: the same run for the same seed, as far as the operations go. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * What is written and not yet kept: the writes of one turn of the event loop, which go to the keeper in one transaction.
 *
 *   open ── add ──► waiting ── end of the turn, or whoever must tell of it ──► open
 *                      └── it cannot be kept ──► closed: no write is taken ── the next attempt succeeds ──► open
 *
 * Nothing that was written may be answered or told to a watch before it is kept. Where keeping fails, the writes of that
 * one turn stay in memory and wait (their clients are told 507, as of a write whose outcome is not known), and no other is
 * taken before they are kept. Without a keeper all of it does nothing.
 */
import type { KubeObject } from '../kinds/kind.ts';
import { type Keeper, KeepingError, type KeptWrite, notKept } from './keeper.ts';

export class Backlog {
  /** Hears of the first failure, and of each after things went well again. */
  onFailure: (error: KeepingError) => void = () => undefined;
  readonly #keeper: Keeper | undefined;
  readonly #revision: () => number;
  /** The last state of each object: many writes of one object are one. */
  readonly #waiting = new Map<string, KeptWrite>();
  #failure: KeepingError | undefined;
  #turn: NodeJS.Immediate | undefined;
  #kept: Promise<void> | undefined;
  #tell: ((failure: KeepingError | undefined) => void) | undefined;

  constructor(keeper: Keeper | undefined, revision: () => number) {
    this.#keeper = keeper;
    this.#revision = revision;
  }

  /** Notes the state of an object; without `json` it is gone. */
  add(resource: string, object: KubeObject, json?: (object: KubeObject) => string): void {
    if (this.#keeper === undefined) return;
    const { name, namespace = '' } = object.metadata;
    const write = { resource, namespace, name, ...(json === undefined ? {} : { json: json(object) }) };
    this.#waiting.set(`${resource}/${namespace}/${name}`, write);
    this.#turn ??= setImmediate(() => this.keep());
  }

  /** @throws ApiError 507 where earlier writes could not be kept, and still cannot */
  mustBeOpen(): void {
    if (this.#failure === undefined) return;
    const failure = this.keep();
    if (failure !== undefined) throw notKept(failure);
  }

  /** Undefined: all is kept, or cannot be and that has been told. Else ends when it is kept. Rejects with what a client is told. */
  whenKept(): Promise<void> | undefined {
    if (this.#waiting.size === 0 || this.#failure !== undefined) return undefined;
    this.#kept ??= new Promise((resolve, reject) => {
      this.#tell = (failure) => (failure === undefined ? resolve() : reject(notKept(failure)));
    });
    return this.#kept;
  }

  /** Keeps all that waits, now. @returns why it could not */
  keep(): KeepingError | undefined {
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    this.#turn = undefined;
    if (this.#keeper === undefined || this.#waiting.size === 0) return undefined;
    const before = this.#failure;
    try {
      this.#keeper.keep(this.#waiting.values(), this.#revision());
      this.#failure = undefined;
      this.#waiting.clear();
    } catch (error) {
      if (!(error instanceof KeepingError)) throw error;
      this.#failure = error;
      if (before === undefined) this.onFailure(error);
    }
    const tell = this.#tell;
    this.#tell = undefined;
    this.#kept = undefined;
    tell?.(this.#failure);
    return this.#failure;
  }

  /** The last word, before the process ends. */
  close(): void {
    this.keep();
    this.#keeper?.close();
  }
}

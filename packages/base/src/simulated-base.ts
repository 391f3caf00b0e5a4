/** A simulated base: the engine (a JVM) on a link (its MQTT session), with a clock, a log, and faults to arrange. */
import {
  type BaseChannel,
  type BizKey,
  type BizState,
  baseSubscriptionsOf,
  baseTopicOf,
  type CommandKind,
  classifyTopic,
  isBaseId,
  parseEnv,
} from '@kouplet/protocol';
import { bodyOf, isObject, keyOfBody, textOf } from './command.ts';
import { Jvm, type Output } from './engine.ts';
import { type BaseFacts, baseFacts, type GivenFacts } from './facts.ts';
import { Link, type LinkMessage, type LinkOptions } from './link.ts';
import { type FailureName, failureOf } from './module-url.ts';
import { emptyScript, type Script } from './script.ts';

/** Everything may be left out but the broker. `index` numbers the bases of a fleet: default identity `base-<index+1>`, default address. */
export type BaseOptions = GivenFacts &
  Omit<LinkOptions, 'clientId'> & {
    /** What stands before `@@@<identity>` in the client id. */
    readonly clientPrefix?: string | undefined;
    /** Keep trying where a real base's JVM would live on without MQTT for ever after its first connect failed. */
    readonly retryFirstConnect?: boolean | undefined;
    /** How many commands the log holds; the oldest go. 1,000 by default. */
    readonly logLimit?: number | undefined;
  };

/** A message to the base, as it came in. */
export interface LoggedCommand {
  /** ms since the epoch. */
  readonly at: number;
  /** `unsupported` for any other topic under `P/+`. */
  readonly command: CommandKind | 'unsupported';
  readonly topic: string;
  readonly key?: BizKey;
  readonly url?: string;
  /** What an install hands over, as it came. */
  readonly args?: unknown;
  readonly envs?: unknown;
  readonly retained: boolean;
  readonly qos: number;
}

export interface ListedBiz {
  readonly name: string;
  readonly version: string;
  readonly key: BizKey;
  readonly state: BizState;
  readonly url: string;
}

/** What can be done to a running base. Each takes effect at once and needs no answer. */
export interface BaseFaults {
  /** The next commands of a kind (installs, if not told otherwise) never arrive. They are logged all the same. */
  dropCommands(count?: number, kind?: CommandKind): void;
  /** The next publishes on a channel (operation answers, if not told otherwise) never leave. */
  dropAnswers(count?: number, channel?: BaseChannel): void;
  /** The next installs fail, whatever their URL: a name of the table in README.md or an HTTP status. */
  failInstalls(count?: number, failure?: FailureName | string): void;
  /** Every operation takes so much longer from now on; 0 ends it. */
  delay(ms: number): void;
  /** The heartbeat's timer is dead; `false` revives it, which no real base does. */
  freezeHeartbeats(isFrozen?: boolean): void;
  /** It hears and works, but nothing it says leaves; `false` ends it. */
  mute(isMuted?: boolean): void;
  /** The connection breaks and every reconnect fails for so long; the process lives on. */
  partition(ms: number): void;
  /** Downloads that hang end as failed: their server closed its sockets. */
  releaseHung(): void;
  /** A new process under the same identity, empty: up after so many ms. */
  restart(afterMs?: number): void;
  /** Somebody else, as arkctl over HTTP, installs (with a URL) or uninstalls (without): nothing of it is said over MQTT or logged. */
  operateAside(name: string, version: string, url?: string): void;
}

const defaultLogLimit = 1000;

/** Longest span that a Node timer holds. */
const longestTimerMs = 2 ** 31 - 1;

export class SimulatedBase {
  readonly facts: BaseFacts;
  readonly faults: BaseFaults;
  readonly #script: Script = emptyScript();
  readonly #link: Link;
  readonly #log: LoggedCommand[] = [];
  readonly #logLimit: number;
  /** Undefined while the process is dead. */
  #jvm: Jvm | undefined;
  #processes = 1;
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Infinity;
  #restartTimer: NodeJS.Timeout | undefined;
  #isEnded = false;

  /** Use `startBase`. @throws where identity or env can be none. */
  constructor(options: BaseOptions) {
    this.facts = baseFacts(options);
    const { identity, generation } = this.facts;
    if (!isBaseId(identity)) {
      throw new Error(
        `identity ${JSON.stringify(identity.slice(0, 80))}: 1 to 253 characters, without "/", "+" and "#"`,
      );
    }
    const env = parseEnv(this.facts.env);
    if (!env.ok) throw new Error(env.error);
    const clientId = `${options.clientPrefix ?? 'koupleless'}@@@${identity}`;
    this.#link = new Link({ ...options, clientId }, baseSubscriptionsOf(env.value, identity, generation), {
      up: () => this.#do((jvm, at) => jvm.connected(at)),
      down: () => this.#do((jvm, at) => jvm.disconnected(at)),
      message: (message) => this.#receive(message),
    });
    this.#logLimit = options.logLimit ?? defaultLogLimit;
    this.faults = this.#faultsOf();
    this.#jvm = new Jvm(this.facts, this.#script, now());
  }

  get identity(): string {
    return this.facts.identity;
  }

  /** Whether its session is up and subscribed. */
  get isConnected(): boolean {
    return this.#link.isUp;
  }

  /** How many processes there were under this identity, the present one included. */
  get processes(): number {
    return this.#processes;
  }

  /** Every message to it, oldest first. */
  get log(): readonly LoggedCommand[] {
    return this.#log;
  }

  /** What its list would say now, with the URLs that a real base keeps to itself. Empty while the process is dead. */
  list(): readonly ListedBiz[] {
    return (this.#jvm?.bizes() ?? []).map(({ name, version, key, state, url }) => ({ name, version, key, state, url }));
  }

  /** Keys of what is installed, modules that are still starting left out; sorted. */
  installedKeys(): readonly BizKey[] {
    return this.list()
      .filter((biz) => biz.state !== 'RESOLVED')
      .map((biz) => biz.key)
      .sort();
  }

  /** Connects for the first time. */
  async start(patiently: boolean): Promise<void> {
    if (patiently) this.#link.openPatiently();
    else await this.#link.open();
  }

  /** Ends it as SIGTERM ends a JVM: no DISCONNECT, nothing said, FIN. Quick, never rejects, may be called twice. */
  async stop(): Promise<void> {
    this.#end();
    await this.#link.close();
  }

  /** Ends it as SIGKILL does: the socket is destroyed. */
  kill(): void {
    this.#end();
    this.#link.cut();
  }

  #end(): void {
    this.#isEnded = true;
    this.#jvm = undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#restartTimer);
  }

  #receive({ topic, payload, isRetained, qos }: LinkMessage): void {
    const found = classifyTopic(topic);
    const kind = found?.direction === 'to-base' ? found.channel : undefined;
    const body = bodyOf(payload);
    const key = keyOfBody(body);
    const fields = body.kind === 'object' && isObject(body.fields) ? body.fields : {};
    const url = textOf(fields.bizUrl);
    this.#log.push({
      at: Math.round(now()),
      command: kind ?? 'unsupported',
      topic,
      ...(key !== undefined && { key }),
      ...(url !== undefined && { url }),
      ...(fields.args !== undefined && { args: fields.args }),
      ...(fields.envs !== undefined && { envs: fields.envs }),
      retained: isRetained,
      qos,
    });
    if (this.#log.length > this.#logLimit) this.#log.shift();
    this.#do((jvm, at) => jvm.receive({ kind, payload }, at));
  }

  /** Lets the engine do something now, carries out what it says and sets the alarm anew. */
  #do(step: (jvm: Jvm, at: number) => readonly Output[]): void {
    const jvm = this.#jvm;
    if (jvm === undefined) return;
    for (const output of step(jvm, now())) {
      if (output.kind === 'crash') {
        this.#restart(output.backAfterMs);
        return;
      }
      const { env, identity, generation } = this.facts;
      this.#link.publish(baseTopicOf(env, identity, generation, output.channel), JSON.stringify(output.body));
    }
    this.#arm();
  }

  /** One timer a base, set only where the engine's next moment has moved. */
  #arm(): void {
    const wakeAt = this.#jvm?.wakeAt ?? Infinity;
    if (wakeAt === this.#armedFor) return;
    clearTimeout(this.#timer);
    this.#armedFor = wakeAt;
    if (wakeAt === Infinity) return;
    const waitMs = Math.min(Math.max(0, Math.ceil(wakeAt - now())), longestTimerMs);
    this.#timer = setTimeout(() => {
      this.#armedFor = Infinity;
      this.#do((jvm, at) => jvm.advance(at));
    }, waitMs);
  }

  /** The process is gone with everything in it; another comes up. */
  #restart(afterMs: number): void {
    this.#jvm = undefined;
    this.#armedFor = Infinity;
    clearTimeout(this.#timer);
    clearTimeout(this.#restartTimer);
    this.#link.cut();
    if (this.#isEnded) return;
    this.#restartTimer = setTimeout(() => {
      this.#processes++;
      this.#jvm = new Jvm(this.facts, this.#script, now());
      this.#link.openPatiently();
    }, afterMs);
  }

  #faultsOf(): BaseFaults {
    const script = this.#script;
    const add = <Key>(counts: Map<Key, number>, key: Key, count: number) => {
      counts.set(key, (counts.get(key) ?? 0) + count);
    };
    return {
      dropCommands: (count = 1, kind = 'installBiz') => add(script.commandsToDrop, kind, count),
      dropAnswers: (count = 1, channel = 'bizOperation') => add(script.publishesToDrop, channel, count),
      failInstalls: (count = 1, failure = 'start') => {
        const name = failureOf(String(failure));
        if (name === undefined) throw new Error(`no such failure: ${failure}`);
        script.installsToFail.push(...Array.from({ length: Math.min(count, 10_000) }, () => name));
      },
      delay: (ms) => {
        script.delayMs = ms;
      },
      freezeHeartbeats: (isFrozen = true) => {
        script.isHeartFrozen = isFrozen;
      },
      mute: (isMuted = true) => {
        script.isMuted = isMuted;
      },
      partition: (ms) => this.#link.partition(ms),
      releaseHung: () => this.#do((jvm, at) => jvm.releaseHung(at)),
      restart: (afterMs = 0) => this.#restart(afterMs),
      operateAside: (name, version, url) => {
        add(script.publishesToDrop, 'bizOperation', 1);
        const fields = { bizName: name, bizVersion: version, ...(url !== undefined && { bizUrl: url }) };
        const payload = new TextEncoder().encode(JSON.stringify(fields));
        this.#do((jvm, at) => jvm.receive({ kind: url === undefined ? 'uninstallBiz' : 'installBiz', payload }, at));
      },
    };
  }
}

/**
 * Starts a base: resolves once it is connected and subscribed.
 *
 * @throws an Error with one clear sentence where options are wrong or the first connect fails (refused credentials, nothing
 *   there, an unknown certificate); nothing is left running then. With `retryFirstConnect` it resolves at once instead.
 */
export async function startBase(options: BaseOptions): Promise<SimulatedBase> {
  const base = new SimulatedBase(options);
  try {
    await base.start(options.retryFirstConnect ?? false);
    return base;
  } catch (error) {
    base.kill();
    throw error;
  }
}

/** Milliseconds since the epoch that never go back. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

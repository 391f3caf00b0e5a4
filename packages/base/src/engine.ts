/**
 * One JVM with arklet in it, as a pure machine: time is an argument, what it does is returned. No I/O, clock or timer.
 *
 * ```
 * receive ─► queue ─► thread (five) ─► download ─► start ─► answer        one lock a name:version
 *                                      └ hang        └ crash
 * connected ─► queryBaseline (once) ─► heart, then every 10 s by the JVM's own ticks
 * ```
 */
import { type BaseChannel, type BizKey, bizKeyOf } from '@kouplet/protocol';
import {
  type Biz,
  batchResponse,
  conflictResponse,
  failedResponse,
  healthOf,
  heartbeatOf,
  listOf,
  masterOf,
  masterResponse,
  metadataOf,
  operationOf,
  type Response,
} from './answers.ts';
import { bodyOf, type Delivery, isObject, textOf } from './command.ts';
import type { BaseFacts } from './facts.ts';
import { thrownFailure, validationFailure } from './java-failure.ts';
import { type Install, lockOf, Modules, type Registered, readRequest } from './modules.ts';
import { spokenBy, takesBaselines } from './releases.ts';
import { type Script, takeOne } from './script.ts';

/** What the JVM does; in order. */
export type Output =
  | { readonly kind: 'publish'; readonly channel: BaseChannel; readonly body: object }
  /** The process is gone, nothing of it is left; a new one comes up after so long. */
  | { readonly kind: 'crash'; readonly backAfterMs: number };

/** Threads that are always there, and the most, once a hundred commands wait (arklet's MQTT pool). */
const coreThreads = 5;
const mostThreads = 10;
const queueBeforeMoreThreads = 100;

/** Beyond this a real base would stall its client; the simulator drops, so that nobody can fill its memory. */
const mostQueued = 1000;

/** A question takes a moment, so that it holds a thread. */
const questionMs = 1;

/** A batch excludes other batches, and no single command. */
const batchLock = 'null:null';

type Fields = Readonly<Record<string, unknown>>;

/** What a thread is at. */
type Work =
  | { readonly kind: 'question'; readonly channel: 'health' | 'simpleBiz'; readonly request: Fields }
  | { readonly kind: 'download'; readonly install: Install; readonly echo: Fields }
  | { readonly kind: 'start'; readonly install: Install; readonly key: BizKey; readonly echo: Fields }
  | { readonly kind: 'stop'; readonly key: BizKey; readonly echo: Fields }
  | { readonly kind: 'batch-download'; readonly installs: readonly Install[] }
  | { readonly kind: 'batch-start'; readonly installs: readonly Registered[] };

interface Thread {
  readonly work: Work;
  readonly endsAt: number;
}

export class Jvm {
  readonly #facts: BaseFacts;
  readonly #script: Script;
  readonly #startedAt: number;
  readonly #modules: Modules;
  /** By `name:version`, the command that holds it. */
  readonly #locks = new Map<string, string>();
  readonly #queue: Delivery[] = [];
  /** In the order they began. */
  #threads: readonly Thread[] = [];
  #isConnected = false;
  #hasAskedBaseline = false;
  #beatAt = Infinity;
  #outputs: Output[] = [];

  /** A process that has just started: nothing is installed. `script` outlives it. */
  constructor(facts: BaseFacts, script: Script, startedAt: number) {
    this.#facts = facts;
    this.#script = script;
    this.#startedAt = startedAt;
    this.#modules = new Modules(facts, script);
  }

  /** When it wants to be advanced next; Infinity where only a message can move it. */
  get wakeAt(): number {
    return this.#threads.reduce((earliest, thread) => Math.min(earliest, thread.endsAt), this.#beatAt);
  }

  /** Everything registered, modules that are just starting included. */
  bizes(): readonly Biz[] {
    return this.#modules.all();
  }

  /** Commands that run or wait. */
  get busy(): number {
    return this.#threads.length + this.#queue.length;
  }

  /** The session is up and subscribed. The first one of a process asks for the baseline and starts the heart. [SPEC S1] [SPEC S2] */
  connected(at: number): readonly Output[] {
    this.#advanceTo(at);
    this.#isConnected = true;
    if (!this.#hasAskedBaseline) {
      this.#hasAskedBaseline = true;
      this.#publish('queryBaseline', metadataOf(this.#facts), at);
      this.#beatAt = at;
      this.#advanceTo(at);
    }
    return this.#drain();
  }

  /** The connection is gone: whatever ends from now on answers nobody. [SPEC S3] */
  disconnected(at: number): readonly Output[] {
    this.#advanceTo(at);
    this.#isConnected = false;
    return this.#drain();
  }

  /** A message on `P/+` or `P/base/baseline`. The retain flag is never looked at. */
  receive(delivery: Delivery, at: number): readonly Output[] {
    this.#advanceTo(at);
    if (this.#queue.length < mostQueued) this.#queue.push(delivery);
    this.#fillThreads(at);
    return this.#drain();
  }

  /** Everything that falls due up to `at`, in the order of its times. */
  advance(at: number): readonly Output[] {
    this.#advanceTo(at);
    return this.#drain();
  }

  /** The servers of hanging downloads close their sockets: each ends as failed. [SPEC S12] */
  releaseHung(at: number): readonly Output[] {
    this.#advanceTo(at);
    const failure = thrownFailure('java.net.ConnectException', 'Connection refused');
    const end = (install: Install): Install => ({ ...install, trouble: { at: 'download', failure } });
    this.#threads = this.#threads.map(({ work, endsAt }) => {
      if (endsAt !== Infinity) return { work, endsAt };
      if (work.kind === 'download') return { work: { ...work, install: end(work.install) }, endsAt: at };
      return work.kind === 'batch-download'
        ? { work: { ...work, installs: work.installs.map(end) }, endsAt: at }
        : { work, endsAt };
    });
    this.#advanceTo(at);
    return this.#drain();
  }

  #drain(): readonly Output[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #advanceTo(at: number): void {
    for (let due = this.wakeAt; due <= at; due = this.wakeAt) {
      if (this.#beatAt === due) this.#beat(due);
      const thread = this.#threads.find((each) => each.endsAt === due);
      if (thread === undefined) continue;
      this.#threads = this.#threads.filter((each) => each !== thread);
      this.#resume(thread.work, due);
      this.#fillThreads(due);
    }
  }

  /** A tick without a connection throws inside the timer, which dies of it. [SPEC S4] */
  #beat(at: number): void {
    const dies = !this.#isConnected && this.#facts.heartbeatDies;
    this.#beatAt = dies ? Infinity : at + this.#facts.heartbeatMs;
    if (!this.#script.isHeartFrozen) this.#publish('heart', heartbeatOf(this.#facts), at);
  }

  /** Says it if anybody is there to hear: nothing is kept for later. [SPEC S3] */
  #publish(channel: BaseChannel, data: unknown, at: number): void {
    if (!this.#isConnected || this.#script.isMuted || takeOne(this.#script.publishesToDrop, channel)) return;
    for (const spoken of spokenBy(this.#facts, { channel, data }, this.bizes())) {
      const body = { data: spoken.data, publishTimestamp: Math.round(at) };
      this.#outputs.push({ kind: 'publish', channel: spoken.channel, body });
    }
  }

  /** Five at once, questions included; the sixth waits. [SPEC S5] */
  #fillThreads(at: number): void {
    for (;;) {
      const limit = this.#queue.length > queueBeforeMoreThreads ? mostThreads : coreThreads;
      const delivery = this.#threads.length < limit ? this.#queue.shift() : undefined;
      if (delivery === undefined) return;
      this.#begin(delivery, at);
    }
  }

  #run(work: Work, endsAt: number): void {
    this.#threads = [...this.#threads, { work, endsAt }];
  }

  /** A thread takes a command up. What arklet cannot read throws before there is anything to answer. [SPEC S14] */
  #begin({ kind, payload }: Delivery, at: number): void {
    if (kind === undefined || takeOne(this.#script.commandsToDrop, kind)) return;
    const body = bodyOf(payload);
    switch (kind) {
      case 'health':
      case 'queryAllBiz': {
        if (body.kind === 'array' || body.kind === 'rubbish') return;
        const request = body.kind === 'object' ? body.fields : {};
        this.#run({ kind: 'question', channel: kind === 'health' ? 'health' : 'simpleBiz', request }, at + questionMs);
        return;
      }
      case 'installBiz':
        if (body.kind === 'object') this.#beginInstall(body.fields, at);
        return;
      case 'uninstallBiz':
        if (body.kind === 'object') this.#beginUninstall(body.fields, at);
        return;
      case 'baseline':
        if (!takesBaselines(this.#facts.release)) return;
        // fastjson makes null of nothing and of `null`; only a list is a list.
        if (body.kind === 'array') this.#beginBatch(body.items, at);
        if (body.kind === 'nothing') this.#answerBatch(failedResponse(validationFailure('bizList is null')), at);
        return;
      default:
        throw new Error(`no such command: ${JSON.stringify(kind satisfies never)}`);
    }
  }

  #beginInstall(fields: Fields, at: number): void {
    const echo = echoOf(fields);
    const request = readRequest(fields);
    if ('refusal' in request) {
      this.#answer('installBiz', echo, request.refusal, at);
      return;
    }
    if (this.#modules.loses(request, 'command')) return;
    const lock = lockOf(request);
    if (this.#isLocked(lock, 'installBiz', echo, at)) return;
    const refusal = request.replaces ? this.#modules.dropVersions(request) : undefined;
    if (refusal !== undefined) {
      this.#answer('installBiz', echo, refusal, at);
      return;
    }
    this.#locks.set(lock, 'installBiz');
    const install = this.#modules.begin(request, at);
    this.#run({ kind: 'download', install, echo }, at + this.#modules.downloadMs(install));
  }

  /** A command for a key whose lock is held is answered at once, before the one that runs. [SPEC S6] */
  #isLocked(lock: string, command: string, echo: Fields, at: number): boolean {
    const running = this.#locks.get(lock);
    if (running !== undefined) this.#answer(command, echo, conflictResponse(lock, command, running), at);
    return running !== undefined;
  }

  #beginUninstall(fields: Fields, at: number): void {
    const echo = echoOf(fields);
    const answer = (response: Response) => this.#answer('uninstallBiz', echo, response, at);
    const [name, version] = [textOf(fields.bizName), textOf(fields.bizVersion)];
    if (name === undefined || version === undefined) {
      const blank = name === undefined ? 'bizName' : 'bizVersion';
      answer(failedResponse(validationFailure(`${blank} should not be blank`)));
      return;
    }
    const key = bizKeyOf(name, version);
    if (this.#isLocked(key, 'uninstallBiz', echo, at)) return;
    const master = masterOf(this.#facts);
    const takesMs =
      name === master.bizName && version === master.bizVersion ? masterResponse() : this.#modules.beginStop(key);
    if (typeof takesMs !== 'number') {
      answer(takesMs);
      return;
    }
    this.#locks.set(key, 'uninstallBiz');
    this.#run({ kind: 'stop', key, echo }, at + takesMs);
  }

  /** Every jar is fetched first: one bad URL fails them all. [SPEC S11] */
  #beginBatch(items: readonly unknown[], at: number): void {
    const running = this.#locks.get(batchLock);
    if (running !== undefined) {
      this.#answerBatch(conflictResponse(batchLock, 'batchInstallBiz', running), at);
      return;
    }
    const requests = items.map((item) => readRequest(isObject(item) ? item : {}));
    const refused = requests.find((request) => 'refusal' in request);
    if (refused !== undefined) {
      this.#answerBatch(refused.refusal, at);
      return;
    }
    const installs = requests.flatMap((request) => ('refusal' in request ? [] : [this.#modules.begin(request, at)]));
    const downloadMs = installs.map((install) => this.#modules.downloadMs(install));
    this.#locks.set(batchLock, 'batchInstallBiz');
    this.#run({ kind: 'batch-download', installs }, at + Math.max(0, ...downloadMs));
  }

  #resume(work: Work, at: number): void {
    switch (work.kind) {
      case 'question':
        this.#answerQuestion(work.channel, work.request, at);
        return;
      case 'download':
        this.#downloaded(work.install, work.echo, at);
        return;
      case 'start':
        this.#installed(work.install, work.echo, this.#modules.activate(work.key, work.install, at), at);
        return;
      case 'stop':
        this.#locks.delete(work.key);
        this.#answer('uninstallBiz', work.echo, this.#modules.stop(work.key), at);
        return;
      case 'batch-download':
        this.#batchDownloaded(work.installs, at);
        return;
      case 'batch-start':
        this.#batchStarted(work.installs, at);
        return;
      default:
        throw new Error(`no such work: ${JSON.stringify(work satisfies never)}`);
    }
  }

  #answerQuestion(channel: 'health' | 'simpleBiz', request: Fields, at: number): void {
    const answer =
      channel === 'simpleBiz'
        ? listOf(this.bizes())
        : healthOf(this.#facts, this.bizes(), at - this.#startedAt, request);
    if (answer !== undefined) this.#publish(channel, answer, at);
  }

  #downloaded(install: Install, echo: Fields, at: number): void {
    const registered = this.#modules.register(install, at);
    if (registered.kind === 'ended') {
      this.#installed(install, echo, registered.response, at);
    } else if (!this.#crashes(install)) {
      this.#run({ kind: 'start', install, key: registered.key, echo }, at + this.#modules.startMs(install));
    }
  }

  #crashes(install: Install): boolean {
    const backAfterMs = this.#modules.crashBackAfterMs(install);
    if (backAfterMs !== undefined) this.#outputs.push({ kind: 'crash', backAfterMs });
    return backAfterMs !== undefined;
  }

  #installed(install: Install, echo: Fields, response: Response, at: number): void {
    this.#locks.delete(lockOf(install));
    if (!this.#modules.loses(install, 'answer')) this.#answer('installBiz', echo, response, at);
  }

  #batchDownloaded(installs: readonly Install[], at: number): void {
    const bad = installs.find((install) => install.trouble?.at === 'download');
    if (bad?.trouble !== undefined) {
      this.#locks.delete(batchLock);
      this.#answerBatch(failedResponse(bad.trouble.failure), at);
      return;
    }
    const registered = installs.map((install): Registered => {
      const response = install.replaces ? this.#modules.dropVersions(install) : undefined;
      if (response !== undefined) return { kind: 'ended', install, response };
      return this.#modules.register({ ...install, startedAt: at }, at);
    });
    const started = registered.filter((each) => each.kind === 'registered');
    if (started.some((each) => this.#crashes(each.install))) return;
    const startMs = started.map((each) => this.#modules.startMs(each.install));
    this.#run({ kind: 'batch-start', installs: registered }, at + Math.max(0, ...startMs));
  }

  #batchStarted(installs: readonly Registered[], at: number): void {
    this.#locks.delete(batchLock);
    const byUrl = new Map<string, Response>();
    for (const each of installs) {
      const response = each.kind === 'ended' ? each.response : this.#modules.activate(each.key, each.install, at);
      // A start that throws inside a batch loses its words on the way.
      const threw = each.kind === 'registered' && response.code === 'FAILED';
      const lost = { code: 'FAILED', data: { code: 'FAILED', message: 'internal exception: null' } } as const;
      byUrl.set(each.install.url, threw ? lost : response);
    }
    this.#answerBatch(batchResponse(byUrl), at);
  }

  #answer(command: string, echo: Fields, response: Response, at: number): void {
    this.#publish('bizOperation', operationOf(command, echo, response), at);
  }

  #answerBatch(response: Response, at: number): void {
    this.#publish('batchInstallBizResponse', operationOf('batchInstallBiz', {}, response), at);
  }
}

/** Name and version as they were sent, in whatever type; nothing else is echoed. */
function echoOf({ bizName, bizVersion }: Fields): Fields {
  const isThere = (value: unknown) => value !== undefined && value !== null;
  return { ...(isThere(bizName) && { bizName }), ...(isThere(bizVersion) && { bizVersion }) };
}

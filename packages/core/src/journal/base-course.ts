/** What happened to one base and its Pods in a journal, as steps of a scenario. Beside `scenario.ts`. */
import type { BizKey, BizState, OperationResult, ReportedBiz } from '@kouplet/protocol';
import type { Action } from '../actions.ts';
import type { BaseInputBody } from '../inputs.ts';
import type { ObservedLease, ObservedNode } from '../observed.ts';
import { isPaused } from '../pause.ts';
import type { Policy } from '../policy.ts';
import type { BaseState } from '../state.ts';
import { PodCourse } from './pod-course.ts';
import { spanOf, type TimedStep, wordOf } from './words.ts';

interface Running {
  readonly command: 'install' | 'uninstall';
  readonly key: BizKey;
  readonly startedAt: number;
  /** Its place among the scripts. */
  readonly index: number;
}

/** A base that was quiet for so long while connected was frozen: it beats every ten seconds. */
const frozenAfterMs = 15_000;
/** A list that came so soon after an operation may not know of it. */
const unsureMs = 1_000;
/** Before the list in which it is seen. */
const changedBeforeMs = 2_000;
/** On the scenario's wire, there and back. */
const wireMs = 2;
/** An answer of the scenario's base takes that long by itself. */
const plainMs = 500;

export class BaseCourse {
  readonly #id: string;
  readonly #beganAt: number;
  readonly #policy: Policy;
  readonly #steps: TimedStep[] = [];
  readonly #pods: PodCourse;
  /** A script each, in the order in which the operations were sent; undefined for one that is nothing special. */
  readonly #scripts: { readonly key: string; text: string; isPlain: boolean }[] = [];
  /** Sent and not answered, in order: a base refuses at once what it runs already, so an answer is the newest one's. */
  #running: readonly Running[] = [];
  readonly #modules = new Map<string, BizState>();
  readonly #endedAt = new Map<string, number>();
  #facts = '';
  #isOld = false;
  #isNew = false;
  #session: { readonly at: number } | undefined;
  #sessions = 0;
  #closedAt: number | undefined;
  #listedAt: number | undefined;
  #heardAt: number | undefined;
  #master: BizState = 'ACTIVATED';
  #node: ObservedNode | undefined;
  #holder: string | undefined;

  /** @param id a word of the language @param beganAt until then everything is what was there before */
  constructor(id: string, beganAt: number, policy: Policy) {
    this.#id = id;
    this.#beganAt = beganAt;
    this.#policy = policy;
    this.#pods = new PodCourse(id, beganAt);
  }

  /** What was known of it where the journal begins. */
  began(state: BaseState): void {
    if (this.#isOld || this.#isNew) return;
    this.#isOld = true;
    this.#node = state.node;
    this.#holder = state.lease?.spec.holderIdentity;
    if (state.facts !== undefined) this.#facts = factsOf(state.facts);
    for (const { pod } of Object.values(state.pods)) this.#pods.observed(pod, this.#beganAt);
    for (const [key, { presence, claim }] of Object.entries(state.slots)) {
      if (presence === undefined || presence === 'ABSENT') continue;
      this.#modules.set(key, presence);
      if (claim === undefined) this.#step(this.#beganAt, `module ${this.#id} ${key}=${presence}`);
    }
  }

  take(input: BaseInputBody, at: number): void {
    const isBefore = at <= this.#beganAt;
    switch (input.kind) {
      case 'message':
        this.#come(at);
        this.#heard(input.message, at);
        return;
      case 'session-opened':
        this.#come(at);
        if (this.#isOld || this.#sessions > 0) this.#step(at, `connect ${this.#id}`);
        this.#sessions += 1;
        this.#session = { at };
        return;
      case 'session-closed':
        this.#session = undefined;
        this.#closedAt = at;
        this.#heardAt = undefined;
        this.#step(at, `disconnect ${this.#id}`);
        return;
      case 'pod-observed':
        this.#pods.observed(input.pod, at);
        return;
      case 'pod-gone':
        this.#pods.gone(input.uid, at);
        return;
      case 'node-observed':
        if (isBefore) this.#isOld = true;
        else this.#nodeSeen(input.node, at);
        this.#node = input.node;
        return;
      case 'node-gone':
        if (this.#node?.metadata.uid === input.uid) this.#step(at, `delete-node ${this.#id}`);
        this.#node = undefined;
        return;
      case 'record-observed':
        if (isBefore) this.#isOld = true;
        return;
      case 'lease-observed':
        this.#leaseSeen(input.lease, at);
        return;
      case 'action-started':
        this.#begun(input.action, at);
        return;
      case 'rejected':
        this.#step(at, `reject ${this.#id} ${wordOf(input.rejection.detail)}`);
        return;
      case 'crashed':
        this.#step(at, `crash ${this.#id} ${wordOf(input.message)}`);
        return;
      case 'host-gone':
        this.#step(at, `host-gone ${this.#id}`);
        return;
      case 'lease-gone':
      case 'record-gone':
      case 'install-due':
      case 'action-ended':
        return;
      default:
        input satisfies never;
    }
  }

  /** A while of ours in which nothing was heard. */
  blind(): void {
    this.#heardAt = undefined;
  }

  /** Before the start: the base, and the Pods that were there. Empty where it came later. */
  prelude(): string[] {
    if (!this.#isOld) return [];
    return [`base ${this.#id}${this.#facts}`, ...this.#pods.before()];
  }

  /** After the start: what a base that was there before will answer. */
  scripts(): string[] {
    return this.#isOld ? this.#scriptLines() : [];
  }

  #scriptLines(): string[] {
    this.#lose('hang');
    // Of each key the last that are nothing special need not be said.
    const special = new Set<string>();
    return this.#scripts
      .toReversed()
      .filter(({ key, isPlain }) => {
        if (!isPlain) special.add(key);
        return special.has(key);
      })
      .map(({ text }) => text)
      .toReversed();
  }

  steps(): readonly TimedStep[] {
    // A base that is new is there once its first facts are known.
    const texts = (text: string): string[] =>
      text === '' ? [`base ${this.#id}${this.#facts}`, ...this.#scriptLines()] : [text];
    return [
      ...this.#steps.flatMap(({ at, text }) => texts(text).map((one) => ({ at, text: one }))),
      ...this.#pods.steps(this.#isOld),
    ];
  }

  #step(at: number, text: string): void {
    if (at >= this.#beganAt) this.#steps.push({ at, text });
  }

  /** The first sign of it. */
  #come(at: number): void {
    if (this.#isOld || this.#isNew) return;
    this.#isNew = true;
    this.#steps.push({ at: Math.max(at, this.#beganAt), text: '' });
  }

  #heard(message: Extract<BaseInputBody, { kind: 'message' }>['message'], at: number): void {
    const before = this.#heardAt;
    this.#heardAt = at;
    if (before !== undefined && at - before > frozenAfterMs && before > this.#beganAt) {
      this.#step(before + 100, `configure ${this.#id} frozen`);
      this.#step(at - 100, `configure ${this.#id} thawed`);
    }
    switch (message.kind) {
      case 'heartbeat': {
        const facts = factsOf(message);
        if (this.#facts === '') this.#facts = facts;
        else if (facts !== this.#facts) {
          this.#facts = facts;
          this.#step(at, `configure ${this.#id}${facts}`);
        }
        if (!message.isActivated) this.#step(at, `beat ${this.#id} deactivated`);
        return;
      }
      case 'baseline-query':
        this.#isProcess(at);
        return;
      case 'biz-report':
        this.#listed(message.bizes, at);
        return;
      case 'health':
        if (message.masterBizState !== undefined && message.masterBizState !== this.#master) {
          this.#master = message.masterBizState;
          this.#step(at, `configure ${this.#id} master=${message.masterBizState}`);
        }
        if (message.bizes !== undefined) this.#listed(message.bizes, at);
        return;
      case 'operation-result':
        this.#answered(message, at);
        return;
      case 'batch-result':
        return;
      default:
        message satisfies never;
    }
  }

  /** It asks for its baseline: a new process, empty. In place of the connection that was told just before. */
  #isProcess(at: number): void {
    if (this.#steps.at(-1)?.text === '') return;
    this.#lose('hang');
    this.#modules.clear();
    if (this.#isNew && this.#sessions === 1) return;
    const last = this.#steps.at(-1);
    if (last?.text === `connect ${this.#id}`) this.#steps.pop();
    this.#step(this.#session?.at ?? at, `restart-base ${this.#id}`);
  }

  #listed(bizes: readonly ReportedBiz[], at: number): void {
    const isSure = (key: string) =>
      !this.#running.some((one) => one.key === key) &&
      at - (this.#endedAt.get(key) ?? Number.NEGATIVE_INFINITY) > unsureMs;
    // A list tells when it was seen, not when it came to be: before the list was asked for, or the connection that asked for it.
    const isOfSession = this.#session !== undefined && at - this.#session.at < changedBeforeMs;
    const before = isOfSession ? (this.#closedAt ?? this.#session?.at ?? at) : at - changedBeforeMs;
    const changedAt = Math.max(this.#beganAt, (this.#listedAt ?? 0) + 1, before);
    const listed = new Set<string>();
    for (const { key, state } of bizes) {
      listed.add(key);
      if (!isSure(key) || this.#modules.get(key) === state) continue;
      this.#modules.set(key, state);
      this.#step(changedAt, `module ${this.#id} ${key}=${state}`);
    }
    for (const key of [...this.#modules.keys()]) {
      if (listed.has(key) || !isSure(key)) continue;
      this.#modules.delete(key);
      this.#step(changedAt, `module ${this.#id} ${key}=gone`);
    }
    this.#listedAt = at;
  }

  #begun(action: Action, at: number): void {
    if (action.kind === 'delete-pod') this.#pods.removedByUs(action.uid);
    if (action.kind === 'delete-node') this.#node = undefined;
    if (action.kind !== 'send-command' || action.bizKey === undefined) return;
    const { kind } = action.command;
    if (kind !== 'installBiz' && kind !== 'uninstallBiz') return;
    const key = action.bizKey;
    const command = kind === 'installBiz' ? 'install' : 'uninstall';
    const text = `script ${this.#id} ${command} ${key} slow delay=20ms`;
    const index = this.#scripts.push({ key: `${command} ${key}`, text, isPlain: true }) - 1;
    this.#running = [...this.#running, { command, key, startedAt: at, index }];
  }

  #answered({ command, key, outcome }: OperationResult, at: number): void {
    const found = this.#running.findLast((one) => `${one.command}Biz` === command && (key ?? one.key) === one.key);
    if (found === undefined || outcome.kind === 'accepted') return;
    this.#running = this.#running.filter((one) => one !== found);
    // Something else runs on that key: nothing has come of this one.
    if (outcome.kind === 'conflict') return;
    this.#endedAt.set(found.key, at);
    const isBefore = (one: Running) => one.key === found.key && one.startedAt <= found.startedAt;
    this.#lose('lose-command', isBefore);
    const ms = Math.max(1, Math.round(at - found.startedAt));
    const delay = `delay=${spanOf(Math.max(1, ms - wireMs))}`;
    const head = `script ${this.#id} ${found.command} ${found.key}`;
    const say = (what: string, isPlain = false): void => this.#say(found.index, `${head} ${what} ${delay}`, isPlain);
    if (outcome.kind === 'failed') {
      say(`fail ${quoted(outcome.message)}`);
      return;
    }
    if (found.command === 'uninstall') {
      this.#modules.delete(found.key);
      say('slow', ms < plainMs);
      return;
    }
    if (outcome.kind !== 'success') {
      say('slow', true);
      return;
    }
    const made = outcome.installedAs?.[0];
    const state = made?.state ?? 'ACTIVATED';
    this.#modules.set(made?.key ?? found.key, state);
    if (made !== undefined && made.key !== found.key) say(`other-identity ${quoted(made.key)}`);
    else if (state === 'DEACTIVATED') say('deactivate');
    else if (state === 'BROKEN') say('break');
    else say('slow', ms < plainMs);
  }

  /** No answer came of these: what they were to do is done all the same, or was never begun, or never ends. */
  #lose(otherwise: 'lose-command' | 'hang', which: (one: Running) => boolean = () => true): void {
    const lost = this.#running.filter(which);
    this.#running = this.#running.filter((one) => !which(one));
    lost.forEach(({ command, key, index }, at) => {
      const isLast = !lost.slice(at + 1).some((one) => one.key === key);
      const isDone = isLast && (command === 'install') === this.#modules.has(key);
      const what = isDone ? 'lose-answer' : isLast ? otherwise : 'lose-command';
      this.#say(index, `script ${this.#id} ${command} ${key} ${what}`, false);
    });
  }

  #say(index: number, text: string, isPlain: boolean): void {
    const script = this.#scripts[index];
    if (script !== undefined) this.#scripts[index] = { ...script, text, isPlain };
  }

  #nodeSeen(node: ObservedNode, at: number): void {
    if (this.#node?.metadata.uid !== node.metadata.uid) return;
    if (isPaused(node) !== isPaused(this.#node)) {
      this.#step(at, `${isPaused(node) ? 'pause' : 'resume'} node ${this.#id}`);
    }
    const known = new Set((this.#node.spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`));
    for (const { key, value, effect } of node.spec.taints ?? []) {
      const isOurs = key.startsWith('schedule.koupleless.io/') || key.startsWith('kouplet.io/');
      if (isOurs || known.has(`${key}:${effect}`)) continue;
      this.#step(at, `taint ${this.#id} ${key}${value === undefined ? '' : `=${value}`}:${effect}`);
    }
  }

  #leaseSeen({ spec: { holderIdentity = '' } }: ObservedLease, at: number): void {
    const isOthers = holderIdentity !== '' && holderIdentity !== this.#policy.holderIdentity;
    if (isOthers && holderIdentity !== this.#holder && at > this.#beganAt) {
      this.#step(at, `lease ${this.#id} holder=${wordOf(holderIdentity)}`);
    }
    this.#holder = holderIdentity;
  }
}

interface Facts {
  readonly baseName?: string;
  readonly baseVersion?: string;
  readonly clusterName?: string;
  readonly localIP?: string;
  readonly localHostName?: string;
}

/** ` name=base version=1.0.0 …`; quoted as a whole, a word would be no assignment. */
function factsOf({ baseName, baseVersion, clusterName, localIP, localHostName }: Facts): string {
  const facts = { name: baseName, version: baseVersion, cluster: clusterName, ip: localIP, host: localHostName };
  return Object.entries(facts)
    .flatMap(([name, value]) => (value === undefined || value === '' ? [] : ` ${name}=${wordOf(value)}`))
    .join('');
}

function quoted(text: string): string {
  const word = wordOf(text);
  return word.startsWith('"') ? word : `"${word}"`;
}

/**
 * The modules of one JVM: what is registered, and what becomes of an install or uninstall step by step. Pure; the engine says
 * when. (ark's BizManager and ArkClient, arklet's handlers; with the faults that URL and script ask for in between.)
 */
import { type BizKey, type BizState, bizKeyOf } from '@kouplet/protocol';
import {
  type Biz,
  failedResponse,
  installedResponse,
  notFoundResponse,
  type Response,
  repeatResponse,
  type StateRecord,
  uninstalledResponse,
} from './answers.ts';
import { textOf } from './command.ts';
import type { BaseFacts } from './facts.ts';
import { downloadFailure, type JavaFailure, startFailure, thrownFailure, validationFailure } from './java-failure.ts';
import { type ModuleUrl, readModuleUrl } from './module-url.ts';
import { type Script, strikes } from './script.ts';

interface Identity {
  readonly name: string;
  readonly version: string;
}

/** A module that was asked for. */
export interface Request {
  readonly url: string;
  readonly from: ModuleUrl;
  /** Undefined where name and version were left blank: the jar tells them. */
  readonly asked?: Identity;
  /** `uninstallThenInstall`. */
  readonly replaces: boolean;
}

/** One on its way in. */
export interface Install extends Request {
  readonly startedAt: number;
  /** What goes wrong with it, and when. */
  readonly trouble?: { readonly at: 'download' | 'start'; readonly failure: JavaFailure };
}

/** After the download: registered under what its manifest says, or ended. */
export type Registered =
  | { readonly kind: 'registered'; readonly install: Install; readonly key: BizKey }
  | { readonly kind: 'ended'; readonly install: Install; readonly response: Response };

/** Reads a request's fields; a response where arklet refuses them. [SPEC S14] */
export function readRequest(fields: Readonly<Record<string, unknown>>): Request | { readonly refusal: Response } {
  const refuse = (message: string) => ({ refusal: failedResponse(validationFailure(message)) });
  const url = textOf(fields.bizUrl);
  const [name, version] = [textOf(fields.bizName), textOf(fields.bizVersion)];
  if (url === undefined) return refuse('bizUrl should not be blank');
  if ((name === undefined) !== (version === undefined)) {
    return refuse('bizName and bizVersion should be both blank or both not blank.');
  }
  if (name?.includes(':') || version?.includes(':')) return refuse('Format of Biz Identity is error.');
  const from = readModuleUrl(url);
  const replaces = fields.installStrategy === 'uninstallThenInstall';
  if (name !== undefined && version !== undefined) return { url, from, replaces, asked: { name, version } };
  const isReadable = from.unopenable === undefined && (from.faults.manifest ?? from.fileIdentity) !== undefined;
  return isReadable ? { url, from, replaces } : refuse(`refresh biz info from jar failed: ${url}`);
}

/** `name:version` whose lock the command takes: what was asked for, else what the jar says. */
export function lockOf({ asked, from }: Pick<Request, 'asked' | 'from'>): string {
  const identity = asked ?? manifestOf({ asked, from });
  return identity === undefined ? 'module' : `${identity.name}:${identity.version}`;
}

export class Modules {
  readonly #facts: BaseFacts;
  readonly #script: Script;
  readonly #bizes = new Map<BizKey, Biz>();

  constructor(facts: BaseFacts, script: Script) {
    this.#facts = facts;
    this.#script = script;
  }

  all(): readonly Biz[] {
    return [...this.#bizes.values()];
  }

  get(key: BizKey): Biz | undefined {
    return this.#bizes.get(key);
  }

  /** Decides, when an install begins, what will go wrong with it. [SPEC S12] [SPEC S13] */
  begin(request: Request, at: number): Install {
    const failure = this.#failureOf(request);
    return { ...request, startedAt: at, ...(failure && { trouble: failure }) };
  }

  #failureOf({ url, from, asked }: Request): Install['trouble'] {
    const thrown = (className: string, message: string) =>
      ({ at: 'download', failure: thrownFailure(className, message) }) as const;
    if (from.mistake !== undefined) return thrown('java.lang.IllegalArgumentException', from.mistake);
    if (from.unopenable !== undefined) return thrown(...from.unopenable);
    const { fail, failTimes } = from.faults;
    const own = fail !== undefined && strikes(this.#script, 'fail', url, failTimes) ? fail : undefined;
    const name = this.#script.installsToFail.shift() ?? own;
    if (name === undefined) return undefined;
    return name === 'start'
      ? { at: 'start', failure: startFailure(lockOf({ from, ...(asked && { asked }) })) }
      : { at: 'download', failure: downloadFailure(name, url, from.host) };
  }

  /** How long the download takes; Infinity for one that hangs. */
  downloadMs({ url, from }: Request): number {
    const { hangs, hangTimes, downloadMs } = from.faults;
    if (hangs && strikes(this.#script, 'hang', url, hangTimes)) return Infinity;
    return this.#facts.downloadMs + downloadMs + this.#script.delayMs;
  }

  startMs({ from }: Request): number {
    return this.#facts.startMs + from.faults.delayMs;
  }

  /** Undefined, or after how long the process that dies of this module's start is back. */
  crashBackAfterMs({ url, from }: Request): number | undefined {
    const { crashBackAfterMs, crashTimes } = from.faults;
    const crashes = crashBackAfterMs !== undefined && strikes(this.#script, 'crash', url, crashTimes);
    return crashes ? crashBackAfterMs : undefined;
  }

  /** Whether this command vanishes on its way, or this answer. */
  loses({ url, from }: Request, what: 'command' | 'answer'): boolean {
    return from.faults.lose === what && strikes(this.#script, 'lose', url, from.faults.loseTimes);
  }

  /** The jar is here: its manifest, not the request, says what it is. A key that is taken is a repeat. [SPEC S7] [SPEC S8] */
  register(install: Install, at: number): Registered {
    const end = (response: Response) => ({ kind: 'ended', install, response }) as const;
    if (install.trouble?.at === 'download') return end(failedResponse(install.trouble.failure));
    const identity = manifestOf(install);
    if (identity === undefined) {
      return end(failedResponse(validationFailure(`refresh biz info from jar failed: ${install.url}`)));
    }
    const key = bizKeyOf(identity.name, identity.version);
    if (this.#bizes.has(key)) return end(repeatResponse(key));
    const created = { changeTime: Math.round(at), message: '', reason: 'CREATED', state: 'RESOLVED' } as const;
    const { uninstallFails, uninstallDelayMs } = install.from.faults;
    const biz = { ...identity, key, state: 'RESOLVED' as const, records: [created], url: install.url };
    this.#bizes.set(key, { ...biz, uninstallFails, uninstallDelayMs });
    return { kind: 'registered', install, key };
  }

  /** The start has ended: a failed one leaves nothing behind; a second version stays DEACTIVATED. [SPEC S9] [SPEC S10] */
  activate(key: BizKey, install: Install, at: number): Response {
    const biz = this.#bizes.get(key);
    if (biz === undefined) return failedResponse(notStoppable());
    if (install.trouble !== undefined) {
      this.#bizes.delete(key);
      return failedResponse(install.trouble.failure);
    }
    const wanted = install.from.faults.state ?? 'ACTIVATED';
    const active = this.all().find((each) => each.name === biz.name && each.state === 'ACTIVATED');
    if (wanted === 'ACTIVATED' && active !== undefined && this.#facts.activateNewModule) {
      this.#change(active, 'DEACTIVATED', 'SWITCHED', `switch to new biz ${key}`, at);
      const started = this.#change(biz, 'ACTIVATED', 'STARTED', `switch from old biz: ${active.key}`, at);
      return installedResponse(started, install.startedAt, at);
    }
    const state = wanted === 'ACTIVATED' && active !== undefined ? 'DEACTIVATED' : wanted;
    const message = state === 'DEACTIVATED' ? 'start but is deactivated' : '';
    return installedResponse(this.#change(biz, state, 'STARTED', message, at), install.startedAt, at);
  }

  /** `uninstallThenInstall` takes every version off before anything is downloaded; not while one of them starts. */
  dropVersions(request: Request): Response | undefined {
    const [name] = lockOf(request).split(':', 1);
    const versions = this.all().filter((biz) => biz.name === name);
    if (versions.some((biz) => biz.state === 'RESOLVED')) return failedResponse(notStoppable());
    for (const biz of versions) this.#bizes.delete(biz.key);
    return undefined;
  }

  /** How long the stop of a module takes, or why there is none. [SPEC S15] */
  beginStop(key: BizKey): number | Response {
    const biz = this.#bizes.get(key);
    if (biz === undefined) return notFoundResponse(key);
    if (biz.state === 'RESOLVED') return failedResponse(notStoppable());
    return this.#facts.stopMs + biz.uninstallDelayMs + this.#script.delayMs;
  }

  /** The module goes also when its stop fails: arklet takes it off the list either way. [SPEC S15] */
  stop(key: BizKey): Response {
    const biz = this.#bizes.get(key);
    this.#bizes.delete(key);
    if (biz === undefined) return notFoundResponse(key);
    const text = `${key} was told to fail at its stop (kouplet-uninstall-fail=1)`;
    return biz.uninstallFails
      ? failedResponse(thrownFailure('java.lang.IllegalStateException', text))
      : uninstalledResponse(key);
  }

  #change(biz: Biz, state: BizState, reason: StateRecord['reason'], message: string, at: number): Biz {
    const record: StateRecord = { changeTime: Math.round(at), message, reason, state };
    const changed = { ...biz, state, records: [...biz.records, record] };
    this.#bizes.set(biz.key, changed);
    return changed;
  }
}

function manifestOf({ asked, from }: Pick<Request, 'from'> & { readonly asked?: Identity | undefined }) {
  return from.faults.manifest ?? asked ?? from.fileIdentity;
}

function notStoppable(): JavaFailure {
  return thrownFailure('java.lang.IllegalArgumentException', 'BizState must be ACTIVATED, DEACTIVATED or BROKEN.');
}

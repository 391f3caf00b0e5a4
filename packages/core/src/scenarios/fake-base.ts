/**
 * A base for scenarios: holds modules, obeys commands as arklet does (one command a key, REPEAT_BIZ, NOT_FOUND_BIZ,
 * DEACTIVATED second versions, failed installs forgotten), and can be told to fail. Test support; the real simulator
 * is `@kouplet/base`.
 */
import {
  type ArkletCommand,
  type BaseMessage,
  type BizKey,
  type BizState,
  bizKeyOf,
  type ReportedBiz,
} from '@kouplet/protocol';
import { epochWall } from './setting.ts';

/** What is to happen to the next command on a key. */
export interface Fault {
  readonly command: 'install' | 'uninstall' | 'list' | 'health';
  readonly key?: string;
  readonly what:
    | 'fail'
    | 'hang'
    | 'lose-command'
    | 'lose-answer'
    | 'slow'
    | 'deactivate'
    | 'break'
    | 'other-identity'
    | 'unregistered';
  readonly text?: string;
  readonly delayMs?: number;
  readonly isLasting: boolean;
}

export interface Reply {
  readonly afterMs: number;
  /** Runs when the time has come: changes the base and gives the answer, if there is one. */
  readonly end: () => BaseMessage | undefined;
}

interface Module {
  state: BizState;
  /** By the base's own clock. */
  changedAt: number;
  readonly url: string;
  readonly isForeign: boolean;
}

const operationMs = 20;
const questionMs = 5;

export class FakeBase {
  readonly id: string;
  facts: {
    baseName: string;
    baseVersion: string;
    clusterName: string;
    localIP: string;
    localHostName: string;
    release?: string;
  };
  readonly modules = new Map<BizKey, Module>();
  readonly running = new Map<BizKey, 'install' | 'uninstall'>();
  readonly faults: Fault[] = [];
  /** Commands as they arrived. */
  readonly received: string[] = [];
  isSeedGeneration = false;
  isConnected = false;
  isFrozen = false;
  hasHeartbeat = true;
  /** Answers nothing by itself: the scenario speaks for it. */
  isManual = false;
  switchesVersions = false;
  masterBizState: BizState = 'ACTIVATED';
  metaspace: { used: number; max?: number } = { used: 90 * 2 ** 20, max: 256 * 2 ** 20 };
  cpuCount: number | undefined = 4;
  sessions = 0;
  startedAt: number;
  /** How much its clock is fast, ms; one that is slow is below zero. */
  clockOffsetMs = 0;
  /** A command that came while another ran on its key: never without a lost command or answer. */
  conflicts = 0;
  private readonly mono: () => number;

  constructor(id: string, mono: () => number) {
    this.id = id;
    this.mono = mono;
    this.startedAt = mono();
    this.facts = {
      baseName: 'base',
      baseVersion: '1.0.0',
      clusterName: 'default',
      localIP: '10.0.0.1',
      localHostName: id,
    };
  }

  get sessionId(): string {
    return `${this.id}#${this.sessions}`;
  }

  /** What its own clock says, ms since the epoch: setting ours does not move it. */
  get wall(): number {
    return epochWall + this.mono() + this.clockOffsetMs;
  }

  /** A new process: nothing of the old one is left. */
  restart(at: number): void {
    this.modules.clear();
    this.running.clear();
    this.startedAt = at;
  }

  heartbeat(isActivated = true): BaseMessage {
    return { kind: 'heartbeat', identity: this.id, ...this.facts, port: 0, isActivated };
  }

  baselineQuery(): BaseMessage {
    const { baseName, baseVersion, clusterName } = this.facts;
    return { kind: 'baseline-query', identity: this.id, baseName, baseVersion, clusterName };
  }

  list(): readonly ReportedBiz[] {
    return [...this.modules].map(([key, module]) => reported(key, module.state, module.changedAt));
  }

  /** Takes a command; undefined where nothing will ever come of it. */
  take(command: ArkletCommand, at: number): Reply | undefined {
    if (command.kind === 'baseline') return { afterMs: questionMs, end: () => ({ kind: 'batch-result', results: [] }) };
    const name = nameOf(command);
    const key = 'name' in command ? bizKeyOf(command.name, command.version) : undefined;
    const fault = this.takeFault(name, key);
    if (fault?.what === 'lose-command') return undefined;
    this.received.push(key === undefined ? name : `${name} ${key}`);
    const answers = (message: BaseMessage | undefined) => (fault?.what === 'lose-answer' ? undefined : message);
    switch (command.kind) {
      case 'health':
        if (fault?.what === 'hang') return undefined;
        return { afterMs: fault?.delayMs ?? questionMs, end: () => answers(this.health(at)) };
      case 'queryAllBiz':
        if (fault?.what === 'hang') return undefined;
        return {
          afterMs: fault?.delayMs ?? questionMs,
          end: () => answers({ kind: 'biz-report', bizes: this.list() }),
        };
      case 'installBiz':
      case 'uninstallBiz':
        return this.operate(command, bizKeyOf(command.name, command.version), fault, answers);
      default:
        return command satisfies never;
    }
  }

  private health(at: number): BaseMessage {
    return {
      kind: 'health',
      isSuccess: true,
      masterBizState: this.masterBizState,
      ...(this.cpuCount === undefined ? {} : { cpuCount: this.cpuCount }),
      usedMetaspaceBytes: this.metaspace.used,
      ...(this.metaspace.max === undefined ? {} : { maxMetaspaceBytes: this.metaspace.max }),
      runTimeSeconds: (at - this.startedAt) / 1000,
      javaVersion: '17.0.15',
      bizes: this.list(),
    };
  }

  private operate(
    command: ArkletCommand & { kind: 'installBiz' | 'uninstallBiz' },
    key: BizKey,
    fault: Fault | undefined,
    answers: (message: BaseMessage | undefined) => BaseMessage | undefined,
  ): Reply | undefined {
    const result = (outcome: OperationOutcomeOf): BaseMessage => ({
      kind: 'operation-result',
      command: command.kind,
      key,
      outcome,
    });
    if (this.running.has(key)) {
      this.conflicts += 1;
      const message = `FAILED:${key} ${command.kind} conflict, exist unfinished command(${this.running.get(key)}Biz) for this biz`;
      return { afterMs: 1, end: () => result({ kind: 'conflict', message }) };
    }
    const process = this.startedAt;
    this.running.set(key, nameOf(command) === 'install' ? 'install' : 'uninstall');
    if (fault?.what === 'hang') return undefined;
    return {
      afterMs: fault?.delayMs ?? operationMs,
      end: () => {
        if (process !== this.startedAt) return undefined;
        this.running.delete(key);
        return answers(
          result(command.kind === 'installBiz' ? this.install(key, command.url, fault) : this.uninstall(key, fault)),
        );
      },
    };
  }

  private install(key: BizKey, url: string, fault: Fault | undefined): OperationOutcomeOf {
    if (this.modules.has(key)) return { kind: 'repeat', message: `Biz: ${key} has been installed or registered.` };
    if (fault?.what === 'fail') {
      const text = fault.text ?? `java.io.FileNotFoundException: ${url}`;
      return { kind: 'failed', message: text, detail: `java.lang.RuntimeException\nCaused by: ${text}` };
    }
    const made = fault?.what === 'other-identity' ? (fault.text as BizKey) : key;
    const name = made.slice(0, made.indexOf(':'));
    const others = [...this.modules].filter(
      ([other, module]) => other.startsWith(`${name}:`) && module.state === 'ACTIVATED',
    );
    let state: BizState = 'ACTIVATED';
    if (fault?.what === 'deactivate' || (others.length > 0 && !this.switchesVersions)) state = 'DEACTIVATED';
    else if (fault?.what === 'break') state = 'BROKEN';
    else for (const [, module] of others) this.change(module, 'DEACTIVATED');
    const changedAt = this.wall;
    this.modules.set(made, { state, changedAt, url, isForeign: false });
    return { kind: 'success', installedAs: [reported(made, state, changedAt)] };
  }

  private uninstall(key: BizKey, fault: Fault | undefined): OperationOutcomeOf {
    if (!this.modules.has(key)) return { kind: 'not-found', message: `Uninstall biz: ${key} not found.` };
    if (fault?.what === 'fail') return { kind: 'failed', message: fault.text ?? 'stop failed' };
    this.modules.delete(key);
    if (fault?.what === 'unregistered') return { kind: 'failed', message: fault.text ?? 'stop failed' };
    return { kind: 'success' };
  }

  /** Someone else puts a biz there, or changes the state of one: what is there already cannot be put there. */
  alter(key: BizKey, state: BizState): void {
    const known = this.modules.get(key);
    if (known === undefined) this.modules.set(key, { state, changedAt: this.wall, url: 'unknown', isForeign: true });
    else this.change(known, state);
  }

  private change(module: Module, state: BizState): void {
    module.state = state;
    module.changedAt = this.wall;
  }

  private takeFault(command: Fault['command'], key: string | undefined): Fault | undefined {
    const at = this.faults.findIndex(
      (fault) => fault.command === command && (fault.key === undefined || fault.key === key),
    );
    const fault = this.faults[at];
    if (fault !== undefined && !fault.isLasting) this.faults.splice(at, 1);
    return fault;
  }
}

type OperationOutcomeOf = Extract<BaseMessage, { kind: 'operation-result' }>['outcome'];

function nameOf(command: ArkletCommand): Fault['command'] {
  const names = {
    installBiz: 'install',
    uninstallBiz: 'uninstall',
    health: 'health',
    queryAllBiz: 'list',
    baseline: 'health',
  } as const;
  return names[command.kind];
}

function reported(key: BizKey, state: BizState, changedAt: number): ReportedBiz {
  const split = key.indexOf(':');
  return { name: key.slice(0, split), version: key.slice(split + 1), key, state, changedAt };
}

/**
 * What the core's thinking costs, without any I/O: processor time of every fold and every plan while Pod after Pod lives its
 * whole life on a base that has ten others. The same inputs in the same order in every run.
 */
import {
  type Action,
  type BaseInputBody,
  type BaseState,
  createBase,
  createFleet,
  defaultTimings,
  type FleetInputBody,
  type FleetState,
  foldBase,
  foldFleet,
  type ObservedPod,
  type Policy,
  planBase,
  planFleet,
  type Stamp,
} from '@kouplet/core';
import { type BaseId, type BaseMessage, bizKeyOf, type ReportedBiz } from '@kouplet/protocol';
import type { Bench } from './report.ts';

const residents = 10;
const warmUpLives = 200;
const lives = 2_000;
const seconds = 600;

const baseId = 'b1' as BaseId;
const nodeName = 'vnode.b1.bench';
const policy: Policy = {
  env: 'bench',
  holderIdentity: 'replica',
  namespace: 'default',
  kubeletVersion: 'v1.34.0-kouplet.0.1.0',
  hasEnvTaint: false,
  hasOsLabels: false,
  unmanagedModules: 'report',
  goneAfterMs: 60_000,
  hasSessions: true,
  timings: defaultTimings,
};

/**
 * Processor time in microseconds, by what it was spent on, and how often. Asking for it costs nearly as much as a fold, and
 * more after other work than in a loop of its own: it is measured each time beside what is measured, and taken off.
 */
class Meter {
  private micros = 0;
  count = 0;
  isOn = true;

  measure<T>(work: () => T): T {
    this.count += 1;
    if (!this.isOn) return work();
    const before = process.cpuUsage();
    const result = work();
    const between = process.cpuUsage();
    const after = process.cpuUsage();
    this.micros += between.user + between.system - before.user - before.system;
    this.micros -= after.user + after.system - between.user - between.system;
    return result;
  }

  get total(): number {
    return this.micros;
  }

  reset(isOn = true): void {
    this.micros = 0;
    this.count = 0;
    this.isOn = isOn;
  }
}

/** One base and its controller; an API server that answers at once, and a base that answers at once. */
class OneBase {
  readonly folds = new Meter();
  readonly plans = new Meter();
  private state: BaseState = createBase(baseId);
  private fleet: FleetState = createFleet();
  private readonly bizes = new Map<string, ReportedBiz>();
  private readonly pods = new Map<string, ObservedPod>();
  private mono = 1_000;
  private beatAt = 0;
  private renewAt = 0;
  private wakeAt = 0;
  private version = 100;
  private actions = 0;
  private readonly inbox: BaseInputBody[] = [];

  constructor() {
    this.tellFleet({ kind: 'link-up', link: 'tunnel' });
    this.tellFleet({ kind: 'link-up', link: 'api' });
    this.tellFleet({ kind: 'synced' });
    this.renew();
    this.fold({ kind: 'session-opened', sessionId: 's1' });
    this.beat();
    this.settle();
  }

  get now(): Stamp {
    return { mono: this.mono, wall: Date.UTC(2026, 0, 1) + this.mono };
  }

  /** A Pod comes, and all that follows at once. */
  create(name: string): string {
    const uid = `11111111-2222-3333-4444-${name.padStart(12, '0')}`;
    const pod: ObservedPod = {
      metadata: {
        name: `module-${name}`,
        namespace: 'default',
        uid,
        resourceVersion: this.nextVersion(),
        creationTimestamp: new Date(this.now.wall).toISOString().replace(/\.\d+Z$/, 'Z'),
        labels: { 'module-controller.koupleless.io/component': 'module' },
      },
      spec: {
        nodeName,
        restartPolicy: 'Always',
        containers: [
          { name: `biz${name}`, image: `https://repo/biz${name}.jar`, env: [{ name: 'BIZ_VERSION', value: '1.0.0' }] },
        ],
      },
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      },
    };
    this.put(pod);
    this.settle();
    return uid;
  }

  /** It is deleted, and all that follows. */
  remove(uid: string): void {
    const pod = this.pods.get(uid);
    if (pod === undefined) return;
    this.put({ ...pod, metadata: { ...this.bumped(pod.metadata), deletionTimestamp: '2026-01-01T00:00:00Z' } });
    this.settle();
  }

  /** A second in which only the base's heartbeat and what is due by the clock comes. */
  rest(): void {
    this.pass(1_000);
    if (this.inbox.length > 0 || this.mono >= this.wakeAt) this.settle();
  }

  pass(ms: number): void {
    this.mono += ms;
    if (this.mono >= this.beatAt) this.beat();
    if (this.mono >= this.renewAt) this.renew();
  }

  private beat(): void {
    this.beatAt = this.mono + 10_000;
    this.say({ kind: 'heartbeat', baseName: 'base', localIP: '10.0.0.1', localHostName: 'host', isActivated: true });
  }

  private settle(): void {
    for (let turns = 0; turns < 50; turns += 1) {
      for (let body = this.inbox.shift(); body !== undefined; body = this.inbox.shift()) this.fold(body);
      const plan = this.plans.measure(() => planBase(this.state, this.fleet, policy, this.now));
      this.wakeAt = plan.wakeAt;
      for (const install of plan.due ?? []) this.fold({ kind: 'install-due', install });
      if (plan.actions.length === 0) return;
      const begun = plan.actions.map((planned): Action => {
        this.actions += 1;
        return { ...planned, id: this.actions };
      });
      for (const action of begun) this.fold({ kind: 'action-started', action });
      this.pass(4);
      for (const action of begun) {
        this.carryOut(action);
        this.fold({ kind: 'action-ended', action, outcome: { kind: 'done' } });
      }
    }
    throw new Error('the plan does not come to rest');
  }

  private fold(body: BaseInputBody): void {
    const input = { ...body, at: this.now, baseId };
    this.state = this.folds.measure(() => foldBase(this.state, input, policy));
  }

  /** What the world makes of an action: the answer is folded first, the watch's echo or the base's answer comes later. */
  private carryOut(action: Action): void {
    switch (action.kind) {
      case 'send-command':
        this.answer(action);
        return;
      case 'patch-pod-status': {
        const pod = this.pods.get(action.uid);
        if (pod === undefined) return;
        const wanted = new Set(action.status.conditions?.map(({ type }) => type));
        const kept = pod.status.conditions?.filter(({ type }) => !wanted.has(type)) ?? [];
        const conditions = [...kept, ...(action.status.conditions ?? [])];
        const status = { ...pod.status, ...action.status, conditions };
        this.put({ ...pod, metadata: this.bumped(pod.metadata), status }, true);
        return;
      }
      case 'delete-pod':
        this.pods.delete(action.uid);
        this.inbox.push({ kind: 'pod-gone', uid: action.uid });
        return;
      case 'write-lease': {
        const metadata = { ...this.meta(action.name), labels: action.labels };
        const spec = { holderIdentity: action.holderIdentity, renewTime: new Date(action.renewedAt).toISOString() };
        this.both({ kind: 'lease-observed', lease: { metadata, spec } });
        return;
      }
      case 'create-node': {
        const metadata = { ...this.meta(action.name), labels: action.labels, annotations: action.annotations };
        this.both({ kind: 'node-observed', node: { metadata, spec: action.spec, status: action.status } });
        return;
      }
      case 'patch-node-status': {
        const { node } = this.state;
        if (node === undefined) return;
        this.both({
          kind: 'node-observed',
          node: { ...node, metadata: this.bumped(node.metadata), status: action.status },
        });
        return;
      }
      case 'write-record': {
        const record = { metadata: this.meta(action.name), baseId, isReadable: true, installs: action.installs };
        this.both({ kind: 'record-observed', record });
        return;
      }
      case 'delete-record':
        this.inbox.push({ kind: 'record-gone' });
        return;
      default:
        return;
    }
  }

  private answer(action: Extract<Action, { kind: 'send-command' }>): void {
    const { command } = action;
    if (command.kind === 'health') {
      const runTimeSeconds = this.mono / 1_000;
      this.say({
        kind: 'health',
        isSuccess: true,
        masterBizState: 'ACTIVATED',
        cpuCount: 4,
        runTimeSeconds,
        bizes: [...this.bizes.values()],
      });
    } else if (command.kind === 'queryAllBiz') {
      this.say({ kind: 'biz-report', bizes: [...this.bizes.values()] });
    } else if (command.kind !== 'baseline') {
      const { name, version } = command;
      const key = bizKeyOf(name, version);
      const made = { name, version, key, state: 'ACTIVATED' as const };
      if (command.kind === 'installBiz') this.bizes.set(key, made);
      else this.bizes.delete(key);
      const outcome =
        command.kind === 'installBiz'
          ? { kind: 'success' as const, installedAs: [made] }
          : { kind: 'success' as const };
      this.say({ kind: 'operation-result', command: command.kind, key, outcome });
    }
  }

  private say(message: BaseMessage): void {
    this.inbox.push({ kind: 'message', generation: 'current', message });
  }

  private put(pod: ObservedPod, isAnswer = false): void {
    this.pods.set(pod.metadata.uid, pod);
    if (isAnswer) this.both({ kind: 'pod-observed', pod });
    else this.inbox.push({ kind: 'pod-observed', pod });
  }

  /** As a write's answer, and again on the watch. */
  private both(body: BaseInputBody): void {
    this.fold(body);
    this.inbox.push(body);
  }

  /** Our own replica's Lease. */
  private renew(): void {
    this.renewAt = this.mono + 3_000;
    for (const planned of planFleet(this.fleet, policy, this.now).actions) {
      this.actions += 1;
      const action: Action = { ...planned, id: this.actions };
      this.tellFleet({ kind: 'action-started', action });
      this.tellFleet({ kind: 'action-ended', action, outcome: { kind: 'done' } });
    }
  }

  private tellFleet(body: FleetInputBody): void {
    this.fleet = foldFleet(this.fleet, { ...body, at: this.now }, policy);
  }

  private meta(name: string) {
    return { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: this.nextVersion() };
  }

  private bumped<T extends { readonly resourceVersion: string }>(metadata: T): T {
    return { ...metadata, resourceVersion: this.nextVersion() };
  }

  private nextVersion(): string {
    this.version += 1;
    return String(this.version);
  }
}

export const bench: Bench = {
  name: 'core',
  about: `processor time of fold and plan for ${lives} Pods, one after the other, on a base that has ${residents} others; then at rest`,
  run: async (report) => {
    const base = new OneBase();
    for (let n = 0; n < residents; n += 1) base.create(`r${n}`);
    const live = (count: number, first: number): void => {
      for (let n = first; n < first + count; n += 1) {
        const uid = base.create(String(n));
        base.pass(2_500);
        base.remove(uid);
        base.pass(2_500);
      }
    };
    live(warmUpLives, 0);
    base.folds.reset();
    base.plans.reset();
    live(lives, warmUpLives);
    const folds = base.folds.total;
    const plans = base.plans.total;
    report({ name: 'a fold', value: folds / base.folds.count, unit: 'µs' });
    report({ name: 'a plan', value: plans / base.plans.count, unit: 'µs' });
    report({ name: 'folds a Pod, from its creation to its end', value: base.folds.count / lives, unit: '' });
    report({ name: 'plans a Pod', value: base.plans.count / lives, unit: '' });
    report({ name: 'folds and plans a Pod', value: (folds + plans) / lives, unit: 'µs' });
    base.folds.reset(false);
    base.plans.reset(false);
    const before = process.cpuUsage();
    live(lives, warmUpLives + lives);
    const all = process.cpuUsage(before);
    report({
      name: 'all, with the world around and collecting garbage',
      value: (all.user + all.system) / lives,
      unit: 'µs',
    });
    base.folds.reset();
    base.plans.reset();
    for (let n = 0; n < seconds; n += 1) base.rest();
    report({ name: 'plans a minute at rest', value: (base.plans.count / seconds) * 60, unit: '' });
    report({
      name: 'folds and plans a minute at rest',
      value: ((base.folds.total + base.plans.total) / seconds) * 60,
      unit: 'µs',
    });
  },
};

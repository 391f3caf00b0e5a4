/**
 * An obedient world in virtual time: the controller's loop (fold, plan, start, end), an API server and bases, and the
 * links between them. Everything happens in one queue; equal times in the order in which they were put. Test support.
 */
import type { BaseId, BaseMessage } from '@kouplet/protocol';
import type { Action, Plan, PlannedAction } from '../actions.ts';
import { createFleet, type FleetState } from '../fleet.ts';
import { foldBase } from '../fold-base.ts';
import { foldFleet } from '../fold-fleet.ts';
import type { BaseInput, BaseInputBody, FleetInput, FleetInputBody, Outcome } from '../inputs.ts';
import { concernsBases, surveyBase } from '../liveness.ts';
import { baseIdOfNodeName, nodeNameOf } from '../names.ts';
import { isForgettable, planBase } from '../plan-base.ts';
import { planFleet } from '../plan-fleet.ts';
import type { Policy } from '../policy.ts';
import { type BaseState, createBase } from '../state.ts';
import type { Stamp } from '../time.ts';
import { type Change, FakeApi } from './fake-api.ts';
import { FakeBase } from './fake-base.ts';
import { type Delivery, defaultPolicy, epochWall, type Happening, type LinkFault } from './setting.ts';
import { type Timer, Timers } from './timers.ts';

const apiMs = 4;
const watchMs = 2;
const wireMs = 1;
const stepsInOneMoment = 10_000;

export class World {
  policy: Policy;
  fleet: FleetState = createFleet();
  states = new Map<string, BaseState>();
  readonly api = new FakeApi();
  readonly bases = new Map<string, FakeBase>();
  readonly happenings: Happening[] = [];
  readonly fault: LinkFault | undefined;
  mono = 0;
  wallOffset = 0;
  isApiUp = false;
  isTunnelUp = false;
  isRunning = false;
  /** The next so many API writes fail. */
  failingWrites = 0;
  /** Until then all slots for writes are taken. */
  busyUntil = 0;
  /** Called after every step. */
  onStep: (() => void) | undefined;
  private readonly timers = new Timers();
  private deliveries = 0;
  private actionId = 0;
  private life = 0;
  private isFleetChanged = false;
  private wakes = new Map<string, number>();

  constructor(policy: Partial<Policy> = {}, fault?: LinkFault) {
    this.policy = { ...defaultPolicy, ...policy };
    this.fault = fault;
  }

  get now(): Stamp {
    return { mono: this.mono, wall: epochWall + this.mono + this.wallOffset };
  }

  /** The controller starts: links come up, first lists come in: of Nodes, Leases, records and Pods, or the other way round. */
  start(isBackwards = false): void {
    this.life += 1;
    this.isRunning = true;
    this.fleet = createFleet();
    this.states = new Map();
    this.wakes = new Map();
    this.isApiUp = true;
    this.isTunnelUp = true;
    this.foldFleet({ kind: 'link-up', link: 'api' });
    this.foldFleet({ kind: 'link-up', link: 'tunnel' });
    const lists = this.api.all();
    for (const change of isBackwards ? lists.toReversed() : lists) this.deliverChange(change);
    this.foldFleet({ kind: 'synced' });
    this.planAll();
  }

  /** The process is gone at once; its sessions with it. What it wrote stays written. */
  kill(): void {
    this.life += 1;
    this.isRunning = false;
    if (!this.policy.hasSessions) return;
    for (const base of this.bases.values()) {
      if (!base.isConnected) continue;
      base.isConnected = false;
      this.after(1000, () => this.connect(base.id));
    }
  }

  setLink(link: 'tunnel' | 'api', isUp: boolean): void {
    if (link === 'api') this.isApiUp = isUp;
    else this.isTunnelUp = isUp;
    if (!this.isRunning) return;
    if (!isUp) {
      this.foldFleet({ kind: 'link-down', link, reason: 'cut by the scenario' });
      if (link === 'tunnel' && this.policy.hasSessions) {
        for (const base of this.bases.values()) base.isConnected = false;
      }
    } else {
      if (link === 'api') this.relist();
      this.foldFleet({ kind: 'link-up', link });
    }
    this.planAll();
  }

  /** What a reflector does after an outage: everything again, and what is missing is gone. */
  relist(): void {
    for (const [id, state] of this.states) {
      for (const uid of Object.keys(state.pods))
        if (!this.api.pods.has(uid)) this.foldBase(id, { kind: 'pod-gone', uid });
      const { node, lease } = state;
      const uid = node?.metadata.uid;
      if (uid !== undefined && this.api.nodes.get(node?.metadata.name ?? '')?.metadata.uid !== uid) {
        this.foldBase(id, { kind: 'node-gone', uid });
      }
      if (lease !== undefined && !this.api.leases.has(`kube-node-lease/${lease.metadata.name}`)) {
        this.foldBase(id, { kind: 'lease-gone' });
      }
      if (state.record !== undefined && !this.api.records.has(id)) this.foldBase(id, { kind: 'record-gone' });
    }
    for (const change of this.api.all()) this.deliverChange(change);
  }

  addBase(id: string): FakeBase {
    const base = new FakeBase(id, () => this.mono);
    this.bases.set(id, base);
    const beat = () => {
      this.after(10_000, beat);
      if (base.hasHeartbeat && !base.isManual) this.say(base, base.heartbeat());
    };
    this.after(10_000, beat);
    return base;
  }

  connect(id: string, isNewProcess = false): void {
    const base = this.baseOf(id);
    if (this.policy.hasSessions && (!this.isRunning || !this.isTunnelUp)) {
      this.after(2000, () => this.connect(id, isNewProcess));
      return;
    }
    if (base.isConnected) return;
    base.isConnected = true;
    base.sessions += 1;
    if (this.policy.hasSessions) this.foldBase(id, { kind: 'session-opened', sessionId: base.sessionId });
    if (base.isManual) {
      this.planOne(id);
      return;
    }
    if (isNewProcess) this.say(base, base.baselineQuery());
    if (base.hasHeartbeat) this.say(base, base.heartbeat());
    this.planOne(id);
  }

  disconnect(id: string): void {
    const base = this.baseOf(id);
    if (!base.isConnected) return;
    base.isConnected = false;
    if (this.policy.hasSessions && this.isRunning && this.isTunnelUp) {
      this.foldBase(id, { kind: 'session-closed', sessionId: base.sessionId });
      this.planOne(id);
    }
  }

  baseOf(id: string): FakeBase {
    const base = this.bases.get(id);
    if (base === undefined) throw new Error(`no base ${id}`);
    return base;
  }

  stateOf(id: string): BaseState {
    return this.states.get(id) ?? createBase(id as BaseId);
  }

  /** A message of a base, over its link, with the time of its own clock. */
  say(base: FakeBase, message: BaseMessage): void {
    if (!base.isConnected || base.isFrozen || !this.isTunnelUp) return;
    this.deliver({ kind: 'message', baseId: base.id, message: { ...message, publishedAt: base.wall } }, wireMs);
  }

  /** A change that the API server tells its watchers. */
  tell(change: Change | undefined): void {
    if (change !== undefined) this.deliver({ kind: 'watch', change }, watchMs);
  }

  advance(ms: number): void {
    const end = this.mono + ms;
    let steps = 0;
    for (;;) {
      const next = this.nextAt();
      if (next === undefined || next.at > end) break;
      // Plans that never come to rest would stop the clock, and the test with it.
      steps = next.at > this.mono ? 0 : steps + 1;
      if (steps > stepsInOneMoment) throw new Error(`no rest at ${this.mono} ms`);
      this.mono = Math.max(this.mono, next.at);
      next.run();
      this.onStep?.();
    }
    this.mono = end;
  }

  planFor(id: string): Plan {
    return planBase(this.stateOf(id), this.fleet, this.policy, this.now);
  }

  foldFleet(body: FleetInputBody): void {
    if (!this.isRunning) return;
    const input: FleetInput = { ...body, at: this.now };
    this.happenings.push({ at: this.mono, kind: 'input', input });
    const before = this.fleet;
    this.fleet = foldFleet(before, input, this.policy);
    this.isFleetChanged ||= concernsBases(before, this.fleet, this.policy);
  }

  /** What a change of the fleet asks for: all bases where it concerns them. */
  private planFleet(): void {
    this.planReplica();
    if (this.isFleetChanged) for (const id of [...this.states.keys()]) this.planOne(id);
    this.isFleetChanged = false;
  }

  foldBase(id: string, body: BaseInputBody): void {
    if (!this.isRunning) return;
    const input: BaseInput = { ...body, at: this.now, baseId: id as BaseId };
    this.happenings.push({ at: this.mono, kind: 'input', input });
    this.states.set(id, foldBase(this.stateOf(id), input, this.policy));
  }

  planAll(): void {
    this.planReplica();
    for (const id of [...this.states.keys()]) this.planOne(id);
  }

  planOne(id: string): void {
    if (!this.isRunning) return;
    this.survey();
    const plan = this.planFor(id);
    this.wakes.set(id, plan.wakeAt);
    for (const install of plan.due ?? []) this.foldBase(id, { kind: 'install-due', install });
    for (const action of plan.actions) if (!this.isPutOff(action)) this.begin(id, action);
    if (isForgettable(this.stateOf(id), this.fleet, this.policy, this.now)) {
      this.states.delete(id);
      this.wakes.delete(id);
    }
  }

  /** No slot is free for a write: it is planned anew when one is. */
  private isPutOff({ kind }: PlannedAction): boolean {
    return this.mono < this.busyUntil && !['send-command', 'write-lease', 'record-event'].includes(kind);
  }

  private planReplica(): void {
    if (!this.isRunning) return;
    const plan = planFleet(this.fleet, this.policy, this.now);
    this.wakes.set('', plan.wakeAt);
    for (const action of plan.actions) this.begin('', action);
  }

  private survey(): void {
    let bases = 0;
    let silent = 0;
    for (const state of this.states.values()) {
      const kind = surveyBase(state, this.fleet, this.policy, this.now);
      if (kind !== 'uncounted') bases += 1;
      if (kind === 'silent') silent += 1;
    }
    const known = this.fleet.survey;
    if (known?.bases !== bases || known.silent !== silent)
      this.foldFleet({ kind: 'surveyed', survey: { bases, silent } });
  }

  /** Takes an action up, and ends it when the world has answered. `''` is the fleet. */
  private begin(id: string, planned: PlannedAction): void {
    this.actionId += 1;
    const action: Action = { ...planned, id: this.actionId };
    this.happenings.push({ at: this.mono, kind: 'started', action, before: this.states.get(id) });
    this.foldOwn(id, { kind: 'action-started', action });
    const { life } = this;
    if (action.kind === 'send-command') {
      const base = this.bases.get(action.baseId);
      const isSent = this.isTunnelUp && base !== undefined && (base.isConnected || !this.policy.hasSessions);
      if (isSent) this.deliver({ kind: 'command', baseId: action.baseId, command: action.command }, wireMs);
      this.after(0, () => this.end(life, id, action, isSent ? { kind: 'done' } : { kind: 'unsent' }));
      return;
    }
    this.after(apiMs, () => {
      if (!this.isApiUp) {
        this.end(life, id, action, { kind: 'failed', message: 'connection refused' });
        return;
      }
      if (this.failingWrites > 0 && action.kind !== 'record-event') {
        this.failingWrites -= 1;
        this.end(life, id, action, { kind: 'failed', message: 'the server is overloaded' });
        return;
      }
      const answer = this.api.apply(action, this.now.wall);
      for (const change of answer.changes) this.tell(change);
      if (life !== this.life) return;
      for (const change of answer.changes) if (!isGone(change)) this.deliverChange(change, false);
      this.end(life, id, action, answer.outcome);
    });
  }

  private end(life: number, id: string, action: Action, outcome: Outcome): void {
    if (life !== this.life) return;
    this.happenings.push({ at: this.mono, kind: 'ended', action, outcome });
    this.foldOwn(id, { kind: 'action-ended', action, outcome });
    if (id === '') this.planFleet();
    else this.planOne(id);
  }

  private foldOwn(
    id: string,
    body: { kind: 'action-started'; action: Action } | { kind: 'action-ended'; action: Action; outcome: Outcome },
  ): void {
    if (id === '') this.foldFleet(body);
    else this.foldBase(id, body);
  }

  private deliver(delivery: Delivery, afterMs: number): void {
    this.deliveries += 1;
    const { copies, delayMs } = this.fault?.(delivery, this.deliveries) ?? { copies: 1, delayMs: 0 };
    for (let copy = 0; copy < copies; copy += 1) this.after(afterMs + delayMs + copy, () => this.arrive(delivery));
  }

  private arrive(delivery: Delivery): void {
    if (delivery.kind === 'watch') {
      if (this.isApiUp) this.deliverChange(delivery.change);
      return;
    }
    const base = this.baseOf(delivery.baseId);
    if (delivery.kind === 'message') {
      if (!this.isTunnelUp) return;
      const generation = base.isSeedGeneration ? 'seed' : 'current';
      this.foldBase(base.id, { kind: 'message', generation, message: delivery.message });
      this.planOne(base.id);
      return;
    }
    if (!base.isConnected || base.isFrozen) return;
    if (base.isManual) {
      const { command } = delivery;
      base.received.push('name' in command ? `${command.kind} ${command.name}:${command.version}` : command.kind);
      return;
    }
    const reply = base.take(delivery.command, this.mono);
    if (reply === undefined) return;
    this.after(reply.afterMs, () => {
      const message = reply.end();
      if (message !== undefined) this.say(base, message);
    });
  }

  private deliverChange(change: Change, plans = true): void {
    if (!this.isRunning) return;
    if (change.to === 'replica') {
      this.foldFleet(
        change.lease === undefined
          ? { kind: 'replica-lease-gone', name: change.name }
          : { kind: 'replica-lease-observed', lease: change.lease },
      );
      if (plans) this.planFleet();
      return;
    }
    const id = change.to === 'record' ? change.baseId : this.baseIdOf(change.nodeName);
    this.foldBase(id, change.body);
    if (plans && this.fleet.syncedAt !== undefined) this.planOne(id);
  }

  private baseIdOf(nodeName: string): string {
    for (const id of [...this.bases.keys(), ...this.states.keys()]) {
      if (nodeNameOf(id as BaseId, this.policy.env) === nodeName) return id;
    }
    return baseIdOfNodeName(nodeName, this.policy.env, this.api.nodes.get(nodeName)?.metadata.annotations) ?? nodeName;
  }

  after(ms: number, run: () => void): void {
    this.timers.put(this.mono + ms, run);
  }

  private nextAt(): Timer | undefined {
    const best = this.timers.next();
    let wake: { id: string; at: number } | undefined;
    for (const [id, at] of this.wakes)
      if (Number.isFinite(at) && (wake === undefined || at < wake.at)) wake = { id, at };
    if (wake !== undefined && (best === undefined || wake.at < best.at)) {
      const { id, at } = wake;
      return {
        at,
        run: () => {
          this.wakes.delete(id);
          if (id === '') this.planReplica();
          else this.planOne(id);
        },
      };
    }
    if (best === undefined) return undefined;
    return {
      at: best.at,
      run: () => {
        this.timers.take(best);
        best.run();
      },
    };
  }
}

function isGone(change: Change): boolean {
  return change.to === 'replica' ? change.lease === undefined : change.body.kind.endsWith('-gone');
}

/**
 * The controller as a whole: opens the edges, runs the pipeline on them, and ends them in order.
 *
 *   starting ─first lists in─► ready ─stop()─► handing back ─idle or 3.5 s─► stopped
 *      └─ cannot start: rejects                    └─ the machinery broke: `done` rejects
 */
import { hostname } from 'node:os';
import type { Tunnel } from '@kouplet/broker';
import { type Action, describeBase, type Outcome, type Policy, planBase, shownPlan } from '@kouplet/core';
import { type ClusterAccess, createEventOutbox, createEventRecorder, createTransport } from '@kouplet/kube';
import { type Change, ChangeFeed } from './changes.ts';
import { type EdgeClock, systemClock } from './clock.ts';
import { createExecute } from './execute/execute.ts';
import type { Journal } from './journal/journal.ts';
import { type Log, maskSecrets, Throttle } from './log.ts';
import { groundOfLogs } from './logs/ground.ts';
import type { LogsServer } from './logs/server.ts';
import { createMetrics, type FleetCounts, type Metrics } from './metrics.ts';
import { OnlyReplica, ReplicaError } from './only-replica.ts';
import { Peers } from './peers/peers.ts';
import { connectionsNeeded } from './pipeline/lanes.ts';
import { type CoreFunctions, type Crash, Pipeline } from './pipeline/pipeline.ts';
import { checkAccess } from './rights.ts';
import { type Served, serve } from './serve/server.ts';
import { type Answered, type AskedSubject, answerWhy } from './serve/why.ts';
import { Shadow } from './shadow.ts';
import { ClusterSource } from './sources/cluster.ts';
import { type EdgeInput, ofFleet } from './sources/edge-input.ts';
import { stalls } from './sources/stalls.ts';
import { fromTunnel } from './sources/tunnel.ts';
import { Survey } from './survey.ts';

export interface ControllerOptions {
  readonly policy: Policy;
  /** Made by the caller, started and closed by the controller. */
  readonly tunnel: Tunnel;
  /** Closed by the caller. */
  readonly access: ClusterAccess;
  /** `kouplet/0.1.0`. */
  readonly userAgent: string;
  /** Where health, metrics and plans are served; absent: nowhere. Port 0: any free one. */
  readonly http?: { readonly host: string; readonly port: number };
  readonly log: Log;
  readonly clock?: EdgeClock;
  /** Told of what people want a line for: modules on line, off line, failed, Nodes ready or not. Must not throw. */
  readonly onChange?: (change: Change) => void;
  /** Deployments with `strategy: peer` get as many replicas as there are bases. */
  readonly hasPeers?: boolean;
  /** Serves the logs of modules, where `policy.logs` says. Made by the caller, closed by the controller. */
  readonly logs?: LogsServer;
  /** Told of every input; closed by the controller. */
  readonly journal?: Journal;
  /** The core's functions; a test's way to make one of them throw. */
  readonly core?: CoreFunctions;
}

export interface Controller {
  /** Where HTTP is served: `http://127.0.0.1:8081`. */
  readonly address: string | undefined;
  /** True once the first lists are in, false from `stop()` on. */
  readonly isReady: boolean;
  /** Resolves when it is ready for the first time. */
  readonly ready: Promise<void>;
  /** Resolves after `stop()`; rejects when shared machinery broke: the process should end then. */
  readonly done: Promise<void>;
  /** What is known of a base, what is planned and what is waited for, as plain JSON; undefined: no such base. */
  debugPlan(baseId: string): object | undefined;
  bases(): readonly string[];
  /** Takes no new work, hands the Leases back, writes out Events. At most five seconds; never rejects. */
  stop(): Promise<void>;
}

const handBackLimitMs = 3_500;
/** A stranger can cause these lines: one each so often, and how many were held back. */
const rejectionLogMs = 60_000;

/**
 * @throws AccessError (the API), BrokerError (the tunnel), or the listen error of the HTTP server: each before anything runs
 */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const controller = new RunningController(options);
  try {
    await controller.start();
  } catch (error) {
    await controller.stop();
    throw error;
  }
  return controller;
}

class RunningController implements Controller {
  readonly ready: Promise<void>;
  readonly done: Promise<void>;
  readonly #options: ControllerOptions;
  readonly #clock: EdgeClock;
  readonly #transport;
  readonly #outbox;
  readonly #source: ClusterSource;
  readonly #pipeline: Pipeline;
  readonly #survey: Survey;
  readonly #metrics: Metrics;
  readonly #peers: Peers | undefined = undefined;
  readonly #changes: ChangeFeed;
  /** Absent with an external broker, where any number may run. */
  readonly #only: OnlyReplica | undefined;
  readonly #rejections = new Throttle(rejectionLogMs);
  readonly #problems = new Throttle(10_000);
  /** Bases whose objects will be told again. */
  readonly #replays = new Set<string>();
  #tunnelIsUp = false;
  #tellsChanges = false;
  #served: Served | undefined;
  #isStopping = false;
  #stopped: Promise<void> | undefined;
  #resolveReady: () => void = () => {};
  #resolveDone: () => void = () => {};
  #rejectDone: (error: unknown) => void = () => {};

  constructor(options: ControllerOptions) {
    const { policy, access, userAgent, log, tunnel } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#transport = createTransport({ access, userAgent, connections: connectionsNeeded });
    this.#metrics = createMetrics(() => this.#count());
    this.#outbox = createEventOutbox({
      recorder: createEventRecorder({ transport: this.#transport, component: 'kouplet', host: hostname() }),
      others: () => this.#transport.underWay,
      onOutcome: (outcome) => this.#metrics.event(outcome),
    });
    this.#changes = new ChangeFeed((change) => this.#tellChange(change));
    this.#source = new ClusterSource({
      transport: this.#transport,
      clock: this.#clock,
      env: policy.env,
      namespace: policy.namespace,
      onProblem: (collection, problem) => {
        const held = this.#problems.pass(`${collection}/${problem.kind}`, this.#clock.now().mono);
        if (held === undefined) return;
        log.warn({ collection, problem: problem.kind, message: maskSecrets(problem.message), held }, 'watch-problem');
      },
    });
    const { env, holderIdentity, isObserver } = policy;
    const shadow = isObserver === true ? new Shadow(log, this.#clock) : undefined;
    this.#only = tunnel.kind === 'embedded' ? new OnlyReplica(holderIdentity, env) : undefined;
    this.#pipeline = new Pipeline({
      clock: this.#clock,
      policy,
      execute: createExecute({ transport: this.#transport, tunnel, outbox: this.#outbox, env }),
      ...(options.core === undefined ? {} : { core: options.core }),
      ...(options.journal === undefined ? {} : { journal: options.journal }),
      ...(shadow === undefined ? {} : { observe: (baseId, plan) => shadow.planned(baseId, plan) }),
      onEnded: (action, outcome) => this.#ended(action, outcome),
      onPlanned: (seconds) => this.#metrics.planned(seconds),
      onCrash: (crash) => this.#crashed(crash),
      onInput: (input) => this.#see(input),
    });
    this.#survey = new Survey(this.#pipeline, policy, this.#clock);
    if (options.hasPeers === true) {
      const edges = { transport: this.#transport, clock: this.#clock, outbox: this.#outbox, metrics: this.#metrics };
      this.#peers = new Peers({ ...edges, policy, log, seen: this.#pipeline });
    }
    this.ready = new Promise((resolve) => {
      this.#resolveReady = resolve;
    });
    this.done = new Promise((resolve, reject) => {
      this.#resolveDone = resolve;
      this.#rejectDone = reject;
    });
    // Whoever does not look at it must not be ended by it.
    this.done.catch(() => {});
  }

  get address(): string | undefined {
    return this.#served?.url;
  }

  get isReady(): boolean {
    return this.#source.isSynced && !this.#isStopping;
  }

  async start(): Promise<void> {
    const { http, policy, tunnel, log, logs } = this.#options;
    if (http !== undefined) {
      this.#served = await serve({
        ...http,
        isReady: () => this.isReady,
        notReadyReason: () => (this.#isStopping ? 'shutting down' : this.#source.state),
        metrics: () => this.#metrics.expose(),
        debugPlan: (baseId) => this.debugPlan(baseId),
        bases: () => this.bases(),
        why: (asked) => this.#why(asked),
      });
    }
    const isObserver = policy.isObserver === true;
    const logsOf = logs === undefined ? {} : { logsOf: logs.baseNamespaces };
    await checkAccess(this.#transport, policy.namespace, {
      hasPeers: this.#peers !== undefined,
      isObserver,
      ...logsOf,
    });
    await new Promise<void>((resolve, reject) => {
      const heard = fromTunnel({
        tunnel,
        env: policy.env,
        onMessage: (kind) => this.#metrics.messageIn(kind),
        onRejection: ({ code, detail }, topic) => {
          this.#metrics.rejected(code);
          const held = this.#rejections.pass(code, this.#clock.now().mono);
          if (held !== undefined) log.warn({ code, detail, topic: topic.slice(0, 200), held }, 'message-rejected');
        },
        onLeftover: (topic) => log.info({ topic: topic.slice(0, 200) }, 'retained-command-cleared'),
        onStarted: resolve,
        onStartFailed: reject,
      });
      this.#pipeline.run([this.#source.inputs(), heard, stalls(this.#clock)], (error) => this.#broke(error));
    });
    this.#peers?.start();
    void this.#serveLogs();
    this.#survey.start();
    log.info(
      { env: policy.env, holder: policy.holderIdentity, http: this.address },
      isObserver ? 'observing' : 'started',
    );
  }

  async #serveLogs(): Promise<void> {
    const notReadyReason = () => (this.#source.isSynced ? undefined : this.#source.state);
    const sources = { transport: this.#transport, clock: this.#clock, log: this.#options.log, notReadyReason };
    const { env } = this.#options.policy;
    await this.#options.logs?.serve(groundOfLogs({ ...sources, env, bases: () => this.#pipeline.bases() }));
  }

  debugPlan(baseId: string): object | undefined {
    const state = this.#pipeline.base(baseId);
    if (state === undefined) return undefined;
    const { policy } = this.#options;
    const fleet = this.#pipeline.fleet;
    const now = this.#clock.now();
    try {
      return { now, ...describeBase(state, fleet, policy, now), plan: shownPlan(planBase(state, fleet, policy, now)) };
    } catch (error) {
      return { now, baseId, crashed: error instanceof Error ? error.message : String(error) };
    }
  }

  #why(asked: AskedSubject): Answered {
    const { policy } = this.#options;
    const missing = this.#source.isSynced ? undefined : this.#source.state;
    return answerWhy(asked, this.#pipeline.bases(), this.#pipeline.fleet, policy, this.#clock.now(), missing);
  }

  bases(): readonly string[] {
    return [...this.#pipeline.bases()].map(({ baseId }) => baseId);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    const { log, tunnel } = this.#options;
    this.#isStopping = true;
    this.#survey.stop();
    await this.#peers?.stop();
    this.#pipeline.tell(ofFleet({ kind: 'stopping' }));
    await this.#idle(handBackLimitMs);
    this.#pipeline.stop();
    await this.#options.logs?.close();
    await Promise.all([this.#source.stop(), this.#outbox.flush(500), settled(tunnel.close())]);
    this.#outbox.close();
    await Promise.all([settled(this.#transport.close()), this.#served?.close(), this.#options.journal?.close()]);
    this.#metrics.close();
    log.info({}, 'stopped');
    this.#resolveDone();
  }

  /** Until nothing is under way or due, which after `stopping` means that the Leases are handed back. */
  async #idle(limitMs: number): Promise<void> {
    const until = this.#clock.now().mono + limitMs;
    for (let quietTurns = 0; quietTurns < 3 && this.#clock.now().mono < until; ) {
      await new Promise<void>((resolve) => void this.#clock.after(5, resolve));
      quietTurns = this.#pipeline.isIdle ? quietTurns + 1 : 0;
    }
  }

  /** Sees every input on its way in, for metrics, logs and lines. */
  #see(input: EdgeInput): void {
    const { log } = this.#options;
    const { body } = input;
    switch (body.kind) {
      case 'pod-observed':
        this.#changes.podObserved(body.pod);
        return;
      case 'pod-gone':
        this.#changes.podGone(body.uid);
        return;
      case 'node-observed':
        this.#source.nodeSeen(body.node);
        this.#changes.nodeObserved(body.node);
        this.#peers?.touch();
        return;
      case 'node-gone':
        this.#changes.nodeGone(body.uid);
        this.#peers?.touch();
        return;
      case 'replica-lease-observed': {
        const other = this.#only?.observed(body.lease, this.#clock.now().mono);
        if (other !== undefined) this.#broke(new ReplicaError(other));
        return;
      }
      case 'link-up':
        if (body.link === 'tunnel') this.#tunnelIsUp = true;
        log.info({ link: body.link }, 'link-up');
        return;
      case 'link-down':
        if (body.link === 'tunnel') this.#tunnelIsUp = false;
        log.warn({ link: body.link, reason: maskSecrets(body.reason) }, 'link-down');
        return;
      case 'stalled':
        this.#metrics.stalled();
        log.warn({ forMs: body.forMs }, 'stood-still');
        return;
      case 'synced':
        this.#tellsChanges = true;
        log.info({ pods: this.#changes.podCount }, 'synced');
        this.#resolveReady();
        return;
      default:
        return;
    }
  }

  #ended(action: Action, outcome: Outcome): void {
    const { log } = this.#options;
    if (action.kind === 'send-command') this.#metrics.command(action.command.kind, outcome.kind);
    else if (action.kind !== 'record-event') this.#metrics.apiWrite(action.kind, outcome.kind);
    if (outcome.kind === 'refused' || outcome.kind === 'failed') {
      const held = this.#problems.pass(`${action.kind}/${outcome.kind}`, this.#clock.now().mono);
      if (held === undefined) return;
      log.warn({ action: action.kind, key: action.key, message: maskSecrets(outcome.message), held }, 'action-failed');
    } else if (action.kind === 'send-command' && action.bizKey !== undefined) {
      log.info(
        { base: action.baseId, command: action.command.kind, biz: action.bizKey, outcome: outcome.kind },
        'command-sent',
      );
    } else {
      log.debug({ action: action.kind, key: action.key, outcome: outcome.kind }, 'action-ended');
    }
  }

  #crashed({ where, baseId, error, isInputLost, heldUntil }: Crash): void {
    this.#metrics.crashed(where);
    const held = this.#problems.pass(`crash/${where}/${baseId ?? ''}`, this.#clock.now().mono);
    if (held !== undefined) this.#options.log.error({ where, base: baseId, err: error, held }, 'base-quarantined');
    if (!isInputLost || baseId === undefined || this.#replays.has(baseId)) return;
    // What the lost inputs said, the objects say again, once, when the key's hold ends: the same exception may come again.
    this.#replays.add(baseId);
    this.#clock.after(heldUntil - this.#clock.now().mono, () => {
      this.#replays.delete(baseId);
      if (!this.#isStopping) this.#source.replay(baseId);
    });
  }

  #tellChange(change: Change): void {
    // The first lists tell what is, not what changed.
    if (!this.#tellsChanges || this.#isStopping) return;
    const told = 'message' in change ? { ...change, message: maskSecrets(change.message) } : change;
    const { kind, ...fields } = told;
    this.#options.log.info(fields, kind);
    this.#options.onChange?.(told);
  }

  #count(): FleetCounts {
    const { alive, silent } = this.#survey.count();
    return {
      bases: alive + silent,
      ready: alive,
      silent,
      quarantined: this.#pipeline.quarantined,
      pods: this.#changes.podCount,
      inFlight: this.#pipeline.inFlight,
      eventsWaiting: this.#outbox.waiting,
      links: { api: this.#source.isUp, tunnel: this.#tunnelIsUp },
      isSynced: this.#source.isSynced,
    };
  }

  #broke(error: unknown): void {
    this.#options.log.fatal({ err: error }, 'machinery-broke');
    this.#rejectDone(error);
  }
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => {});
}

/**
 * The edge of peer Deployments: watches them, has the core look at them when something changed, and carries out what it says.
 * What is not carried out is not queued: the next look decides.
 *
 *   Deployment, Node ─► touch ─250 ms─► look ─► at most four writes at once ─► Event
 *                                        └─ at the latest every 5 s
 */
import {
  type FleetState,
  maskData,
  type PeerBase,
  type PeerDeployment,
  type PeerScaling,
  type PeersMemory,
  type Policy,
  planPeers,
  withScalingEnded,
  withScalingStarted,
} from '@kouplet/core';
import {
  type ApiRequest,
  collectionPath,
  createReflector,
  deployments,
  type EventOutbox,
  mergePatch,
  patchObject,
  type Reflector,
  type Transport,
} from '@kouplet/kube';
import type { EdgeClock } from '../clock.ts';
import { outcomeOfWrite } from '../execute/outcome.ts';
import { type Log, maskSecrets, Throttle } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { projectDeployment } from './deployment.ts';

export interface PeersOptions {
  readonly transport: Transport;
  readonly clock: EdgeClock;
  readonly policy: Policy;
  readonly outbox: EventOutbox;
  readonly log: Log;
  readonly metrics: Metrics;
  /** What is known of ourselves and of the bases. */
  readonly seen: { readonly fleet: FleetState; bases(): Iterable<PeerBase> };
}

/** Either dialect's: a selector cannot say "or" of two labels. */
const selectors = [
  'virtual-kubelet.koupleless.io/component=module-deployment',
  'module-controller.koupleless.io/component=module-deployment',
];

/** Bases come in crowds after a start: what comes together is looked at once. */
const gatherMs = 250;
/** Replicas come and go, which nobody tells us of. */
const lookAtLeastEveryMs = 5_000;
const writesAtOnce = 4;
const writeTimeoutMs = 10_000;

export class Peers {
  readonly #options: PeersOptions;
  readonly #reflectors: Reflector[] = [];
  readonly #present: ReadonlyArray<Map<string, PeerDeployment>> = selectors.map(() => new Map());
  readonly #problems = new Throttle(10_000);
  #memory: PeersMemory = {};
  #told: ReadonlyMap<string, string> = new Map();
  #inFlight = 0;
  #dueAt = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  start(): void {
    const { transport, clock, log } = this.#options;
    selectors.forEach((labelSelector, index) => {
      const present = this.#present[index];
      const reflector = createReflector<PeerDeployment>({
        transport,
        path: collectionPath(deployments),
        query: { labelSelector },
        clock: {
          now: () => clock.now().wall,
          monotonic: () => clock.now().mono,
          setTimeout: (fn, ms) => clock.after(ms, fn),
        },
        project: projectDeployment,
        onEvents: (batch) => {
          for (const event of batch) {
            if (event.kind === 'upsert') present?.set(event.key, event.object);
            else if (event.kind === 'delete') present?.delete(event.key);
          }
          this.touch();
        },
        onProblem: ({ kind, message }) => {
          const held = this.#problems.pass(kind, clock.now().mono);
          if (held === undefined) return;
          log.warn({ collection: 'deployments', problem: kind, message: maskSecrets(message), held }, 'watch-problem');
        },
      });
      this.#reflectors.push(reflector);
      reflector.start();
    });
    this.#lookIn(lookAtLeastEveryMs);
  }

  /** Something that counts may have changed. */
  touch(): void {
    this.#lookIn(gatherMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  #lookIn(ms: number): void {
    const at = this.#options.clock.now().mono + ms;
    if (this.#isStopped || at >= this.#dueAt) return;
    this.#cancel();
    this.#dueAt = at;
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#look();
    });
  }

  #look(): void {
    const { clock, policy, seen } = this.#options;
    const now = clock.now();
    try {
      const all = new Map(this.#present.flatMap((present) => [...present]));
      const plan = planPeers(this.#memory, all.values(), seen.bases(), seen.fleet, policy, now);
      this.#memory = plan.memory;
      if (policy.isObserver === true) this.#tell(plan.scalings);
      else
        for (const scaling of plan.scalings.slice(0, Math.max(0, writesAtOnce - this.#inFlight))) {
          this.#carryOut(scaling).catch((error: unknown) => this.#crashed(error));
        }
      this.#lookIn(Math.min(lookAtLeastEveryMs, Math.max(gatherMs, plan.wakeAt - now.mono)));
    } catch (error) {
      this.#crashed(error);
      this.#lookIn(lookAtLeastEveryMs);
    }
  }

  /** What an observer would do: each once, until it is another. */
  #tell(scalings: readonly PeerScaling[]): void {
    const texts = new Map(
      scalings.map(({ uid, namespace, name, from, to, because }) => {
        return [uid, `size Deployment ${namespace}/${name} from ${from} to ${to}: ${because}`] as const;
      }),
    );
    for (const [uid, text] of texts) if (this.#told.get(uid) !== text) this.#options.log.info({ do: text }, 'would');
    for (const [uid, text] of this.#told) if (!texts.has(uid)) this.#options.log.info({ do: text }, 'would-no-longer');
    this.#told = texts;
  }

  async #carryOut(scaling: PeerScaling): Promise<void> {
    const { transport, outbox, policy, clock, log, metrics } = this.#options;
    this.#memory = withScalingStarted(this.#memory, scaling);
    this.#inFlight += 1;
    const outcome = outcomeOfWrite(await transport.request(requestOf(scaling)));
    this.#inFlight -= 1;
    if (this.#isStopped) return;
    const { namespace, name, uid, from, to } = scaling;
    metrics.apiWrite('scale-deployment', outcome.kind);
    const message = 'message' in outcome ? { message: maskSecrets(outcome.message) } : {};
    log.info({ deployment: `${namespace}/${name}`, from, to, outcome: outcome.kind, ...message }, 'peers-scaled');
    const { memory, notice } = withScalingEnded(this.#memory, scaling, outcome, policy, clock.now());
    this.#memory = memory;
    if (notice !== undefined) {
      outbox.tell({
        regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name, uid },
        ...maskData(notice),
      });
    }
    this.touch();
  }

  /** Nothing is done until the next look, which may go well. */
  #crashed(error: unknown): void {
    const { clock, log, metrics } = this.#options;
    metrics.crashed('peers');
    const held = this.#problems.pass('crash', clock.now().mono);
    if (held !== undefined) log.error({ err: error, held }, 'peers-crashed');
  }
}

/** UID and version are preconditions: what somebody else changed meanwhile is looked at first. */
function requestOf({ namespace, name, uid, resourceVersion, to }: PeerScaling): ApiRequest {
  const body = { metadata: { uid, resourceVersion }, spec: { replicas: to } };
  return {
    ...patchObject(deployments, { namespace, name }, mergePatch(body), { subresource: 'scale' }),
    timeoutMs: writeTimeoutMs,
  };
}

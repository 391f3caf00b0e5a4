/**
 * The way of the data, as one RxJS pipeline that carries and decides nothing:
 *
 *   sources ─┐
 *   outcomes ┴─► stamp ─► foldByKey ─► keys ─► plan ─► take a slot ─► execute ─► outcomes (back to the top)
 *
 * Each base is a key, the fleet is one more. At most one action of a key is under way; what finds no slot is planned anew
 * when one is free. An exception of a fold or a plan holds that key alone.
 */
import {
  type Action,
  type BaseInput,
  type BaseInputBody,
  type BaseState,
  concernsBases,
  createBase,
  createFleet,
  type FleetInput,
  type FleetInputBody,
  type FleetState,
  foldBase,
  foldFleet,
  isForgettable,
  type Outcome,
  type Plan,
  type Policy,
  planBase,
  planFleet,
} from '@kouplet/core';
import type { BaseId } from '@kouplet/protocol';
import { map, merge, type Observable, Subject, type Subscription } from 'rxjs';
import type { EdgeClock } from '../clock.ts';
import type { Execute, Observation } from '../execute/execute.ts';
import type { Journal } from '../journal/journal.ts';
import type { EdgeInput } from '../sources/edge-input.ts';
import { FoldedStates, foldByKey, type Keyed, type Urgency } from './fold-by-key.ts';
import { Lanes } from './lanes.ts';
import { Quarantine } from './quarantine.ts';
import { urgencyOf } from './urgency.ts';
import { Wakes } from './wakes.ts';

/** The fleet's key; no base has an empty identity. */
const fleetKey = '';

/** The core's functions, so that a test can make one of them throw for one key. */
export interface CoreFunctions {
  readonly foldBase: typeof foldBase;
  readonly planBase: typeof planBase;
  readonly foldFleet: typeof foldFleet;
  readonly planFleet: typeof planFleet;
  readonly isForgettable: typeof isForgettable;
}

export const core: CoreFunctions = { foldBase, planBase, foldFleet, planFleet, isForgettable };

export interface PipelineOptions {
  readonly clock: EdgeClock;
  readonly policy: Policy;
  readonly execute: Execute;
  readonly core?: CoreFunctions;
  /** Nothing is executed: what would be is told here, base by base. */
  readonly observe?: (baseId: BaseId, plan: Plan) => void;
  /** After every action that ended, for metrics and logs. */
  readonly onEnded: (action: Action, outcome: Outcome) => void;
  readonly onPlanned: (seconds: number) => void;
  /** A fold or plan threw. `isInputLost`: the state lacks what the input said. */
  readonly onCrash: (crash: Crash) => void;
  /** Told of what is folded, just before it is, and of bases that are forgotten; must not throw. */
  readonly journal?: Journal;
  /** Sees every input before it is folded; must not throw. */
  readonly onInput?: (input: EdgeInput) => void;
}

export interface Crash {
  readonly where: 'fold' | 'plan';
  /** Undefined for the fleet. */
  readonly baseId: BaseId | undefined;
  readonly error: unknown;
  readonly isInputLost: boolean;
  /** When the key is planned again (monotonic ms). */
  readonly heldUntil: number;
}

type Entry =
  | { readonly kind: 'base'; readonly baseId: BaseId; readonly state: BaseState }
  | { readonly kind: 'fleet'; readonly state: FleetState };

type Stamped =
  | { readonly kind: 'base'; readonly input: BaseInput }
  | { readonly kind: 'fleet'; readonly input: FleetInput };

interface Taken {
  readonly scope: string;
  readonly action: Action;
}

/** An input, and how soon it is to be looked at where whoever tells it knows. */
interface Told {
  readonly input: EdgeInput;
  readonly urgency?: Urgency;
}

/** Inputs that may not be the first of a base: rubbish, and tails of what is forgotten, must not make one. */
const neverFirst: ReadonlySet<BaseInputBody['kind']> = new Set([
  'rejected',
  'session-closed',
  'pod-gone',
  'node-gone',
  'lease-gone',
  'record-gone',
  'install-due',
  'action-started',
  'action-ended',
  'crashed',
]);

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #core: CoreFunctions;
  readonly #states = new FoldedStates<Entry>();
  readonly #feedback = new Subject<Told>();
  readonly #quarantine = new Quarantine();
  readonly #lanes: Lanes;
  readonly #wakes: Wakes;
  #subscription: Subscription | undefined;
  #lastActionId = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#core = options.core ?? core;
    this.#lanes = new Lanes((scope) => this.#states.touch(scope));
    this.#wakes = new Wakes(options.clock, (scope) => this.#states.touch(scope));
    this.#states.set(fleetKey, { kind: 'fleet', state: createFleet() });
  }

  get fleet(): FleetState {
    const entry = this.#states.get(fleetKey);
    return entry?.kind === 'fleet' ? entry.state : createFleet();
  }

  base(baseId: string): BaseState | undefined {
    const entry = this.#states.get(baseId);
    return entry?.kind === 'base' ? entry.state : undefined;
  }

  *bases(): IterableIterator<BaseState> {
    for (const key of this.#states.keys()) {
      const state = this.base(key);
      if (state !== undefined) yield state;
    }
  }

  get baseCount(): number {
    return this.#states.size - 1;
  }

  get inFlight(): number {
    return this.#lanes.inFlight;
  }

  get quarantined(): number {
    return this.#quarantine.count(this.#options.clock.now().mono);
  }

  /** Nothing under way, nothing due now: what is left waits for time or for the world. */
  get isIdle(): boolean {
    return this.#lanes.inFlight === 0 && this.#lanes.waiting === 0 && this.#states.dirtySize === 0;
  }

  /** One more input, from the edge's own doings. */
  tell(input: EdgeInput, urgency?: Urgency): void {
    this.#feedback.next(urgency === undefined ? { input } : { input, urgency });
  }

  /** Runs on these sources. @param onBroken the machinery itself failed; nothing runs any more */
  run(sources: readonly Observable<EdgeInput>[], onBroken: (error: unknown) => void): void {
    const { clock } = this.#options;
    this.#subscription = merge(this.#feedback, merge(...sources).pipe(map((input): Told => ({ input }))))
      .pipe(
        map((told) => this.#stamp(told)),
        foldByKey({
          clock,
          states: this.#states,
          urgency: (stamped: Stamped) => this.#urgencyOf(stamped),
          fold: (entry, input, key) => this.#fold(entry, input, key),
        }),
      )
      .subscribe({
        next: (keys) => {
          try {
            for (const key of keys) for (const taken of this.#turn(key)) this.#carryOut(taken).catch(onBroken);
          } catch (error) {
            onBroken(error);
          }
        },
        error: onBroken,
      });
  }

  stop(): void {
    this.#subscription?.unsubscribe();
    this.#wakes.stop();
  }

  #stamp({ input, urgency }: Told): Keyed<Stamped> {
    this.#options.onInput?.(input);
    const at = this.#options.clock.now();
    const asked = urgency === undefined ? {} : { urgency };
    if (input.scope === 'fleet')
      return { key: fleetKey, input: { kind: 'fleet', input: { at, ...input.body } }, ...asked };
    const { baseId, body } = input;
    return { key: baseId, input: { kind: 'base', input: { at, baseId, ...body } }, ...asked };
  }

  /** Plans are most of what this process does: what nobody waits for is looked at together with what comes next. */
  #urgencyOf({ kind, input }: Stamped): Urgency {
    if (kind === 'fleet') return urgencyOf(input);
    // Its own write's answer is about to say the same, and then the end of that write is looked at.
    const isEcho = input.kind === 'pod-observed' && this.#lanes.isInFlight(`pod/${input.pod.metadata.uid}`);
    const urgency = isEcho && !isDeleting(input) ? 'soon' : urgencyOf(input);
    // In a crowd it is planned when it has its turn, and would find no slot before.
    return urgency === 'soon' && this.#lanes.isWaiting(input.baseId) ? 'later' : urgency;
  }

  #fold(entry: Entry | undefined, stamped: Stamped, key: string): Entry | undefined {
    const { policy } = this.#options;
    try {
      if (stamped.kind === 'fleet') return this.#foldFleet(entry, stamped.input);
      const { input } = stamped;
      if (entry === undefined && neverFirst.has(input.kind)) return undefined;
      this.#options.journal?.base(input, entry?.kind === 'base' ? entry.state : undefined, this.fleet);
      const before = entry?.kind === 'base' ? entry.state : createBase(input.baseId);
      const state = this.#core.foldBase(before, input, policy);
      return entry?.kind === 'base' && state === before ? entry : { kind: 'base', baseId: input.baseId, state };
    } catch (error) {
      return this.#crashed(entry, key, stamped, error);
    }
  }

  #foldFleet(entry: Entry | undefined, input: FleetInput): Entry | undefined {
    const before = this.fleet;
    this.#options.journal?.fleet(input, before);
    const state = this.#core.foldFleet(before, input, this.#options.policy);
    if (state === before) return entry;
    // The plans of all bases read the fleet: those few changes that matter to them wake all of them.
    if (concernsBases(before, state, this.#options.policy))
      for (const key of this.#states.keys()) this.#states.touch(key);
    return { kind: 'fleet', state };
  }

  /** The input is lost, but the core is told, so that it says so and plans carefully. */
  #crashed(entry: Entry | undefined, key: string, stamped: Stamped, error: unknown): Entry | undefined {
    const baseId = stamped.kind === 'base' ? stamped.input.baseId : undefined;
    this.#hold(key, { where: 'fold', baseId, error, isInputLost: true });
    if (entry?.kind !== 'base') return entry;
    return { ...entry, state: this.#withCrash(entry, error) };
  }

  #withCrash(entry: Entry & { readonly kind: 'base' }, error: unknown): BaseState {
    const at = this.#options.clock.now();
    const message = error instanceof Error ? error.message : String(error);
    try {
      const input: BaseInput = { at, baseId: entry.baseId, kind: 'crashed', message };
      this.#options.journal?.base(input, entry.state, this.fleet);
      return this.#core.foldBase(entry.state, input, this.#options.policy);
    } catch {
      return entry.state;
    }
  }

  #hold(key: string, crash: Omit<Crash, 'heldUntil'>): void {
    const heldUntil = this.#quarantine.add(key, this.#options.clock.now().mono);
    this.#wakes.set(key, heldUntil);
    this.#options.onCrash({ ...crash, heldUntil });
  }

  #turn(key: string): readonly Taken[] {
    const taken = this.#plan(key);
    this.#lanes.planned(key);
    return taken;
  }

  /** Plans one key and takes up what there are slots for. Never throws. */
  #plan(key: string): readonly Taken[] {
    const { clock, policy } = this.#options;
    const entry = this.#states.get(key);
    if (entry === undefined) return [];
    // The first lists make thousands of inputs of which no plan can make anything before they are whole.
    if (entry.kind === 'base' && this.fleet.syncedAt === undefined) return [];
    const now = clock.now();
    const heldUntil = this.#quarantine.heldUntil(key, now.mono);
    if (heldUntil !== undefined) {
      this.#wakes.set(key, heldUntil);
      return [];
    }
    let plan: Plan;
    try {
      if (entry.kind === 'base' && this.#core.isForgettable(entry.state, this.fleet, policy, now)) {
        this.#forget(key);
        this.#options.journal?.forgotten(entry.baseId);
        return [];
      }
      plan =
        entry.kind === 'base'
          ? this.#core.planBase(entry.state, this.fleet, policy, now)
          : this.#core.planFleet(entry.state, policy, now);
      this.#options.onPlanned((clock.now().mono - now.mono) / 1_000);
    } catch (error) {
      const baseId = entry.kind === 'base' ? entry.baseId : undefined;
      if (entry.kind === 'base') this.#states.set(key, { ...entry, state: this.#withCrash(entry, error) });
      this.#hold(key, { where: 'plan', baseId, error, isInputLost: false });
      return [];
    }
    this.#wakes.set(key, plan.wakeAt);
    return this.#take(key, entry, plan);
  }

  #take(key: string, entry: Entry, plan: Plan): readonly Taken[] {
    const { observe } = this.#options;
    if (observe !== undefined) {
      if (entry.kind === 'base') observe(entry.baseId, plan);
      return [];
    }
    const taken: Taken[] = [];
    if (entry.kind === 'base') {
      for (const install of plan.due ?? [])
        this.tell({ scope: 'base', baseId: entry.baseId, body: { kind: 'install-due', install } });
    }
    for (const planned of plan.actions) {
      if (!this.#lanes.take(planned.kind, planned.key, key)) continue;
      this.#lastActionId += 1;
      const action: Action = { ...planned, id: this.#lastActionId };
      this.tell(scoped(entry, { kind: 'action-started', action }));
      taken.push({ scope: key, action });
    }
    return taken;
  }

  /** Executes, and feeds back first what the write made and then how it ended. Never rejects. */
  async #carryOut({ scope, action }: Taken): Promise<void> {
    const { outcome, observed } = await this.#options.execute(action);
    // The slot first: the plan that the outcome brings about may need it.
    this.#lanes.free(action.kind, action.key);
    const entry = this.#states.get(scope);
    if (entry !== undefined) {
      // The end is looked at, not each of its parts.
      if (observed !== undefined) this.#observe(entry, observed);
      const urgency = observed !== undefined && isDeleting(observed) ? 'now' : undefined;
      this.tell(scoped(entry, { kind: 'action-ended', action, outcome }), urgency);
    }
    this.#options.onEnded(action, outcome);
  }

  #observe(entry: Entry, observed: Observation): void {
    if (entry.kind === 'base') {
      this.tell({ scope: 'base', baseId: entry.baseId, body: observed }, 'soon');
    } else if (observed.kind === 'lease-observed') {
      this.tell({ scope: 'fleet', body: { kind: 'replica-lease-observed', lease: observed.lease } });
    }
  }

  #forget(key: string): void {
    this.#states.delete(key);
    this.#wakes.delete(key);
    this.#lanes.forget(key);
    this.#quarantine.delete(key);
  }
}

function scoped(
  entry: Entry,
  body: Extract<BaseInputBody & FleetInputBody, { readonly kind: 'action-started' | 'action-ended' }>,
): EdgeInput {
  return entry.kind === 'base' ? { scope: 'base', baseId: entry.baseId, body } : { scope: 'fleet', body };
}

/** A Pod that is being deleted goes step by step, each as soon as the one before has ended. */
function isDeleting(input: BaseInput | Observation): boolean {
  return input.kind === 'pod-observed' && input.pod.metadata.deletionTimestamp !== undefined;
}

/**
 * Runs a journal through the core: folds what was folded, plans when something came or was due, and says what would be done, what is
 * waited for and why. Of what the recorded controller did it says whether this core plans it, too. [SPEC M47]
 */
import type { BaseId } from '@kouplet/protocol';
import { wordsOfAction } from '../action-words.ts';
import type { Action, Plan, PlannedAction } from '../actions.ts';
import { createFleet, type FleetState } from '../fleet.ts';
import { foldBase } from '../fold-base.ts';
import { foldFleet } from '../fold-fleet.ts';
import type { BaseInput, FleetInput } from '../inputs.ts';
import { concernsBases } from '../liveness.ts';
import { planBase } from '../plan-base.ts';
import type { Policy } from '../policy.ts';
import { type BaseState, createBase } from '../state.ts';
import type { Stamp } from '../time.ts';
import type { JournalLine } from './lines.ts';

export interface Told {
  /**
   * - `does`: the controller did it, and this core plans it
   * - `did`: the controller did it, and this core does not plan it
   * - `would`: this core plans it, and the controller has not done it for five seconds
   * - `waits`: wanted and not done, and why
   * - `link`: of the process and its links
   * - `crash`: a fold or a plan threw; nothing of that input is kept, as in the controller
   * - `gap`: lines are missing here
   */
  readonly kind: 'does' | 'did' | 'would' | 'waits' | 'link' | 'crash' | 'gap';
  /** Absent only for a gap before any input. */
  readonly at?: Stamp;
  readonly baseId?: BaseId;
  readonly text: string;
}

export interface ReplayCounts {
  readonly inputs: number;
  readonly bases: number;
  readonly does: number;
  readonly did: number;
  readonly would: number;
}

interface Followed {
  state: BaseState;
  /** What is begun now was planned before this part of the journal, perhaps with what is in the state by now: nobody can judge it. */
  isWithinTurn: boolean;
  plan: Plan;
  /** By kind and key: what is planned and not begun, since when, and whether it was told. */
  readonly due: Map<string, { readonly text: string; readonly since: number; isTold: boolean }>;
  /** What was last said of each subject. */
  readonly waiting: Map<string, string>;
}

/** A controller has a slot for what is planned within a moment; what it has not begun for so long it did not plan. */
const patienceMs = 5_000;

export class Replay {
  readonly #policy: Policy;
  readonly #patienceMs: number;
  readonly #bases = new Map<BaseId, Followed>();
  #fleet: FleetState = createFleet();
  #at: Stamp | undefined;
  /** No sooner is anything due by time alone. */
  #nextAt = Number.NEGATIVE_INFINITY;
  #told: Told[] = [];
  readonly #counts = { inputs: 0, does: 0, did: 0, would: 0 };
  readonly #seen = new Set<BaseId>();

  constructor(policy: Policy) {
    this.#policy = policy;
    // An observer does nothing of what it plans.
    this.#patienceMs = policy.isObserver === true ? 0 : patienceMs;
  }

  get counts(): ReplayCounts {
    return { ...this.#counts, bases: this.#seen.size };
  }

  take(line: JournalLine): readonly Told[] {
    this.#told = [];
    try {
      this.#take(line);
    } catch (error) {
      const baseId = line.kind === 'base' ? this.#followed(line.baseId) : undefined;
      this.#tell('crash', error instanceof Error ? error.message : String(error), this.#at, baseId);
    }
    return this.#told;
  }

  #take(line: JournalLine): void {
    switch (line.kind) {
      case 'base':
        this.#passTo(line.at);
        this.#base({ ...line.input, at: line.at, baseId: line.baseId });
        break;
      case 'fleet':
        this.#passTo(line.at);
        this.#takeFleet({ ...line.input, at: line.at });
        break;
      case 'base-state':
        Object.assign(this.#followed(line.baseId), { state: line.state, isWithinTurn: true });
        break;
      case 'fleet-state':
        this.#fleet = line.state;
        break;
      case 'forgotten':
        this.#bases.delete(line.baseId);
        break;
      case 'gap':
        this.#tell('gap', `${line.lines} lines are missing: ${line.reason}`);
        break;
      default:
        line satisfies never;
    }
  }

  #followed(baseId: BaseId): Followed {
    const known = this.#bases.get(baseId);
    if (known !== undefined) return known;
    this.#seen.add(baseId);
    const plan: Plan = { actions: [], waiting: [], wakeAt: Number.POSITIVE_INFINITY };
    const made: Followed = { state: createBase(baseId), isWithinTurn: false, plan, due: new Map(), waiting: new Map() };
    this.#bases.set(baseId, made);
    return made;
  }

  #base(input: BaseInput): void {
    this.#counts.inputs += 1;
    const followed = this.#followed(input.baseId);
    const isOfPlan = input.kind === 'action-started' || input.kind === 'install-due';
    followed.isWithinTurn &&= isOfPlan;
    if (input.kind === 'action-started' && !followed.isWithinTurn) this.#begun(followed, input.action, input.at);
    followed.state = foldBase(followed.state, input, this.#policy);
    // Both come of a plan, of which more may be begun in the same turn.
    if (!isOfPlan) this.#plan(followed, input.at);
  }

  #begun(followed: Followed, action: Action, at: Stamp): void {
    const text = wordsOfAction(action);
    if (text === undefined) return;
    const key = dueKey(action);
    if (followed.due.get(key)?.text !== text) this.#plan(followed, at);
    const isPlanned = followed.due.get(key)?.text === text;
    followed.due.delete(key);
    this.#count(isPlanned ? 'does' : 'did', text, followed, at);
  }

  #takeFleet(input: FleetInput): void {
    this.#counts.inputs += 1;
    const before = this.#fleet;
    this.#fleet = foldFleet(before, input, this.#policy);
    const text = linkText(input);
    if (text !== undefined) this.#tell('link', text, input.at);
    if (!concernsBases(before, this.#fleet, this.#policy)) return;
    for (const followed of this.#bases.values()) this.#plan(followed, input.at);
  }

  /** What was due by time alone until then. Hardly ever is anything: only then all bases are looked at. */
  #passTo(at: Stamp): void {
    const before = this.#at;
    this.#at = at;
    if (before === undefined || at.mono <= this.#nextAt) return;
    this.#nextAt = Number.POSITIVE_INFINITY;
    for (const followed of this.#bases.values()) {
      for (let turns = 0; turns < 100; turns += 1) {
        const wakeAt = Math.max(followed.plan.wakeAt, before.mono);
        if (wakeAt >= at.mono) break;
        this.#plan(followed, { mono: wakeAt, wall: at.wall - (at.mono - wakeAt) });
        if (followed.plan.wakeAt <= wakeAt) break;
      }
      for (const due of followed.due.values()) {
        if (due.isTold || at.mono - due.since < this.#patienceMs) continue;
        due.isTold = true;
        this.#count('would', due.text, followed, at);
      }
      this.#look(followed);
    }
  }

  /** When time alone is to be looked at again for it. */
  #look({ plan, due }: Followed): void {
    this.#nextAt = Math.min(this.#nextAt, plan.wakeAt);
    for (const { since, isTold } of due.values()) {
      if (!isTold) this.#nextAt = Math.min(this.#nextAt, since + this.#patienceMs);
    }
  }

  #plan(followed: Followed, at: Stamp): void {
    if (this.#fleet.syncedAt === undefined) return;
    const plan = planBase(followed.state, this.#fleet, this.#policy, at);
    followed.plan = plan;
    const actions = new Map<string, string>();
    for (const action of plan.actions) {
      const text = wordsOfAction(action);
      if (text !== undefined) actions.set(dueKey(action), text);
    }
    for (const [key, { text }] of followed.due) if (actions.get(key) !== text) followed.due.delete(key);
    for (const [key, text] of actions) {
      if (!followed.due.has(key)) followed.due.set(key, { text, since: at.mono, isTold: false });
    }
    const waiting = new Map<string, string>();
    for (const { subject, reason, message, until } of plan.waiting) {
      // Ages run: what differs by a number alone was said.
      const key = `${subject} ${reason} ${message.replace(/\d+/g, '#')}`;
      const again =
        until === undefined || !Number.isFinite(until) ? '' : ` – tried again in ${spanOf(until - at.mono)}`;
      if (!waiting.has(key)) waiting.set(key, `${subject}: ${reason}: ${message}${again}`);
    }
    for (const [key, text] of waiting) if (!followed.waiting.has(key)) this.#tell('waits', text, at, followed);
    followed.waiting.clear();
    for (const [key, text] of waiting) followed.waiting.set(key, text);
    this.#look(followed);
  }

  #count(kind: 'does' | 'did' | 'would', text: string, followed: Followed, at: Stamp): void {
    this.#counts[kind] += 1;
    this.#tell(kind, text, at, followed);
  }

  #tell(kind: Told['kind'], text: string, at = this.#at, followed?: Followed): void {
    this.#told.push({
      kind,
      text,
      ...(at === undefined ? {} : { at }),
      ...(followed === undefined ? {} : { baseId: followed.state.baseId }),
    });
  }
}

function dueKey({ kind, key }: PlannedAction): string {
  return `${kind} ${key}`;
}

function spanOf(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function linkText(input: FleetInput): string | undefined {
  switch (input.kind) {
    case 'link-up':
      return `${input.link} is up`;
    case 'link-down':
      return `${input.link} is down: ${input.reason}`;
    case 'synced':
      return 'the first lists are in';
    case 'stalled':
      return `the process stood still for ${spanOf(input.forMs)}`;
    case 'stopping':
      return 'it is told to stop';
    default:
      return undefined;
  }
}

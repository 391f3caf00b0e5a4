/**
 * Why a Pod or a Node is as it is, for the person on duty: what is wanted, what the base last said and when, the last command,
 * what is waited for and when it is tried again. What a container waits for is taken from the status that it should show, so
 * that `kouplet why` and `kubectl describe` say the same sentence. [SPEC M41]
 */

import type { Plan, Waiting } from './actions.ts';
import type { FleetState } from './fleet.ts';
import { maskUrl } from './mask.ts';
import { isDeleting, type PodRole, roleOf } from './module-pod.ts';
import { isPresent } from './ownership.ts';
import { pauseOf } from './pause.ts';
import { planBase } from './plan-base.ts';
import type { Policy } from './policy.ts';
import { projectPod } from './project-pod.ts';
import { podSubject, type Situation, situationOf } from './situation.ts';
import { standingOf } from './standing.ts';
import type { BaseState, PodEntry, Slot } from './state.ts';
import type { Stamp } from './time.ts';

export type WhySubject =
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'node' };

/** What a line is about: in the order in which they are told. */
export type WhyTopic = 'wanted' | 'paused' | 'base' | 'list' | 'command' | 'ready' | 'waits' | 'next' | 'lease';

export interface WhyLine {
  readonly topic: WhyTopic;
  /** One sentence, with its ages and times in words. */
  readonly text: string;
  /** As in the container's state, where something waits: `InstallBackOff`. */
  readonly reason?: string;
  /** As in the container's state, to the letter. */
  readonly message?: string;
  /** The instant that the line is about, RFC 3339: of what was heard, sent, or is due. */
  readonly at?: string;
}

export type Why =
  | {
      readonly kind: 'explained';
      /** `pod/default/p1`, `node/vnode.b1.dev`. */
      readonly subject: string;
      readonly nodeName: string;
      readonly baseId: string;
      readonly lines: readonly WhyLine[];
    }
  /** Another replica acts on this base: it alone knows. */
  | {
      readonly kind: 'held-by-other';
      readonly subject: string;
      readonly nodeName: string;
      readonly holderIdentity: string;
    };

/** So many modules, commands and waits are told one by one. */
const toldOneByOne = 20;

/** @returns undefined where the base has no such Pod */
export function whyOf(
  state: BaseState,
  fleet: FleetState,
  policy: Policy,
  now: Stamp,
  subject: WhySubject,
): Why | undefined {
  const entry = subject.kind === 'pod' ? podOf(state, subject) : undefined;
  if (subject.kind === 'pod' && entry === undefined) return undefined;
  const situation = situationOf(state, fleet, policy, now);
  const { nodeName } = situation;
  const name = entry === undefined ? `node/${nodeName}` : podSubject(entry.pod);
  const holderIdentity = state.lease?.spec.holderIdentity ?? '';
  const isOthers = !situation.hold.isHeld && state.heldSince === undefined && holderIdentity !== '';
  if (isOthers && holderIdentity !== policy.holderIdentity) {
    return { kind: 'held-by-other', subject: name, nodeName, holderIdentity };
  }
  const plan = planBase(state, fleet, policy, now);
  const lines = entry === undefined ? nodeLines(situation, plan) : podLines(situation, plan, entry);
  return { kind: 'explained', subject: name, nodeName, baseId: state.baseId, lines };
}

/** The live one, where one that is being deleted has the same name. */
function podOf({ pods }: BaseState, { namespace, name }: WhySubject & { kind: 'pod' }): PodEntry | undefined {
  const named = Object.values(pods).filter(
    ({ pod }) => pod.metadata.name === name && (pod.metadata.namespace ?? 'default') === namespace,
  );
  return named.findLast(({ pod }) => !isDeleting(pod)) ?? named.at(-1);
}

function podLines(situation: Situation, plan: Plan, entry: PodEntry): readonly WhyLine[] {
  const { state, now } = situation;
  const { pod } = entry;
  const role = roleOf(pod);
  const subjects = new Set([podSubject(pod), `pod/${pod.metadata.uid}`]);
  const waits = plan.waiting.filter(({ subject }) => subjects.has(subject));
  const pause = pauseOf(state, pod);
  const modules = role.kind === 'module' ? role.modules : [];
  return [
    ...wantedOfPod(situation, entry, role),
    ...(pause === undefined ? [] : [{ topic: 'paused' as const, text: `by ${pause.by}` }]),
    ...heardLines(situation),
    ...modules.map(({ key }) => presenceLine(situation, key)),
    ...modules.map(({ key }) => commandLine(now, key, state.slots[key], pod.metadata.uid)),
    ...(isDeleting(pod) ? waits.map((wait) => waitLine(now, wait)) : statusLines(situation, entry, role, waits)),
    nextLine(situation, plan),
    leaseLine(situation),
  ];
}

function wantedOfPod({ now, nodeName }: Situation, entry: PodEntry, role: PodRole): readonly WhyLine[] {
  const { pod } = entry;
  if (role.kind !== 'module') {
    const text = role.kind === 'foreign' ? 'nothing: the Pod is no module' : 'nothing: the Pod can be no module';
    return [{ topic: 'wanted', text, reason: role.reason }];
  }
  return role.modules.map(({ key, mark }) => {
    if (entry.deletingSince === undefined) {
      return {
        topic: 'wanted',
        text: `${key} from ${maskUrl(mark)} on ${nodeName}, since ${pod.metadata.creationTimestamp}`,
      };
    }
    const asked = instant(now, entry.deletingSince);
    return { topic: 'wanted', text: `${key} off ${nodeName}: its deletion was seen ${asked.text}`, at: asked.at };
  });
}

/** What the Pod should show now, which is what its status is about to say, with when it is tried again. */
function statusLines(
  situation: Situation,
  entry: PodEntry,
  role: PodRole,
  waits: readonly Waiting[],
): readonly WhyLine[] {
  const { now } = situation;
  const status = projectPod(situation, entry, role);
  const lines: WhyLine[] = [];
  const ready = status.conditions?.find((condition) => condition.type === 'Ready');
  if (ready !== undefined) {
    const why = [ready.reason, ready.message].filter((word) => word !== undefined && word !== '').join(': ');
    lines.push({ topic: 'ready', text: why === '' ? ready.status : `${ready.status}: ${why}` });
  }
  for (const { name, state } of status.containerStatuses ?? []) {
    const { waiting, terminated } = state ?? {};
    const { reason = '', message = '' } = waiting ?? terminated ?? {};
    if (waiting === undefined && terminated === undefined) continue;
    const biz = role.kind === 'module' ? role.modules.find(({ container }) => container === name) : undefined;
    const standing = biz === undefined ? undefined : standingOf(situation, entry, biz);
    const until = standing?.kind === 'waiting' ? standing.until : undefined;
    lines.push({ topic: 'waits', ...worded(now, name, reason, message, until), reason, message });
  }
  // A status that cannot be written is in no status.
  for (const wait of waits) if (wait.reason === 'WriteFailed') lines.push(waitLine(now, wait));
  return lines.some(({ topic }) => topic === 'waits') ? lines : [...lines, { topic: 'waits', text: 'for nothing' }];
}

function waitLine(now: Stamp, { reason, message, until }: Waiting, about = ''): WhyLine {
  return { topic: 'waits', ...worded(now, about, reason, message, until), reason, message };
}

function worded(
  now: Stamp,
  about: string,
  reason: string,
  message: string,
  until: number | undefined,
): { readonly text: string; readonly at?: string } {
  const text = [about, reason, message].filter((word) => word !== '').join(': ');
  if (until === undefined || !Number.isFinite(until)) return { text };
  const due = instant(now, until);
  return { text: `${text} – tried again ${due.text}`, at: due.at };
}

function nodeLines(situation: Situation, plan: Plan): readonly WhyLine[] {
  const { state, now, desires, givingUp, pause } = situation;
  const wanted = [...desires.values()];
  const onLine = wanted.filter(({ key, winner }) => {
    const slot = state.slots[key];
    return slot?.presence === 'ACTIVATED' && slot.claim?.podUid === winner.entry.pod.metadata.uid;
  });
  const pods = Object.keys(state.pods).length;
  const keys = Object.keys(state.slots).toSorted();
  const busy = keys.filter((key) => state.slots[key]?.operation !== undefined);
  const failed = keys.filter((key) => Object.values(state.slots[key]?.troubles ?? {}).some(isUnhealed));
  const commands = busy.length > 0 ? busy : failed;
  const ready = state.node?.status.conditions?.find((condition) => condition.type === 'Ready');
  const waits = [...plan.waiting, ...invalidOnes(situation)];
  const rest = waits.slice(toldOneByOne);
  return [
    {
      topic: 'wanted',
      text: `${counted(wanted.length, 'module')} by ${counted(pods, 'Pod')}; ${onLine.length} on line`,
    },
    ...(pause === undefined ? [] : [{ topic: 'paused' as const, text: `by ${pause.by}` }]),
    ...heardLines(situation),
    ...listLines(situation, keys),
    ...(commands.length === 0
      ? [{ topic: 'command' as const, text: 'none under way, none failed' }]
      : commands.slice(0, toldOneByOne).map((key) => commandLine(now, key, state.slots[key], undefined))),
    {
      topic: 'ready',
      text:
        ready === undefined
          ? 'there is no Node yet'
          : `${ready.status}: ${ready.reason ?? ''}: ${ready.message ?? ''}, since ${ready.lastTransitionTime ?? ''}`,
    },
    ...(givingUp.kind === 'no' && Number.isFinite(givingUp.at)
      ? [{ topic: 'waits' as const, ...givenUpAt(now, givingUp.at) }]
      : []),
    ...waits.slice(0, toldOneByOne).map((wait) => waitLine(now, wait, wait.subject)),
    ...(rest.length === 0 ? [] : [{ topic: 'waits' as const, text: `and ${rest.length} more` }]),
    ...(waits.length === 0 && !(givingUp.kind === 'no' && Number.isFinite(givingUp.at))
      ? [{ topic: 'waits' as const, text: 'for nothing' }]
      : []),
    nextLine(situation, plan),
    leaseLine(situation),
  ];
}

/** Pods for which nothing can be planned until somebody changes them. */
function invalidOnes({ state }: Situation): readonly Waiting[] {
  return Object.values(state.pods).flatMap(({ pod, deletingSince }) => {
    const role = roleOf(pod);
    if (role.kind !== 'invalid' || deletingSince !== undefined) return [];
    return [{ subject: podSubject(pod), reason: role.reason, message: role.message }];
  });
}

function givenUpAt(now: Stamp, at: number): { readonly text: string; readonly at: string } {
  const due = instant(now, at);
  return { text: `the base is given up ${due.text} unless it speaks before`, at: due.at };
}

function heardLines({ state, now, liveness }: Situation): readonly WhyLine[] {
  const { baseId, heardAt, session, sessionClosedAt, vitals } = state;
  const master = vitals?.masterBizState === undefined ? '' : `, its master biz is ${vitals.masterBizState}`;
  const link =
    session !== undefined
      ? `; connected since ${instant(now, session.openedAt).at}`
      : sessionClosedAt === undefined
        ? ''
        : `; its connection closed ${instant(now, sessionClosedAt).text}`;
  if (heardAt === undefined)
    return [{ topic: 'base', text: `${baseId} has said nothing to this controller yet${link}` }];
  const heard = instant(now, heardAt);
  const text = `${baseId} was last heard ${heard.text} and is ${liveness.kind}${master}${link}`;
  return [{ topic: 'base', text, at: heard.at }];
}

function listLines(situation: Situation, keys: readonly string[]): readonly WhyLine[] {
  const { state, now, isListed } = situation;
  const asked = [...state.listQuestions, ...state.healthQuestions];
  const open = asked.length === 0 ? '' : `; ${counted(asked.length, 'question')} unanswered`;
  if (state.listAsOf === undefined) return [{ topic: 'list', text: `not known yet${open}` }];
  const listed = instant(now, state.listAsOf);
  const present = keys.filter((key) => isPresent(state.slots[key]));
  const told = present.slice(0, toldOneByOne).map((key) => `${key} ${state.slots[key]?.presence}`);
  const more = present.length > told.length ? ` and ${present.length - told.length} more` : '';
  const stale = isListed ? '' : ', which is too old to act on';
  const text = `${told.length === 0 ? 'no module' : told.join(', ')}${more}, as of ${listed.text}${stale}${open}`;
  return [{ topic: 'list', text, at: listed.at }];
}

function presenceLine({ state, now, isListed }: Situation, key: string): WhyLine {
  const slot = state.slots[key];
  const asOf = slot?.presenceAsOf ?? state.listAsOf;
  // A key of which nothing is kept is absent, where a list was heard.
  const presence = slot?.presence ?? (slot === undefined && isListed ? 'ABSENT' : undefined);
  if (presence === undefined || asOf === undefined) {
    return { topic: 'list', text: `whether ${key} is on the base is not known` };
  }
  const seen = instant(now, asOf);
  const said = slot?.said === undefined ? '' : `: ${slot.said}`;
  const is = presence === 'ABSENT' ? 'is not on the base' : `is ${presence} on the base`;
  return { topic: 'list', text: `${key} ${is}, as of ${seen.text}${said}`, at: seen.at };
}

/** Of that Pod, or of whoever has the key. */
function commandLine(now: Stamp, key: string, slot: Slot | undefined, podUid: string | undefined): WhyLine {
  const topic = 'command';
  const { operation, troubles, lost, endedAt } = slot ?? {};
  if (operation !== undefined) {
    const sent = instant(now, operation.sentAt);
    const text = `${operation.command} ${key}, attempt ${operation.attempt}, sent ${sent.text}: no answer yet`;
    return { topic, text, at: sent.at };
  }
  const trouble =
    podUid === undefined ? Object.values(troubles ?? {}).find(isUnhealed) : (troubles?.[podUid] ?? troubles?.['']);
  if (trouble !== undefined && isUnhealed(trouble)) {
    const ended = instant(now, trouble.at);
    const times = counted(trouble.attempts, 'attempt');
    const text = `${trouble.command} ${key}: ${trouble.kind} ${ended.text} after ${times}: ${trouble.message}`;
    return { topic, text, at: ended.at };
  }
  if (lost !== undefined) {
    const first = instant(now, lost.firstSentAt);
    const text = `${lost.command} ${key}: ${counted(lost.attempt, 'attempt')} since ${first.at} had no answer and no effect`;
    return { topic, text, at: first.at };
  }
  if (endedAt === undefined) return { topic, text: `none for ${key} by this controller since it began` };
  const ended = instant(now, endedAt);
  const command = isPresent(slot) ? 'installBiz' : 'uninstallBiz';
  return { topic, text: `${command} ${key}: done ${ended.text}`, at: ended.at };
}

function isUnhealed({ isHealed }: { readonly isHealed?: boolean }): boolean {
  return isHealed !== true;
}

/** When it is looked at again though nothing happened. */
function nextLine({ now }: Situation, { wakeAt }: Plan): WhyLine {
  if (!Number.isFinite(wakeAt)) return { topic: 'next', text: 'looked at again when something happens' };
  const due = instant(now, wakeAt);
  return { topic: 'next', text: `looked at again ${due.text}, or when something happens`, at: due.at };
}

function leaseLine({ state, hold, policy }: Situation): WhyLine {
  if (policy.isObserver === true) {
    const holder = state.lease?.spec.holderIdentity ?? '';
    return { topic: 'lease', text: `${holder === '' ? 'not held' : `held by ${holder}`}; this one only observes` };
  }
  if (!hold.isHeld) return { topic: 'lease', text: hold.message, reason: hold.reason };
  const renewed = state.lease?.spec.renewTime;
  const since = renewed === undefined ? '' : `, renewed ${renewed}`;
  return { topic: 'lease', text: `held by this controller, ${policy.holderIdentity}${since}` };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** `12.3 s ago (2026-01-01T00:00:00.000Z)` or `in 12.3 s (…)`: from the monotonic clock, with the wall clock of now. */
function instant(now: Stamp, mono: number): { readonly text: string; readonly at: string } {
  const inMs = mono - now.mono;
  const at = new Date(now.wall + inMs).toISOString();
  const span = spanOf(Math.abs(inMs));
  return { at, text: inMs > 0 ? `in ${span} (${at})` : `${span} ago (${at})` };
}

function spanOf(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

/**
 * What is known of one base: one immutable record of plain data. It holds no timer, stream or subscription; the keyed
 * Map of bases lives in the controller. Everything here is written by `foldBase` alone.
 *
 * Times without a note are milliseconds of the monotonic clock; `…Wall` is milliseconds since the epoch, for people.
 */
import type { BaseId, BizState, TopicGeneration } from '@kouplet/protocol';
import type { RecordEvent } from './actions.ts';
import type { ObservedLease, ObservedNode, ObservedPod, ObservedRecord, RecordedInstall } from './observed.ts';

export interface BaseState {
  readonly baseId: BaseId;
  /** When the first input of this base came: silence is never counted from before it. */
  readonly knownSince?: number;

  /** Embedded broker: the session that is open now. */
  readonly session?: { readonly id: string; readonly openedAt: number };
  /** Embedded broker: when the last session closed and none is open. */
  readonly sessionClosedAt?: number;
  /** When the last few sessions opened: two processes under one identity show as many in a short time. */
  readonly sessionOpenings: readonly number[];
  /** Last accepted message of any kind. */
  readonly heardAt?: number;
  /** Which topics it speaks on: those of its last message. */
  readonly generation?: TopicGeneration;
  readonly facts?: BaseFacts;
  readonly vitals?: BaseVitals;
  /** It said DEACTIVATED in a heartbeat, and nothing else since. */
  readonly goodbyeAt?: number;
  /** Its own Pod, or a machine under it, was proven gone. */
  readonly goneProvenAt?: number;
  /** When a new process was noticed: a baseline query, or a run time that went back. */
  readonly processChangedAt?: number;
  /** A process older than the last one answered, shortly after a change: there are two under this identity. */
  readonly olderProcessAt?: number;
  /** The last baseline query: when it came, its own time (a doubled delivery repeats it), and whether `[]` was sent. */
  readonly baseline?: { readonly at: number; readonly publishedAt?: number; readonly isAnswered: boolean };

  /** Questions that were put and not answered, oldest first: an answer is credited to the oldest. */
  readonly listQuestions: readonly Question[];
  readonly healthQuestions: readonly Question[];
  /** When an answer of each kind last came. */
  readonly listAnsweredAt?: number;
  /** A list that nobody asked for, as bases before 1.3.3 send one after an operation: the next one is asked for at once. */
  readonly listPushedAt?: number;
  readonly healthAnsweredAt?: number;
  /** Its own time in the last answer of each kind: a doubled delivery repeats it. */
  readonly listPublishedAt?: number;
  readonly healthPublishedAt?: number;
  /** The last list that answered a question of ours: when that was put. */
  readonly listAsOf?: number;
  readonly healthAsOf?: number;
  /** A list must have been asked for at or after this before anything is done to the base. */
  readonly listNeededSince?: number;

  /** By BizKey: every biz that is there, claimed, in operation or in back-off. */
  readonly slots: Readonly<Record<string, Slot>>;
  /** By UID. */
  readonly pods: Readonly<Record<string, PodEntry>>;
  /** Counts up: the order in which Pods were first seen. */
  readonly podsSeen: number;
  /** UIDs of the last objects that went: a late answer to a write must not bring them back. */
  readonly tombstones: readonly string[];

  readonly node?: ObservedNode;
  readonly nodeSeenAt?: number;
  /** When the Node's status was last written by us. */
  readonly nodeStatusAt?: number;
  /** An adopted Node carried the env taint: it stays, also on a Node made again. */
  readonly hasAdoptedEnvTaint?: boolean;
  readonly lease?: ObservedLease;
  /** When the Lease's renewTime or holder was last seen to change. */
  readonly leaseChangedAt?: number;
  /** Start of our last write to the Lease that was accepted. */
  readonly leaseConfirmedAt?: number;
  /** Since when it has been ours without a break. */
  readonly heldSince?: number;
  /** Its Node came to us from another controller: since when it has been ours, until the first list after that. */
  readonly inheritedAt?: number;
  readonly record?: ObservedRecord;

  /** By key: what `execute` is doing now. */
  readonly flights: Readonly<Record<string, Flight>>;
  /** By key: writes that failed or changed nothing, and when to try again. */
  readonly writes: Readonly<Record<string, WriteTrouble>>;
  /** Events to be recorded, oldest first; bounded. */
  readonly notices: readonly Notice[];
  /** By key of a told Event about a lasting condition; until that ends. */
  readonly told: Readonly<Record<string, Told>>;
  readonly quarantine?: { readonly count: number; readonly at: number; readonly message: string };
}

/** What a base says of itself in heartbeats and baseline queries, as it said it. */
export interface BaseFacts {
  readonly baseName?: string;
  readonly baseVersion?: string;
  readonly clusterName?: string;
  readonly localIP?: string;
  readonly localHostName?: string;
  /** Of arklet, in words, as its heartbeat tells it. */
  readonly release?: string;
}

/** What its last health report said. */
export interface BaseVitals {
  readonly masterBizState?: BizState;
  readonly cpuCount?: number;
  readonly usedMetaspaceBytes?: number;
  readonly maxMetaspaceBytes?: number;
  readonly javaVersion?: string;
  readonly runTimeSeconds?: number;
  /** When `runTimeSeconds` was heard. */
  readonly runTimeAt?: number;
}

export interface Question {
  readonly actionId: number;
  readonly askedAt: number;
}

/** One name:version on this base. */
export interface Slot {
  /** Absent: not known. `ABSENT` is evidence of absence. */
  readonly presence?: BizState | 'ABSENT';
  /** As of when `presence` is known: a question's time, or an answer's. */
  readonly presenceAsOf?: number;
  /** Since when it has been RESOLVED without an operation of ours. */
  readonly resolvedSince?: number;
  /** What the base said about the present state, one line. */
  readonly said?: string;
  /** For which Pod and from which URL we installed it: proof that it is ours. Goes to the record. */
  readonly claim?: RecordedInstall;
  /**
   * For which Pod our install was refused, as the key was taken: what is there is somebody else's, unless a success comes
   * after all (a broker may deliver a command twice, and its two answers in any order). [SPEC M38]
   */
  readonly contested?: RecordedInstall;
  /** An install for this Pod that nothing but its record keeps back, and since when. [SPEC M36] */
  readonly due?: { readonly podUid: string; readonly at: number };
  readonly operation?: Operation;
  /** An operation that evidence says never arrived: the next one continues its count and its clock. */
  readonly lost?: {
    readonly command: Operation['command'];
    readonly attempt: number;
    readonly firstSentAt: number;
    /** No attempt was taken up: all were refused because something else ran on the key. */
    readonly isRefused?: boolean;
  };
  /** When the last operation on this key ended: older lists say nothing of it. */
  readonly endedAt?: number;
  readonly run?: Run;
  /** By Pod UID, empty for a biz that is nobody's: each Pod that wants the key has its own back-off, whoever has the key. */
  readonly troubles?: Readonly<Record<string, Trouble>>;
}

/** A command that was sent and not answered. */
export interface Operation {
  readonly command: 'installBiz' | 'uninstallBiz';
  readonly actionId: number;
  /** The Pod it is for, where there is one. */
  readonly podUid?: string;
  readonly url?: string;
  /** When the first of its attempts was sent: time-outs count from here. */
  readonly firstSentAt: number;
  readonly sentAt: number;
  readonly attempt: number;
  /** The session it was sent in (embedded broker). */
  readonly sessionId?: string;
  /** The base answered to a repeated attempt that it is still running. */
  readonly isConfirmedRunning?: boolean;
  /** The base refused this attempt, and none of ours can be what runs on the key. */
  readonly isRefused?: boolean;
  /** All attempts before this one were refused. */
  readonly wasRefused?: boolean;
  /** The process that got it is gone: no answer will come. */
  readonly isOrphaned?: boolean;
}

/** One life of a biz for its Pod. */
export interface Run {
  readonly podUid: string;
  readonly startedWall: number;
  readonly startedAt: number;
  /** restartCount of this life. */
  readonly count: number;
  /** It is over: why and when. */
  readonly ended?: { readonly reason: string; readonly message: string; readonly wall: number };
  /** The life before this one. */
  readonly last?: {
    readonly reason: string;
    readonly message: string;
    readonly startedWall: number;
    readonly wall: number;
  };
}

/** The last failed attempt for one Pod: sticky until a success for the same Pod, though the base has forgotten it. */
export interface Trouble {
  readonly podUid: string;
  readonly url: string;
  readonly command: 'installBiz' | 'uninstallBiz';
  readonly kind: 'failed' | 'conflict' | 'mismatch' | 'stopped';
  readonly attempts: number;
  /** One line, the deepest cause. */
  readonly message: string;
  readonly at: number;
  readonly retryAt: number;
  /** A later attempt succeeded: not shown any more, but the count goes on until ten minutes of health. */
  readonly isHealed?: boolean;
}

export interface PodEntry {
  readonly pod: ObservedPod;
  readonly seenAt: number;
  readonly seenWall: number;
  /** Its place in the order in which Pods were seen. */
  readonly order: number;
  /** Its resourceVersion when it was first seen: the server's own order, of Pods created within one second too. */
  readonly firstVersion: string;
  /** When it was first seen with a deletionTimestamp. */
  readonly deletingSince?: number;
}

export interface Flight {
  readonly actionId: number;
  readonly startedAt: number;
  /** Hash of what is written: a write that is wanted again unchanged had no effect. */
  readonly hash: string;
  /** What a write of the record says: seen again, it is our own intent and proves nothing. */
  readonly installs?: Readonly<Record<string, RecordedInstall>>;
}

export interface WriteTrouble {
  readonly failures: number;
  readonly retryAt: number;
  /** When the last one ended. */
  readonly at: number;
  readonly hash: string;
  /** Empty where the write was accepted. */
  readonly message: string;
}

/** An Event to be recorded. About a Pod it carries its UID; about the Node it waits until there is one. */
export interface Notice {
  /** Key of the action that records it. */
  readonly key: string;
  /** Of a condition, not of something that happened: remembered when it was told, so that it is not told at every turn. */
  readonly isLasting?: true;
  readonly regarding:
    | { readonly kind: 'Pod'; readonly name: string; readonly namespace: string; readonly uid: string }
    | { readonly kind: 'Node' };
  readonly type: RecordEvent['type'];
  readonly reason: string;
  readonly message: string;
}

/** When an Event about a lasting condition was told. */
export interface Told {
  readonly at: number;
  readonly reason: string;
}

/** A base of which nothing is known. */
export function createBase(baseId: BaseId): BaseState {
  return {
    baseId,
    sessionOpenings: [],
    listQuestions: [],
    healthQuestions: [],
    slots: {},
    pods: {},
    podsSeen: 0,
    tombstones: [],
    flights: {},
    writes: {},
    notices: [],
    told: {},
  };
}

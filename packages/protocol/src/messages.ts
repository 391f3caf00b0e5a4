/**
 * What bases say and what we say to them, after decoding: the domain's words, no spelling of any generation of base.
 * Source of the shapes: koupleless/runtime arklet-core and arklet-tunnel-mqtt, 1.3.0 to 1.4.2, and recorded traffic.
 */
import type { BizKey } from './ids.ts';

/**
 * Life of a biz on its base (sofa-ark BizState), upper case whatever the spelling on the wire. UNRESOLVED also stands for a
 * state that was missing or in words nobody knows: the biz is there, no more is known of it.
 */
export type BizState = 'UNRESOLVED' | 'RESOLVED' | 'ACTIVATED' | 'DEACTIVATED' | 'BROKEN' | 'STOPPED';

/** Which topics a base uses: `seed` is `koupleless/<id>/…`, `current` is `koupleless_<env>/<id>/…`. */
export type TopicGeneration = 'seed' | 'current';

/** Where a message came from, read off its topic. */
export interface Origin {
  readonly generation: TopicGeneration;
  /** Lower case; absent in the seed generation. */
  readonly env?: string;
  readonly baseId: string;
}

/** The base says that it lives. It is announced once at connect and every 10 s; its `state` is hard-coded by the bases. */
export interface Heartbeat {
  readonly kind: 'heartbeat';
  /** Identity in the payload, if it says one: `decode` has checked that it equals the topic's. */
  readonly identity?: string;
  readonly baseName?: string;
  readonly baseVersion?: string;
  readonly clusterName?: string;
  readonly localIP?: string;
  readonly localHostName?: string;
  /** Which releases of arklet say it in this form: `up to 1.3.0`, `1.3.1 to 1.3.2`, `1.3.3 or later`. */
  readonly release?: string;
  /** 0 or absent for MQTT bases. */
  readonly port?: number;
  /** True for `activated` in any spelling and where a generation has no such field. */
  readonly isActivated: boolean;
  /** The base's own clock, ms since the epoch; for display only. */
  readonly publishedAt?: number;
}

/** Answer to `health`. Every key may be missing: the base builds it concurrently. */
export interface HealthReport {
  readonly kind: 'health';
  /** False: the base answered FAILED; only `message` is then filled. */
  readonly isSuccess: boolean;
  readonly message?: string;
  readonly masterBizState?: BizState;
  readonly cpuCount?: number;
  /** Bytes; `maxMetaspaceBytes` is absent where unlimited (-1 on the wire). */
  readonly usedMetaspaceBytes?: number;
  readonly committedMetaspaceBytes?: number;
  readonly maxMetaspaceBytes?: number;
  /** Seconds since the process started; going back means a new process. */
  readonly runTimeSeconds?: number;
  readonly javaVersion?: string;
  /** The full list where the answer carries one (the master biz excluded). */
  readonly bizes?: readonly ReportedBiz[];
  readonly publishedAt?: number;
}

/** One biz as a list or an operation names it. */
export interface ReportedBiz {
  readonly name: string;
  readonly version: string;
  readonly key: BizKey;
  readonly state: BizState;
  /** The base's own clock, ms since the epoch; for display only. */
  readonly changedAt?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** A full list of what is on the base (`simpleBiz`, or `biz` of older bases): absence means gone. */
export interface BizReport {
  readonly kind: 'biz-report';
  readonly bizes: readonly ReportedBiz[];
  readonly publishedAt?: number;
}

/**
 * How one operation ended.
 * - `success`: done; `installedAs` is what the base really made of it (manifest identity and state may differ from what was asked)
 * - `accepted`: an asynchronous command was taken; says nothing of its end
 * - `repeat`: REPEAT_BIZ, something of that key is installed or being installed: verify
 * - `not-found`: NOT_FOUND_BIZ, gone
 * - `conflict`: another command on that key is running: ask again later
 * - `failed`: `message` is one line, the deepest cause; `detail` the whole text of the base
 */
export type OperationOutcome =
  | { readonly kind: 'success'; readonly installedAs?: readonly ReportedBiz[]; readonly message?: string }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'repeat'; readonly message: string }
  | { readonly kind: 'not-found'; readonly message: string }
  | { readonly kind: 'conflict'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string; readonly detail?: string };

/** Answer to installBiz or uninstallBiz. There is no correlation but command and key. */
export interface OperationResult {
  readonly kind: 'operation-result';
  /** As the base echoes it: `installBiz`, `uninstallBiz`, or another command's name (1.3.2 answers any failure so). */
  readonly command: string;
  /** Absent where the base does not say (1.3.2, or a blank request). */
  readonly key?: BizKey;
  readonly outcome: OperationOutcome;
  readonly publishedAt?: number;
}

/** Answer to a baseline: by jar URL; equal URLs collapse. Never a full list. */
export interface BatchResult {
  readonly kind: 'batch-result';
  readonly results: ReadonlyArray<{ readonly url: string; readonly outcome: OperationOutcome }>;
  readonly message?: string;
  readonly publishedAt?: number;
}

/** Once a process, after its first connect: a new process is up and wants to know what to install. */
export interface BaselineQuery {
  readonly kind: 'baseline-query';
  readonly identity?: string;
  readonly baseName?: string;
  readonly baseVersion?: string;
  readonly clusterName?: string;
  readonly publishedAt?: number;
}

export type BaseMessage = Heartbeat | HealthReport | BizReport | OperationResult | BatchResult | BaselineQuery;

/** Why bytes on a topic are no message of ours. Counted by `code`, logged with `detail`; nothing else happens. */
export interface Rejection {
  readonly code:
    | 'unknown-topic'
    | 'retained'
    | 'empty'
    | 'too-large'
    | 'not-utf8'
    | 'not-json'
    | 'wrong-shape'
    | 'identity-mismatch';
  /** One line of at most 300 characters, safe to log: what was wrong, where. Holds no payload beyond a short excerpt. */
  readonly detail: string;
}

/** What a module is started with, where somebody chose to say so (`InstallRequest` of arklet-core). */
export interface HandOver {
  /** Arguments of its main method. */
  readonly args?: readonly string[];
  /** Environment variables, for that module alone. */
  readonly envs?: Readonly<Record<string, string>>;
}

/** What we say to a base. `health` and `queryAllBiz` are questions, `baseline` answers a BaselineQuery with nothing. */
export type ArkletCommand =
  | ({ readonly kind: 'installBiz'; readonly name: string; readonly version: string; readonly url: string } & HandOver)
  | { readonly kind: 'uninstallBiz'; readonly name: string; readonly version: string }
  | { readonly kind: 'health' }
  | { readonly kind: 'queryAllBiz' }
  | { readonly kind: 'baseline' };

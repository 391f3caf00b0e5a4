/** Everything that an operator may set and every span that a rule uses, in one place. */

export interface Policy {
  /** Lower case, without a dot: the last part of every Node's name. */
  readonly env: string;
  /** Who we are in Leases (`holderIdentity`). */
  readonly holderIdentity: string;
  /** Namespace of our records and of our replica's Lease. */
  readonly namespace: string;
  /** `v1.34.0-kouplet.<version>`: what `kubectl get nodes` shows as VERSION. */
  readonly kubeletVersion: string;
  /** Taint `schedule.koupleless.io/node-env=<env>:NoExecute` on our Nodes. */
  readonly hasEnvTaint: boolean;
  /** Labels kubernetes.io/os and arch on our Nodes. */
  readonly hasOsLabels: boolean;
  /** What to do with a biz on a base that is not proven ours. */
  readonly unmanagedModules: 'report' | 'uninstall';
  /** Silence after which a base is given up; 0 means never. */
  readonly goneAfterMs: number;
  /** True with the embedded broker: a session's open and close are then inputs, and no session means that nothing can be sent. */
  readonly hasSessions: boolean;
  /** Plans as if it held every Lease, and what it plans is only told: nothing is executed, nothing asked. [SPEC M42] */
  readonly isObserver?: boolean;
  /** Where this replica serves the logs of module Pods, as a kubelet does; absent: nowhere. [SPEC N23] */
  readonly logs?: LogsEndpoint;
  readonly timings: Timings;
}

/** What the API server is to connect to for `kubectl logs`. */
export interface LogsEndpoint {
  /** An IP address that the API server reaches. */
  readonly address: string;
  readonly port: number;
}

export interface Timings {
  /** A closed session must be back within this (a base's first retry is after 1 s). */
  readonly sessionGraceMs: number;
  /** Nothing heard for this long: ask (`health`, then `queryAllBiz`). */
  readonly askAfterSilenceMs: number;
  /** Nothing heard for this long, questions unanswered: Ready=Unknown. */
  readonly silentAfterMs: number;
  /** The give-up span after a blindness of ours: bases back off to 128 s. */
  readonly goneAfterBlindnessMs: number;
  readonly healthPeriodMs: number;
  readonly nodeStatusPeriodMs: number;
  readonly leaseRenewMs: number;
  readonly leaseDurationSeconds: number;
  readonly replicaLeaseRenewMs: number;
  readonly replicaLeaseDurationSeconds: number;
  /** A replica that is not the first choice for a base leaves its Lease to the others for so long. */
  readonly sharingGraceMs: number;
  /** A replica that has lived for so long is handed the bases that it should have. */
  readonly sharingAfterMs: number;
  /** A replica without its broker for so long gives its bases to those that have theirs. */
  readonly deafAfterMs: number;
  /** A question unanswered for this long may be asked again. */
  readonly answerOverdueMs: number;
  /** An operation unanswered for this long is asked after by a list. */
  readonly operationOverdueMs: number;
  /** An operation that a list contradicts for this long is taken for lost and sent again (its key's lock on the base makes that safe). */
  readonly operationLostMs: number;
  readonly installTimeoutMs: number;
  /** Failed installs: first, doubling to the cap, jittered; forgotten after `backoffResetMs` of health. */
  readonly backoffFirstMs: number;
  readonly backoffCapMs: number;
  readonly backoffResetMs: number;
  /** A base whose handling threw is left alone: first, doubling to the cap. */
  readonly quarantineFirstMs: number;
  readonly quarantineCapMs: number;
  /** Failed API writes of one key: first and cap of the back-off. */
  readonly writeBackoffFirstMs: number;
  readonly writeBackoffCapMs: number;
  readonly maxOperationsPerBase: number;
  /** An install waits for its record, but no longer than this from when it is due: a slow or busy API holds up no command. */
  readonly recordWaitMs: number;
  /** The record of a base that was given up proves what is on it should it return, but not for ever. */
  readonly givenUpRecordKeptMs: number;
  /** A StatefulSet's Pod is not removed sooner than this after its deletionTimestamp (kubectl hangs otherwise). */
  readonly statefulSetDeletionDelayMs: number;
  /** A Pod's passing states (Installing …) are written only once they have lasted this long: a quick module costs one status write. */
  readonly passingStateMs: number;
  /** A peer Deployment is lowered to what was the most in this span: a base that flaps takes no module off line elsewhere. */
  readonly peersLoweredAfterMs: number;
  /** Above this share of silent bases (of more than two) giving up stops. */
  readonly brakeShare: number;
}

export const defaultTimings: Timings = {
  sessionGraceMs: 3_000,
  askAfterSilenceMs: 15_000,
  silentAfterMs: 25_000,
  goneAfterBlindnessMs: 180_000,
  healthPeriodMs: 60_000,
  nodeStatusPeriodMs: 300_000,
  leaseRenewMs: 10_000,
  leaseDurationSeconds: 40,
  replicaLeaseRenewMs: 3_000,
  replicaLeaseDurationSeconds: 15,
  sharingGraceMs: 5_000,
  sharingAfterMs: 30_000,
  deafAfterMs: 10_000,
  answerOverdueMs: 5_000,
  operationOverdueMs: 5_000,
  operationLostMs: 15_000,
  installTimeoutMs: 600_000,
  backoffFirstMs: 10_000,
  backoffCapMs: 300_000,
  backoffResetMs: 600_000,
  quarantineFirstMs: 10_000,
  quarantineCapMs: 300_000,
  writeBackoffFirstMs: 500,
  writeBackoffCapMs: 30_000,
  maxOperationsPerBase: 3,
  recordWaitMs: 250,
  givenUpRecordKeptMs: 7 * 24 * 3_600_000,
  statefulSetDeletionDelayMs: 300,
  passingStateMs: 250,
  peersLoweredAfterMs: 10_000,
  brakeShare: 0.55,
};

/**
 * Kubernetes objects as the core sees them: projected to the fields that a rule reads, by the edge, as the server gave
 * them. Names and shapes are Kubernetes' own (core/v1, coordination.k8s.io/v1); times stay the server's strings.
 */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly lastHeartbeatTime?: string;
  readonly observedGeneration?: number;
}

export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: {
    readonly exitCode: number;
    readonly reason?: string;
    readonly message?: string;
    readonly startedAt?: string;
    readonly finishedAt?: string;
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly image: string;
  readonly imageID: string;
  readonly containerID?: string;
  readonly ready: boolean;
  readonly started?: boolean;
  readonly restartCount: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

export interface PodStatus {
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
  readonly podIP?: string;
  readonly podIPs?: ReadonlyArray<{ readonly ip: string }>;
  readonly hostIP?: string;
  readonly hostIPs?: ReadonlyArray<{ readonly ip: string }>;
  readonly startTime?: string;
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

export interface ContainerSpec {
  readonly name: string;
  readonly image?: string;
  /** Of entries that are not handed over only BIZ_VERSION is kept; in order; `hasValueFrom` marks one that is no literal. */
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value?: string; readonly hasValueFrom?: boolean }>;
  /** Only where they are handed over. */
  readonly args?: readonly string[];
  /** It takes variables from whole objects (`envFrom`), and variables are to be handed over. */
  readonly hasEnvFrom?: true;
  /** Names of fields set on the container that a module ignores at run time (probes, mounts other than the ServiceAccount token's, resources, lifecycle, args, command). */
  readonly ignoredFields?: readonly string[];
}

export interface ObservedPod {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly nodeName: string;
    readonly restartPolicy: 'Always' | 'OnFailure' | 'Never';
    readonly terminationGracePeriodSeconds?: number;
    readonly containers: readonly ContainerSpec[];
    readonly initContainers?: ReadonlyArray<{ readonly name: string }>;
    readonly readinessGates?: ReadonlyArray<{ readonly conditionType: string }>;
  };
  readonly status: PodStatus;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  readonly timeAdded?: string;
}

export interface NodeStatus {
  readonly phase?: string;
  readonly capacity?: Readonly<Record<string, string>>;
  readonly allocatable?: Readonly<Record<string, string>>;
  readonly addresses?: ReadonlyArray<{ readonly type: string; readonly address: string }>;
  readonly conditions?: readonly Condition[];
  readonly nodeInfo?: Readonly<Record<string, string>>;
  /** Absent where the port is 0: nobody serves logs. */
  readonly daemonEndpoints?: { readonly kubeletEndpoint: { readonly Port: number } };
}

export interface ObservedNode {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly providerID?: string; readonly unschedulable?: boolean; readonly taints?: readonly Taint[] };
  readonly status: NodeStatus;
}

export interface ObservedLease {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** Our durable record of one base: a ConfigMap in our namespace. What can't be read is `isReadable: false` and proves nothing. */
export interface ObservedRecord {
  readonly metadata: ObjectMeta;
  readonly baseId: string;
  readonly isReadable: boolean;
  /** By BizKey. */
  readonly installs: Readonly<Record<string, RecordedInstall>>;
}

/** "We installed this biz for that Pod from this URL." */
export interface RecordedInstall {
  readonly podUid: string;
  readonly namespace: string;
  readonly podName: string;
  /** Its mark: a URL with a secret is masked, with a digest. */
  readonly url: string;
}

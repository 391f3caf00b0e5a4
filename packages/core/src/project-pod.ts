/** The status that a Pod on a base should show. Phases, container states and conditions are Kubernetes' own; see SPEC. */
import { addressFault } from './labels.ts';
import { maskUrl } from './mask.ts';
import { hasEnded, isDeleting, type PodRole, type WantedBiz } from './module-pod.ts';
import type { Condition, ContainerStatus, ObservedPod, PodStatus } from './observed.ts';
import { isPresent } from './ownership.ts';
import { cut, secondsOf, wallOf } from './records.ts';
import type { Situation } from './situation.ts';
import { type Standing, standingOf } from './standing.ts';
import type { PodEntry, Run } from './state.ts';

/** Asked to stop and did: 128 + SIGTERM, as a container's process would end. */
const stoppedExitCode = 143;
const messageLength = 1000;

export function projectPod(situation: Situation, entry: PodEntry, role: PodRole): PodStatus {
  const { pod } = entry;
  if (hasEnded(pod)) return pod.status;
  if (role.kind === 'module') return projectModulePod(situation, entry, role);
  // What is no module stays Pending for ever and says why.
  return {
    phase: 'Pending',
    ...observedGenerationOf(pod),
    reason: role.reason,
    message: cut(role.message, messageLength),
    startTime: startTimeOf(entry),
    conditions: readiness(
      situation,
      pod,
      false,
      { reason: role.reason, message: cut(role.message, messageLength) },
      true,
    ),
    containerStatuses: pod.spec.containers.map((container) =>
      idleContainer(pod, container.name, container.image ?? '', role.reason, role.message),
    ),
  };
}

function projectModulePod(situation: Situation, entry: PodEntry, role: PodRole & { kind: 'module' }): PodStatus {
  const { pod } = entry;
  const standings = role.modules.map((biz) => ({ biz, standing: standingOf(situation, entry, biz) }));
  const containers = new Map<string, ContainerStatus>();
  for (const { biz, standing } of standings) {
    containers.set(biz.container, containerOf(situation, entry, biz, standing));
  }
  for (const name of role.sidecars) {
    const image = pod.spec.containers.find((container) => container.name === name)?.image ?? '';
    const message = 'a container without BIZ_VERSION can be no module and is not run';
    containers.set(name, idleContainer(pod, name, image, 'NotAModule', message));
  }
  const modules = role.modules.flatMap((biz) => containers.get(biz.container) ?? []);
  const unready = modules.filter((status) => !status.ready).map((status) => status.name);
  const isStarted = modules.some((status) => status.state?.running !== undefined) || pod.status.phase === 'Running';
  const isOver = modules.length > 0 && modules.every((status) => status.state?.terminated !== undefined);
  const fault =
    unready.length === 0
      ? undefined
      : { reason: 'ContainersNotReady', message: `modules not ready: [${unready.join(' ')}]` };
  return {
    phase: isOver ? 'Failed' : isStarted ? 'Running' : 'Pending',
    startTime: startTimeOf(entry),
    ...addressesOf(situation, pod),
    ...observedGenerationOf(pod),
    conditions: readiness(situation, pod, unready.length === 0, fault, false),
    containerStatuses: pod.spec.containers.flatMap((container) => containers.get(container.name) ?? []),
  };
}

/** [SPEC M13] [SPEC M16] [SPEC M17] [SPEC M18] */
function containerOf(situation: Situation, entry: PodEntry, biz: WantedBiz, standing: Standing): ContainerStatus {
  const { pod } = entry;
  const { uid } = pod.metadata;
  const slot = situation.state.slots[biz.key];
  const shown = pod.status.containerStatuses?.find((status) => status.name === biz.container);
  if (standing.kind === 'unseen' && shown !== undefined) return shown;
  const run = slot?.run?.podUid === uid ? slot.run : undefined;
  // A claim alone only says that it was tried; the imageID is evidence of what a list shows.
  const isInstalled = slot?.claim?.podUid === uid && isPresent(slot) && slot.operation?.command !== 'installBiz';
  const common = {
    name: biz.container,
    image: maskUrl(biz.url),
    // What another put there is not what ran here once, and an imageID would say so to the process after us.
    imageID: isInstalled ? slot.claim.url : slot?.contested?.podUid === uid ? '' : (shown?.imageID ?? ''),
    ...(isInstalled
      ? { containerID: `koupleless://${biz.key}` }
      : shown?.containerID === undefined
        ? {}
        : { containerID: shown.containerID }),
    restartCount: Math.max(run?.count ?? 0, shown?.restartCount ?? 0),
    ...(run?.last === undefined && run?.ended === undefined && shown?.lastState === undefined
      ? {}
      : { lastState: lastStateOf(run, shown) }),
  };
  switch (standing.kind) {
    case 'running': {
      const startedAt = startedAtOf(standing.run ?? run, shown);
      return {
        ...common,
        ready: true,
        started: true,
        state: { running: startedAt === undefined ? {} : { startedAt } },
      };
    }
    case 'waiting': {
      const message = cut(standing.message, messageLength);
      return { ...common, ready: false, started: false, state: { waiting: { reason: standing.reason, message } } };
    }
    case 'ended': {
      if (shown?.state?.terminated !== undefined) return shown;
      const { trouble } = standing;
      const finishedAt = secondsOf(run?.ended?.wall ?? situation.now.wall);
      const startedAt = run === undefined ? finishedAt : secondsOf(run.startedWall);
      const reason = trouble?.kind === 'stopped' ? 'BizStopped' : 'InstallFailed';
      const message = cut(trouble?.message ?? '', messageLength);
      return {
        ...common,
        ready: false,
        started: false,
        state: { terminated: { exitCode: 1, reason, message, startedAt, finishedAt } },
      };
    }
    case 'unseen':
      return { ...common, ready: false, started: false, state: { waiting: { reason: 'Pending', message: '' } } };
    default:
      return standing satisfies never;
  }
}

/** Of the same life the server's own time stays, also over a restart of ours. */
function startedAtOf(run: Run | undefined, shown: ContainerStatus | undefined): string | undefined {
  const known = shown?.state?.running?.startedAt;
  if (known !== undefined && (run === undefined || run.count === shown?.restartCount)) return known;
  return run === undefined ? known : secondsOf(run.startedWall);
}

function lastStateOf(
  run: Run | undefined,
  shown: ContainerStatus | undefined,
): NonNullable<ContainerStatus['lastState']> {
  const over = run?.ended === undefined ? run?.last : { ...run.ended, startedWall: run.startedWall };
  if (over === undefined) return shown?.lastState ?? {};
  return {
    terminated: {
      exitCode: 1,
      reason: over.reason,
      message: over.message,
      startedAt: secondsOf(over.startedWall),
      finishedAt: secondsOf(over.wall),
    },
  };
}

function idleContainer(
  pod: ObservedPod,
  name: string,
  image: string,
  reason: string,
  message: string,
): ContainerStatus {
  const shown = pod.status.containerStatuses?.find((status) => status.name === name);
  return {
    name,
    image: maskUrl(image),
    imageID: '',
    ready: false,
    started: false,
    restartCount: shown?.restartCount ?? 0,
    state: { waiting: { reason, message: cut(message, messageLength) } },
  };
}

interface Fault {
  readonly reason: string;
  readonly message: string;
}

/** Initialized, ContainersReady and Ready; all others are not ours. [SPEC M14] [SPEC M15] */
function readiness(
  situation: Situation,
  pod: ObservedPod,
  areModulesReady: boolean,
  fault: Fault | undefined,
  isForeign: boolean,
): readonly Condition[] {
  const own = areModulesReady ? undefined : (fault ?? { reason: 'ContainersNotReady', message: '' });
  const gate = pod.spec.readinessGates?.find(
    (candidate) =>
      pod.status.conditions?.find((condition) => condition.type === candidate.conditionType)?.status !== 'True',
  );
  const gateFault =
    gate === undefined
      ? undefined
      : { reason: 'ReadinessGatesNotReady', message: `the readiness gate ${gate.conditionType} is not True` };
  const ready = own ?? gateFault ?? (isForeign ? undefined : baseFault(situation, pod));
  const conditions = [
    conditionOf(situation, pod, 'Initialized', undefined),
    conditionOf(situation, pod, 'ContainersReady', own),
    conditionOf(situation, pod, 'Ready', ready),
  ];
  return conditions;
}

/** The part of a Pod's Ready that is its base's. Raised only by the present session; what may not be said stays. [SPEC I5] [SPEC I6] */
function baseFault(situation: Situation, pod: ObservedPod): Fault | undefined {
  const { liveness, state } = situation;
  const shown = pod.status.conditions?.find((condition) => condition.type === 'Ready');
  const isShownReady = shown?.status === 'True';
  switch (liveness.kind) {
    case 'alive':
      break;
    case 'unproven':
      return isShownReady
        ? undefined
        : shown === undefined
          ? { reason: 'BaseUnproven', message: 'the base has not spoken yet' }
          : { reason: shown.reason ?? '', message: shown.message ?? '' };
    case 'disconnected':
      return { reason: 'BaseDisconnected', message: 'the connection of the base closed and did not come back' };
    case 'silent':
      return { reason: 'BaseSilent', message: 'nothing is heard of the base and it does not answer' };
    default:
      liveness satisfies never;
  }
  if (state.goodbyeAt !== undefined) return { reason: 'BaseDeactivated', message: 'the base said DEACTIVATED' };
  const master = state.vitals?.masterBizState;
  if (master !== undefined && master !== 'ACTIVATED') {
    return { reason: 'BaseNotActivated', message: `the master biz of the base is ${master}` };
  }
  // Old knowledge keeps a Pod Ready, but only a list of this session makes it so again.
  if (!situation.isListed && !isShownReady) {
    // What the server shows stays for that moment, unless it speaks of modules or gates, of which it is no longer true.
    const isPassed = shown?.reason === 'ContainersNotReady' || shown?.reason === 'ReadinessGatesNotReady';
    return shown === undefined || isPassed
      ? { reason: 'AwaitingList', message: 'the base is asked what it has' }
      : { reason: shown.reason ?? '', message: shown.message ?? '' };
  }
  return undefined;
}

function conditionOf({ now }: Situation, pod: ObservedPod, type: string, fault: Fault | undefined): Condition {
  const status = fault === undefined ? 'True' : 'False';
  const shown = pod.status.conditions?.find((condition) => condition.type === type);
  const kept = shown?.status === status ? shown.lastTransitionTime : undefined;
  return {
    type,
    status,
    reason: fault?.reason ?? '',
    message: cut(fault?.message ?? '', messageLength),
    lastTransitionTime: kept ?? secondsOf(now.wall),
  };
}

/** Which spec a status speaks of: only where the Pod has a generation (Kubernetes 1.33 and later). */
function observedGenerationOf(pod: ObservedPod): Pick<PodStatus, 'observedGeneration'> {
  const { generation } = pod.metadata;
  return generation === undefined ? {} : { observedGeneration: generation };
}

function startTimeOf(entry: PodEntry): string {
  return entry.pod.status.startTime ?? secondsOf(entry.seenWall);
}

/** The base's address is the Pod's, unless it can be nobody's. [SPEC M28] */
function addressesOf({ state }: Situation, pod: ObservedPod): Partial<PodStatus> {
  const ip = state.facts?.localIP;
  if (state.facts === undefined || ip === undefined || addressFault(ip) !== undefined) {
    const { podIP, podIPs, hostIP, hostIPs } = pod.status;
    // What the base said before is taken off: empty, as a field that is left out of a patch stays.
    const isKept = state.facts === undefined;
    return {
      ...(podIP === undefined ? {} : { podIP: isKept ? podIP : '' }),
      ...(podIPs === undefined ? {} : { podIPs: isKept ? podIPs : [] }),
      ...(hostIP === undefined ? {} : { hostIP: isKept ? hostIP : '' }),
      ...(hostIPs === undefined ? {} : { hostIPs: isKept ? hostIPs : [] }),
    };
  }
  return { podIP: ip, podIPs: [{ ip }], hostIP: ip, hostIPs: [{ ip }] };
}

/** What a Pod shows once its modules are proven off the base: terminal, and Failed, as modules never succeed. [SPEC M5] */
export function terminalStatus(situation: Situation, entry: PodEntry): PodStatus {
  const { pod } = entry;
  const finishedAt = secondsOf(situation.now.wall);
  return {
    phase: 'Failed',
    ...observedGenerationOf(pod),
    conditions: ['ContainersReady', 'Ready'].map((type) =>
      conditionOf(situation, pod, type, { reason: 'PodDeleted', message: 'uninstalled on request' }),
    ),
    containerStatuses: (pod.status.containerStatuses ?? []).map((shown) =>
      shown.state?.terminated !== undefined
        ? shown
        : {
            ...shown,
            ready: false,
            started: false,
            state: {
              terminated: {
                exitCode: stoppedExitCode,
                reason: 'Uninstalled',
                message: 'uninstalled on request',
                startedAt: shown.state?.running?.startedAt ?? finishedAt,
                finishedAt,
              },
            },
          },
    ),
  };
}

/** What a Pod of a base that was given up shows before it is deleted. [SPEC N10] */
export function disruptedStatus(situation: Situation, entry: PodEntry, message: string): PodStatus {
  const { pod } = entry;
  return {
    phase: 'Failed',
    ...observedGenerationOf(pod),
    reason: 'BaseGone',
    message: cut(message, messageLength),
    conditions: [
      conditionOf(situation, pod, 'Ready', { reason: 'BaseGone', message: cut(message, messageLength) }),
      {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByPodGC',
        message: cut(`Kouplet: the base was given up: ${message}`, messageLength),
        lastTransitionTime:
          pod.status.conditions?.find((condition) => condition.type === 'DisruptionTarget')?.lastTransitionTime ??
          secondsOf(situation.now.wall),
      },
    ],
  };
}

/** A Pod that never showed a started module needs no terminal status before it goes. */
export function hasEverStarted(pod: ObservedPod): boolean {
  return (
    pod.status.phase === 'Running' ||
    (pod.status.containerStatuses?.some(
      (status) =>
        status.state?.running !== undefined ||
        status.state?.terminated !== undefined ||
        wallOf(status.lastState?.terminated?.finishedAt) !== undefined,
    ) ??
      false)
  );
}

/** For a Pod being deleted nothing is written but what others act on: its Ready, and that is never raised again. */
export function isWorthWhileDeleting(desired: PodStatus, pod: ObservedPod): boolean {
  const wanted = desired.conditions?.find((condition) => condition.type === 'Ready')?.status;
  const shown = pod.status.conditions?.find((condition) => condition.type === 'Ready')?.status;
  return isDeleting(pod) && wanted === 'False' && shown === 'True';
}

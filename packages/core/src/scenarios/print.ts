/** What a scenario prints: the world as kubectl and a base would show it, plans, and what has happened since the last look. Test support. */
import type { Action, Plan } from '../actions.ts';
import type { Condition, ContainerStatus, ObservedNode, ObservedPod } from '../observed.ts';
import type { Happening } from './setting.ts';
import type { World } from './world.ts';

/** Nodes, Pods, bases and records, a line each. */
export function showWorld(world: World): string[] {
  return [
    ...[...world.api.nodes.values()].map(nodeLine),
    ...[...world.api.pods.values()].map(podLine),
    ...[...world.bases.values()].map((base) => {
      const modules = [...base.modules].map(([key, module]) => `${key}=${module.state}`).toSorted();
      return `base ${base.id} ${base.isConnected ? 'connected' : 'away'} [${modules.join(' ')}]`;
    }),
    ...[...world.api.records.values()].map((record) => {
      const installs = Object.entries(record.installs).map(([key, install]) => `${key}→${install.podName}`);
      return `record ${record.baseId} [${installs.join(' ')}]`;
    }),
  ];
}

function nodeLine(node: ObservedNode): string {
  const taints = (node.spec.taints ?? [])
    .filter((taint) => taint.key !== 'schedule.koupleless.io/virtual-node')
    .map((taint) => `${taint.key}:${taint.effect}`);
  const special = (node.status.conditions ?? [])
    .filter((condition) => condition.type !== 'Ready' && condition.status === 'True')
    .map((condition) => condition.type);
  const ready = node.status.conditions?.find((condition) => condition.type === 'Ready');
  return [
    `node ${node.metadata.name} Ready=${ready?.status ?? '-'}/${ready?.reason ?? '-'}`,
    ...(special.length > 0 ? [`+${special.join(',')}`] : []),
    ...(taints.length > 0 ? [`taints=${taints.join(',')}`] : []),
  ].join(' ');
}

function podLine(pod: ObservedPod): string {
  const { metadata, status } = pod;
  const containers = (status.containerStatuses ?? []).map(containerText);
  return [
    `pod ${metadata.name} ${status.phase ?? '-'} ready=${readyText(status.conditions)}`,
    ...(metadata.deletionTimestamp === undefined ? [] : ['Terminating']),
    ...(status.reason === undefined ? [] : [`reason=${status.reason}`]),
    ...containers,
  ].join(' ');
}

function readyText(conditions: readonly Condition[] | undefined): string {
  const ready = conditions?.find((condition) => condition.type === 'Ready');
  if (ready === undefined) return '-';
  return ready.reason === undefined || ready.reason === '' ? ready.status : `${ready.status}/${ready.reason}`;
}

function containerText(status: ContainerStatus): string {
  const { waiting, running, terminated } = status.state ?? {};
  const text =
    running !== undefined
      ? 'Running'
      : terminated !== undefined
        ? `Terminated/${terminated.reason}(${terminated.exitCode})`
        : `Waiting/${waiting?.reason}${shortened(waiting?.message)}`;
  return `${status.name}:${text}${status.restartCount > 0 ? ` restarts=${status.restartCount}` : ''}`;
}

function shortened(message: string | undefined): string {
  if (message === undefined || message === '') return '';
  return `("${message.length > 90 ? `${message.slice(0, 89)}…` : message}")`;
}

/** The plan of one base: actions, then what waits and why, then when it is looked at again. */
export function planLines(plan: Plan, now: number): string[] {
  return [
    ...plan.actions.map((action) => `do ${actionText(action)}`),
    ...plan.waiting.map(({ subject, reason, message, until }) => {
      const wait = until === undefined ? '' : ` (${seconds(until - now)})`;
      return `waiting ${subject}: ${reason}: ${message}${wait}`;
    }),
    `wakes ${Number.isFinite(plan.wakeAt) ? `in ${seconds(plan.wakeAt - now)}` : 'never'}`,
  ];
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10}s`;
}

/** One line an action, without what changes with every write. */
export function actionText(action: Action | Plan['actions'][number]): string {
  switch (action.kind) {
    case 'send-command': {
      const { command } = action;
      const what = 'name' in command ? `${command.kind} ${command.name}:${command.version}` : command.kind;
      return `send ${action.baseId} ${what}${command.kind === 'installBiz' ? ` ${command.url}` : ''}`;
    }
    case 'create-node':
    case 'delete-node':
    case 'patch-node-status':
      return `${action.kind} ${action.name}${action.kind === 'delete-node' ? '' : readySuffix(action.status.conditions)}`;
    case 'patch-node': {
      const parts = [
        ...Object.entries(action.labels ?? {}).map(([key, value]) => `${key}=${value}`),
        ...Object.entries(action.annotations ?? {}).map(([key, value]) => `${key}=${value}`),
        ...(action.taints ?? []).map((taint) => `${taint.key}:${taint.effect}`),
      ];
      return `patch-node ${action.name} ${parts.join(' ')}`;
    }
    case 'patch-pod-status': {
      const containers = (action.status.containerStatuses ?? []).map(containerText).join(' ');
      return `patch-pod-status ${action.name} ${action.status.phase ?? ''} ready=${readyText(action.status.conditions)} ${containers}`.trimEnd();
    }
    case 'delete-pod':
      return `delete-pod ${action.name}`;
    case 'write-lease':
      return `write-lease ${action.name} ${action.holderIdentity === '' ? '(handed back)' : action.holderIdentity}`;
    case 'delete-lease':
      return `delete-lease ${action.name}`;
    case 'write-record':
      return `write-record ${action.baseId} [${Object.keys(action.installs).join(' ')}]${action.givenUpAt === undefined ? '' : ' given up'}`;
    case 'delete-record':
      return `delete-record ${action.baseId}`;
    case 'record-event':
      return `event ${action.regarding.kind}/${action.regarding.name} ${action.type} ${action.reason}: ${shortLine(action.message)}`;
    default:
      return action satisfies never;
  }
}

function shortLine(message: string): string {
  const line = message.replaceAll('\n', ' ⏎ ');
  return line.length > 130 ? `${line.slice(0, 129)}…` : line;
}

function readySuffix(conditions: readonly Condition[] | undefined): string {
  const ready = conditions?.find((condition) => condition.type === 'Ready');
  return ready === undefined ? '' : ` Ready=${ready.status}/${ready.reason}`;
}

/** What was started since a place in the happenings: `commands`, `events` or all but lease renewals and questions. */
export function logLines(happenings: readonly Happening[], filter: string | undefined): string[] {
  const lines: string[] = [];
  for (const happening of happenings) {
    if (happening.kind !== 'started') continue;
    const { action } = happening;
    const isQuestion = action.kind === 'send-command' && action.bizKey === undefined;
    const isWanted =
      filter === 'commands'
        ? action.kind === 'send-command' && !isQuestion
        : filter === 'questions'
          ? isQuestion
          : filter === 'events'
            ? action.kind === 'record-event'
            : filter === 'writes'
              ? action.kind !== 'send-command' && action.kind !== 'record-event'
              : action.kind !== 'write-lease' && action.kind !== 'record-event' && !isQuestion;
    if (isWanted) lines.push(`${seconds(happening.at)} ${actionText(action)}`);
  }
  return lines.length === 0 ? ['(nothing)'] : lines;
}

/** Actions in words. */
import type { PlannedAction } from './actions.ts';
import { maskUrl } from './mask.ts';
import type { Condition } from './observed.ts';

/**
 * What an action is to do, in words: what an observer would do, and what a journal tells. Undefined for Leases, Events and
 * questions: they come with acting at all and say nothing about what becomes of modules.
 */
export function wordsOfAction(action: PlannedAction): string | undefined {
  switch (action.kind) {
    case 'send-command': {
      const { command, claim } = action;
      if (action.bizKey === undefined || !('name' in command)) return undefined;
      const whose = claim === undefined ? '' : ` for Pod ${claim.namespace}/${claim.podName}`;
      const from = command.kind === 'installBiz' ? ` from ${maskUrl(command.url)}` : '';
      return `${command.kind} ${action.bizKey}${from}${whose}`;
    }
    case 'create-node':
      return `create Node ${action.name}`;
    case 'delete-node':
      return `delete Node ${action.name}`;
    case 'patch-node': {
      const parts = [...Object.keys(action.labels ?? {}), ...Object.keys(action.annotations ?? {})];
      const taints = (action.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
      return `patch Node ${action.name}: ${[...parts, ...taints].join(', ')}`;
    }
    case 'patch-node-status':
      return `patch the status of Node ${action.name}: Ready ${readyOf(action.status.conditions)}`;
    case 'patch-pod-status': {
      const { namespace, name, status } = action;
      const containers = (status.containerStatuses ?? []).map((container) => {
        const { waiting, terminated } = container.state ?? {};
        return `${container.name} ${waiting?.reason ?? terminated?.reason ?? 'running'}`;
      });
      const parts = [status.phase, `Ready ${readyOf(status.conditions)}`, ...containers];
      return `patch the status of Pod ${namespace}/${name}: ${parts.filter((part) => part !== undefined).join(', ')}`;
    }
    case 'delete-pod':
      return `delete Pod ${action.namespace}/${action.name}, whose modules are gone`;
    case 'write-record':
      return `write down in ConfigMap ${action.namespace}/${action.name}: ${Object.keys(action.installs).join(', ')}`;
    case 'delete-record':
      return `delete ConfigMap ${action.namespace}/${action.name}`;
    case 'write-lease':
    case 'delete-lease':
    case 'record-event':
      return undefined;
    default:
      return action satisfies never;
  }
}

function readyOf(conditions: readonly Condition[] | undefined): string {
  const ready = conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined) return 'as it is';
  return ready.reason === undefined || ready.reason === '' ? ready.status : `${ready.status} (${ready.reason})`;
}

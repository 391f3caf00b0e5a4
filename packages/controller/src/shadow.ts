/**
 * What an observer would do, as log lines: `would` once for each action that comes up, `would-no-longer` when it is not due any
 * more (another did it, or it is not wanted), and a summary when either changed. Questions, Leases and Events are left out: they
 * come with acting at all and say nothing about the switch.
 */
import { type Condition, maskUrl, type Plan, type PlannedAction } from '@kouplet/core';
import type { EdgeClock } from './clock.ts';
import { type Log, maskSecrets } from './log.ts';

const summaryAfterMs = 1_000;

export class Shadow {
  readonly #log: Log;
  readonly #clock: EdgeClock;
  /** By base, then by key of the action. Bounded by what the plans hold. */
  readonly #due = new Map<string, ReadonlyMap<string, Told>>();
  #isSummaryDue = false;

  constructor(log: Log, clock: EdgeClock) {
    this.#log = log;
    this.#clock = clock;
  }

  planned(base: string, plan: Plan): void {
    const before = this.#due.get(base) ?? new Map<string, Told>();
    const now = new Map<string, Told>();
    for (const action of plan.actions) {
      const text = textOf(action);
      if (text !== undefined) now.set(`${action.kind} ${action.key}`, { kind: action.kind, text: maskSecrets(text) });
    }
    if (now.size === 0) this.#due.delete(base);
    else this.#due.set(base, now);
    let isChanged = false;
    for (const [key, { text }] of now) {
      if (before.get(key)?.text === text) continue;
      isChanged = true;
      this.#log.info({ base, do: text }, 'would');
    }
    for (const [key, { text }] of before) {
      if (now.has(key)) continue;
      isChanged = true;
      this.#log.info({ base, do: text }, 'would-no-longer');
    }
    if (isChanged) this.#summarise();
  }

  #summarise(): void {
    if (this.#isSummaryDue) return;
    this.#isSummaryDue = true;
    this.#clock.after(summaryAfterMs, () => {
      this.#isSummaryDue = false;
      const counts: Record<string, number> = {};
      for (const told of this.#due.values())
        for (const { kind } of told.values()) counts[kind] = (counts[kind] ?? 0) + 1;
      this.#log.info({ bases: this.#due.size, ...counts }, 'would-in-all');
    });
  }
}

interface Told {
  readonly kind: PlannedAction['kind'];
  readonly text: string;
}

/** In words; undefined for what is not told. */
function textOf(action: PlannedAction): string | undefined {
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

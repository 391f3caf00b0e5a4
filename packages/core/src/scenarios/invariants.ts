/**
 * The invariants of SPEC.md, checked against a World after every step from outside: what really went to the bases and the
 * API server, not what the state says. Test support.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Action } from '../actions.ts';
import { isBlind } from '../liveness.ts';
import type { ObservedPod } from '../observed.ts';
import { planBase } from '../plan-base.ts';
import type { BaseState } from '../state.ts';
import type { World } from './world.ts';

/** Planning a copy takes longer than all else in a step. Prime, so that every moment of a course has its turn in one of its variants. */
const planSeldomLookedAt = 31;

/** Watches a world; each violation is added as a line `I3: …`. Of every so many steps one has its plans made of a copy, too. */
export function watchInvariants(world: World, violations: string[], planLookedAtEvery = planSeldomLookedAt): void {
  let seen = 0;
  let steps = 0;
  const versions = new Map<string, string>();
  const installedFor = new Map<string, string>();
  const spokenIn = new Map<string, number>();
  /** By base and key: installs whose end nobody has told, and whether one succeeded; what is there may then be theirs. */
  const unanswered = new Map<string, number>();
  const succeeded = new Set<string>();
  /** By base and key: installs sent for the Pod that has it, and what the only one met there: another's. [SPEC M38] */
  const attempts = new Map<string, number>();
  const met = new Set<string>();
  const check = () => {
    for (; seen < world.happenings.length; seen += 1) {
      const happening = world.happenings[seen];
      if (happening === undefined) continue;
      if (happening.kind === 'input' && happening.input.kind === 'message') {
        const base = world.bases.get(happening.input.baseId);
        if (base !== undefined) spokenIn.set(base.id, base.sessions);
        const { message } = happening.input;
        if (message.kind === 'operation-result' && message.command === 'installBiz') {
          const id = `${happening.input.baseId}/${message.key}`;
          unanswered.set(id, (unanswered.get(id) ?? 0) - 1);
          if (message.outcome.kind === 'success') succeeded.add(id);
          const isRefused = message.outcome.kind === 'repeat' || message.outcome.kind === 'conflict';
          if (isRefused && attempts.get(id) === 1) met.add(id);
        }
      }
      if (happening.kind === 'started') checkAction(happening.action, happening.before);
    }
    steps += 1;
    for (const state of world.states.values()) {
      checkState(state);
      if (steps % planLookedAtEvery === 0) checkPlan(state);
    }
  };
  const fail = (rule: string, text: string) => violations.push(`${rule}: at ${world.mono} ms: ${text}`);

  function checkAction(action: Action, before: BaseState | undefined): void {
    if (before !== undefined) checkHold(action, before);
    if (before !== undefined) checkPause(action, before);
    switch (action.kind) {
      case 'send-command':
        checkCommand(action, before);
        return;
      case 'delete-pod':
        checkPodRemoval(action.uid, action.name, before);
        return;
      case 'patch-node-status': {
        const ready = action.status.conditions?.find((condition) => condition.type === 'Ready');
        const shown = before?.node?.status.conditions?.find((condition) => condition.type === 'Ready');
        const base = world.bases.get(before?.baseId ?? '');
        if (ready?.status === 'True' && shown?.status !== 'True' && base !== undefined) {
          if (world.policy.hasSessions && spokenIn.get(base.id) !== base.sessions) {
            fail('I5', `${action.name} made Ready by an earlier session`);
          }
        }
        if (ready !== undefined && ready.status !== 'True' && isBlind(world.fleet))
          fail('I6', `${action.name} lowered while blind`);
        return;
      }
      case 'delete-node':
        if (isBlind(world.fleet)) fail('I6', `${action.name} deleted while blind`);
        return;
      default:
    }
  }

  function checkHold(action: Action, before: BaseState): void {
    if (action.kind === 'write-lease' || action.kind === 'delete-lease') return;
    const holder = before.lease?.spec.holderIdentity;
    if (holder !== world.policy.holderIdentity)
      fail('I7', `${action.kind} ${action.key} without the Lease (${holder})`);
  }

  function checkPause(action: Action, before: BaseState): void {
    const isOperation = action.kind === 'send-command' && action.bizKey !== undefined;
    if (!isOperation && action.kind !== 'delete-pod' && action.kind !== 'delete-node') return;
    const uid = action.kind === 'delete-pod' ? action.uid : isOperation ? action.claim?.podUid : undefined;
    const pod = before.pods[uid ?? '']?.pod;
    for (const object of [before.node, pod]) {
      if (object?.metadata.annotations?.['kouplet.io/paused'] === 'true')
        fail('M40', `${action.kind} ${action.key} though ${object.metadata.name} is paused`);
    }
  }

  function checkCommand(action: Action & { kind: 'send-command' }, before: BaseState | undefined): void {
    const { command, bizKey: key } = action;
    if (key === undefined || before === undefined) return;
    const slot = before.slots[key];
    if (slot?.operation !== undefined)
      fail('I1', `${command.kind} ${key} while ${slot.operation.command} is in flight`);
    const running = Object.values(before.slots).filter((other) => other.operation !== undefined).length;
    if (running >= 4) fail('M26', `${running + 1} operations on ${before.baseId}`);
    const id = `${before.baseId}/${key}`;
    if (command.kind === 'installBiz') {
      const pod = before.pods[action.claim?.podUid ?? '']?.pod;
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) {
        fail('I2', `install ${key} for a Pod that is gone or being deleted`);
      }
      const isSamePod = installedFor.get(id) === action.claim?.podUid;
      if (!isSamePod) met.delete(id);
      attempts.set(id, isSamePod ? (attempts.get(id) ?? 0) + 1 : 1);
      installedFor.set(id, action.claim?.podUid ?? '');
      unanswered.set(id, Math.max(0, unanswered.get(id) ?? 0) + 1);
    } else {
      const module = world.bases.get(before.baseId)?.modules.get(key);
      if (module?.isForeign === true && !installedFor.has(id) && !isAdopted(before, key)) {
        if (world.policy.unmanagedModules === 'report') fail('I3', `uninstall of ${key}, which is not ours`);
      }
      // Every install of ours was refused, so none of them can have made what somebody else put there.
      const isAnswered = installedFor.has(id) && (unanswered.get(id) ?? 0) <= 0 && !succeeded.has(id);
      if (module?.isForeign === true && isAnswered && world.policy.unmanagedModules === 'report') {
        fail('I3', `uninstall of ${key}, which was put there by hand`);
      }
      const owner = before.pods[slot?.claim?.podUid ?? '']?.pod;
      if (owner !== undefined && !mayLose(owner, before, key) && module?.state === 'ACTIVATED') {
        fail('I3', `uninstall of ${key} of the live Pod ${owner.metadata.name}`);
      }
    }
  }

  function checkPodRemoval(uid: string, name: string, before: BaseState | undefined): void {
    if (before === undefined || before.node === undefined) return;
    const base = world.bases.get(before.baseId);
    for (const [id, podUid] of installedFor) {
      const key = id.slice(before.baseId.length + 1);
      if (podUid !== uid || !id.startsWith(`${before.baseId}/`)) continue;
      if (met.has(id) && !succeeded.has(id)) continue;
      const isThere = [...(base?.modules ?? [])].some(([known, module]) => known === key && !module.isForeign);
      if (isThere) fail('I8', `Pod ${name} removed while ${key} is on ${before.baseId}`);
    }
  }

  function checkState(state: BaseState): void {
    for (const [uid, { pod }] of Object.entries(state.pods)) {
      const version = pod.metadata.resourceVersion;
      const before = versions.get(`${world.policy.holderIdentity}/${uid}`);
      if (before !== undefined && Number(version) < Number(before)) fail('I4', `${pod.metadata.name} went back`);
      versions.set(`${world.policy.holderIdentity}/${uid}`, version);
    }
  }

  /** Of a copy nothing is kept that was derived before. [SPEC I13] */
  function checkPlan(state: BaseState): void {
    const { fleet, policy, now } = world;
    const plan = planBase(state, fleet, policy, now);
    const fresh = planBase(structuredClone(state), fleet, policy, now);
    if (!isDeepStrictEqual(plan, fresh))
      fail('I13', `${state.baseId} is planned as ${JSON.stringify(plan)}, anew as ${JSON.stringify(fresh)}`);
  }

  world.onStep = check;
}

function isAdopted(state: BaseState, key: string): boolean {
  return state.slots[key]?.claim !== undefined;
}

/** The owner is being deleted, has ended, was superseded, or wants another image. */
function mayLose(owner: ObservedPod, state: BaseState, key: string): boolean {
  const claim = state.slots[key]?.claim;
  const image = owner.spec.containers.find((container) => key.startsWith(`${container.name}:`))?.image;
  return (
    owner.metadata.deletionTimestamp !== undefined ||
    owner.status.phase === 'Failed' ||
    claim?.url !== image ||
    Object.values(state.pods).some(
      ({ pod }) =>
        pod !== owner &&
        pod.metadata.deletionTimestamp === undefined &&
        pod.spec.containers.some((container) => key.startsWith(`${container.name}:`)),
    )
  );
}

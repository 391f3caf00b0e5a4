/**
 * What comes in, without secrets: nothing that is folded holds one but the specs of Pods, which the commands to their base are made
 * of. So what is made of the state (statuses, Events, records, plans, why) holds none either. [SPEC M44]
 */
import type { BaseMessage, OperationOutcome, ReportedBiz } from '@kouplet/protocol';
import { handOverAnnotation } from './hand-over.ts';
import type { BaseInput, FleetInput, Outcome } from './inputs.ts';
import { type Known, markOf, maskData, maskText, maskUrl, secretsOfUrl, secretsOfValue } from './mask.ts';
import { roleOf } from './module-pod.ts';
import type { ContainerState, ContainerStatus, ObservedPod, ObservedRecord, PodStatus } from './observed.ts';
import type { BaseState } from './state.ts';

/** The same reference where there is nothing to mask, as in nearly all. */
export function maskedInput(input: BaseInput, { pods }: Pick<BaseState, 'pods'>): BaseInput {
  switch (input.kind) {
    case 'message': {
      const message = maskedMessage(input.message, pods);
      return message === input.message ? input : { ...input, message };
    }
    case 'rejected': {
      const detail = maskText(input.rejection.detail, secretsOf(pods));
      return detail === input.rejection.detail ? input : { ...input, rejection: { ...input.rejection, detail } };
    }
    case 'pod-observed': {
      const pod = maskedPod(input.pod);
      return pod === input.pod ? input : { ...input, pod };
    }
    case 'record-observed': {
      const record = maskedRecord(input.record);
      return record === input.record ? input : { ...input, record };
    }
    case 'action-ended': {
      const outcome = maskedOutcome(input.outcome, pods);
      return outcome === input.outcome ? input : { ...input, outcome };
    }
    case 'crashed': {
      const message = maskText(input.message, secretsOf(pods));
      return message === input.message ? input : { ...input, message };
    }
    default:
      return input;
  }
}

export function maskedFleetInput(input: FleetInput): FleetInput {
  if (input.kind === 'link-down') return { ...input, reason: maskText(input.reason) };
  return input.kind === 'action-ended' ? { ...input, outcome: maskedOutcome(input.outcome, {}) } : input;
}

type Pods = BaseState['pods'];

// Derived from Pods, which never change, and only where there is a text to mask.
const ofPods = new WeakMap<Pods, readonly Known[]>();
const ofPod = new WeakMap<ObservedPod, readonly Known[]>();

/** What the Pods of a base hand to it that nobody may quote: parts of URLs, and of what is handed over what is a secret by its name. */
export function secretsOf(pods: Pods): readonly Known[] {
  const known = ofPods.get(pods);
  if (known !== undefined) return known;
  const all = new Map<string, Known>();
  for (const uid in pods) {
    const pod = pods[uid]?.pod;
    for (const one of pod === undefined ? [] : secretsOfPod(pod)) all.set(one.secret, one);
  }
  const found = [...all.values()].sort((a, b) => b.secret.length - a.secret.length);
  ofPods.set(pods, found);
  return found;
}

export function secretsOfPod(pod: ObservedPod): readonly Known[] {
  const known = ofPod.get(pod);
  if (known !== undefined) return known;
  const found = [...pod.spec.containers.flatMap(({ image = '' }) => secretsOfUrl(image)), ...handedSecretsOf(pod)];
  ofPod.set(pod, found);
  return found;
}

function handedSecretsOf(pod: ObservedPod): readonly Known[] {
  if (pod.metadata.annotations?.[handOverAnnotation] === undefined) return [];
  const role = roleOf(pod);
  return (role.kind === 'module' ? role.modules : []).flatMap(({ handOver }) => [
    ...Object.entries(handOver?.envs ?? {}).flatMap(([name, value]) => [
      ...secretsOfValue(name, value),
      ...secretsOfUrl(value),
    ]),
    ...(handOver?.args ?? []).flatMap((arg, at, args) => {
      const [, name = '', value = ''] = /^-{0,2}([^=\s]+)=(.*)$/s.exec(arg) ?? [];
      // `--db.password`, and as the next one what it is.
      const [, flag = ''] = /^-{1,2}([^=\s]+)$/.exec(args[at - 1] ?? '') ?? [];
      const named = [...secretsOfValue(name, value), ...secretsOfValue(flag, arg)];
      return [...named, ...secretsOfUrl(value === '' ? arg : value)];
    }),
  ]);
}

function maskedMessage(message: BaseMessage, pods: Pods): BaseMessage {
  switch (message.kind) {
    case 'operation-result': {
      const outcome = maskedEnd(message.outcome, pods);
      return outcome === message.outcome ? message : { ...message, outcome };
    }
    case 'biz-report': {
      const bizes = maskedBizes(message.bizes, pods);
      return bizes === message.bizes ? message : { ...message, bizes };
    }
    case 'health': {
      const bizes = maskedBizes(message.bizes ?? [], pods);
      const isSame = message.message === undefined && (message.bizes === undefined || bizes === message.bizes);
      if (isSame) return message;
      return {
        ...message,
        ...(message.bizes === undefined ? {} : { bizes }),
        ...(message.message === undefined ? {} : { message: maskText(message.message, secretsOf(pods)) }),
      };
    }
    case 'batch-result':
      return {
        ...message,
        results: message.results.map(({ url, outcome }) => ({ url: markOf(url), outcome: maskedEnd(outcome, pods) })),
        ...(message.message === undefined ? {} : { message: maskText(message.message, secretsOf(pods)) }),
      };
    case 'heartbeat':
    case 'baseline-query':
      return message;
    default:
      return message satisfies never;
  }
}

function maskedEnd(outcome: OperationOutcome, pods: Pods): OperationOutcome {
  return outcome.kind === 'accepted' ? outcome : maskData(outcome, secretsOf(pods));
}

/** Lists are long and come often, and hardly one entry says anything. */
function maskedBizes(bizes: readonly ReportedBiz[], pods: Pods): readonly ReportedBiz[] {
  if (bizes.every(({ message, reason }) => isEmpty(message) && isEmpty(reason))) return bizes;
  const known = secretsOf(pods);
  return bizes.map((biz) => ({
    ...biz,
    ...(biz.message === undefined ? {} : { message: maskText(biz.message, known) }),
    ...(biz.reason === undefined ? {} : { reason: maskText(biz.reason, known) }),
  }));
}

function isEmpty(text: string | undefined): boolean {
  return text === undefined || text === '';
}

function maskedOutcome(outcome: Outcome, pods: Pods): Outcome {
  if (outcome.kind !== 'refused' && outcome.kind !== 'failed') return outcome;
  return { ...outcome, message: maskText(outcome.message, secretsOf(pods)) };
}

/**
 * What its status says, also where an earlier version wrote it: it counts as what we would write, and is written with the next. Each
 * change of each Pod comes here, and only messages are texts: an empty one, as in nearly all, is not looked at.
 */
function maskedPod(pod: ObservedPod): ObservedPod {
  const { message, conditions, containerStatuses } = pod.status;
  const status: PodStatus = {
    ...pod.status,
    ...(message === undefined ? {} : { message: maskText(message, secretsOfPod(pod)) }),
    ...(conditions === undefined ? {} : { conditions: each(conditions, (one) => withMessage(one, pod)) }),
    ...(containerStatuses === undefined
      ? {}
      : { containerStatuses: each(containerStatuses, (one) => maskedContainer(one, pod)) }),
  };
  const isSame =
    status.message === message && status.conditions === conditions && status.containerStatuses === containerStatuses;
  return isSame ? pod : { ...pod, status };
}

/** The same list where nothing of it is another. */
function each<T>(items: readonly T[], change: (item: T) => T): readonly T[] {
  let isSame = true;
  const changed = items.map((item) => {
    const next = change(item);
    isSame &&= next === item;
    return next;
  });
  return isSame ? items : changed;
}

function withMessage<T extends { readonly message?: string }>(told: T, pod: ObservedPod): T {
  if (isEmpty(told.message)) return told;
  const message = maskText(told.message ?? '', secretsOfPod(pod));
  return message === told.message ? told : { ...told, message };
}

function maskedContainer(shown: ContainerStatus, pod: ObservedPod): ContainerStatus {
  const image = maskUrl(shown.image);
  const imageID = markOf(shown.imageID);
  const state = shown.state && maskedState(shown.state, pod);
  const lastState = shown.lastState && maskedState(shown.lastState, pod);
  const isSame =
    image === shown.image && imageID === shown.imageID && state === shown.state && lastState === shown.lastState;
  if (isSame) return shown;
  return {
    ...shown,
    image,
    imageID,
    ...(state === undefined ? {} : { state }),
    ...(lastState === undefined ? {} : { lastState }),
  };
}

function maskedState(state: ContainerState, pod: ObservedPod): ContainerState {
  const waiting = state.waiting && withMessage(state.waiting, pod);
  const terminated = state.terminated && withMessage(state.terminated, pod);
  if (waiting === state.waiting && terminated === state.terminated) return state;
  return {
    ...state,
    ...(waiting === undefined ? {} : { waiting }),
    ...(terminated === undefined ? {} : { terminated }),
  };
}

/** Of an earlier version it holds URLs as they are. */
function maskedRecord(record: ObservedRecord): ObservedRecord {
  let installs = record.installs;
  for (const [key, install] of Object.entries(record.installs)) {
    const url = markOf(install.url);
    if (url !== install.url) installs = { ...installs, [key]: { ...install, url } };
  }
  return installs === record.installs ? record : { ...record, installs };
}

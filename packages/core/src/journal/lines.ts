/**
 * A journal of what came in: JSON lines, of which the first says what it is. It holds every input that was folded, and, where it
 * does not begin with the process, the state of a base before the first input of it. From that all plans can be made again.
 *
 *   header, then base | fleet | base-state | fleet-state | forgotten | gap, in the order in which they were folded
 *
 * It holds no secret: what of a URL is compared is its mark, which stands here in its place, so equal ones stay equal. [SPEC M46]
 */
import type { BaseId } from '@kouplet/protocol';
import type { Action } from '../actions.ts';
import type { FleetState } from '../fleet.ts';
import type { BaseInput, BaseInputBody, FleetInput, FleetInputBody } from '../inputs.ts';
import { markOf } from '../mask.ts';
import { maskedFleetInput, maskedInput } from '../mask-input.ts';
import type { ObservedPod } from '../observed.ts';
import type { Policy } from '../policy.ts';
import type { BaseState } from '../state.ts';
import type { Stamp } from '../time.ts';

/** Of the lines below; another number is another language. */
export const journalFormat = 1;

export interface JournalHeader {
  readonly kind: 'kouplet-journal';
  readonly format: number;
  /** Of Kouplet, which recorded it. */
  readonly version: string;
  /** Of one process: parts of the same session follow each other. */
  readonly session: string;
  /** Of that process; not in journals of earlier versions. */
  readonly pid?: number;
  /** From 1. */
  readonly part: number;
  /** When this part was begun (RFC 3339). */
  readonly at: string;
  readonly policy: Policy;
}

export type JournalLine =
  | { readonly kind: 'base'; readonly at: Stamp; readonly baseId: BaseId; readonly input: BaseInputBody }
  | { readonly kind: 'fleet'; readonly at: Stamp; readonly input: FleetInputBody }
  /** What was known before the inputs that follow, where they are not the first. */
  | { readonly kind: 'base-state'; readonly baseId: BaseId; readonly state: BaseState }
  | { readonly kind: 'fleet-state'; readonly state: FleetState }
  /** Nothing is kept of that base any more. */
  | { readonly kind: 'forgotten'; readonly baseId: BaseId }
  /** So many lines could not be written: nothing is known of what they said but what the states after them tell. */
  | { readonly kind: 'gap'; readonly lines: number; readonly reason: string };

/** An action's end refers to its start by its id: the whole would stand here twice. */
type Written = JournalLine | { readonly kind: 'ended'; readonly [field: string]: unknown };

/**
 * One line for an input of a base that is about to be folded into `state`.
 *
 * @param hasStart the start of an action that has ended stands before it in the same part
 */
export function baseLine(input: BaseInput, state: Pick<BaseState, 'pods'>, hasStart = false): string {
  const { at, baseId, ...body } = sealedInput(maskedInput(input, state));
  return textOf(
    body.kind === 'action-ended' && hasStart
      ? { kind: 'ended', at, baseId, id: body.action.id, outcome: body.outcome }
      : { kind: 'base', at, baseId, input: body },
  );
}

export function fleetLine(input: FleetInput, hasStart = false): string {
  const { at, ...body } = maskedFleetInput(input);
  return textOf(
    body.kind === 'action-ended' && hasStart
      ? { kind: 'ended', at, id: body.action.id, outcome: body.outcome }
      : { kind: 'fleet', at, input: body },
  );
}

export function baseStateLine(state: BaseState): string {
  const pods = Object.fromEntries(
    Object.entries(state.pods).map(([uid, entry]) => [uid, { ...entry, pod: sealedPod(entry.pod) }]),
  );
  return textOf({ kind: 'base-state', baseId: state.baseId, state: { ...state, pods } });
}

export function fleetStateLine(state: FleetState): string {
  return textOf({ kind: 'fleet-state', state });
}

export function plainLine(line: Extract<JournalLine, { readonly kind: 'forgotten' | 'gap' }> | JournalHeader): string {
  return textOf(line);
}

function textOf(line: Written | JournalHeader): string {
  return `${JSON.stringify(line)}\n`;
}

/** Nothing but marks of URLs and names of variables. */
function sealedInput(input: BaseInput): BaseInput {
  switch (input.kind) {
    case 'pod-observed':
      return { ...input, pod: sealedPod(input.pod) };
    case 'action-started':
    case 'action-ended':
      return { ...input, action: sealedAction(input.action) };
    default:
      return input;
  }
}

function sealedPod(pod: ObservedPod): ObservedPod {
  const containers = pod.spec.containers.map((container) => ({
    ...container,
    ...(container.image === undefined ? {} : { image: markOf(container.image) }),
    ...(container.args === undefined ? {} : { args: container.args.map(() => stars) }),
    ...(container.env === undefined
      ? {}
      : {
          env: container.env.map((entry) =>
            entry.name === 'BIZ_VERSION' || entry.value === undefined ? entry : { ...entry, value: stars },
          ),
        }),
  }));
  return { ...pod, spec: { ...pod.spec, containers } };
}

const stars = '***';

function sealedAction(action: Action): Action {
  if (action.kind !== 'send-command' || action.command.kind !== 'installBiz') return action;
  const { command } = action;
  return {
    ...action,
    command: {
      ...command,
      url: markOf(command.url),
      ...(command.args === undefined ? {} : { args: command.args.map(() => stars) }),
      ...(command.envs === undefined
        ? {}
        : { envs: Object.fromEntries(Object.keys(command.envs).map((name) => [name, stars])) }),
    },
  };
}

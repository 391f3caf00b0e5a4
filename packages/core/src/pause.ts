/**
 * A person's word that nothing is to be done: annotation `kouplet.io/paused: "true"` on a Node or a Pod. What is under way is
 * awaited, and everything goes on being heard, asked and shown; no module is installed or uninstalled, no Pod and no Node
 * removed. Taken off, work goes on from what is then so. [SPEC M40] [SPEC N19]
 */
import { pausedAnnotation } from './names.ts';
import type { ObservedPod } from './observed.ts';
import type { BaseState, PodEntry } from './state.ts';

export interface Pause {
  readonly reason: 'Paused';
  /** `the annotation kouplet.io/paused on Node vnode.b1.dev`. */
  readonly by: string;
  readonly message: string;
}

interface Annotated {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

/** The annotation says so, in whatever case: a person who writes `True` means it. */
export function isPaused(object: Annotated | undefined): boolean {
  return object?.metadata.annotations?.[pausedAnnotation]?.trim().toLowerCase() === 'true';
}

/** What the annotation says where a person may think that it pauses, and it does not. */
export function unclearPause(object: Annotated | undefined): string | undefined {
  const value = object?.metadata.annotations?.[pausedAnnotation];
  return value === undefined || /^\s*(true|false|)\s*$/i.test(value) ? undefined : value;
}

/** All of the base is paused, by its Node. */
export function nodePauseOf({ node }: BaseState): Pause | undefined {
  return node !== undefined && isPaused(node) ? pauseBy(`Node ${node.metadata.name}`) : undefined;
}

/** What keeps us from doing anything for that Pod: its own annotation, or its Node's. */
export function pauseOf(state: BaseState, pod: ObservedPod | undefined): Pause | undefined {
  const whole = nodePauseOf(state);
  if (whole !== undefined || pod === undefined || !isPaused(pod)) return whole;
  return pauseBy(`Pod ${pod.metadata.namespace}/${pod.metadata.name}`);
}

/** Why the Node must stay whatever becomes of its base: it is paused, or a Pod on it is, which would go with it. */
export function pauseOfRemoval(state: BaseState): Pause | undefined {
  const whole = nodePauseOf(state);
  if (whole !== undefined) return whole;
  for (const uid in state.pods) {
    const entry: PodEntry | undefined = state.pods[uid];
    if (entry !== undefined && isPaused(entry.pod)) return pauseOf(state, entry.pod);
  }
  return undefined;
}

function pauseBy(object: string): Pause {
  const by = `the annotation ${pausedAnnotation} on ${object}`;
  return { reason: 'Paused', by, message: `paused by ${by}: nothing is done until it is taken off` };
}

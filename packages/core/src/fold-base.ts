/** `foldBase`: total over every input; returns the same reference where nothing changed. */
import type { BaseInput } from './inputs.ts';
import type { Policy } from './policy.ts';
import type { BaseState } from './state.ts';

export function foldBase(state: BaseState, input: BaseInput, _policy: Policy): BaseState {
  return state.knownSince === undefined ? { ...state, knownSince: input.at.mono } : state;
}

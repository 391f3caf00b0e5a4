/** Taints and tolerations (k8s.io/api, core/v1/toleration.go). */
import type { Taint, Toleration } from './shapes.ts';

/** No key with Exists tolerates all; no effect tolerates every effect; no operator means Equal. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false;
  if (toleration.key !== undefined && toleration.key !== '' && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return (toleration.value ?? '') === (taint.value ?? '');
}

export function isTolerated(taint: Taint, tolerations: readonly Toleration[] | undefined): boolean {
  return tolerations?.some((toleration) => tolerates(toleration, taint)) === true;
}

/** Whether a taint keeps new pods away. */
export const keepsAway = (taint: Taint): boolean => taint.effect === 'NoSchedule' || taint.effect === 'NoExecute';

/** Which pods a quota with scopes means (kubernetes 1.34, pkg/quota/v1/evaluator/core/pods.go). */
import { type Fields, fieldsOf, listOf, valuesOf } from '../../kinds/json.ts';
import type { KubeObject } from '../../kinds/kind.ts';

export interface Scope {
  readonly name: string;
  /** In, NotIn, Exists, DoesNotExist. */
  readonly operator: string;
  readonly values: readonly string[];
}

/** `spec.scopes` and `spec.scopeSelector` together: all of them must hold. */
export function scopesOf(quota: KubeObject): Scope[] {
  const { scopes, scopeSelector } = fieldsOf(quota.spec);
  return [
    ...valuesOf(scopes).map((name) => ({ name, operator: 'Exists', values: [] })),
    ...listOf(fieldsOf(scopeSelector).matchExpressions).map(({ scopeName, operator, values }) => ({
      name: String(scopeName),
      operator: String(operator),
      values: valuesOf(values),
    })),
  ];
}

export function podIsIn({ name, operator, values }: Scope, pod: KubeObject): boolean {
  const spec = fieldsOf(pod.spec);
  switch (name) {
    case 'Terminating':
      return hasDeadline(spec);
    case 'NotTerminating':
      return !hasDeadline(spec);
    case 'BestEffort':
      return pod.status?.qosClass === 'BestEffort';
    case 'NotBestEffort':
      return pod.status?.qosClass !== 'BestEffort';
    case 'PriorityClass':
      return isOne(spec.priorityClassName, operator, values);
    case 'CrossNamespacePodAffinity':
      return looksElsewhere(spec);
    default:
      return false;
  }
}

/** Only such pods end by themselves for sure. */
export function hasDeadline(spec: Fields): boolean {
  return typeof spec.activeDeadlineSeconds === 'number' && spec.activeDeadlineSeconds >= 0;
}

/** Of a value that is not there NotIn holds, too, as in every label selector. */
export function isOne(value: unknown, operator: string, values: readonly string[]): boolean {
  const given = value === undefined || value === '' ? undefined : String(value);
  switch (operator) {
    case 'In':
      return given !== undefined && values.includes(given);
    case 'NotIn':
      return given === undefined || !values.includes(given);
    case 'Exists':
      return given !== undefined;
    case 'DoesNotExist':
      return given === undefined;
    default:
      return false;
  }
}

function looksElsewhere(spec: Fields): boolean {
  const { podAffinity, podAntiAffinity } = fieldsOf(spec.affinity);
  return [podAffinity, podAntiAffinity].some((affinity) => {
    const terms = [
      ...listOf(fieldsOf(affinity).requiredDuringSchedulingIgnoredDuringExecution),
      ...listOf(fieldsOf(affinity).preferredDuringSchedulingIgnoredDuringExecution).map((one) =>
        fieldsOf(one.podAffinityTerm),
      ),
    ];
    return terms.some((term) => valuesOf(term.namespaces).length > 0 || term.namespaceSelector !== undefined);
  });
}

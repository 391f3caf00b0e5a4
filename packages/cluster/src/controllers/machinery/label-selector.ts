/** Label selectors in their object form (metav1.LabelSelector), compiled once and matched often. */
import { ownValue } from '../../json.ts';
import type { LabelSelector } from './shapes.ts';

export type Labels = Readonly<Record<string, string>>;

/** Whether labels match. */
export type LabelMatch = (labels: Labels | undefined) => boolean;

const noLabels: Labels = {};

/** Objects of the store are frozen by convention: a selector that was compiled once stays what it is. */
const compiled = new WeakMap<LabelSelector, LabelMatch>();

/** An empty selector matches everything; no selector at all matches nothing (metav1.LabelSelectorAsSelector). */
export function compileSelector(selector: LabelSelector | undefined): LabelMatch {
  if (selector === undefined || selector === null) return () => false;
  const known = compiled.get(selector) ?? compile(selector);
  compiled.set(selector, known);
  return known;
}

function compile(selector: LabelSelector): LabelMatch {
  const wanted = Object.entries(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  return (given) => {
    const labels = given ?? noLabels;
    for (const [key, value] of wanted) if (labels[key] !== value) return false;
    for (const { key, operator, values = [] } of expressions) {
      const value = ownValue(labels, key);
      switch (operator) {
        case 'In':
          if (value === undefined || !values.includes(value)) return false;
          break;
        case 'NotIn':
          if (value !== undefined && values.includes(value)) return false;
          break;
        case 'Exists':
          if (value === undefined) return false;
          break;
        case 'DoesNotExist':
          if (value !== undefined) return false;
          break;
        default:
          operator satisfies never;
          return false;
      }
    }
    return true;
  };
}

/** True where the selector would match everything: controllers refuse to run on such a one. */
export function selectsAll(selector: LabelSelector | undefined): boolean {
  return (
    selector !== undefined &&
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions ?? []).length === 0
  );
}

/** One text for selectors that mean the same, whatever the order of their keys. */
export function selectorText(selector: LabelSelector | undefined): string {
  if (selector === undefined) return 'none';
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const expressions = (selector.matchExpressions ?? []).map((e) => [e.key, e.operator, ...(e.values ?? [])]);
  return JSON.stringify([labels, expressions]);
}

/** The selector as Go prints it in a controller's sentences (`metav1.FormatLabelSelector` it is not: `%s` of the struct). */
export function goSelectorText(selector: LabelSelector | undefined): string {
  if (selector === undefined) return 'nil';
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  const printed = labels.map(([key, value]) => `${key}: ${value},`).join('');
  return `&LabelSelector{MatchLabels:map[string]string{${printed}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}

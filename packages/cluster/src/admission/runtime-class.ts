/** RuntimeClass: a Pod that names one gets what it costs and where it may run; one that is not there is refused. */
import { ensure } from '../kinds/define-kind.ts';
import { type Fields, fieldsOf, isFields, isSame, listOf } from '../kinds/json.ts';
import { forbidden } from '../status.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';

/** [SPEC C67] */
export const runtimeClassAdmission: AdmissionPlugin = {
  name: 'RuntimeClass',
  admit: (context) => {
    if (!isNewPod(context)) return;
    const { draft, kind, name } = context;
    const found = classOf(context);
    if (found === undefined || draft === undefined) return;
    const spec = ensure(draft, 'spec');
    if (isFields(found.overhead)) {
      const { podFixed } = found.overhead;
      if (spec.overhead !== undefined && !isSame(spec.overhead, podFixed)) throw forbidden(kind, name, otherOverhead);
      if (podFixed !== undefined) spec.overhead = { ...podFixed };
    }
    if (isFields(found.scheduling)) schedule(context, spec, found.scheduling);
  },
  validate: (context) => {
    if (!isNewPod(context)) return;
    const { draft, kind, name } = context;
    const overhead: unknown = draft?.spec?.overhead;
    const found = classOf(context);
    if (isFields(found?.overhead)) {
      if (!isSame(overhead, found.overhead.podFixed)) throw forbidden(kind, name, otherOverhead);
    } else if (Object.keys(fieldsOf(overhead)).length > 0) {
      throw forbidden(kind, name, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    }
  },
};

const otherOverhead = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

function isNewPod({ operation, resource, subresource }: AdmissionContext): boolean {
  return operation === 'CREATE' && resource === 'pods' && subresource === undefined;
}

/** The class that the Pod names. @throws ApiError 403 where it is not there */
function classOf({ draft, kind, name, store }: AdmissionContext): Fields | undefined {
  const className: unknown = draft?.spec?.runtimeClassName;
  if (typeof className !== 'string') return undefined;
  const found = store.get('runtimeclasses.node.k8s.io', className);
  if (found === undefined) {
    throw forbidden(kind, name, `pod rejected: RuntimeClass ${JSON.stringify(className)} not found`);
  }
  return found;
}

/** Adds the class's nodes and tolerations to the Pod's own. */
function schedule({ kind, name }: AdmissionContext, spec: Fields, { nodeSelector, tolerations }: Fields): void {
  const own = fieldsOf(spec.nodeSelector);
  for (const [key, value] of Object.entries(fieldsOf(nodeSelector))) {
    if (!Object.hasOwn(own, key) || own[key] === value) continue;
    const text = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own[key]}`;
    throw forbidden(kind, name, text);
  }
  if (isFields(nodeSelector)) spec.nodeSelector = { ...own, ...nodeSelector };
  const merged = mergeTolerations([...listOf(spec.tolerations), ...listOf(tolerations)]);
  if (merged.length > 0) spec.tolerations = merged;
}

/** Without those that another one bears as well (util/tolerations MergeTolerations). */
function mergeTolerations(all: readonly Fields[]): Fields[] {
  const merged: Fields[] = [];
  for (const [index, one] of all.entries()) {
    const isBorne =
      merged.some((other) => bears(other, one)) ||
      all.slice(index + 1).some((other) => !isSame(other, one) && bears(other, one));
    if (!isBorne) merged.push(one);
  }
  return merged;
}

/** Whether `wide` tolerates whatever `narrow` does. */
function bears(wide: Fields, narrow: Fields): boolean {
  if (isSame(wide, narrow)) return true;
  const exists = wide.operator === 'Exists';
  if (!isSame(wide.key, narrow.key) && (wide.key || !exists)) return false;
  if (!isSame(wide.effect, narrow.effect) && wide.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  }
  if (exists) return true;
  return (narrow.operator || 'Equal') === 'Equal' && isSame(wide.value, narrow.value);
}

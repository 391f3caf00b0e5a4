/** Priority: a pod's number comes from its PriorityClass, or from the default one, or is 0. */
import { ownValue } from '../json.ts';
import { ensure } from '../kinds/define-kind.ts';
import { fieldsOf } from '../kinds/json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { forbidden } from '../status.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';

const classes = 'priorityclasses.scheduling.k8s.io';
/** Classes that every cluster has; they need not be stored to be named. */
const builtIn: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

/** [SPEC C62] */
export const priorityAdmission: AdmissionPlugin = {
  name: 'Priority',
  admit: (context) => {
    const { operation, resource, subresource, draft, old } = context;
    if (resource !== 'pods' || subresource !== undefined || draft === undefined) return;
    const spec = ensure(draft, 'spec');
    if (operation === 'UPDATE') {
      const before = fieldsOf(old?.spec);
      if (spec.priority === undefined && before.priority !== undefined) spec.priority = before.priority;
      if (spec.preemptionPolicy === undefined && before.preemptionPolicy !== undefined) {
        spec.preemptionPolicy = before.preemptionPolicy;
      }
    } else if (operation === 'CREATE') admitPod(context, spec);
  },
  validate: ({ operation, kind, resource, name, draft, store }) => {
    if (resource !== classes || draft?.globalDefault !== true) return;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return;
    const present = defaultClass(store.list(classes));
    if (present === undefined || (operation === 'UPDATE' && present.metadata.name === name)) return;
    const text = `PriorityClass ${present.metadata.name} is already marked as default. Only one default can exist`;
    throw forbidden(kind, name, text);
  },
};

function admitPod({ kind, name, store }: AdmissionContext, spec: ReturnType<typeof fieldsOf>): void {
  let priority = 0;
  let policy: unknown = 'PreemptLowerPriority';
  if (spec.priorityClassName) {
    const className = String(spec.priorityClassName);
    const found = store.get(classes, className);
    const value: unknown = found?.value ?? ownValue(builtIn, className);
    if (typeof value !== 'number') throw forbidden(kind, name, `no PriorityClass with name ${className} was found`);
    priority = value;
    policy = found?.preemptionPolicy ?? policy;
  } else {
    const found = defaultClass(store.list(classes));
    if (found !== undefined) {
      spec.priorityClassName = found.metadata.name;
      priority = Number(found.value);
      policy = found.preemptionPolicy ?? policy;
    }
  }
  if (spec.priority !== undefined && spec.priority !== priority) {
    throw forbidden(
      kind,
      name,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
    );
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    throw forbidden(
      kind,
      name,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  spec.priority = priority;
  spec.preemptionPolicy = policy;
}

/** The lowest of those that call themselves the default. */
function defaultClass(list: readonly KubeObject[]): KubeObject | undefined {
  return list
    .filter(({ globalDefault }) => globalDefault === true)
    .reduce<KubeObject | undefined>(
      (lowest, one) => (lowest === undefined || lowest.value > one.value ? one : lowest),
      undefined,
    );
}

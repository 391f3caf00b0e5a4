/** `spec` of a Job, alone or in a CronJob, and what of it may change (kubernetes, pkg/apis/batch/validation). */
import { invalid, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isSame } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { validateImmutable } from './object-meta.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';
import { validateNonnegative } from './probe-validation.ts';
import { validateSelectorKept } from './workload.ts';

const counts = ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'];
const maxIndexedParallelism = 100_000;

export function validateJobSpec(spec: Fields, path: string): FieldError[] {
  const errors = counts.flatMap((field) => validateNonnegative(spec[field], `${path}.${field}`));
  const { completionMode: mode, completions, parallelism } = spec;
  const modes = ['NonIndexed', 'Indexed'];
  if (mode !== undefined && !modes.includes(mode)) errors.push(unsupported(`${path}.completionMode`, mode, modes));
  if (mode === 'Indexed') {
    if (completions === undefined) errors.push(required(`${path}.completions`, `when completion mode is ${mode}`));
    if (parallelism > maxIndexedParallelism) {
      const text = `must be less than or equal to ${maxIndexedParallelism} when completion mode is ${mode}`;
      errors.push(invalid(`${path}.parallelism`, parallelism, text));
    }
  }
  errors.push(...validatePodTemplate(spec.template, `${path}.template`));
  const policy: unknown = spec.template?.spec?.restartPolicy;
  const field = `${path}.template.spec.restartPolicy`;
  if (policy === 'Always') errors.push(required(field, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never') {
    errors.push(unsupported(field, policy, ['OnFailure', 'Never']));
  }
  return errors;
}

/** Of a Job that has been made: its template, mode and, unless it counts by index, completions stay. */
export function validateJobChange(draft: KubeObject, old: KubeObject): FieldError[] {
  const spec = fieldsOf(draft.spec);
  const before = fieldsOf(old.spec);
  return [
    ...validateCompletions(spec, before),
    ...validateSelectorKept(draft, old),
    ...validateTemplateKept(spec, before, old.status?.startTime === undefined && before.suspend === true),
    ...['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'].flatMap((field) =>
      validateImmutable(`spec.${field}`, spec[field], before[field]),
    ),
  ];
}

function validateCompletions({ completions, completionMode, parallelism }: Fields, before: Fields): FieldError[] {
  const path = 'spec.completions';
  if (completionMode !== 'Indexed') return validateImmutable(path, completions, before.completions);
  // Of none at all the spec itself complains.
  if (completions === undefined || completions === before.completions || completions === parallelism) return [];
  return [invalid(path, completions, 'can only be modified in tandem with spec.parallelism')];
}

/** `mayBePlaced`: it waits and never ran, and a queue may still say where it shall. */
function validateTemplateKept({ template }: Fields, before: Fields, mayBePlaced: boolean): FieldError[] {
  const path = 'spec.template';
  const old = fieldsOf(before.template);
  const given = fieldsOf(template);
  if (!mayBePlaced) return validateImmutable(path, template, old);
  const { annotations, labels } = fieldsOf(given.metadata);
  const { affinity, nodeSelector, tolerations, schedulingGates } = fieldsOf(given.spec);
  const placed = {
    metadata: { ...fieldsOf(old.metadata), annotations, labels },
    spec: { ...fieldsOf(old.spec), affinity, nodeSelector, tolerations, schedulingGates },
  };
  return isSame(given, placed) ? [] : validateImmutable(path, template, old);
}

/** batch/v1 Job and CronJob: kept and shown, run by nobody. */
import { ageOf, formatSpan } from './ages.ts';
import { scheduleComplaint } from './cron-schedule.ts';
import { defineKind, ensure } from './define-kind.ts';
import { invalid, required, unsupported } from './field-errors.ts';
import { validateJobChange, validateJobSpec } from './job-validation.ts';
import { type Fields, fieldsOf, listOf } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { formatSelector } from './label-selectors.ts';
import { defaultPodSpec } from './pod-spec-defaults.ts';
import { validateNonnegative } from './probe-validation.ts';
import { ageColumn, column, nameColumn } from './shape.ts';
import { containerCells, countCell, templateColumns } from './workload.ts';

export const job = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  namespaced: true,
  schema: 'V1Job',
  status: () => ({}),
  hasGeneration: true,
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    defaultJobSpec(spec);
    const { labels } = fieldsOf(spec.template.metadata);
    if (labels !== undefined && Object.keys(draft.metadata.labels ?? {}).length === 0) {
      draft.metadata.labels = { ...labels };
    }
  },
  prepareCreate: generateSelector,
  validate: (draft) => validateJobSpec(fieldsOf(draft.spec), 'spec'),
  validateChange: validateJobChange,
  fieldSelectors: { 'status.successful': ({ status }) => String(countCell(status?.succeeded)) },
  columns: [
    nameColumn,
    column('Status', 'string', 'Status of the job.'),
    column(
      'Completions',
      'string',
      'The number of pods which reached phase Succeeded. The value increases monotonically for a given spec. However, it may decrease in reaction to scale down of elastic indexed jobs.',
    ),
    column('Duration', 'string', 'Time required to complete the job.'),
    ageColumn,
    ...templateColumns(
      'A label query over pods that should match the pod count. Normally, the system sets this field for you. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors',
    ),
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    jobStatus(fieldsOf(status), metadata.deletionTimestamp !== undefined),
    completionsCell(fieldsOf(spec), fieldsOf(status)),
    durationCell(fieldsOf(status), now),
    ageOf(metadata.creationTimestamp, now),
    ...containerCells(spec?.template),
    formatSelector(spec?.selector),
  ],
});

function defaultJobSpec(spec: Fields): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= 6;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  spec.manualSelector ??= false;
  const template = ensure(spec, 'template');
  ensure(template, 'metadata');
  defaultPodSpec(ensure(template, 'spec'));
}

/** Unless the user does it by hand, a Job selects its Pods by its uid, and labels them with that and its name. */
function generateSelector({ metadata, spec }: KubeObject): void {
  if (spec.manualSelector === true) return;
  const { name, uid } = metadata;
  const template = ensure(ensure(spec, 'template'), 'metadata');
  template.labels = {
    ...template.labels,
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  spec.selector ??= { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...template.labels };
}

function jobStatus(status: Fields, isGoing: boolean): string {
  const has = (type: string) =>
    listOf(status.conditions).some((condition) => condition.type === type && condition.status === 'True');
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (isGoing) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

function completionsCell({ completions, parallelism }: Fields, { succeeded = 0 }: Fields): string {
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return countCell(parallelism) > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationCell({ startTime, completionTime }: Fields, now: number): string {
  if (typeof startTime !== 'string') return '';
  const end = typeof completionTime === 'string' ? Date.parse(completionTime) : now;
  return formatSpan(end - Date.parse(startTime));
}

/** Of a CronJob: its Jobs' names have eleven characters more. */
const longestName = 52;

export const cronJob = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1CronJob',
  status: () => ({}),
  hasGeneration: true,
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    const jobTemplate = ensure(spec, 'jobTemplate');
    ensure(jobTemplate, 'metadata');
    const template = ensure(ensure(jobTemplate, 'spec'), 'template');
    ensure(template, 'metadata');
    defaultPodSpec(ensure(template, 'spec'));
  },
  validate: (draft, old) => {
    const spec = fieldsOf(draft.spec);
    const errors: FieldError[] = [];
    const { name = '' } = draft.metadata;
    const isNameTooLong = old === undefined && name.length > longestName;
    const complaint = spec.schedule ? scheduleComplaint(String(spec.schedule)) : undefined;
    if (!spec.schedule) errors.push(required('spec.schedule'));
    else if (complaint !== undefined) errors.push(invalid('spec.schedule', spec.schedule, complaint));
    if (!['Allow', 'Forbid', 'Replace'].includes(spec.concurrencyPolicy)) {
      errors.push(unsupported('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']));
    }
    for (const field of ['startingDeadlineSeconds', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit']) {
      errors.push(...validateNonnegative(spec[field], `spec.${field}`));
    }
    errors.push(...validateJobSpec(fieldsOf(spec.jobTemplate?.spec), 'spec.jobTemplate.spec'));
    if (isNameTooLong) errors.push(invalid('metadata.name', name, `must be no more than ${longestName} characters`));
    return errors;
  },
  columns: [
    nameColumn,
    column('Schedule', 'string', 'The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron.'),
    column(
      'Timezone',
      'string',
      'The time zone name for the given schedule, see https://en.wikipedia.org/wiki/List_of_tz_database_time_zones. If not specified, this will default to the time zone of the kube-controller-manager process. The set of valid time zone names and the time zone offset is loaded from the system-wide time zone database by the API server during CronJob validation and the controller manager during execution. If no system-wide time zone database can be found a bundled version of the database is used instead. If the time zone name becomes invalid during the lifetime of a CronJob or due to a change in host configuration, the controller will stop creating new new Jobs and will create a system event with the reason UnknownTimeZone. More information can be found in https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones',
    ),
    column(
      'Suspend',
      'boolean',
      'This flag tells the controller to suspend subsequent executions, it does not apply to already started executions.  Defaults to false.',
    ),
    column('Active', 'integer', 'A list of pointers to currently running jobs.'),
    column('Last Schedule', 'string', 'Information when was the last time the job was successfully scheduled.'),
    ageColumn,
    ...templateColumns(
      'A label query over pods that should match the pod count. Normally, the system sets this field for you. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors',
    ),
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.schedule ?? '',
    spec?.timeZone ?? '<none>',
    spec?.suspend === true ? 'True' : 'False',
    listOf(status?.active).length,
    status?.lastScheduleTime === undefined ? '<none>' : ageOf(status.lastScheduleTime, now),
    ageOf(metadata.creationTimestamp, now),
    ...containerCells(spec?.jobTemplate?.spec?.template),
    formatSelector(spec?.jobTemplate?.spec?.selector),
  ],
});

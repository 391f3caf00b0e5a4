/** v1 Event and events.k8s.io/v1 Event: two faces of the same objects, which are stored as the former. */
import { ageOf } from './ages.ts';
import { defineKind, type KindDefinition } from './define-kind.ts';
import { invalid, invalids, required } from './field-errors.ts';
import { fieldsOf, isFields, isSame } from './json.ts';
import type { Column, FieldError, Kind, KubeObject } from './kind.ts';
import { dnsSubdomainMessages, pathSegmentName, qualifiedNameMessages } from './names.ts';
import { validateCommonUpdate, validateImmutable, validateObjectMeta } from './object-meta.ts';
import { column, nameColumn, wideColumn } from './shape.ts';

const columns: Column[] = [
  column('Last Seen', 'string', 'The time at which the most recent occurrence of this event was recorded.'),
  column('Type', 'string', 'Type of this event (Normal, Warning), new types could be added in the future'),
  column(
    'Reason',
    'string',
    "This should be a short, machine understandable string that gives the reason for the transition into the object's current status.",
  ),
  column('Object', 'string', 'The object that this event is about.'),
  wideColumn(
    'Subobject',
    'string',
    'If referring to a piece of an object instead of an entire object, this string should contain a valid JSON/Go field access statement, such as desiredState.manifest.containers[2]. For example, if the object reference is to a container within a pod, this would take on a value like: "spec.containers{name}" (where "name" refers to the name of the container that triggered the event) or if no container name is specified "spec.containers[2]" (container with index 2 in this pod). This syntax is chosen only to have some well-defined way of referencing a part of an object.',
  ),
  wideColumn(
    'Source',
    'string',
    'The component reporting this event. Should be a short machine understandable string.',
  ),
  column('Message', 'string', 'A human-readable description of the status of this operation.'),
  wideColumn(
    'First Seen',
    'string',
    'The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)',
  ),
  wideColumn('Count', 'string', 'The number of times this event has occurred.'),
  { ...nameColumn, priority: 1 },
];

/** Parts that are always printed, null or empty where there is nothing. */
function printEmptyParts(draft: KubeObject): void {
  if (!isFields(draft.involvedObject)) draft.involvedObject = {};
  if (!isFields(draft.source)) draft.source = {};
  draft.firstTimestamp ??= null;
  draft.lastTimestamp ??= null;
  draft.eventTime ??= null;
  draft.reportingComponent ??= '';
  draft.reportingInstance ??= '';
}

/** Fields by the name that selects them, in the words of v1. */
const selectors: NonNullable<KindDefinition['fieldSelectors']> = {
  ...Object.fromEntries(
    ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((field) => [
      `involvedObject.${field}`,
      (event: KubeObject) => String(event.involvedObject?.[field] ?? ''),
    ]),
  ),
  reason: (event) => String(event.reason ?? ''),
  reportingComponent: (event) => String(event.reportingComponent ?? ''),
  source: (event) => String(event.source?.component || event.reportingComponent || ''),
  type: (event) => String(event.type ?? ''),
};

const coreEvent = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  schema: 'CoreV1Event',
  defaults: printEmptyParts,
  fieldSelectors: selectors,
  columns,
  row: eventCells,
});
/** Taken nearly as they come: of `metadata` only what storage needs is checked. */
export const event: Kind = {
  ...coreEvent,
  validateCreate: (draft) => {
    const errors = validateEvent(draft, 'reportingComponent');
    return errors.length > 0 ? errors : validateObjectMeta(draft, { namespaced: true, nameRule: pathSegmentName });
  },
  validateUpdate: (draft, old) => [
    ...validateCommonUpdate(draft, old, true),
    ...validateEvent(draft, 'reportingComponent'),
  ],
};

/** What newer clients (the scheduler, client-go's events package) write. */
export const eventsV1Event = defineKind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  schema: 'EventsV1Event',
  defaults: (draft) => {
    if (!isFields(draft.regarding)) draft.regarding = {};
    if (!isFields(draft.deprecatedSource)) draft.deprecatedSource = {};
    draft.eventTime ??= null;
    draft.deprecatedFirstTimestamp ??= null;
    draft.deprecatedLastTimestamp ??= null;
  },
  validate: (draft, old) => [
    ...validateEvent(toCore(draft), 'reportingController'),
    ...(old === undefined ? validateStrictly(draft) : validateStrictChange(draft, old)),
  ],
  fieldSelectors: Object.fromEntries(
    Object.entries(selectors)
      .filter(([name]) => name !== 'source')
      .map(([name, read]) => [
        name.replace('involvedObject.', 'regarding.').replace('reportingComponent', 'reportingController'),
        (object: KubeObject) => read(toCore(object)),
      ]),
  ),
  columns,
  row: (object, now) => eventCells(toCore(object), now),
  storedAs: { group: '', plural: 'events', toStored: toCore, fromStored: fromCore },
});

/** Their names: [of events.k8s.io, of v1] (kubernetes, pkg/apis/events/v1/conversion.go). */
const renamed = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
  ['reportingController', 'reportingComponent'],
] as const;

function toCore(object: KubeObject): KubeObject {
  const core: KubeObject = { ...object, apiVersion: 'v1' };
  for (const [name, coreName] of renamed) {
    delete core[name];
    if (object[name] !== undefined) core[coreName] = object[name];
  }
  printEmptyParts(core);
  return core;
}

function fromCore(object: KubeObject): KubeObject {
  const answer: KubeObject = { ...object, apiVersion: 'events.k8s.io/v1' };
  for (const [name, coreName] of renamed) {
    delete answer[coreName];
    if (object[coreName] !== undefined) answer[name] = object[coreName];
  }
  // Here, unlike in v1, these are left out where they are empty.
  for (const name of ['reportingController', 'reportingInstance']) if (answer[name] === '') delete answer[name];
  return answer;
}

const reportingInstanceLimit = 128;
const shortLimit = 128;
const messageLimit = 1024;

/** What old and new clients' events alike must say (core/validation/events.go legacyValidateEvent). */
function validateEvent(draft: KubeObject, controllerField: string): FieldError[] {
  const namespace = String(draft.metadata.namespace ?? '');
  const about = String(draft.involvedObject?.namespace ?? '');
  const errors: FieldError[] = [];
  const wrong = invalid('involvedObject.namespace', about, 'does not match event.namespace');
  if (draft.eventTime === null || draft.eventTime === undefined) {
    const isFine = about === '' ? namespace === '' || namespace === 'default' : namespace === about;
    if (!isFine) errors.push(wrong);
  } else {
    if (about === '' && namespace !== 'default' && namespace !== 'kube-system') errors.push(wrong);
    const { reportingComponent: controller = '', reportingInstance: instance = '', action = '', reason = '' } = draft;
    if (!controller) errors.push(required(controllerField));
    errors.push(...invalids(controllerField, controller, qualifiedNameMessages(String(controller))));
    if (!instance) errors.push(required('reportingInstance'));
    errors.push(...validateLength('reportingInstance', instance, reportingInstanceLimit));
    if (!action) errors.push(required('action'));
    errors.push(...validateLength('action', action, shortLimit));
    if (!reason) errors.push(required('reason'));
    errors.push(
      ...validateLength('reason', reason, shortLimit),
      ...validateLength('message', draft.message, messageLimit),
    );
  }
  errors.push(...invalids('namespace', namespace, dnsSubdomainMessages(namespace)));
  return errors;
}

function validateLength(field: string, value: unknown, limit: number): FieldError[] {
  return Buffer.byteLength(String(value ?? '')) > limit
    ? [invalid(field, '', `can have at most ${limit} characters`)]
    : [];
}

/** What only events.k8s.io asks for. */
function validateStrictly(draft: KubeObject): FieldError[] {
  const errors = validateSeries(draft);
  if (draft.eventTime === null) errors.push(required('eventTime'));
  if (draft.type !== 'Normal' && draft.type !== 'Warning') {
    errors.push(invalid('type', '', `has invalid value: ${draft.type ?? ''}`));
  }
  if (draft.deprecatedFirstTimestamp !== null) errors.push(invalid('firstTimestamp', '', 'needs to be unset'));
  if (draft.deprecatedLastTimestamp !== null) errors.push(invalid('lastTimestamp', '', 'needs to be unset'));
  if (draft.deprecatedCount) errors.push(invalid('count', '', 'needs to be unset'));
  const { component, host } = fieldsOf(draft.deprecatedSource);
  if (component || host) errors.push(invalid('source', '', 'needs to be unset'));
  return errors;
}

function validateSeries({ series }: KubeObject): FieldError[] {
  if (!isFields(series)) return [];
  const errors: FieldError[] = [];
  if ((series.count ?? 0) < 2) errors.push(invalid('series.count', '', 'should be at least 2'));
  if (!series.lastObservedTime) errors.push(required('series.lastObservedTime'));
  return errors;
}

/** Only the series of an event goes on. */
function validateStrictChange(draft: KubeObject, old: KubeObject): FieldError[] {
  const errors = isSame(draft.series, old.series) ? [] : validateSeries(draft);
  const core = toCore(draft);
  const before = toCore(old);
  for (const field of [
    'involvedObject',
    'reason',
    'message',
    'source',
    'firstTimestamp',
    'lastTimestamp',
    'count',
    'type',
    'eventTime',
    'action',
    'related',
  ]) {
    errors.push(...validateImmutable(field, core[field], before[field]));
  }
  errors.push(
    ...validateImmutable('reportingController', core.reportingComponent, before.reportingComponent),
    ...validateImmutable('reportingInstance', core.reportingInstance, before.reportingInstance),
  );
  return errors;
}

/** Last Seen, Type, Reason, Object, Subobject, Source, Message, First Seen, Count, Name. */
function eventCells(object: KubeObject, now: number): unknown[] {
  const { involvedObject, series, source } = object;
  const firstSeen = object.firstTimestamp ? ageOf(object.firstTimestamp, now) : ageOf(object.eventTime, now);
  const lastSeen = isFields(series)
    ? ageOf(series.lastObservedTime, now)
    : object.lastTimestamp
      ? ageOf(object.lastTimestamp, now)
      : firstSeen;
  const kind = String(involvedObject?.kind ?? '').toLowerCase();
  const name: unknown = involvedObject?.name;
  const component = source?.component || object.reportingComponent || '';
  const host = source?.host || object.reportingInstance || '';
  return [
    lastSeen,
    object.type ?? '',
    object.reason ?? '',
    name ? `${kind}/${name}` : kind,
    involvedObject?.fieldPath ?? '',
    host ? `${component}, ${host}` : component,
    String(object.message ?? '').trim(),
    firstSeen,
    isFields(series) ? (series.count ?? 0) : object.count || 1,
    object.metadata.name,
  ];
}

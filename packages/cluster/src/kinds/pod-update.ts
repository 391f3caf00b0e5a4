/** What may change on a live pod: images, added tolerations, a shorter deadline, gates that go; nothing else of the spec. */
import { validateImageBlanks } from './container-validation.ts';
import { forbidden, invalid, invalids, required } from './field-errors.ts';
import { type Fields, fieldsOf, isSame, listOf } from './json.ts';
import type { FieldError, KubeObject } from './kind.ts';
import { qualifiedNameMessages, rangeText } from './names.ts';
import { describeChange } from './object-meta.ts';
import { validateIp } from './pod-spec-validation.ts';
import { validateTolerations } from './scheduling-validation.ts';

const maxInt32 = 2_147_483_647;

const immutableText =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** After what holds for every pod has been checked (core/validation ValidatePodUpdate). [SPEC C47] */
export function validatePodChange(draft: KubeObject, old: KubeObject): FieldError[] {
  const spec = fieldsOf(draft.spec);
  const before = fieldsOf(old.spec);
  const errors: FieldError[] = [];
  for (const field of ['containers', 'initContainers']) {
    const containers = listOf(spec[field]);
    if (containers.length !== listOf(before[field]).length) {
      errors.push(forbidden(`spec.${field}`, 'pod updates may not add or remove containers'));
      return errors;
    }
    for (const [index, { image }] of containers.entries()) {
      if (!image) errors.push(required(`spec.${field}[${index}].image`));
    }
    errors.push(...validateImageBlanks(containers, `spec.${field}`));
  }
  const deadlineError = validateDeadline(spec.activeDeadlineSeconds, before.activeDeadlineSeconds);
  if (deadlineError !== undefined) {
    errors.push(deadlineError);
    if (spec.activeDeadlineSeconds !== undefined) return errors;
  }
  errors.push(
    ...validateAddedTolerations(listOf(spec.tolerations), listOf(before.tolerations)),
    ...validateRemovedGates(listOf(spec.schedulingGates), listOf(before.schedulingGates)),
  );
  if (isSame(spec, before)) return errors;
  const munged = withoutChangeable(spec, before);
  if (listOf(before.schedulingGates).length > 0) errors.push(...validateGatedChange(munged, before));
  if (!isSame(munged, before)) errors.push(forbidden('spec', `${immutableText}\n${describeChange(before, munged)}`));
  return errors;
}

function validateDeadline(value: unknown, before: unknown): FieldError | undefined {
  const path = 'spec.activeDeadlineSeconds';
  if (typeof value !== 'number') {
    return typeof before === 'number'
      ? invalid(path, null, 'must not update from a positive integer to nil value')
      : undefined;
  }
  if (value < 0 || value > maxInt32) return invalid(path, value, rangeText(0, maxInt32));
  return typeof before === 'number' && before < value
    ? invalid(path, value, 'must be less than or equal to previous value')
    : undefined;
}

function validateAddedTolerations(tolerations: readonly Fields[], before: readonly Fields[]): FieldError[] {
  const withoutSeconds = ({ tolerationSeconds: _, ...rest }: Fields) => rest;
  const isKept = before.every((old) =>
    tolerations.some((toleration) => isSame(withoutSeconds(toleration), withoutSeconds(old))),
  );
  if (!isKept) {
    return [forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
  }
  return validateTolerations(tolerations, 'spec.tolerations');
}

function validateRemovedGates(gates: readonly Fields[], before: readonly Fields[]): FieldError[] {
  const known = new Set(before.map(({ name }) => name));
  return gates.flatMap(({ name }, index) =>
    known.has(name)
      ? []
      : [
          forbidden(
            `spec.schedulingGates[${index}].name`,
            `only deletion is allowed, but found new scheduling gate '${name}'`,
          ),
        ],
  );
}

/** The new spec with everything that may change put back to what it was. */
function withoutChangeable(spec: Fields, before: Fields): Fields {
  const munged: Fields = { ...spec };
  for (const field of ['containers', 'initContainers']) {
    if (spec[field] === undefined) continue;
    const old = listOf(before[field]);
    munged[field] = listOf(spec[field]).map((container, index) => ({ ...container, image: old[index]?.image }));
  }
  for (const field of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations']) munged[field] = before[field];
  const grace: unknown = before.terminationGracePeriodSeconds;
  if (typeof grace === 'number' && grace < 0 && spec.terminationGracePeriodSeconds === 1) {
    munged.terminationGracePeriodSeconds = grace;
  }
  return munged;
}

/** A gated pod may be narrowed: its node selector may grow, its node affinity may be given. Puts both back in `munged`. */
function validateGatedChange(munged: Fields, before: Fields): FieldError[] {
  const errors: FieldError[] = [];
  const selector = fieldsOf(munged.nodeSelector);
  for (const [key, value] of Object.entries(fieldsOf(before.nodeSelector))) {
    if (selector[key] === value) continue;
    const text = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
    errors.push(invalid('spec.nodeSelector', munged.nodeSelector ?? null, text));
    break;
  }
  munged.nodeSelector = before.nodeSelector;
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const oldTerms = listOf(fieldsOf(fieldsOf(fieldsOf(before.affinity).nodeAffinity)[required]).nodeSelectorTerms);
  const newTerms = listOf(fieldsOf(fieldsOf(fieldsOf(munged.affinity).nodeAffinity)[required]).nodeSelectorTerms);
  const keeps = oldTerms.every((term, index) =>
    ['matchExpressions', 'matchFields'].every((field) =>
      listOf(term[field]).every((old) => listOf(newTerms[index]?.[field]).some((item) => isSame(item, old))),
    ),
  );
  if (oldTerms.length > 0 && (oldTerms.length !== newTerms.length || !keeps)) {
    const path = `spec.affinity.nodeAffinity.${required}.nodeSelectorTerms`;
    errors.push(invalid(path, newTerms, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'));
  }
  munged.affinity = {
    ...fieldsOf(munged.affinity),
    nodeAffinity: fieldsOf(before.affinity).nodeAffinity,
  };
  return errors;
}

/** `/status`: addresses, conditions, containers that have ended for good (core/validation ValidatePodStatusUpdate). */
export function validatePodStatus(draft: KubeObject, old: KubeObject): FieldError[] {
  const status = fieldsOf(draft.status);
  const before = fieldsOf(old.status);
  const errors: FieldError[] = [];
  for (const [index, { type = '', observedGeneration }] of listOf(status.conditions).entries()) {
    const here = `status.conditions[${index}]`;
    if (typeof observedGeneration === 'number' && observedGeneration < 0) {
      errors.push(invalid(`${here}.observedGeneration`, observedGeneration, 'must be a non-negative integer'));
    }
    if (['PodScheduled', 'Ready', 'Initialized'].includes(type)) continue;
    errors.push(...invalids(`${here}.Type`, type, qualifiedNameMessages(String(type))));
  }
  if (!isSame(status.qosClass, before.qosClass)) {
    errors.push(invalid('status.qosClass', status.qosClass ?? '', 'field is immutable'));
  }
  errors.push(...validateEnded(status, before, fieldsOf(old.spec)));
  errors.push(...validateAddresses('podIPs', status, before));
  const hostIPs = listOf(status.hostIPs);
  if (hostIPs.length > 0 && hostIPs[0]?.ip !== (status.hostIP ?? '')) {
    errors.push(invalid('status.hostIPs[0].ip', hostIPs[0]?.ip ?? '', 'must be equal to `hostIP`'));
  }
  errors.push(...validateAddresses('hostIPs', status, before));
  return errors;
}

function validateAddresses(field: 'podIPs' | 'hostIPs', status: Fields, before: Fields): FieldError[] {
  const known = new Set(listOf(before[field]).map(({ ip }) => ip));
  const addresses = listOf(status[field]);
  const errors = addresses.flatMap(({ ip }, index) =>
    known.has(ip) ? [] : validateIp(ip, `status.${field}[${index}]`),
  );
  const families = new Set(addresses.map(({ ip }) => String(ip).includes(':')));
  if (addresses.length > 1 && (addresses.length > 2 || families.size < 2)) {
    const printed = addresses.map(({ ip }) => ({ IP: ip }));
    errors.push(invalid(`status.${field}`, printed, 'may specify no more than one IP for each IP family'));
  }
  return errors;
}

/** A container that ended for good stays ended. */
function validateEnded(status: Fields, before: Fields, spec: Fields): FieldError[] {
  if (spec.restartPolicy === 'Always') return [];
  const current = listOf(status.containerStatuses);
  return listOf(before.containerStatuses).flatMap(({ name, state }, index) => {
    const terminated: unknown = fieldsOf(state).terminated;
    if (terminated === undefined) return [];
    if (spec.restartPolicy === 'OnFailure' && fieldsOf(terminated).exitCode !== 0) return [];
    const next = current.find((container) => container.name === name);
    if (next === undefined || fieldsOf(next.state).terminated !== undefined) return [];
    return [forbidden(`status.containerStatuses[${index}].state`, 'may not be transitioned to non-terminated state')];
  });
}

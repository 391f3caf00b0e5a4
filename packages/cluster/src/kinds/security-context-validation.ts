/** `securityContext` of a pod and of its containers (core/validation validatePodSpecSecurityContext, ValidateSecurityContext). */
import { duplicate, invalid, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isFields, listOf, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { rangeText } from './names.ts';
import { validateDescendingPath } from './relative-path.ts';

const maxId = 2_147_483_647;

/** Of a pod. @param spec  the pod's, for what depends on the host's namespaces. [SPEC C46] */
export function validatePodSecurityContext(spec: Fields, path: string): FieldError[] {
  const context: unknown = spec.securityContext;
  if (!isFields(context)) return [];
  const errors = [
    ...validateId(context.fsGroup, `${path}.fsGroup`),
    ...validateId(context.runAsUser, `${path}.runAsUser`),
    ...validateId(context.runAsGroup, `${path}.runAsGroup`),
    ...(Array.isArray(context.supplementalGroups) ? context.supplementalGroups : []).flatMap(
      (group: unknown, index: number) => validateId(group, `${path}.supplementalGroups[${index}]`),
    ),
  ];
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const text = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalid(`${path}.shareProcessNamespace`, true, text));
  }
  errors.push(
    ...validateOneOf(context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], `${path}.fsGroupChangePolicy`),
  );
  errors.push(...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`));
  errors.push(
    ...validateOneOf(context.supplementalGroupsPolicy, ['Merge', 'Strict'], `${path}.supplementalGroupsPolicy`),
  );
  return errors;
}

/** Of a container. `hostUsers` is false only where the pod has users of its own. [SPEC C46] */
export function validateSecurityContext(context: unknown, path: string, hostUsers: boolean): FieldError[] {
  if (!isFields(context)) return [];
  const { procMount, privileged, allowPrivilegeEscalation, capabilities } = context;
  const errors = [
    ...validateId(context.runAsUser, `${path}.runAsUser`),
    ...validateId(context.runAsGroup, `${path}.runAsGroup`),
    ...validateOneOf(procMount, ['Default', 'Unmasked'], `${path}.procMount`),
  ];
  if (hostUsers && procMount === 'Unmasked') {
    errors.push(invalid(`${path}.procMount`, procMount, '`hostUsers` must be false to use `Unmasked`'));
  }
  errors.push(...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`));
  if (allowPrivilegeEscalation !== false) return errors;
  const text = 'cannot set `allowPrivilegeEscalation` to false and';
  if (privileged === true) errors.push(invalid(path, printed(context), `${text} \`privileged\` to true`));
  for (const capability of valuesOf(fieldsOf(capabilities).add)) {
    if (capability !== 'CAP_SYS_ADMIN') continue;
    errors.push(invalid(path, printed(context), `${text} \`capabilities.Add\` CAP_SYS_ADMIN`));
  }
  return errors;
}

/** `resizePolicy`: each resource once, and no restart of what is never restarted. [SPEC C46] */
export function validateResizePolicy(policies: unknown, path: string, podRestartPolicy: unknown): FieldError[] {
  const seen = new Set<unknown>();
  return listOf(policies).flatMap(({ resourceName = '', restartPolicy = '' }, index) => {
    const errors: FieldError[] = [];
    if (seen.has(resourceName)) errors.push(duplicate(`${path}[${index}]`, resourceName));
    seen.add(resourceName);
    errors.push(...validateOneOf(resourceName, ['cpu', 'memory'], path));
    errors.push(...validateOneOf(restartPolicy, ['NotRequired', 'RestartContainer'], path));
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      errors.push(invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    }
    return errors;
  });
}

function validateId(id: unknown, path: string): FieldError[] {
  return typeof id === 'number' && (id < 0 || id > maxId) ? [invalid(path, id, rangeText(0, maxId))] : [];
}

function validateOneOf(value: unknown, supported: readonly string[], path: string): FieldError[] {
  return value === undefined || supported.includes(String(value)) ? [] : [unsupported(path, value, supported)];
}

function validateSeccomp(profile: unknown, path: string): FieldError[] {
  if (!isFields(profile)) return [];
  const { type, localhostProfile } = profile;
  const errors = type
    ? validateOneOf(type, ['Localhost', 'RuntimeDefault', 'Unconfined'], `${path}.type`)
    : [required(`${path}.type`, 'type is required when seccompProfile is set')];
  const here = `${path}.localhostProfile`;
  if (type !== 'Localhost') {
    const value = { Type: type ?? '', LocalhostProfile: localhostProfile };
    if (localhostProfile !== undefined) {
      errors.push(invalid(here, value, 'can only be set when seccomp type is Localhost'));
    }
  } else if (localhostProfile === undefined) {
    errors.push(required(here, 'must be set when seccomp type is Localhost'));
  } else errors.push(...validateDescendingPath(String(localhostProfile), here));
  return errors;
}

/** As Go prints its own structure, which has no names of JSON. */
function printed(context: Fields): Fields {
  const { capabilities, seLinuxOptions, windowsOptions, seccompProfile, appArmorProfile } = context;
  const filled = (part: unknown, names: Readonly<Record<string, unknown>>): unknown => (isFields(part) ? names : null);
  const list = (value: unknown): unknown => (Array.isArray(value) ? value : null);
  const { user = '', role = '', type = '', level = '' } = fieldsOf(seLinuxOptions);
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName, hostProcess } = fieldsOf(windowsOptions);
  const profileOf = (profile: unknown): unknown =>
    filled(profile, {
      Type: fieldsOf(profile).type ?? '',
      LocalhostProfile: fieldsOf(profile).localhostProfile ?? null,
    });
  return {
    Capabilities: filled(capabilities, {
      Add: list(fieldsOf(capabilities).add),
      Drop: list(fieldsOf(capabilities).drop),
    }),
    Privileged: context.privileged ?? null,
    SELinuxOptions: filled(seLinuxOptions, { User: user, Role: role, Type: type, Level: level }),
    WindowsOptions: filled(windowsOptions, {
      GMSACredentialSpecName: gmsaCredentialSpecName ?? null,
      GMSACredentialSpec: gmsaCredentialSpec ?? null,
      RunAsUserName: runAsUserName ?? null,
      HostProcess: hostProcess ?? null,
    }),
    RunAsUser: context.runAsUser ?? null,
    RunAsGroup: context.runAsGroup ?? null,
    RunAsNonRoot: context.runAsNonRoot ?? null,
    ReadOnlyRootFilesystem: context.readOnlyRootFilesystem ?? null,
    AllowPrivilegeEscalation: context.allowPrivilegeEscalation ?? null,
    ProcMount: context.procMount ?? null,
    SeccompProfile: profileOf(seccompProfile),
    AppArmorProfile: profileOf(appArmorProfile),
  };
}

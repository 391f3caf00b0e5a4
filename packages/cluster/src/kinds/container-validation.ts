/** What a container must say (kubernetes 1.34, pkg/apis/core/validation/validation.go validateContainers and below). */
import { duplicate, forbidden, invalid, invalids, notFound, required, unsupported } from './field-errors.ts';
import { type Fields, isFields, listOf } from './json.ts';
import type { FieldError } from './kind.ts';
import {
  configKeyMessages,
  dnsLabelMessages,
  envNameMessages,
  portNameMessages,
  portNumberMessages,
  qualifiedNameMessages,
  subdomainName,
} from './names.ts';
import { validateContainerHooks } from './probe-validation.ts';
import { validateDescendingPath } from './relative-path.ts';
import { validateRequirements } from './resource-validation.ts';
import { validateResizePolicy, validateSecurityContext } from './security-context-validation.ts';

/** What of the pod a container is checked against. */
interface ContainerSurroundings {
  /** Names of the pod's good volumes. */
  volumes: ReadonlySet<string>;
  /** `spec.restartPolicy`. */
  restartPolicy: unknown;
  /** Whether the pod's users are those of the host. */
  hostUsers: boolean;
}

/** `spec.containers`. */
export function validateContainers(
  containers: readonly Fields[],
  path: string,
  around: ContainerSurroundings,
): FieldError[] {
  if (containers.length === 0) return [required(path)];
  const errors: FieldError[] = [];
  const names = new Set<unknown>();
  for (const [index, container] of containers.entries()) {
    const here = `${path}[${index}]`;
    errors.push(...validateContainer(container, here, around));
    if (names.has(container.name)) errors.push(duplicate(`${here}.name`, container.name ?? ''));
    else names.add(container.name);
    errors.push(...validateContainerHooks(container, here));
    if (container.restartPolicy !== undefined) {
      errors.push(forbidden(`${here}.restartPolicy`, 'may not be set for non-init containers'));
    }
  }
  errors.push(...validateHostPorts(containers, path));
  return errors;
}

/** `spec.initContainers`; `regular` are the pod's other containers, whose names are taken. */
export function validateInitContainers(
  containers: readonly Fields[],
  regular: readonly Fields[],
  path: string,
  around: ContainerSurroundings,
): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<unknown>(regular.map(({ name }) => name));
  for (const [index, container] of containers.entries()) {
    const here = `${path}[${index}]`;
    errors.push(...validateContainer(container, here, around));
    const { restartPolicy } = container;
    if (restartPolicy !== undefined && restartPolicy !== 'Always') {
      errors.push(unsupported(`${here}.restartPolicy`, restartPolicy, ['Always']));
    }
    if (names.has(container.name)) errors.push(duplicate(`${here}.name`, container.name ?? ''));
    else if (container.name) names.add(container.name);
    errors.push(...validateHostPorts([container], path));
    if (restartPolicy === 'Always') {
      errors.push(...validateContainerHooks(container, here));
      continue;
    }
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) {
      if (container[field] !== undefined) {
        errors.push(forbidden(`${here}.${field}`, 'may not be set for init containers without restartPolicy=Always'));
      }
    }
  }
  return errors;
}

/** What holds for containers of every sort. */
function validateContainer(container: Fields, path: string, around: ContainerSurroundings): FieldError[] {
  const { name, image, terminationMessagePolicy: policy, imagePullPolicy } = container;
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${path}.name`));
  else errors.push(...invalids(`${path}.name`, name, dnsLabelMessages(String(name))));
  if (!image) errors.push(required(`${path}.image`));
  if (policy !== 'File' && policy !== 'FallbackToLogsOnError') {
    errors.push(unsupported(`${path}.terminationMessagePolicy`, policy, ['File', 'FallbackToLogsOnError']));
  }
  errors.push(
    ...validatePorts(listOf(container.ports), `${path}.ports`),
    ...validateEnv(listOf(container.env), `${path}.env`),
    ...validateEnvFrom(listOf(container.envFrom), `${path}.envFrom`),
    ...validateMounts(listOf(container.volumeMounts), `${path}.volumeMounts`, around),
  );
  if (imagePullPolicy !== 'Always' && imagePullPolicy !== 'IfNotPresent' && imagePullPolicy !== 'Never') {
    errors.push(unsupported(`${path}.imagePullPolicy`, imagePullPolicy, ['Always', 'IfNotPresent', 'Never']));
  }
  errors.push(
    ...validateRequirements(container.resources, `${path}.resources`),
    ...validateResizePolicy(container.resizePolicy, `${path}.resizePolicy`, around.restartPolicy),
    ...validateSecurityContext(container.securityContext, `${path}.securityContext`, around.hostUsers),
  );
  return errors;
}

/** For pods, not for templates: an image with blanks around it. */
export function validateImageBlanks(containers: readonly Fields[], path: string): FieldError[] {
  return containers.flatMap(({ image }, index) => {
    const text = String(image ?? '');
    return text === text.trim()
      ? []
      : [invalid(`${path}[${index}].image`, text, 'must not have leading or trailing whitespace')];
  });
}

function validatePorts(ports: readonly Fields[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<unknown>();
  for (const [index, { name, containerPort, hostPort, protocol }] of ports.entries()) {
    const here = `${path}[${index}]`;
    if (name) {
      const messages = portNameMessages(String(name));
      if (messages.length > 0) errors.push(...invalids(`${here}.name`, name, messages));
      else if (names.has(name)) errors.push(duplicate(`${here}.name`, name));
      else names.add(name);
    }
    if (!containerPort) errors.push(required(`${here}.containerPort`));
    else errors.push(...invalids(`${here}.containerPort`, containerPort, portNumberMessages(Number(containerPort))));
    if (hostPort) errors.push(...invalids(`${here}.hostPort`, hostPort, portNumberMessages(Number(hostPort))));
    if (protocol !== 'TCP' && protocol !== 'UDP' && protocol !== 'SCTP') {
      errors.push(unsupported(`${here}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']));
    }
  }
  return errors;
}

function validateHostPorts(containers: readonly Fields[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const taken = new Set<string>();
  for (const [index, container] of containers.entries()) {
    for (const [portIndex, { hostPort, hostIP = '', protocol }] of listOf(container.ports).entries()) {
      if (!hostPort) continue;
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(key)) errors.push(duplicate(`${path}[${index}].ports[${portIndex}].hostPort`, key));
      else taken.add(key);
    }
  }
  return errors;
}

/** `$(VAR)` sources that a pod's own fields can be. */
const envFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
/** Field paths that exist, but not as an environment variable. */
const otherFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
];
const envResources = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

function validateEnv(variables: readonly Fields[], path: string): FieldError[] {
  return variables.flatMap((variable, index) => {
    const here = `${path}[${index}]`;
    const { name } = variable;
    return [
      ...(name ? invalids(`${here}.name`, name, envNameMessages(String(name))) : [required(`${here}.name`)]),
      ...validateEnvSource(variable, `${here}.valueFrom`),
    ];
  });
}

function validateEnvSource({ value, valueFrom }: Fields, path: string): FieldError[] {
  if (!isFields(valueFrom)) return [];
  const errors: FieldError[] = [];
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  if (isFields(fieldRef)) errors.push(...validateFieldRef(fieldRef, `${path}.fieldRef`, envFieldPaths));
  if (isFields(resourceFieldRef)) errors.push(...validateResourceRef(resourceFieldRef, `${path}.resourceFieldRef`));
  if (isFields(configMapKeyRef)) errors.push(...validateKeyRef(configMapKeyRef, `${path}.configMapKeyRef`));
  if (isFields(secretKeyRef)) errors.push(...validateKeyRef(secretKeyRef, `${path}.secretKeyRef`));
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(isFields).length;
  if (sources === 0) {
    errors.push(
      invalid(path, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'),
    );
  } else if (value) errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  return errors;
}

/** A field of the pod. `allowed`: those that can be had at the place; one label or annotation can be had everywhere. */
export function validateFieldRef({ fieldPath }: Fields, path: string, allowed: readonly string[]): FieldError[] {
  const name = String(fieldPath ?? '');
  if (name === '') return [required(`${path}.fieldPath`)];
  const subscripted = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/.exec(name);
  if (subscripted !== null) {
    const [, field, key = ''] = subscripted;
    const subscript = field === 'metadata.annotations' ? key.toLowerCase() : key;
    return invalids(path, subscript, qualifiedNameMessages(subscript));
  }
  if (allowed.includes(name)) return [];
  if ([...envFieldPaths, ...otherFieldPaths].includes(name)) return [unsupported(`${path}.fieldPath`, name, allowed)];
  const detail = `error converting fieldPath: field label not supported: ${name}`;
  return [invalid(`${path}.fieldPath`, name, detail)];
}

/** A resource of a container. */
export function validateResourceRef({ resource }: Fields, path: string): FieldError[] {
  const name = String(resource ?? '');
  if (name === '') return [required(`${path}.resource`)];
  const isKnown = envResources.includes(name) || /^(limits|requests)\.hugepages-/.test(name);
  return isKnown ? [] : [unsupported(`${path}.resource`, name, envResources)];
}

function validateKeyRef({ name, key }: Fields, path: string): FieldError[] {
  return [
    ...invalids(`${path}.name`, name ?? '', subdomainName(String(name ?? ''), false)),
    ...(key ? invalids(`${path}.key`, key, configKeyMessages(String(key))) : [required(`${path}.key`)]),
  ];
}

function validateEnvFrom(sources: readonly Fields[], path: string): FieldError[] {
  return sources.flatMap(({ prefix, configMapRef, secretRef }, index) => {
    const here = `${path}[${index}]`;
    const errors: FieldError[] = [];
    if (prefix) errors.push(...invalids(`${here}.prefix`, prefix, envNameMessages(String(prefix))));
    for (const [field, reference] of Object.entries({ configMapRef, secretRef })) {
      if (!isFields(reference)) continue;
      const { name } = reference;
      if (!name) errors.push(required(`${here}.${field}.name`));
      else errors.push(...invalids(`${here}.${field}.name`, name, subdomainName(String(name), true)));
    }
    const given = [configMapRef, secretRef].filter(isFields).length;
    if (given === 0) errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (given > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}

function validateMounts(mounts: readonly Fields[], path: string, { volumes }: ContainerSurroundings): FieldError[] {
  const errors: FieldError[] = [];
  const paths = new Set<unknown>();
  for (const [index, { name, mountPath, subPath, subPathExpr }] of mounts.entries()) {
    const here = `${path}[${index}]`;
    if (!name) errors.push(required(`${here}.name`));
    if (!volumes.has(String(name ?? ''))) errors.push(notFound(`${here}.name`, name ?? ''));
    if (!mountPath) errors.push(required(`${here}.mountPath`));
    if (paths.has(mountPath)) errors.push(invalid(`${here}.mountPath`, mountPath ?? '', 'must be unique'));
    paths.add(mountPath);
    if (subPath) errors.push(...validateDescendingPath(String(subPath), `${path}.subPath`));
    if (subPathExpr) {
      if (subPath) {
        errors.push(invalid(`${here}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      }
      errors.push(...validateDescendingPath(String(subPathExpr), `${path}.subPathExpr`));
    }
  }
  return errors;
}

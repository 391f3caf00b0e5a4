/** A pod's spec, alone or in a template, in the order in which the real one complains (core/validation ValidatePodSpec). */
import { isIP } from 'node:net';
import { validateContainers, validateInitContainers } from './container-validation.ts';
import { duplicate, forbidden, invalid, invalids, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, listOf, valuesOf } from './json.ts';
import type { FieldError } from './kind.ts';
import { validateLabels } from './label-selectors.ts';
import { dnsLabelMessages, dnsSubdomainMessages, qualifiedNameMessages, rangeText, subdomainName } from './names.ts';
import { validateAnnotations } from './object-meta.ts';
import { validateRequirements } from './resource-validation.ts';
import { validateAffinity, validateTolerations, validateTopologySpread } from './scheduling-validation.ts';
import { validatePodSecurityContext } from './security-context-validation.ts';
import { validateVolumes } from './volume-validation.ts';

const maxInt32 = 2_147_483_647;
const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

/** `extraVolumes` exist without being written in the spec (claims of a StatefulSet). [SPEC C46] */
export function validatePodSpec(
  spec: Fields,
  path: string,
  options: { isPod: boolean; extraVolumes?: readonly string[] },
): FieldError[] {
  const containers = listOf(spec.containers);
  const { errors, names } = validateVolumes(listOf(spec.volumes), `${path}.volumes`);
  const around = {
    volumes: new Set([...names, ...(options.extraVolumes ?? [])]),
    restartPolicy: spec.restartPolicy,
    hostUsers: spec.hostUsers !== false,
  };
  errors.push(
    ...validateContainers(containers, `${path}.containers`, around),
    ...validateInitContainers(listOf(spec.initContainers), containers, `${path}.initContainers`, around),
  );
  if (spec.resources !== undefined) errors.push(...validateRequirements(spec.resources, `${path}.resources`));
  if (spec.hostNetwork === true) errors.push(...validateHostNetworkPorts(containers, path, options.isPod));
  const { restartPolicy, dnsPolicy } = spec;
  if (!['Always', 'OnFailure', 'Never'].includes(restartPolicy)) {
    errors.push(unsupported(`${path}.restartPolicy`, restartPolicy, ['Always', 'OnFailure', 'Never']));
  }
  if (!dnsPolicies.includes(dnsPolicy)) errors.push(unsupported(`${path}.dnsPolicy`, dnsPolicy, dnsPolicies));
  errors.push(
    ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
    ...validatePodSecurityContext(spec, `${path}.securityContext`),
    ...validateAffinity(spec.affinity, `${path}.affinity`),
    ...validateDnsConfig(spec, `${path}.dnsConfig`),
    ...listOf(spec.readinessGates).flatMap(({ conditionType = '' }, index) =>
      invalids(
        `${path}.readinessGates[${index}].conditionType`,
        conditionType,
        qualifiedNameMessages(String(conditionType)),
      ),
    ),
    ...validateSchedulingGates(listOf(spec.schedulingGates), `${path}.schedulingGates`),
    ...validateTopologySpread(listOf(spec.topologySpreadConstraints), `${path}.topologySpreadConstraints`),
    ...validateNames(spec, path),
  );
  return errors;
}

/** What follows in the real one's order, each checked only where it is given. */
function validateNames(spec: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { serviceAccountName, nodeName, activeDeadlineSeconds: deadline, hostname, subdomain } = spec;
  if (serviceAccountName) {
    errors.push(
      ...invalids(`${path}.serviceAccountName`, serviceAccountName, subdomainName(String(serviceAccountName), false)),
    );
  }
  if (nodeName) errors.push(...invalids(`${path}.nodeName`, nodeName, subdomainName(String(nodeName), false)));
  if (typeof deadline === 'number' && (deadline < 1 || deadline > maxInt32)) {
    errors.push(invalid(`${path}.activeDeadlineSeconds`, deadline, rangeText(1, maxInt32)));
  }
  if (hostname) errors.push(...invalids(`${path}.hostname`, hostname, dnsLabelMessages(String(hostname))));
  if (subdomain) errors.push(...invalids(`${path}.subdomain`, subdomain, dnsLabelMessages(String(subdomain))));
  errors.push(...validateTolerations(listOf(spec.tolerations), `${path}.tolerations`));
  for (const [index, { ip = '', hostnames }] of listOf(spec.hostAliases).entries()) {
    const here = `${path}.hostAliases[${index}]`;
    errors.push(...validateIp(ip, `${here}.ip`));
    for (const [nameIndex, name] of valuesOf(hostnames).entries()) {
      errors.push(...invalids(`${here}.hostnames[${nameIndex}]`, name, dnsSubdomainMessages(name)));
    }
  }
  const { priorityClassName, preemptionPolicy } = spec;
  if (priorityClassName) {
    errors.push(
      ...invalids(`${path}.priorityClassName`, priorityClassName, subdomainName(String(priorityClassName), false)),
    );
  }
  if (preemptionPolicy !== undefined && !['PreemptLowerPriority', 'Never'].includes(preemptionPolicy)) {
    errors.push(unsupported(`${path}.preemptionPolicy`, preemptionPolicy, ['PreemptLowerPriority', 'Never']));
  }
  return errors;
}

function validateHostNetworkPorts(containers: readonly Fields[], path: string, isPod: boolean): FieldError[] {
  return containers.flatMap(({ ports }, index) =>
    listOf(ports).flatMap(({ hostPort = 0, containerPort }, portIndex) =>
      (isPod || hostPort !== 0) && hostPort !== containerPort
        ? [
            invalid(
              `${path}.containers[${index}].ports[${portIndex}].hostPort`,
              hostPort,
              'must match `containerPort` when `hostNetwork` is true',
            ),
          ]
        : [],
    ),
  );
}

function validateDnsConfig({ dnsPolicy, dnsConfig }: Fields, path: string): FieldError[] {
  if (dnsPolicy === 'None' && dnsConfig === undefined) {
    return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
  }
  const { nameservers, searches } = fieldsOf(dnsConfig);
  const servers = valuesOf(nameservers);
  if (dnsPolicy === 'None' && servers.length === 0) {
    return [required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')];
  }
  const errors: FieldError[] = [];
  if (servers.length > 3) errors.push(invalid(`${path}.nameservers`, servers, 'must not have more than 3 nameservers'));
  for (const [index, server] of servers.entries()) errors.push(...validateIp(server, `${path}.nameservers[${index}]`));
  const paths = valuesOf(searches);
  if (paths.length > 32) errors.push(invalid(`${path}.searches`, paths, 'must not have more than 32 search paths'));
  return errors;
}

function validateSchedulingGates(gates: readonly Fields[], path: string): FieldError[] {
  const seen = new Set<unknown>();
  return gates.flatMap(({ name = '' }, index) => {
    const here = `${path}[${index}]`;
    const errors = invalids(here, name, qualifiedNameMessages(String(name)));
    if (seen.has(name)) errors.push(duplicate(here, name));
    seen.add(name);
    return errors;
  });
}

/** An IPv4 or IPv6 address. */
export function validateIp(value: unknown, path: string): FieldError[] {
  const text = String(value ?? '');
  return isIP(text) === 0 ? [invalid(path, text, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')] : [];
}

/** `spec.template` of whatever makes pods. */
export function validatePodTemplate(
  template: unknown,
  path: string,
  options: { extraVolumes?: readonly string[] } = {},
): FieldError[] {
  const { metadata, spec } = fieldsOf(template);
  const { labels, annotations } = fieldsOf(metadata);
  const errors = [
    ...validateLabels(labels, `${path}.labels`),
    ...validateAnnotations(annotations, `${path}.annotations`),
    ...validatePodAnnotations(annotations, spec, `${path}.annotations`),
    ...validatePodSpec(fieldsOf(spec), `${path}.spec`, { isPod: false, ...options }),
  ];
  if (listOf(fieldsOf(spec).ephemeralContainers).length > 0) {
    errors.push(forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  }
  return errors;
}

const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const mirrorPod = 'kubernetes.io/config.mirror';

/** Annotations that mean something. */
export function validatePodAnnotations(annotations: unknown, spec: unknown, path: string): FieldError[] {
  const given = fieldsOf(annotations);
  const errors: FieldError[] = [];
  if (given[mirrorPod] !== undefined && !fieldsOf(spec).nodeName) {
    const text = 'must set spec.nodeName if mirror pod annotation is set';
    errors.push(invalid(`${path}[${mirrorPod}]`, given[mirrorPod], text));
  }
  const cost: unknown = given[deletionCost];
  if (cost !== undefined && !isDeletionCost(String(cost))) {
    errors.push(invalid(`${path}[${deletionCost}]`, cost, 'must be a 32bit integer'));
  }
  return errors;
}

function isDeletionCost(text: string): boolean {
  return /^(0|-?[1-9][0-9]*)$/.test(text) && Math.abs(Number(text)) <= maxInt32;
}

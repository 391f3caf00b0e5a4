/** What a pod spec says once everything left out is filled in (kubernetes, pkg/apis/core/v1/defaults.go). */
import { defaultPullPolicy } from './image-reference.ts';
import { type Fields, fieldsOf, isFields, listOf } from './json.ts';
import { decodeQuantity, formatQuantity, normalizeResources } from './quantity.ts';

/** For pods and for templates. Changes the spec in place; twice is once. [SPEC C45] */
export function defaultPodSpec(spec: Fields): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // The old name of the field: whichever is given is in both (conversion of v1.PodSpec).
  spec.serviceAccountName ||= spec.serviceAccount;
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
  else delete spec.serviceAccountName;
  for (const volume of listOf(spec.volumes)) defaultVolume(volume);
  for (const container of [...listOf(spec.initContainers), ...listOf(spec.containers)]) defaultContainer(container);
  for (const container of listOf(spec.ephemeralContainers)) defaultContainer(container);
  normalizeRequirements(spec.resources);
  normalizeResources(spec.overhead);
}

/** For pods alone: requests follow limits, service links, ports of the host's network. */
export function defaultPodOnly(spec: Fields): void {
  spec.enableServiceLinks ??= true;
  for (const container of [...listOf(spec.initContainers), ...listOf(spec.containers)]) {
    const resources = fieldsOf(container.resources);
    if (isFields(resources.limits)) {
      resources.requests = { ...resources.limits, ...fieldsOf(resources.requests) };
    }
    if (spec.hostNetwork === true) for (const port of listOf(container.ports)) port.hostPort ||= port.containerPort;
  }
}

function defaultContainer(container: Fields): void {
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.imagePullPolicy ||= defaultPullPolicy(container.image);
  if (!isFields(container.resources)) container.resources = {};
  normalizeRequirements(container.resources);
  for (const port of listOf(container.ports)) port.protocol ||= 'TCP';
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (isFields(probe)) defaultProbe(probe);
  }
  const lifecycle = fieldsOf(container.lifecycle);
  for (const hook of [lifecycle.postStart, lifecycle.preStop]) defaultHttpGet(fieldsOf(hook).httpGet);
  for (const variable of listOf(container.env)) {
    const { fieldRef, resourceFieldRef } = fieldsOf(variable.valueFrom);
    if (isFields(fieldRef)) fieldRef.apiVersion ||= 'v1';
    if (isFields(resourceFieldRef)) defaultDivisor(resourceFieldRef);
  }
}

function normalizeRequirements(requirements: unknown): void {
  const { limits, requests } = fieldsOf(requirements);
  normalizeResources(limits);
  normalizeResources(requests);
}

function defaultProbe(probe: Fields): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (isFields(probe.grpc)) probe.grpc.service ??= '';
}

function defaultHttpGet(httpGet: unknown): void {
  if (!isFields(httpGet)) return;
  httpGet.path ||= '/';
  httpGet.scheme ||= 'HTTP';
}

/** A quantity that is always printed: 0 where none is given. */
function defaultDivisor(selector: Fields): void {
  selector.divisor = formatQuantity(decodeQuantity(selector.divisor ?? '0'));
}

function defaultVolume(volume: Fields): void {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  if (sources.length === 0) volume.emptyDir = {};
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
    // 0644; JSON has no octal.
    if (isFields(source)) source.defaultMode ??= 420;
  }
  if (isFields(volume.hostPath)) volume.hostPath.type ??= '';
  if (isFields(volume.emptyDir) && volume.emptyDir.sizeLimit !== undefined) {
    volume.emptyDir.sizeLimit = formatQuantity(decodeQuantity(volume.emptyDir.sizeLimit));
  }
  if (isFields(volume.image)) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference);
  defaultDownwardItems(fieldsOf(volume.downwardAPI).items);
  for (const source of listOf(fieldsOf(volume.projected).sources)) {
    if (isFields(source.serviceAccountToken)) source.serviceAccountToken.expirationSeconds ??= 3600;
    defaultDownwardItems(fieldsOf(source.downwardAPI).items);
  }
  const claim = fieldsOf(fieldsOf(volume.ephemeral).volumeClaimTemplate).spec;
  if (isFields(claim)) claim.volumeMode ??= 'Filesystem';
}

function defaultDownwardItems(items: unknown): void {
  for (const { fieldRef, resourceFieldRef } of listOf(items)) {
    if (isFields(fieldRef)) fieldRef.apiVersion ||= 'v1';
    if (isFields(resourceFieldRef)) defaultDivisor(resourceFieldRef);
  }
}

/**
 * What stands behind a Service: the addresses of its Pods, as Endpoints and as EndpointSlices (kubernetes, pkg/controller/endpoint and
 * endpointslice). Nothing is sent there in this cluster; they are what `kubectl describe service` and clients read.
 */
import { isIPv6 } from 'node:net';
import { ApiError } from '../api.ts';
import { type Fields, fieldsOf, listOf } from '../kinds/json.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { sameValue } from './machinery/canonical.ts';
import { timeText } from './machinery/instants.ts';
import { isNamespaceEnding, isReason } from './machinery/owners.ts';
import { controllerOf, isReady, keyOf, splitKey } from './machinery/shapes.ts';
import { createWorkQueue } from './machinery/work-queue.ts';
import { type Controller, type ControllerContext, controllerActor } from './options.ts';

const actor = controllerActor;
const slices = 'endpointslices.discovery.k8s.io';
const managedBy = 'endpoints.kubernetes.io/managed-by';
const sliceManagedBy = 'endpointslice.kubernetes.io/managed-by';
const sliceController = 'endpointslice-controller.k8s.io';
const serviceName = 'kubernetes.io/service-name';
const headless = 'service.kubernetes.io/headless';
const lastChange = 'endpoints.kubernetes.io/last-change-trigger-time';
/** A slice has no more endpoints than that (--max-endpoints-per-slice), an Endpoints object a thousand in all. */
const sliceSize = 100;
const endpointsSize = 1_000;

interface Port {
  name?: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

interface Backend {
  pod: KubeObject;
  ip: string;
  isReady: boolean;
  isEnding: boolean;
  ports: Port[];
}

export function startServiceEndpointsController(context: ControllerContext): Controller {
  const { api, clock } = context;
  const services = context.index('services');
  const pods = context.index('pods');
  const written = context.index(slices);
  const endpointEvents = context.recorder('endpoint-controller');
  const sliceEvents = context.recorder('endpoint-slice-controller');
  const queue = createWorkQueue({
    clock,
    run: sync,
    onError: (error, key) => context.onError(error, `endpoints-controller ${key}`),
    backoffMs: 1_000,
    maxBackoffMs: 60_000,
  });

  function sync(key: string): void {
    const { namespace = '', name } = splitKey(key);
    const service = services.get(key);
    // Slices go with their owner, Endpoints have none.
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
      removeEndpoints(namespace, name);
      return;
    }
    const { selector } = fieldsOf(service.spec);
    if (selector === undefined || service.spec?.type === 'ExternalName') return;
    const backends = pods
      .inNamespace(namespace)
      .filter((pod) => selects(selector, pod))
      .flatMap((pod) => backendOf(service, pod))
      .sort((a, b) => (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1));
    try {
      writeEndpoints(service, backends);
      writeSlices(service, backends);
    } catch (error) {
      if (!isNamespaceEnding(error)) throw error;
    }
  }

  function removeEndpoints(namespace: string, name: string): void {
    const known = api.get('endpoints', name, namespace);
    if (known?.metadata.labels?.[managedBy] === undefined) return;
    try {
      api.delete('endpoints', name, namespace);
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  function writeEndpoints(service: KubeObject, all: readonly Backend[]): void {
    const { name, namespace = '' } = service.metadata;
    const living = all.filter((one) => !one.isEnding).slice(0, endpointsSize);
    const subsets = byPorts(living).map(({ ports, backends }) => {
      const [ready, unready] = [backends.filter((one) => one.isReady), backends.filter((one) => !one.isReady)];
      return {
        ...(ready.length === 0 ? {} : { addresses: ready.map((one) => addressOf(service, one)) }),
        ...(unready.length === 0 ? {} : { notReadyAddresses: unready.map((one) => addressOf(service, one)) }),
        ...(ports.length === 0 ? {} : { ports }),
      };
    });
    const labels = { ...labelsOf(service), [managedBy]: 'endpoint-controller' };
    const change = (draft: KubeObject): void => {
      if (subsets.length === 0) delete draft.subsets;
      else draft.subsets = subsets;
      draft.metadata.labels = labels;
      draft.metadata.annotations = { ...draft.metadata.annotations, [lastChange]: timeText(clock.now()) };
    };
    const known = api.get('endpoints', name, namespace);
    const object = known ?? newObject('v1', 'Endpoints', { name, namespace });
    const tell = (reason: string, message: string): void =>
      endpointEvents.record({ ...object, apiVersion: 'v1', kind: 'Endpoints' }, { type: 'Warning', reason, message });
    if (known === undefined) {
      change(object);
      unlessRefused(
        () => api.create('endpoints', object, { actor, namespace }),
        (why) => tell('FailedToCreateEndpoint', `Failed to create endpoint for service ${keyOf(service)}: ${why}`),
      );
    } else if (!sameValue(known.subsets ?? [], subsets) || !sameValue(known.metadata.labels ?? {}, labels)) {
      unlessRefused(
        () => api.modify('endpoints', name, namespace, change, { actor }),
        (why) => tell('FailedToUpdateEndpoint', `Failed to update endpoint ${keyOf(service)}: ${why}`),
      );
    }
  }

  function writeSlices(service: KubeObject, all: readonly Backend[]): void {
    const { name, namespace = '', uid } = service.metadata;
    const wanted = slicesOf(service, all);
    const labels = { ...labelsOf(service), [sliceManagedBy]: sliceController, [serviceName]: name };
    const tell = (what: string): void => {
      const message = `Error updating Endpoint Slices for Service ${keyOf(service)}: failed to ${what}`;
      sliceEvents.record(service, { type: 'Warning', reason: 'FailedToUpdateEndpointSlices', message });
    };
    const present = written
      .inNamespace(namespace)
      .filter(
        (slice) => controllerOf(slice)?.uid === uid && slice.metadata.labels?.[sliceManagedBy] === sliceController,
      )
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    for (const [at, { endpoints, ports }] of wanted.entries()) {
      const change = (draft: KubeObject): void => {
        draft.endpoints = endpoints;
        draft.ports = ports;
        draft.metadata.labels = labels;
        draft.metadata.annotations = { ...draft.metadata.annotations, [lastChange]: timeText(clock.now()) };
      };
      const known = present[at];
      if (known === undefined) {
        const owner = { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true };
        const metadata = { generateName: `${name}-`, namespace, ownerReferences: [owner] };
        const slice = newObject('discovery.k8s.io/v1', 'EndpointSlice', metadata);
        slice.addressType = isIPv6(String(service.spec?.clusterIP)) ? 'IPv6' : 'IPv4';
        change(slice);
        unlessRefused(
          () => written.note(api.create(slices, slice, { actor, namespace })),
          (why) => tell(`create EndpointSlice for Service ${keyOf(service)}: ${why}`),
        );
      } else if (
        !sameValue(known.endpoints ?? null, endpoints) ||
        !sameValue(known.ports ?? null, ports) ||
        !sameValue(known.metadata.labels ?? {}, labels)
      ) {
        unlessRefused(
          () => api.modify(slices, known.metadata.name, namespace, change, { actor }),
          (why) => tell(`update ${known.metadata.name} EndpointSlice for Service ${keyOf(service)}: ${why}`),
        );
      }
    }
    for (const surplus of present.slice(wanted.length)) api.delete(slices, surplus.metadata.name, namespace);
  }

  function wakeFor(pod: KubeObject): void {
    for (const service of services.inNamespace(pod.metadata.namespace ?? '')) {
      const { selector } = fieldsOf(service.spec);
      if (selector !== undefined && selects(selector, pod)) queue.add(keyOf(service));
    }
  }

  const endings = [
    services.onChange((after, before) => {
      const service = after ?? before;
      if (service !== undefined) queue.add(keyOf(service));
    }),
    pods.onChange((after, before) => {
      if (after !== undefined && before !== undefined && sameBackend(after, before)) return;
      if (after !== undefined) wakeFor(after);
      if (before !== undefined && before.metadata.labels !== after?.metadata.labels) wakeFor(before);
    }),
    written.onChange((after, before) => {
      const owner = controllerOf(after ?? before ?? newObject('', '', {}));
      if (owner?.kind === 'Service') queue.add(`${(after ?? before)?.metadata.namespace}/${owner.name}`);
    }),
    context.index('endpoints').onChange((after, before) => {
      const endpoints = after ?? before;
      if (endpoints !== undefined && services.get(keyOf(endpoints)) !== undefined) queue.add(keyOf(endpoints));
    }),
  ];
  return {
    stop() {
      for (const end of endings) end();
      queue.stop();
    },
  };
}

/** What is refused (for an address that cannot be) is told, and tried again with the next change of a Pod or of the Service. */
function unlessRefused(write: () => void, tell: (why: string) => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status.reason !== 'Invalid') throw error;
    tell(error.message);
  }
}

function newObject(apiVersion: string, kind: string, metadata: Fields): KubeObject {
  return { apiVersion, kind, metadata: { name: '', uid: '', resourceVersion: '', creationTimestamp: '', ...metadata } };
}

function selects(selector: Fields, pod: KubeObject): boolean {
  const labels = pod.metadata.labels ?? {};
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** Most changes of Pods change nothing here. */
function sameBackend(after: KubeObject, before: KubeObject): boolean {
  return (
    after.metadata.labels === before.metadata.labels &&
    after.metadata.deletionTimestamp === before.metadata.deletionTimestamp &&
    after.status?.podIP === before.status?.podIP &&
    after.status?.phase === before.status?.phase &&
    isReady(after) === isReady(before)
  );
}

/** Nothing for a Pod without an address, and for one that has ended. */
function backendOf(service: KubeObject, pod: KubeObject): Backend[] {
  const { podIP, phase } = fieldsOf(pod.status);
  if (!podIP || phase === 'Succeeded' || phase === 'Failed') return [];
  if (isIPv6(String(podIP)) !== isIPv6(String(service.spec?.clusterIP))) return [];
  const ports = listOf(service.spec?.ports).flatMap(({ name, protocol, port, targetPort, appProtocol }) => {
    const number = typeof targetPort === 'string' ? namedPort(pod, targetPort, protocol) : (targetPort ?? port);
    if (number === undefined) return [];
    return [{ ...(name ? { name } : {}), port: number, protocol, ...(appProtocol ? { appProtocol } : {}) }];
  });
  return [
    {
      pod,
      ip: String(podIP),
      isReady: service.spec?.publishNotReadyAddresses === true || isReady(pod),
      isEnding: pod.metadata.deletionTimestamp !== undefined,
      ports,
    },
  ];
}

function namedPort(pod: KubeObject, name: string, protocol: string): number | undefined {
  const ports = listOf(pod.spec?.containers).flatMap((container) => listOf(container.ports));
  return ports.find((one) => one.name === name && one.protocol === protocol)?.containerPort;
}

/** Pods that resolve the Service's ports alike stand together. */
function byPorts(all: readonly Backend[]): Array<{ ports: Port[]; backends: Backend[] }> {
  const groups = new Map<string, { ports: Port[]; backends: Backend[] }>();
  for (const one of all) {
    const key = JSON.stringify(one.ports);
    const group = groups.get(key) ?? { ports: one.ports, backends: [] };
    group.backends.push(one);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function labelsOf({ metadata, spec }: KubeObject): Record<string, string> {
  return { ...metadata.labels, ...(spec?.clusterIP === 'None' ? { [headless]: '' } : {}) };
}

function referenceOf(service: KubeObject, { pod }: Backend): Fields {
  const { name, namespace, uid } = pod.metadata;
  const { hostname, subdomain, nodeName } = fieldsOf(pod.spec);
  const isNamed = hostname && subdomain === service.metadata.name;
  return {
    ...(isNamed ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function addressOf(service: KubeObject, one: Backend): Fields {
  return { ip: one.ip, ...referenceOf(service, one) };
}

/** One that is empty, where there is nothing. */
function slicesOf(
  service: KubeObject,
  all: readonly Backend[],
): Array<{ endpoints: Fields[] | null; ports: Port[] | null }> {
  const out: Array<{ endpoints: Fields[] | null; ports: Port[] | null }> = [];
  for (const { ports, backends } of byPorts(all)) {
    for (let at = 0; at < backends.length; at += sliceSize) {
      const endpoints = backends.slice(at, at + sliceSize).map((one) => ({
        addresses: [one.ip],
        conditions: { ready: one.isReady && !one.isEnding, serving: one.isReady, terminating: one.isEnding },
        ...referenceOf(service, one),
      }));
      out.push({ endpoints, ports: ports.map((port) => ({ name: '', ...port })) });
    }
  }
  return out.length === 0 ? [{ endpoints: null, ports: null }] : out;
}

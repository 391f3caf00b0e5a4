/**
 * The base's own Pod: found by what the base says of itself, its host name (which is a Pod's name) and its address, in the namespaces
 * that are open to it. A base may say anything, so nothing outside of these is looked at. [SPEC E43]
 */
import { collectionPath, describeOutcome, pods, type Transport } from '@kouplet/kube';
import { type Json, list, record, text, texts } from '../projection/json.ts';

export interface SoughtBase {
  readonly baseId: string;
  readonly nodeName: string;
  readonly hostName?: string;
  readonly ip?: string;
  /** At least one. */
  readonly namespaces: readonly string[];
  /** Whether a Node is one of ours: Pods there are modules, and their log is this one again. */
  readonly isVirtualNode: (nodeName: string) => boolean;
}

export type Located =
  | { readonly kind: 'found'; readonly namespace: string; readonly pod: string; readonly container: string }
  /** In words for whoever asked for the log: what was looked for, where, what to do. */
  | { readonly kind: 'unmatched'; readonly message: string }
  /** The API server did not say. */
  | { readonly kind: 'failed'; readonly message: string };

/** On the base's own Pod, a label upstream: which of its containers is the base. */
const containerName = 'base.koupleless.io/container-name';
const moduleLabels = ['virtual-kubelet.koupleless.io/component', 'module-controller.koupleless.io/component'];
const timeoutMs = 10_000;

interface Candidate {
  readonly namespace: string;
  readonly name: string;
  readonly ip: string | undefined;
  readonly isOnHostNetwork: boolean;
  readonly container: string | undefined;
  readonly containers: readonly string[];
}

/** Never rejects. */
export async function locateBasePod(transport: Transport, sought: SoughtBase): Promise<Located> {
  const { baseId, nodeName, hostName = '', ip = '', namespaces } = sought;
  const where = `namespace${namespaces.length === 1 ? '' : 's'} ${namespaces.join(', ')}`;
  const unmatched = (found: string): Located => ({
    kind: 'unmatched',
    message: `a module's log is that of its base, and the Pod of base ${baseId} is not known: ${found}. ${advice}`,
  });
  if (hostName === '' && ip === '') return unmatched('the base has told neither its host name nor its address');

  const named = isPodName(hostName) ? await candidates(transport, sought, `metadata.name=${hostName}`) : [];
  if (typeof named === 'string') return { kind: 'failed', message: named };
  const there = named.filter((candidate) => candidate.ip === ip);
  const [first, ...others] = there.length > 0 ? there : named;
  if (first !== undefined && others.length > 0) return unmatched(`several Pods are named ${hostName} in ${where}`);
  if (first !== undefined) return located(first);

  // Its modules' Pods have its address, too.
  const elsewhere = `spec.nodeName!=${nodeName}`;
  const addressed = isAddress(ip) ? await candidates(transport, sought, `status.podIP=${ip},${elsewhere}`) : [];
  if (typeof addressed === 'string') return { kind: 'failed', message: addressed };
  // A host's address says which host, not which Pod of it.
  const [only, ...more] = addressed.filter((candidate) => !candidate.isOnHostNetwork);
  if (only !== undefined && more.length === 0) return located(only);
  const looked = [
    ...(hostName === '' ? [] : [`is named ${hostName}, as its host`]),
    ...(ip === '' ? [] : [`has its address ${ip}`]),
  ];
  return unmatched(`no Pod in ${where} ${looked.join(', and none ')}`);
}

const advice =
  'Its log is where it runs; for kubectl logs it must be a Pod there, or the controller be told by --logs-base-namespaces where bases run.';

/** A Pod's name as a field selector takes it: nothing else in it. */
function isPodName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name);
}

function isAddress(ip: string): boolean {
  return /^[0-9a-fA-F.:]{2,45}$/.test(ip);
}

/** Pods of all namespaces in question that may be a base and are not over; a text: what the API said instead. */
async function candidates(transport: Transport, sought: SoughtBase, selector: string): Promise<Candidate[] | string> {
  const found: Candidate[] = [];
  for (const namespace of sought.namespaces) {
    const outcome = await transport.request({
      method: 'GET',
      path: collectionPath(pods, namespace),
      query: { fieldSelector: selector, limit: 500 },
      timeoutMs,
    });
    if (outcome.kind !== 'ok') {
      return `the Pods of namespace ${namespace} could not be listed: ${describeOutcome(outcome)}`;
    }
    for (const item of list(record(outcome.body).items)) {
      const candidate = candidateOf(namespace, record(item), sought);
      if (candidate !== undefined) found.push(candidate);
    }
  }
  return found;
}

function candidateOf(namespace: string, pod: Json, { isVirtualNode }: SoughtBase): Candidate | undefined {
  const [metadata, spec, status] = [record(pod.metadata), record(pod.spec), record(pod.status)];
  const name = text(metadata.name);
  const labels = texts(metadata.labels) ?? {};
  const phase = text(status.phase);
  if (name === undefined || phase === 'Succeeded' || phase === 'Failed') return undefined;
  if (isVirtualNode(text(spec.nodeName) ?? '') || moduleLabels.some((label) => labels[label] === 'module')) {
    return undefined;
  }
  return {
    namespace,
    name,
    ip: text(status.podIP),
    isOnHostNetwork: spec.hostNetwork === true,
    container: labels[containerName] ?? texts(metadata.annotations)?.[containerName],
    containers: list(spec.containers).flatMap((container) => text(record(container).name) ?? []),
  };
}

/** The container that is told, else `base`, else the only one. */
function located({ namespace, name, container, containers }: Candidate): Located {
  const [only] = containers;
  const chosen = container ?? (containers.length === 1 ? only : 'base');
  if (chosen !== undefined && containers.includes(chosen))
    return { kind: 'found', namespace, pod: name, container: chosen };
  const told =
    container === undefined
      ? `none is called base, and it has no label ${containerName}`
      : `its ${containerName} is ${container}`;
  return {
    kind: 'unmatched',
    message: `which container of the Pod ${namespace}/${name} is the base is not known: it has ${containers.join(', ')}, and ${told}. Set that label to the container's name.`,
  };
}

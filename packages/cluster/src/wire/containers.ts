/**
 * What would need a running container. No Node of this cluster has a kubelet, so all of it is refused: as a real server refuses it where the
 * request itself is wrong, else in words that say what there is instead.
 */
import type { ApiError } from '../api.ts';
import { fieldsOf, listOf } from '../kinds/json.ts';
import type { KubeObject, Subresource } from '../kinds/kind.ts';
import { faceOf } from '../rest/face.ts';
import type { Ground } from '../rest/ground.ts';
import { badRequest, notFound } from '../status.ts';
import type { Exchange } from './exchange.ts';

/** Asked for of Pods though discovery does not list them: better refused in words than not found. */
export const containerRequests: readonly Subresource[] = [
  'attach',
  'ephemeralcontainers',
  'exec',
  'portforward',
  'proxy',
].map((name) => ({
  name,
  verbs: ['get', 'create', 'update', 'patch', 'delete'],
}));

const INSTEAD: Readonly<Record<string, string>> = {
  attach: 'nothing can be attached to',
  ephemeralcontainers: 'none can be added to a pod',
  exec: 'no command can be run',
  log: 'there are no logs; what became of the pod is in its status and events (kubectl describe pod)',
  portforward: 'no port can be forwarded',
  proxy: 'no request can be proxied',
};

/** A Pod on no node has an empty log; every other log is refused. @throws ApiError 400, 404 */
export function serveLog(ground: Ground, exchange: Exchange, pod: KubeObject): void {
  checkContainer(pod, exchange.param('container'));
  const nodeName = String(pod.spec?.nodeName ?? '');
  if (nodeName === '') {
    exchange.response.writeHead(204).end();
    return;
  }
  // Sic: a real server names the node and calls it a pod.
  if (faceOf(ground, 'nodes').get('', nodeName) === undefined) {
    throw notFound({ group: '', plural: 'pods', kind: 'Pod' }, nodeName);
  }
  throw noContainers('log');
}

/** All but logs. @throws ApiError 400, always */
export function refuseContainerRequest(exchange: Exchange, pod: KubeObject, which: string): never {
  const { name } = pod.metadata;
  if (which === 'exec' || which === 'attach') checkContainer(pod, exchange.param('container'));
  if (!pod.spec?.nodeName && which !== 'ephemeralcontainers')
    throw badRequest(`pod ${name} does not have a host assigned`);
  throw noContainers(which);
}

function noContainers(which: string): ApiError {
  return badRequest(`the embedded cluster runs no containers: ${INSTEAD[which] ?? `${which} is not possible`}`);
}

/** As `validateContainer` of the registry: a Pod of several containers needs one named. */
function checkContainer({ metadata, spec }: KubeObject, wanted: string | undefined): void {
  const names = (field: string): string[] => listOf(fieldsOf(spec)[field]).map((one) => String(one.name));
  const [containers, init, ephemeral] = ['containers', 'initContainers', 'ephemeralContainers'].map(names);
  if (wanted !== undefined) {
    if ([containers, init, ephemeral].some((some) => some?.includes(wanted))) return;
    throw badRequest(`container ${wanted} is not valid for pod ${metadata.name}`);
  }
  if (containers?.length === 1) return;
  const also = (what: string, some: readonly string[] = []): string =>
    some.length === 0 ? '' : ` or one of the ${what} containers: [${some.join(' ')}]`;
  throw badRequest(
    `a container name must be specified for pod ${metadata.name}, choose one of: [${(containers ?? []).join(' ')}]${also('init', init)}${also('ephemeral', ephemeral)}`,
  );
}

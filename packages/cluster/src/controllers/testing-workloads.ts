/** Test support: objects as defaulting leaves them, and a stand-in for whoever runs pods. */
import type { Api } from '../api.ts';
import type { Clock } from '../clock.ts';
import type { KubeObject } from '../kinds/kind.ts';
import { timeText } from './machinery/instants.ts';

export const templateOf = (labels: Record<string, string>, image = 'biz:1') => ({
  metadata: { labels },
  spec: {
    containers: [{ name: 'c', image, resources: {}, imagePullPolicy: 'IfNotPresent' }],
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: {},
    terminationGracePeriodSeconds: 30,
  },
});

export const deploymentOf = (
  name: string,
  spec: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, ...metadata },
  spec: {
    replicas: 1,
    progressDeadlineSeconds: 600,
    revisionHistoryLimit: 10,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    selector: { matchLabels: { app: name } },
    template: templateOf({ app: name }),
    ...spec,
  },
});

export const replicaSetOf = (name: string, replicas: number, spec: Record<string, unknown> = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: templateOf({ app: name }), ...spec },
});

/** Writes the pod's Ready condition, as a kubelet does. */
export function setReady(api: Api, clock: Clock, pod: KubeObject, ready: boolean): void {
  api.modify(
    'pods',
    pod.metadata.name,
    pod.metadata.namespace,
    (draft) => {
      const others = (draft.status.conditions ?? []).filter((c: { type: string }) => c.type !== 'Ready');
      draft.status.phase = 'Running';
      draft.status.conditions = [
        ...others,
        { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: timeText(clock.now()) },
      ];
    },
    { actor: 'kubelet', subresource: 'status' },
  );
}

/** Runs every pod at once and ends every deletion at once. `shouldRun` keeps some from becoming ready. */
export function startKubelet(api: Api, clock: Clock, shouldRun: (pod: KubeObject) => boolean = () => true): () => void {
  return api.watch('pods', ({ type, object }) => {
    if (type === 'DELETED') return;
    const { name, namespace, uid } = object.metadata;
    const pod = api.get('pods', name, namespace);
    if (pod === undefined || pod.metadata.uid !== uid) return;
    if (pod.metadata.deletionTimestamp !== undefined) {
      api.delete('pods', name, namespace, { gracePeriodSeconds: 0, preconditions: { uid } });
    } else if (pod.status?.phase === 'Pending' && shouldRun(pod)) setReady(api, clock, pod, true);
  });
}

/** `reason message` of all events on objects of a kind, in the order they happened. */
export function told(api: Api, kind: string): string[] {
  return api
    .list('events')
    .filter((event) => event.involvedObject.kind === kind)
    .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
    .map((event) => `${event.reason} ${event.message}${event.count > 1 ? ` x${event.count}` : ''}`);
}

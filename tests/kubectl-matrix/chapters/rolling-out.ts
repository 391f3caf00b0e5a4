import type { Chapter } from '../chapter.ts';

/** `rollout` of Deployments. */
export const rollingOut: Chapter = {
  name: 'rolling-out',
  nodes: ['node-1'],
  given: ['web.yaml'],
  until: ['deployments.apps/web status.availableReplicas=2'],
  lines: [
    'rollout status deployment/web',
    'rollout history deployment/web',
    'set image deployment/web c=nginx:2',
    {
      line: 'rollout status deployment web --timeout=20s',
      sorted: true,
      until: [
        'deployments.apps/web status.observedGeneration=2',
        'deployments.apps/web status.availableReplicas=2',
        'deployments.apps/web status.updatedReplicas=2',
        'deployments.apps/web status.replicas=2',
      ],
    },
    'annotate deployment/web kubernetes.io/change-cause=second',
    { line: 'rollout history deployment/web', until: 'deployments.apps/web status.observedGeneration=3' },
    'rollout history deployment/web --revision=1',
    'rollout history deployment/web --revision=9',
    'rollout history deployment/web -o yaml --revision=2',
    'rollout undo deployment/web --dry-run=server',
    'rollout undo deployment/web',
    {
      line: 'get deployment web -o jsonpath={..image}',
      until: [
        'deployments.apps/web status.updatedReplicas=2',
        'deployments.apps/web status.replicas=2',
        'deployments.apps/web status.availableReplicas=2',
      ],
    },
    'rollout undo deployment/web --to-revision=9',
    'rollout history deployment/web',
    'rollout pause deployment/web',
    'rollout pause deployment/web',
    'rollout restart deployment/web',
    'set env deployment/web B=two',
    'rollout undo deployment/web',
    'rollout resume deployment/web',
    'rollout resume deployment/web',
    {
      line: 'rollout restart deployment/web',
      until: [
        'deployments.apps/web status.updatedReplicas=2',
        'deployments.apps/web status.replicas=2',
        'deployments.apps/web status.availableReplicas=2',
      ],
    },
    {
      line: 'rollout status deployment/web --watch=false',
      until: [
        'deployments.apps/web status.updatedReplicas=2',
        'deployments.apps/web status.replicas=2',
        'deployments.apps/web status.availableReplicas=2',
      ],
    },
  ],
  more: [
    'rollout status deployment/web --revision=1',
    { line: 'get replicasets -l app=web', sorted: true },
    'set image deployment/web c=broken:1',
    {
      line: 'rollout status deployment/web --timeout=200ms',
      until: [
        'deployments.apps/web status.updatedReplicas=1',
        'deployments.apps/web status.unavailableReplicas=1',
        'deployments.apps/web status.availableReplicas=2',
      ],
    },
    { line: 'get pods -l app=web', sorted: true },
    'rollout restart configmap/nope',
    'rollout status deployment/nope',
    'rollout history',
  ],
};

/** `rollout` of a StatefulSet, which keeps its history in ControllerRevisions. */
export const rollingStateful: Chapter = {
  name: 'rolling-stateful',
  nodes: ['node-1'],
  given: ['db.yaml'],
  until: ['statefulsets.apps/db status.readyReplicas=2', 'statefulsets.apps/db status.updatedReplicas=2'],
  lines: [
    'rollout status statefulset/db',
    'rollout history statefulset/db',
    'set image statefulset/db c=db:2',
    {
      line: 'rollout status statefulset/db --watch=false',
      until: [
        'controllerrevisions.apps#=2',
        'statefulsets.apps/db status.updatedReplicas=2',
        'statefulsets.apps/db status.readyReplicas=2',
      ],
    },
    {
      line: 'rollout history statefulset/db',
      until: ['statefulsets.apps/db status.updatedReplicas=2', 'statefulsets.apps/db status.readyReplicas=2'],
    },
    'rollout history statefulset/db --revision=2',
    'rollout undo statefulset/db --dry-run=server',
    'rollout undo statefulset/db',
    {
      line: 'get pods db-0 db-1 -o jsonpath={..containers[0].image}',
      until: [
        'statefulsets.apps/db status.updatedReplicas=2',
        'statefulsets.apps/db status.readyReplicas=2',
        'pods/db-0 spec.containers.0.image=db:1',
      ],
    },
    'rollout history sts/db',
  ],
  more: [
    'rollout undo sts/db --to-revision=9',
    'rollout restart statefulset db',
    'rollout pause statefulset/db',
    {
      line: 'get statefulset db -o wide',
      until: [
        'controllerrevisions.apps#=3',
        'statefulsets.apps/db status.updatedReplicas=2',
        'statefulsets.apps/db status.readyReplicas=2',
      ],
    },
    'scale statefulset db --replicas=1',
    { line: 'get pods', until: '!pods/db-1' },
    { line: 'get controllerrevisions', sorted: true },
  ],
};

/** `rollout` of a DaemonSet. */
export const rollingDaemons: Chapter = {
  name: 'rolling-daemons',
  nodes: ['node-1', 'node-2'],
  given: ['agent.yaml'],
  until: ['daemonsets.apps/agent status.numberAvailable=2'],
  lines: [
    'rollout status daemonset/agent',
    'get daemonset agent -o wide',
    'get pods -o wide --sort-by=.spec.nodeName',
    'set image daemonset/agent c=agent:2',
    {
      line: 'rollout history daemonset/agent',
      until: [
        'daemonsets.apps/agent status.updatedNumberScheduled=2',
        'daemonsets.apps/agent status.numberAvailable=2',
      ],
    },
    'rollout status ds agent --timeout=20s',
    'rollout history daemonset/agent --revision=1',
  ],
  more: [
    'rollout undo daemonset/agent --to-revision=1',
    {
      line: 'rollout history daemonset/agent',
      until: [
        'daemonsets.apps/agent status.updatedNumberScheduled=2',
        'daemonsets.apps/agent status.numberAvailable=2',
      ],
    },
    'get daemonset agent -o jsonpath={..image}',
    'rollout restart daemonset/agent',
    {
      line: 'describe daemonset agent --show-events=false',
      until: [
        'controllerrevisions.apps#=3',
        'daemonsets.apps/agent status.updatedNumberScheduled=2',
        'daemonsets.apps/agent status.numberAvailable=2',
      ],
    },
    'rollout pause daemonset/agent',
    'scale daemonset agent --replicas=1',
    'delete daemonset agent --cascade=foreground --timeout=20s',
    'get pods',
  ],
};

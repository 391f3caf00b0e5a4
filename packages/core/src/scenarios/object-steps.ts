/** Steps about Kubernetes objects: what users, the scheduler and other controllers do to them. Test support. */
import type { BaseId } from '@kouplet/protocol';
import { handOverAnnotation } from '../hand-over.ts';
import { nodeNameOf, pausedAnnotation } from '../names.ts';
import type { ContainerSpec, ObservedNode, ObservedPod } from '../observed.ts';
import { seconds } from './fake-api.ts';
import { durationOf, type Step, type Words } from './words.ts';
import type { World } from './world.ts';

export const objectSteps: Readonly<Record<string, Step>> = {
  pod: ({ world }, words) => world.tell(world.api.putPod(podOf(world, words))),
  'delete-pod'({ world }, { bare }) {
    const pod = podNamed(world, bare[0]);
    if (bare.includes('force') && (pod.metadata.finalizers?.length ?? 0) === 0) {
      return world.tell(world.api.removePod(pod.metadata.uid));
    }
    const seconds_ = bare.includes('force') ? 0 : 30;
    const metadata = {
      ...world.api.bumped(pod.metadata),
      deletionTimestamp: seconds(world.now.wall + seconds_ * 1000),
      deletionGracePeriodSeconds: seconds_,
      ...(pod.metadata.generation === undefined ? {} : { generation: pod.metadata.generation + 1 }),
    };
    world.tell(world.api.putPod({ ...pod, metadata }));
  },
  image({ world }, { bare }) {
    const pod = podNamed(world, bare[0]);
    const containers = pod.spec.containers.map((container) =>
      container.name === bare[1] ? { ...container, image: bare[2] ?? '' } : container,
    );
    world.tell(
      world.api.putPod({ ...pod, metadata: world.api.bumped(pod.metadata), spec: { ...pod.spec, containers } }),
    );
  },
  gate({ world }, { bare }) {
    const pod = podNamed(world, bare[0]);
    const conditions = [...(pod.status.conditions ?? []), { type: bare[1] ?? '', status: 'True' as const }];
    world.tell(
      world.api.putPod({ ...pod, metadata: world.api.bumped(pod.metadata), status: { ...pod.status, conditions } }),
    );
  },
  'drop-finalizers'({ world }, { bare }) {
    world.tell(world.api.removePod(podNamed(world, bare[0]).metadata.uid));
  },
  pause: ({ world }, { bare }) => annotatePaused(world, bare, true),
  resume: ({ world }, { bare }) => annotatePaused(world, bare, false),
  'delete-node': ({ world }, { bare }) => world.tell(world.api.removeNode(nodeOf(world, bare[0]))),
  'delete-record'({ world }, { bare }) {
    world.api.records.delete(bare[0] ?? '');
    world.tell({ to: 'record', baseId: bare[0] ?? '', body: { kind: 'record-gone' } });
  },
  'spoil-record'({ world }, { bare }) {
    const record = world.api.records.get(bare[0] ?? '');
    if (record === undefined) throw new Error(`no record of ${bare[0]}`);
    const spoilt = { ...record, metadata: world.api.bumped(record.metadata), isReadable: false, installs: {} };
    world.api.records.set(record.baseId, spoilt);
    world.tell({ to: 'record', baseId: record.baseId, body: { kind: 'record-observed', record: spoilt } });
  },
  taint({ world }, { bare }) {
    const node = world.api.nodes.get(nodeOf(world, bare[0]));
    const parts = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(bare[1] ?? '');
    if (node === undefined || parts === null) throw new Error(`no node or taint: ${bare.join(' ')}`);
    const taint = {
      key: parts[1] ?? '',
      ...(parts[2] === undefined ? {} : { value: parts[2] }),
      effect: parts[3] as 'NoSchedule',
    };
    const spec = { ...node.spec, taints: [...(node.spec.taints ?? []), taint] };
    world.tell(world.api.putNode({ ...node, metadata: world.api.bumped(node.metadata), spec }));
  },
  node({ world }, { bare, named }) {
    const name = nodeOf(world, bare[0]);
    world.tell(
      world.api.putNode({
        metadata: { ...world.api.meta(name, world.now.wall), labels: { type: 'virtual-kubelet' } },
        spec: {
          taints: [
            { key: 'schedule.koupleless.io/virtual-node', value: 'True', effect: 'NoExecute' },
            ...(bare.includes('env-taint')
              ? [{ key: 'schedule.koupleless.io/node-env', value: 'dev', effect: 'NoExecute' as const }]
              : []),
          ],
        },
        status: {
          conditions: [
            {
              type: 'Ready',
              status: (named.get('ready') ?? 'True') as 'True',
              lastTransitionTime: seconds(world.now.wall),
            },
          ],
        },
      }),
    );
  },
  lease({ world }, { bare, named }) {
    const id = `kube-node-lease/${nodeOf(world, bare[0])}`;
    const known = world.api.leases.get(id);
    const metadata = known?.metadata ?? world.api.meta(nodeOf(world, bare[0]), world.now.wall, 'kube-node-lease');
    const lease = {
      metadata: world.api.bumped(metadata),
      spec: {
        holderIdentity: named.get('holder') ?? '',
        leaseDurationSeconds: 40,
        renewTime: new Date(world.now.wall - durationOf(named.get('behind') ?? '0s')).toISOString(),
      },
    };
    world.api.leases.set(id, lease);
    world.tell({ to: 'base', nodeName: lease.metadata.name, body: { kind: 'lease-observed', lease } });
  },

  'delete-lease'({ world }, { bare }) {
    const name = nodeOf(world, bare[0]);
    world.api.leases.delete(`kube-node-lease/${name}`);
    world.tell({ to: 'base', nodeName: name, body: { kind: 'lease-gone' } });
  },
  lapse({ world }, { bare }) {
    const node = world.api.nodes.get(nodeOf(world, bare[0]));
    if (node === undefined) throw new Error(`no node of ${bare[0]}`);
    const since = seconds(world.now.wall);
    const lapsed = {
      type: 'Ready',
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      lastTransitionTime: since,
    } as const;
    const conditions = (node.status.conditions ?? []).map((known) => (known.type === 'Ready' ? lapsed : known));
    const taints = (['NoSchedule', 'NoExecute'] as const).map((effect) => ({
      key: 'node.kubernetes.io/unreachable',
      effect,
    }));
    world.tell(
      world.api.putNode({
        metadata: world.api.bumped(node.metadata),
        spec: { ...node.spec, taints: [...(node.spec.taints ?? []), ...taints] },
        status: { ...node.status, conditions },
      }),
    );
    for (const pod of [...world.api.pods.values()].filter((each) => each.spec.nodeName === node.metadata.name)) {
      const unready = (pod.status.conditions ?? []).map((known) =>
        known.type === 'Ready' ? ({ ...known, status: 'False', lastTransitionTime: since } as const) : known,
      );
      const status = { ...pod.status, conditions: unready };
      world.tell(world.api.putPod({ ...pod, metadata: world.api.bumped(pod.metadata), status }));
    }
  },
};

/** `pause pod p1`, `pause node b1`: what `kubectl annotate … kouplet.io/paused=true` does; `resume` takes it off. */
function annotatePaused(world: World, [kind, name]: readonly string[], isPaused: boolean): void {
  const change = <T extends ObservedPod | ObservedNode>(object: T): T => {
    const { [pausedAnnotation]: _old, ...others } = object.metadata.annotations ?? {};
    const annotations = isPaused ? { ...others, [pausedAnnotation]: 'true' } : others;
    return { ...object, metadata: { ...world.api.bumped(object.metadata), annotations } };
  };
  if (kind === 'pod') {
    world.tell(world.api.putPod(change(podNamed(world, name))));
    return;
  }
  const node = world.api.nodes.get(nodeOf(world, name));
  if (node === undefined) throw new Error(`no node of ${name}`);
  world.tell(world.api.putNode(change(node)));
}

export function nodeOf(world: World, id: string | undefined): string {
  return nodeNameOf((id ?? '') as BaseId, world.policy.env);
}

export function podNamed(world: World, name: string | undefined): ObservedPod {
  const pod = [...world.api.pods.values()].findLast((candidate) => candidate.metadata.name === name);
  if (pod === undefined) throw new Error(`no pod ${name}`);
  return pod;
}

/** `pod p1 base=b1 biz=biz1:0.0.1[,biz2:1] …`: see the README. */
function podOf(world: World, { bare, named }: Words): ObservedPod {
  const name = bare[0] ?? '';
  const keys = (named.get('biz') ?? '').split(',').filter((key) => key !== '');
  const owner = named.get('owner')?.split('/');
  const hash = named.get('hash');
  const containers: ContainerSpec[] = keys.map((key) => {
    const split = key.indexOf(':');
    const biz = split < 0 ? key : key.slice(0, split);
    const version = split < 0 ? undefined : key.slice(split + 1);
    return {
      name: biz,
      image: named.get('url') ?? `https://repo/${biz}-${version}.jar`,
      ...(version === undefined
        ? {}
        : {
            env: [
              { name: 'BIZ_VERSION', ...(bare.includes('value-from') ? { hasValueFrom: true } : { value: version }) },
            ],
            ...(bare.includes('env-from') ? { hasEnvFrom: true } : {}),
          }),
      ...(named.has('ignored') ? { ignoredFields: (named.get('ignored') ?? '').split(',') } : {}),
    };
  });
  if (named.has('sidecar')) containers.push({ name: named.get('sidecar') ?? '', image: 'proxy:1' });
  const ownerUid = named.get('owner-uid') ?? `uid-${owner?.join('-')}`;
  const base = world.api.meta(name, world.now.wall, 'default');
  const imageIds = named.get('image-id');
  return {
    metadata: {
      ...base,
      ...(named.has('uid') ? { uid: named.get('uid') ?? '' } : {}),
      generation: 1,
      labels: {
        ...(bare.includes('no-label') ? {} : { 'virtual-kubelet.koupleless.io/component': 'module' }),
        ...(hash === undefined
          ? {}
          : { [owner?.[0] === 'ReplicaSet' ? 'pod-template-hash' : 'controller-revision-hash']: hash }),
      },
      ...(owner === undefined
        ? {}
        : {
            ownerReferences: [
              { apiVersion: 'apps/v1', kind: owner[0] ?? '', name: owner[1] ?? '', uid: ownerUid, controller: true },
            ],
          }),
      ...(named.has('finalizer') ? { finalizers: [named.get('finalizer') ?? ''] } : {}),
      ...(named.has('hand-over') ? { annotations: { [handOverAnnotation]: named.get('hand-over') ?? '' } } : {}),
    },
    spec: {
      nodeName: nodeOf(world, named.get('base')),
      restartPolicy: (named.get('restart') ?? 'Always') as 'Always',
      containers,
      ...(named.has('init') ? { initContainers: [{ name: named.get('init') ?? '' }] } : {}),
      ...(named.has('gate') ? { readinessGates: [{ conditionType: named.get('gate') ?? '' }] } : {}),
    },
    status: {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: seconds(world.now.wall) }],
      ...(imageIds === undefined
        ? {}
        : {
            phase: 'Running',
            startTime: seconds(world.now.wall),
            conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
              type,
              status: 'True' as const,
              lastTransitionTime: seconds(world.now.wall),
            })),
            containerStatuses: containers.map((container) => ({
              name: container.name,
              image: container.image ?? '',
              imageID: imageIds === 'same' ? (container.image ?? '') : imageIds,
              ready: true,
              started: true,
              restartCount: 0,
              state: { running: { startedAt: seconds(world.now.wall) } },
            })),
          }),
    },
  };
}

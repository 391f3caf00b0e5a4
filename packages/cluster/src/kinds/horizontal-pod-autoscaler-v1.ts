/**
 * autoscaling/v1 HorizontalPodAutoscaler: the older face of what is kept as autoscaling/v2. One number for the CPU is all it knows; what
 * else v2 has stands in annotations meanwhile, as in a real server (pkg/apis/autoscaling/v1/conversion.go).
 */
import { validateAutoscaler } from './autoscaler-validation.ts';
import { defineKind, ensure } from './define-kind.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';
import { type Fields, fieldsOf, listOf } from './json.ts';
import type { KubeObject } from './kind.ts';

const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const { group, kind, plural, shortNames, categories, columns } = horizontalPodAutoscaler;

export const horizontalPodAutoscalerV1 = defineKind({
  group,
  version: 'v1',
  kind,
  plural,
  shortNames: shortNames ?? [],
  categories: categories ?? [],
  namespaced: true,
  schema: 'V1HorizontalPodAutoscaler',
  status: () => ({ currentReplicas: 0, desiredReplicas: 0 }),
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    spec.minReplicas ??= 1;
    if (draft.metadata.annotations?.[`${PREFIX}metrics`] === undefined) spec.targetCPUUtilizationPercentage ??= 80;
    const status = ensure(draft, 'status');
    status.currentReplicas ??= 0;
    status.desiredReplicas ??= 0;
  },
  validate: ({ spec }) => validateAutoscaler(spec),
  storedAs: { group, plural, toStored, fromStored },
  columns,
  row: (object, now) => horizontalPodAutoscaler.row(toStored(object), now),
});

function toStored(object: KubeObject): KubeObject {
  const { spec, status, metadata } = object;
  const { targetCPUUtilizationPercentage, ...rest } = fieldsOf(spec);
  const { currentCPUUtilizationPercentage, ...seen } = fieldsOf(status);
  const annotations: Record<string, string> = { ...metadata.annotations };
  const take = (word: string): unknown => {
    const text = annotations[`${PREFIX}${word}`];
    delete annotations[`${PREFIX}${word}`];
    return parsed(text);
  };
  const [metrics, behavior, current, conditions] = ['metrics', 'behavior', 'current-metrics', 'conditions'].map(take);
  const own = { ...metadata, annotations };
  if (Object.keys(annotations).length === 0) delete (own as Fields).annotations;
  const all = [
    ...listOf(metrics).map(toMetric),
    ...(targetCPUUtilizationPercentage === undefined ? [] : [cpu(targetCPUUtilizationPercentage)]),
  ];
  const measured = [
    ...listOf(current),
    ...(currentCPUUtilizationPercentage === undefined
      ? []
      : [
          {
            type: 'Resource',
            resource: { name: 'cpu', current: { averageUtilization: currentCPUUtilizationPercentage } },
          },
        ]),
  ];
  return {
    ...object,
    apiVersion: `${group}/v2`,
    metadata: own,
    spec: { ...rest, ...(all.length === 0 ? {} : { metrics: all }), ...(behavior === undefined ? {} : { behavior }) },
    status: {
      ...seen,
      ...(seen.currentReplicas === 0 ? { currentReplicas: undefined } : {}),
      desiredReplicas: seen.desiredReplicas ?? 0,
      currentMetrics: measured.length === 0 ? null : measured,
      ...(conditions === undefined ? {} : { conditions }),
    },
  };
}

function fromStored(object: KubeObject): KubeObject {
  const { metrics, behavior, ...spec } = fieldsOf(object.spec);
  const { currentMetrics, conditions, ...status } = fieldsOf(object.status);
  const own = listOf(metrics).find(isCpu);
  const seen = listOf(currentMetrics).find(
    (one) => one.resource?.name === 'cpu' && one.resource.current?.averageUtilization,
  );
  const annotations: Record<string, string> = { ...object.metadata.annotations };
  const put = (word: string, value: unknown): void => {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
    annotations[`${PREFIX}${word}`] = JSON.stringify(value);
  };
  put(
    'metrics',
    listOf(metrics)
      .filter((one) => one !== own)
      .map(fromMetric),
  );
  put('behavior', behavior);
  put(
    'current-metrics',
    listOf(currentMetrics).filter((one) => one !== seen),
  );
  put('conditions', conditions);
  return {
    ...object,
    apiVersion: `${group}/v1`,
    metadata: {
      ...object.metadata,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec: {
      ...spec,
      ...(own === undefined ? {} : { targetCPUUtilizationPercentage: own.resource.target.averageUtilization }),
    },
    status: {
      ...status,
      currentReplicas: status.currentReplicas ?? 0,
      desiredReplicas: status.desiredReplicas ?? 0,
      ...(seen === undefined ? {} : { currentCPUUtilizationPercentage: seen.resource.current.averageUtilization }),
    },
  };
}

function isCpu(metric: Fields): boolean {
  return (
    metric.type === 'Resource' && metric.resource?.name === 'cpu' && metric.resource.target?.type === 'Utilization'
  );
}

function cpu(averageUtilization: unknown): unknown {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

/** As the annotation has had it since before v2. */
function fromMetric(metric: Fields): unknown {
  if (metric.type !== 'Resource') return metric;
  const { name, target } = fieldsOf(metric.resource);
  const { averageUtilization, averageValue } = fieldsOf(target);
  return {
    type: 'Resource',
    resource: {
      name,
      ...(averageUtilization === undefined ? {} : { targetAverageUtilization: averageUtilization }),
      ...(averageValue === undefined ? {} : { targetAverageValue: averageValue }),
    },
  };
}

function toMetric(metric: Fields): Fields {
  const { name, targetAverageUtilization, targetAverageValue } = fieldsOf(metric.resource);
  if (targetAverageUtilization === undefined && targetAverageValue === undefined) return metric;
  const target =
    targetAverageUtilization === undefined
      ? { type: 'AverageValue', averageValue: targetAverageValue }
      : { type: 'Utilization', averageUtilization: targetAverageUtilization };
  return { type: 'Resource', resource: { name, target } };
}

/** What somebody else wrote there is no reason to fail. */
function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

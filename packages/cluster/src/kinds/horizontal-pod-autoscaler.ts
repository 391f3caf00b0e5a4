/** autoscaling/v2 HorizontalPodAutoscaler: kept only; `kubectl get all` asks for it. */
import { ageOf } from './ages.ts';
import { defaultBehavior, validateAutoscaler } from './autoscaler-validation.ts';
import { defineKind, ensure } from './define-kind.ts';
import { type Fields, fieldsOf, listOf } from './json.ts';
import { ageColumn, column, nameColumn } from './shape.ts';
import { countCell } from './workload.ts';

export const horizontalPodAutoscaler = defineKind({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  schema: 'V2HorizontalPodAutoscaler',
  status: () => ({ desiredReplicas: 0, currentMetrics: null }),
  defaults: (draft) => {
    const spec = ensure(draft, 'spec');
    spec.minReplicas ??= 1;
    if (listOf(spec.metrics).length === 0) {
      const target = { type: 'Utilization', averageUtilization: 80 };
      spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
    }
    defaultBehavior(spec.behavior);
    const status = ensure(draft, 'status');
    status.desiredReplicas ??= 0;
    status.currentMetrics ??= null;
  },
  validate: ({ spec }) => validateAutoscaler(spec),
  columns: [
    nameColumn,
    column(
      'Reference',
      'string',
      'scaleTargetRef points to the target resource to scale, and is used to the pods for which metrics should be collected, as well as to actually change the replica count.',
    ),
    column(
      'Targets',
      'string',
      'metrics contains the specifications for which to use to calculate the desired replica count (the maximum replica count across all metrics will be used).  The desired replica count is calculated multiplying the ratio between the target value and the current value by the current number of pods.  Ergo, metrics used must decrease as the pod count is increased, and vice-versa.  See the individual metric source types for more information about how each type of metric must respond.',
    ),
    column(
      'MinPods',
      'string',
      'minReplicas is the lower limit for the number of replicas to which the autoscaler can scale down.  It defaults to 1 pod.  minReplicas is allowed to be 0 if the alpha feature gate HPAScaleToZero is enabled and at least one Object or External metric is configured.  Scaling is active as long as at least one metric value is available.',
    ),
    column(
      'MaxPods',
      'string',
      'maxReplicas is the upper limit for the number of replicas to which the autoscaler can scale up. It cannot be less that minReplicas.',
    ),
    column(
      'Replicas',
      'string',
      'currentReplicas is current number of replicas of pods managed by this autoscaler, as last seen by the autoscaler.',
    ),
    ageColumn,
  ],
  row: ({ metadata, spec, status }, now) => [
    metadata.name,
    `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`,
    targetsCell(listOf(spec?.metrics)),
    spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas),
    countCell(spec?.maxReplicas),
    countCell(status?.currentReplicas),
    ageOf(metadata.creationTimestamp, now),
  ],
});

/** `cpu: <unknown>/80%`: nobody measures here. */
function targetsCell(metrics: readonly Fields[]): string {
  const texts = metrics.map((metric) => {
    const source = fieldsOf(
      metric.resource ?? metric.containerResource ?? metric.pods ?? metric.object ?? metric.external,
    );
    const { averageUtilization, averageValue, value } = fieldsOf(source.target);
    const target = averageUtilization === undefined ? (averageValue ?? value ?? '<auto>') : `${averageUtilization}%`;
    const name = source.name === undefined ? '' : `${source.name}: `;
    return `${name}<unknown>/${target}`;
  });
  const text = texts.slice(0, 2).join(', ');
  return texts.length > 2 ? `${text} + ${texts.length - 2} more...` : text || '<none>';
}

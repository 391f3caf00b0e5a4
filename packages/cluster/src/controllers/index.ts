/** The controllers of the embedded cluster, started together over one `Api`. */
import type { Api } from '../api.ts';
import type { Clock } from '../clock.ts';
import { startDaemonSetController } from './daemon-set/controller.ts';
import { startDeploymentController } from './deployment/controller.ts';
import { startDisruptionController } from './disruption.ts';
import { startGarbageCollector } from './garbage-collector.ts';
import { startNamespaceController, startServiceAccountController } from './namespaces.ts';
import { startNodeLifecycle } from './node-lifecycle/controller.ts';
import {
  type Controller,
  type ControllerContext,
  type ControllerName,
  type ControllerOptions,
  controllerNames,
  createContext,
} from './options.ts';
import { startPodGc } from './pod-gc.ts';
import { startReplicaSetController } from './replica-set/controller.ts';
import { startResourceQuotaController } from './resource-quota.ts';
import { startScheduler } from './scheduler/controller.ts';
import { startServiceEndpointsController } from './service-endpoints.ts';
import { startStatefulSetController } from './stateful-set/controller.ts';
import { startTaintEviction } from './taint-eviction.ts';
import { startUnattended } from './unattended.ts';

export { type EvictionVerdict, evictionCondition, mayEvict } from './eviction.ts';
export {
  type ControllerName,
  type ControllerOptions,
  controllerNames,
  defaultPeriods,
  type Periods,
} from './options.ts';

const starts: Record<ControllerName, (context: ControllerContext) => Controller> = {
  deployment: startDeploymentController,
  replicaset: startReplicaSetController,
  daemonset: startDaemonSetController,
  statefulset: startStatefulSetController,
  scheduler: startScheduler,
  'garbage-collector': startGarbageCollector,
  namespace: startNamespaceController,
  serviceaccount: startServiceAccountController,
  'node-lifecycle': startNodeLifecycle,
  'taint-eviction': startTaintEviction,
  'pod-gc': startPodGc,
  disruption: startDisruptionController,
  resourcequota: startResourceQuotaController,
  unattended: startUnattended,
  endpoints: startServiceEndpointsController,
};

export function startControllers(api: Api, clock: Clock, options: ControllerOptions = {}): { stop(): void } {
  const context = createContext(api, clock, options);
  const enabled = options.enabled ?? controllerNames;
  const running = controllerNames.filter((name) => enabled.includes(name)).map((name) => starts[name](context));
  return {
    stop() {
      for (const controller of running) controller.stop();
      context.stop();
    },
  };
}

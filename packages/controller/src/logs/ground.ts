/** What the logs' server asks the controller: which base a Pod is on, and what that base says of itself. */
import { type BaseState, nodeNameOf } from '@kouplet/core';
import type { LogsGround, ModulePlaced } from './server.ts';

export interface GroundSources extends Pick<LogsGround, 'transport' | 'clock' | 'log' | 'notReadyReason'> {
  readonly env: string;
  readonly bases: () => Iterable<BaseState>;
}

/** Every base of the env counts, whoever holds it: an API server may still have the address of the holder of before. */
export function groundOfLogs({ env, bases, ...shared }: GroundSources): LogsGround {
  const nodeOf = (state: BaseState): string => state.node?.metadata.name ?? nodeNameOf(state.baseId, env);
  return {
    ...shared,
    find: (namespace, name) => {
      for (const state of bases()) {
        for (const { pod } of Object.values(state.pods)) {
          if (pod.metadata.name === name && pod.metadata.namespace === namespace) return placed(state, pod.spec);
        }
      }
      return undefined;
    },
    isVirtualNode: (nodeName) => [...bases()].some((state) => nodeOf(state) === nodeName),
  };
}

function placed({ baseId, facts }: BaseState, spec: BaseState['pods'][string]['pod']['spec']): ModulePlaced {
  return {
    baseId,
    nodeName: spec.nodeName,
    containers: spec.containers.map(({ name }) => name),
    ...(facts?.localHostName === undefined ? {} : { hostName: facts.localHostName }),
    ...(facts?.localIP === undefined ? {} : { ip: facts.localIP }),
  };
}

/** A Deployment of one module for the bases of a world, with the seed's strategy. */
import type { Json } from './api.ts';
import { moduleLabel, moduleToleration, urlOf, type World } from './world.ts';

/** Named `d1`, biz1:0.0.1, one replica, 30 % and 30 %: on one base the new Pod comes before the old one goes. */
export function moduleDeployment({ baseName }: World): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd1' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'd1' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '30%', maxUnavailable: '30%' } },
      template: {
        metadata: { labels: { ...moduleLabel, app: 'd1' } },
        spec: {
          containers: [{ name: 'biz1', image: urlOf('biz1', '0.0.1'), env: [{ name: 'BIZ_VERSION', value: '0.0.1' }] }],
          tolerations: [moduleToleration],
          nodeSelector: { 'base.koupleless.io/name': baseName },
        },
      },
    },
  };
}

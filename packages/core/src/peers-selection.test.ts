import { expect, test } from 'vitest';
import { isPeer, type PeerDeployment } from './peers-selection.ts';

const labelled = (labels: Readonly<Record<string, string>>): PeerDeployment => ({
  metadata: { name: 'd1', namespace: 'default', uid: 'd1', resourceVersion: '1', labels },
  replicas: 1,
  isPaused: false,
  template: { nodeSelector: {}, tolerations: [] },
});

test.each([
  ['at first', 'module-controller', 'module-controller'],
  ['of 2.0.0 to 2.1.0', 'virtual-kubelet', 'module-controller'],
  ['since 2.1.1', 'virtual-kubelet', 'virtual-kubelet'],
])('a Deployment is a peer by the labels %s, none of which may be missing [SPEC N20]', (_when, ours, asked) => {
  const labels: Record<string, string> = {
    [`${ours}.koupleless.io/component`]: 'module-deployment',
    [`${ours}.koupleless.io/env`]: 'DEV',
    [`${asked}.koupleless.io/strategy`]: 'peer',
  };
  expect(isPeer(labelled(labels), 'dev')).toBe(true);
  expect(isPeer(labelled(labels), 'test')).toBe(false);
  for (const name in labels) {
    const { [name]: _, ...others } = labels;
    expect(isPeer(labelled(others), 'dev'), `without ${name}`).toBe(false);
  }
  const left = { ...labels, [`${asked}.koupleless.io/replicas-control`]: 'true' };
  expect(isPeer(labelled(left), 'dev')).toBe(false);
});

import { beforeEach, describe, expect, test } from 'vitest';
import { type Change, ChangeFeed } from './changes.ts';
import { projectNode } from './projection/node.ts';
import { projectPod } from './projection/pod.ts';
import { rawNode, rawPod } from './testing/objects.ts';

let told: Change[] = [];
let feed = new ChangeFeed(() => {});
beforeEach(() => {
  told = [];
  feed = new ChangeFeed((change) => told.push(change));
});

function pod(ready: boolean, waiting?: { readonly reason: string; readonly message: string }): void {
  const status = {
    name: 'biz1',
    image: '',
    imageID: '',
    ready,
    restartCount: 0,
    ...(waiting && { state: { waiting } }),
  };
  const seen = projectPod(rawPod({ status: { containerStatuses: [status] } }), () => true);
  if (seen !== undefined) feed.podObserved(seen);
}

describe('a module', () => {
  test('comes on line once and goes off line once, however often its Pod is seen [SPEC E15]', () => {
    pod(false);
    pod(true);
    pod(true);
    feed.podGone('uid-m1');
    feed.podGone('uid-m1');
    expect(told).toEqual([
      {
        kind: 'module-on-line',
        biz: 'biz1:0.0.1',
        nodeName: 'vnode.b1.dev',
        namespace: 'default',
        podName: 'm1',
        podUid: 'uid-m1',
      },
      expect.objectContaining({ kind: 'module-off-line', biz: 'biz1:0.0.1' }),
    ]);
  });

  test('that never came on line is not told off line', () => {
    pod(false);
    feed.podGone('uid-m1');
    expect(told).toEqual([]);
  });

  test('fails once, with its reason, through all attempts until it is on line [SPEC E15]', () => {
    pod(false, { reason: 'Installing', message: 'installing' });
    pod(false, { reason: 'InstallFailed', message: 'Connection refused' });
    pod(false, { reason: 'InstallBackOff', message: 'back-off 20s' });
    pod(false, { reason: 'InstallFailed', message: 'Connection refused' });
    pod(true);
    expect(told.map(({ kind }) => kind)).toEqual(['module-failed', 'module-on-line']);
    expect(told[0]).toMatchObject({ reason: 'InstallFailed', message: 'Connection refused' });
  });
});

test('a Node is told when its Ready changes and when it goes [SPEC E15]', () => {
  const node = (status: string): void => {
    const conditions = [{ type: 'Ready', status, reason: 'BaseSilent', message: 'nothing heard' }];
    const seen = projectNode(rawNode({ status: { conditions } }));
    if (seen !== undefined) feed.nodeObserved(seen);
  };
  node('Unknown');
  node('True');
  node('True');
  node('Unknown');
  feed.nodeGone('uid-n1');
  feed.nodeGone('uid-n1');
  expect(told).toEqual([
    { kind: 'node-ready', nodeName: 'vnode.b1.dev' },
    { kind: 'node-not-ready', nodeName: 'vnode.b1.dev', reason: 'BaseSilent', message: 'nothing heard' },
    { kind: 'node-gone', nodeName: 'vnode.b1.dev' },
  ]);
});

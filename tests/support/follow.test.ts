import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApi, type TestApi } from './api.ts';
import { type ApiProxy, startApiProxy } from './api-proxy.ts';
import { openCluster, type TestCluster } from './cluster.ts';
import { follow } from './follow.ts';
import { waitFor } from './wait.ts';

let cluster: TestCluster;
let proxy: ApiProxy;
let behindProxy: TestApi;
beforeAll(async () => {
  cluster = await openCluster();
  proxy = await startApiProxy(cluster.kubeconfig);
  behindProxy = openApi(proxy.kubeconfig);
});
afterAll(async () => {
  await behindProxy?.close();
  await proxy?.close();
  await cluster?.stop();
});

test('a watch that was broken off is begun again where it ended: each change is seen once', async () => {
  const path = `/api/v1/namespaces/default/configmaps`;
  const labels = { followed: `f${Date.now()}` };
  const make = (name: string) => cluster.api.call('POST', path, { metadata: { name, labels } });
  const names = ['before', 'watched', 'meanwhile', 'after'].map((name) => `${labels.followed}-${name}`) as [
    string,
    string,
    string,
    string,
  ];
  const [before, watched, meanwhile, after] = names;
  await make(before);
  const followed = await follow(behindProxy, `${path}?labelSelector=followed%3D${labels.followed}`);
  const seen = (): string[] => followed.events.map(({ type, object }) => `${type} ${object.metadata.name}`);
  await make(watched);
  await waitFor('the watch has it', () => seen().includes(`ADDED ${watched}`));
  proxy.cut();
  await make(meanwhile);
  await cluster.api.call('DELETE', `${path}/${watched}`);
  proxy.open();
  await make(after);
  await waitFor('it is seen to the end', () => seen().includes(`ADDED ${after}`));
  expect(seen()).toEqual([
    `ADDED ${before}`,
    `ADDED ${watched}`,
    `ADDED ${meanwhile}`,
    `DELETED ${watched}`,
    `ADDED ${after}`,
  ]);
  expect(followed.gaps()).toBe(0);
  followed.stop();
  for (const name of [before, meanwhile, after]) await cluster.api.call('DELETE', `${path}/${name}`);
});

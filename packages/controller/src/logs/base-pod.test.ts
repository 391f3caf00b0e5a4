import { afterEach, describe, expect, test } from 'vitest';
import { basePod, type LogsStage, startLogsStage } from '../testing/logs-stage.ts';
import type { ModulePlaced } from './server.ts';

const path = '/containerLogs/shop/m1/biz1';
const token = { headers: { authorization: 'Bearer secret-token' } };
const ends: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function stageOf(
  pods: object[],
  said: Partial<ModulePlaced> = {},
  baseNamespaces: string[] = [],
): Promise<LogsStage> {
  const stage = await startLogsStage({ baseNamespaces });
  ends.push(() => stage.stop());
  stage.script.pods = pods;
  stage.placed = {
    'shop/m1': {
      baseId: 'b1',
      nodeName: 'vnode.b1.dev',
      containers: ['biz1'],
      hostName: 'orders-0',
      ip: '10.0.0.9',
      ...said,
    },
  };
  return stage;
}

/** `namespace/pod/container` whose log was read, or the refusal. */
async function matched(pods: object[], said?: Partial<ModulePlaced>, baseNamespaces?: string[]): Promise<string> {
  const stage = await stageOf(pods, said, baseNamespaces);
  stage.script.log = (_request, response, url) => {
    const [, , , , namespace, , pod] = url.pathname.split('/');
    response.end(`${namespace}/${pod}/${url.searchParams.get('container')}`);
  };
  const { code, body } = await stage.get(path, token);
  return code === 200 ? body : `${code} ${body}`;
}

const named = (name: string, ip: string, namespace = 'shop') =>
  basePod({ metadata: { name, namespace }, status: { phase: 'Running', podIP: ip } });

describe('the base’s own Pod [SPEC E43]', () => {
  test('is the one with its host name, whatever its address', async () => {
    expect(await matched([named('orders-0', '10.0.0.9'), named('orders-1', '10.0.0.8')])).toBe('shop/orders-0/base');
    expect(await matched([named('orders-0', '192.168.0.1')])).toBe('shop/orders-0/base');
  });

  test('else the only one with its address, which is not its machine’s', async () => {
    expect(await matched([named('orders-long-name-0', '10.0.0.9')])).toBe('shop/orders-long-name-0/base');
    expect(await matched([named('x', '10.0.0.9')], { hostName: 'host.with_odd=name,' })).toBe('shop/x/base');
    expect(await matched([named('x', '10.0.0.9'), named('y', '10.0.0.9')])).toMatch(/^400 .*is not known: no Pod/);
    const onHost = basePod({ metadata: { name: 'x', namespace: 'shop' }, spec: { hostNetwork: true } });
    expect(await matched([onHost])).toMatch(/^400 /);
  });

  test('is no module, no Pod that is over, none of another namespace', async () => {
    const modules = { labels: { 'virtual-kubelet.koupleless.io/component': 'module' } };
    expect(await matched([basePod({ spec: { nodeName: 'vnode.b2.dev' } })])).toMatch(/^400 /);
    expect(await matched([basePod({ metadata: { name: 'orders-0', namespace: 'shop', ...modules } })])).toMatch(
      /^400 /,
    );
    expect(await matched([basePod({ status: { phase: 'Failed', podIP: '10.0.0.9' } })])).toMatch(/^400 /);
    expect(await matched([named('orders-0', '10.0.0.9', 'kube-system')])).toMatch(/^400 /);
  });

  test('is looked for where the operator says that bases run, and nowhere else', async () => {
    const pods = [
      named('orders-0', '10.0.0.9', 'bases'),
      named('orders-0', '10.0.0.7', 'more'),
      named('orders-0', '10.0.0.9'),
    ];
    expect(await matched(pods, {}, ['bases', 'more'])).toBe('bases/orders-0/base');
    expect(await matched(pods.slice(2), {}, ['bases', 'more'])).toMatch(/^400 /);
    expect(await matched(pods, { ip: '10.1.1.1' }, ['bases', 'more'])).toBe(
      `400 a module's log is that of its base, and the Pod of base b1 is not known: several Pods are named orders-0 in namespaces bases, more. ${advice}`,
    );
  });

  test('where it is not found, it is said what was looked for, where, and what to do', async () => {
    expect(await matched([])).toBe(
      `400 a module's log is that of its base, and the Pod of base b1 is not known: no Pod in namespace shop is named orders-0, as its host, and none has its address 10.0.0.9. ${advice}`,
    );
    expect(await matched([], { hostName: '', ip: '' })).toBe(
      `400 a module's log is that of its base, and the Pod of base b1 is not known: the base has told neither its host name nor its address. ${advice}`,
    );
  });

  test('its container is the labelled one, else base, else the only one', async () => {
    const of = (containers: string[], labels: object = {}, annotations: object = {}) =>
      basePod({
        metadata: { name: 'orders-0', namespace: 'shop', labels, annotations },
        spec: { containers: containers.map((name) => ({ name })) },
      });
    const key = 'base.koupleless.io/container-name';
    expect(await matched([of(['proxy', 'base'])])).toBe('shop/orders-0/base');
    expect(await matched([of(['app'])])).toBe('shop/orders-0/app');
    expect(await matched([of(['proxy', 'app'], { [key]: 'app' })])).toBe('shop/orders-0/app');
    expect(await matched([of(['proxy', 'app'], {}, { [key]: 'app' })])).toBe('shop/orders-0/app');
    expect(await matched([of(['proxy', 'app'])])).toBe(
      `400 which container of the Pod shop/orders-0 is the base is not known: it has proxy, app, and none is called base, and it has no label ${key}. Set that label to the container's name.`,
    );
    expect(await matched([of(['proxy', 'app'], { [key]: 'gone' })])).toMatch(
      /and its base\.koupleless\.io\/container-name is gone\./,
    );
  });
});

const advice =
  'Its log is where it runs; for kubectl logs it must be a Pod there, or the controller be told by --logs-base-namespaces where bases run.';

/** Endpoints and EndpointSlices are refused as a real one refuses them: addresses, ports, names, and what may not change. [SPEC C174] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { openSetting, podOf, type Said, STRATEGIC_PATCH } from './setting.ts';

const on = openSetting('endpoints');

const ADDRESSES = [
  ...['', '10.1.2', '010.0.0.1', '::ffff:10.0.0.1', '0.0.0.0', '::', '127.0.0.1', '::1', '169.254.1.2', 'fe80::1'],
  ...[
    '224.0.0.1',
    'ff02::1',
    '224.0.1.1',
    '10.0.0.1',
    'fd00::1',
    'FD00::1',
    'fd00:0::1',
    'host.example',
    'Host_x',
    'h',
  ],
];
const PORTS: readonly Json[] = [
  { port: 80 },
  { name: 'a', port: 0 },
  { name: 'a', port: 65_536, protocol: 'HTTP' },
  { name: 'B_', port: 1, protocol: '' },
  { name: `x${'y'.repeat(63)}`, port: 80, appProtocol: 'Not a Name' },
  { name: 'c', port: 80, appProtocol: 'kubernetes.io/h2c' },
];
const DEPRECATED = 'v1 Endpoints is deprecated';
/** The complaints, and what is warned of; that Endpoints are deprecated is said with every answer. */
const bare = ({ code, body, warnings = [] }: Said): Json => {
  const told = warnings.filter((warning) => !warning.includes(DEPRECATED));
  return [code, body.details?.causes ?? body.message ?? 'good', ...(told.length === 0 ? [] : [told])];
};

describe('Endpoints [SPEC C174]', () => {
  const tried = (subsets: Json, metadata: Json = {}): Promise<Json> =>
    on.say('POST', 'endpoints?dryRun=All', { metadata: { name: 'tried', ...metadata }, subsets }).then(bare);

  test.each(ADDRESSES)('at the address %j', async (ip) => {
    expect(await tried([{ addresses: [{ ip }] }])).toMatchSnapshot();
  });
  test('at addresses that are not ready', async () => {
    expect(await tried([{ notReadyAddresses: [{ ip: '127.0.0.1' }, { ip: 'x' }] }])).toMatchSnapshot();
  });
  test.each(PORTS)('with the port $name $port', async (port) => {
    expect(await tried([{ addresses: [{ ip: '10.0.0.1' }], ports: [port] }])).toMatchSnapshot();
  });
  test('with ports of which some have no name, and some the same', async () => {
    const ports = [{ port: 80 }, { name: 'a', port: 81 }, { name: 'a', port: 81 }];
    expect(await tried([{ addresses: [{ ip: '10.0.0.1' }], ports }])).toMatchSnapshot();
  });
  test('without an address', async () => {
    expect(await tried([{ ports: [{ port: 80 }] }, { addresses: [], notReadyAddresses: [] }])).toMatchSnapshot();
  });
  test('with hosts and nodes that are none', async () => {
    const addresses = [
      { ip: '10.0.0.1', hostname: 'a.b', nodeName: 'Node_1' },
      { ip: '10.0.0.2', hostname: 'Host', nodeName: '' },
    ];
    expect(await tried([{ addresses }])).toMatchSnapshot();
  });
  test('under a name that is none', async () => {
    expect(await tried([{ addresses: [{ ip: '::1' }] }], { name: 'A_b' })).toMatchSnapshot();
  });
  test('for which something is left out', async () => {
    expect(await tried([{ addresses: [{}], ports: [{}] }])).toMatchSnapshot();
  });
  test('are held to it when they change', async () => {
    await on.call('POST', 'endpoints', { metadata: { name: 'held' }, subsets: [{ addresses: [{ ip: '10.0.0.1' }] }] });
    const put = (ip: string): Promise<Json> =>
      on.say('PUT', 'endpoints/held', { metadata: { name: 'held' }, subsets: [{ addresses: [{ ip }] }] }).then(bare);
    expect([await put('127.0.0.1'), await put('fe80::1'), await put('10.0.0.2')]).toMatchSnapshot();
  });
});

describe('an EndpointSlice [SPEC C174]', () => {
  const tried = (slice: Json, metadata: Json = {}): Promise<Json> =>
    on
      .say('POST', 'endpointslices.discovery.k8s.io?dryRun=All', {
        metadata: { name: 'tried', ...metadata },
        addressType: 'IPv4',
        endpoints: [],
        ...slice,
      })
      .then(bare);
  const at = (address: string): Json => ({ addresses: [address] });
  const numbered = (count: number): Json[] =>
    Array.from({ length: count }, (_, index) => at(`10.0.${index >> 8}.${index & 255}`));

  for (const addressType of ['IPv4', 'IPv6', 'FQDN']) {
    test.each(ADDRESSES)(`of ${addressType} at the address %j`, async (address) => {
      expect(await tried({ addressType, endpoints: [at(address)] })).toMatchSnapshot();
    });
  }
  test.each([undefined, '', 'IPv5', 'ipv4', 'IP'])('of the type %j', async (addressType) => {
    expect(await tried({ addressType, endpoints: [at('10.0.0.1')] })).toMatchSnapshot();
  });
  test.each(PORTS)('with the port $name $port', async (port) => {
    expect(await tried({ ports: [port] })).toMatchSnapshot();
  });
  test('with ports of one name', async () => {
    const ports = [{ port: 80 }, { port: 81 }, { name: 'a' }, { name: 'a', port: 1, protocol: 'UDP' }];
    expect(await tried({ ports })).toMatchSnapshot();
  });
  test('with endpoints without an address, or with too many', async () => {
    const addresses = Array.from({ length: 101 }, (_, index) => `10.0.0.${index}`);
    expect(await tried({ endpoints: [{ addresses: [] }, { addresses }] })).toMatchSnapshot();
  });
  test.each([1000, 1001])('with %i endpoints', async (count) => {
    expect(await tried({ endpoints: numbered(count) })).toMatchSnapshot();
  });
  test('with 20,001 ports', async () => {
    const ports = Array.from({ length: 20_001 }, (_, index) => ({ name: `p${index}`, port: 80 }));
    expect(await tried({ ports })).toMatchSnapshot();
  });
  test('with hosts, nodes and zones that are none', async () => {
    const zones = [{ name: 'a' }, { name: 'a' }, { name: 'Not a zone' }, { name: '' }];
    const many = Array.from({ length: 9 }, (_, index) => ({ name: `z${index}` }));
    expect(
      await tried({
        endpoints: [
          { ...at('10.0.0.1'), hostname: 'a.b', nodeName: 'Node_1', zone: 'not a zone' },
          { ...at('10.0.0.2'), hostname: 'Host', nodeName: '' },
          { ...at('10.0.0.3'), hints: { forZones: zones } },
          { ...at('10.0.0.4'), hints: { forZones: many } },
          { ...at('10.0.0.5'), hints: { forNodes: [{ name: 'n' }, { name: 'n' }, { name: 'N_' }] } },
          { ...at('10.0.0.6'), hints: { forNodes: many } },
        ],
      }),
    ).toMatchSnapshot();
  });
  test('with old topology that is none', async () => {
    const deprecatedTopology = { 'a b': 'c', ok: 'not ok' };
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v']));
    const endpoints = [
      { ...at('10.0.0.1'), deprecatedTopology },
      { ...at('10.0.0.2'), deprecatedTopology: many },
      { ...at('10.0.0.3'), deprecatedTopology: { 'kubernetes.io/hostname': 'n' }, nodeName: 'n' },
    ];
    const made = await on.call('POST', 'endpointslices.discovery.k8s.io', {
      metadata: { name: 'topology' },
      addressType: 'IPv4',
      endpoints,
    });
    expect(made.endpoints).toMatchSnapshot();
  });
  test('under a name that is none', async () => {
    expect(await tried({ endpoints: [at('::1')] }, { name: 'A_b' })).toMatchSnapshot();
  });

  describe('that is there', () => {
    const path = 'endpointslices.discovery.k8s.io/held';
    const slice = (more: Json): Json => ({
      metadata: { name: 'held' },
      addressType: 'IPv4',
      endpoints: [at('10.0.0.1')],
      ...more,
    });
    beforeAll(() => on.call('POST', 'endpointslices.discovery.k8s.io', slice({})));

    test.each([
      ['its type', { addressType: 'IPv6', endpoints: [at('fd00::1')] }],
      ['its type alone', { addressType: 'FQDN' }],
      ['a wrong type', { addressType: 'x' }],
      ['to a wrong address', { endpoints: [at('127.0.0.1'), at('x')] }],
      ['to a good one', { endpoints: [at('10.0.0.2')], ports: [{ port: 80 }] }],
    ])('changes %s', async (_name, more) => {
      expect(await on.say('PUT', path, slice(more)).then(bare)).toMatchSnapshot();
    });
  });
});

describe('a Service whose Pod has an address that cannot be [SPEC C174]', () => {
  test('says so in Events, and has no endpoints', async () => {
    const nodeName = await on.makeNode('loop');
    const ports = [{ port: 80 }];
    await on.call('POST', 'services', { metadata: { name: 'loop' }, spec: { selector: { app: 'loop' }, ports } });
    await waitFor('its slice', async () => (await slices()).length > 0);
    await on.call('POST', 'pods', podOf('loop', { nodeName }, { labels: { app: 'loop' } }));
    const conditions = [{ type: 'Ready', status: 'True' }];
    const status = { phase: 'Running', podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }], conditions };
    await on.call('PATCH', 'pods/loop/status', { status }, STRATEGIC_PATCH);
    const told = await waitFor(
      'both Events',
      async () => {
        const { items } = await on.get('events');
        const found = items.filter(({ reason }: Json) => reason.startsWith('FailedToUpdateEndpoint'));
        return found.length >= 2 ? found : undefined;
      },
      15_000,
    );
    const words = told.map(({ type, reason, message, source, involvedObject }: Json) => {
      const text = on.plain(message).replace(/loop-[a-z0-9]{5}/g, 'loop-RANDOM');
      return [type, reason, involvedObject.kind, involvedObject.name, source.component, text];
    });
    expect(words.sort()).toMatchSnapshot();
    const { subsets } = await on.get('endpoints/loop');
    expect([subsets, (await slices()).map(({ endpoints }: Json) => endpoints)]).toMatchSnapshot();
  });
  const slices = async (): Promise<Json[]> =>
    (await on.get('endpointslices.discovery.k8s.io?labelSelector=kubernetes.io%2Fservice-name%3Dloop')).items;
});

describe('a Service with outside addresses [SPEC C174]', () => {
  test.each(ADDRESSES)('at %j', async (address) => {
    const spec = { ports: [{ port: 80 }], externalIPs: [address] };
    expect(
      await on.say('POST', 'services?dryRun=All', { metadata: { name: 'out' }, spec }).then(bare),
    ).toMatchSnapshot();
  });
});

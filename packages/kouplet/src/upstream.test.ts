import { expect, test } from 'vitest';
import { normaliseVariables } from './environment.ts';
import { createProgram } from './program.ts';
import {
  meaninglessLine,
  namingAsSet,
  orUpstream,
  readUpstream,
  switchedOn,
  type Upstream,
  upstreamBroker,
} from './upstream.ts';
import { envName, port } from './values.ts';

/** What `use` makes of a call of `kouplet controller` with these flags and KOUPLET_ variables. */
async function parsed<T>(
  args: readonly string[],
  ours: Record<string, string>,
  use: (...given: Parameters<Parameters<ReturnType<typeof createProgram>['action']>[0]>) => T,
): Promise<T> {
  const program = createProgram({});
  let made: { readonly value: T } | undefined;
  program.commands
    .find((each) => each.name() === 'controller')
    ?.action((...given) => {
      made = { value: use(...given) };
    });
  const before = { ...process.env };
  Object.assign(process.env, ours);
  try {
    normaliseVariables(program.commands, process.env);
    await program.parseAsync(['node', 'kouplet', 'controller', ...args]);
  } finally {
    for (const name of Object.keys(ours)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
  if (made === undefined) throw new Error('it was not called');
  return made.value;
}

test('upstream’s variables choose broker, env and namespace, and make the start one in its style [SPEC O4]', () => {
  expect(readUpstream({})).toEqual({ isUpstreamStyle: false });
  const read = readUpstream({
    ENABLE_MQTT_TUNNEL: 'true',
    MQTT_BROKER: 'mosquitto',
    MQTT_PORT: '1884',
    MQTT_USERNAME: 'u',
    MQTT_PASSWORD: 'p',
    MQTT_CLIENT_PREFIX: 'shop',
    ENV: 'test',
    CLIENT_ID: 'c1',
    NAMESPACE: 'ns',
  });
  expect(read).toEqual({
    isUpstreamStyle: true,
    host: 'mosquitto',
    port: '1884',
    username: 'u',
    password: 'p',
    clientPrefix: 'shop',
    env: 'test',
    clientId: 'c1',
    namespace: 'ns',
  });
  expect(upstreamBroker(read, false)).toEqual({ url: 'mqtt://mosquitto:1884', isTls: false });
  expect(upstreamBroker(readUpstream({ MQTT_BROKER: 'h', MQTT_CA_PATH: '/ca' }), true)?.url).toBe('mqtts://h:1883');
  expect(upstreamBroker(readUpstream({ MQTT_BROKER: '[::1]' }), false)?.url).toBe('mqtt://[::1]:1883');
  expect(upstreamBroker(readUpstream({ MQTT_PORT: '1884' }), false)).toBeUndefined();
  expect(readUpstream({ ENABLE_MODULE_REPLICAS_SYNC_WITH_BASE: 'true' })).toEqual({
    isUpstreamStyle: false,
    hasPeers: true,
  });
  expect(readUpstream({ KUBELET_PROXY_ENABLED: 'true', KUBELET_PROXY_PORT: '10251' })).toEqual({
    isUpstreamStyle: false,
    hasLogs: true,
    logsPort: '10251',
  });
  expect(readUpstream({ ENABLE_MODULE_REPLICAS_SYNC_WITH_BASE: 'false' })).toEqual({ isUpstreamStyle: false });
});

test.each([
  [{ ENABLE_HTTP_TUNNEL: 'true' }, /ENABLE_HTTP_TUNNEL/],
  [{ REPORT_HOOKS: 'https://hooks.example.com' }, /^REPORT_HOOKS: .*tracker here$/],
  [{ TRACKER_CONFIG_PATH: '/x.yaml' }, /^TRACKER_CONFIG_PATH: /],
  [{ ENABLE_MQTT_TUNNEL: 'true' }, /MQTT_BROKER/],
  [{ MQTT_BROKER: 'h', MQTT_PORT: 'x' }, /^MQTT_PORT: /],
  [{ MQTT_BROKER: 'h', MQTT_PORT: '65536' }, /^MQTT_PORT: /],
  [{ MQTT_BROKER: 'mqtt://h' }, /^MQTT_BROKER: "mqtt:\/\/h" is no host/],
  [{ MQTT_BROKER: 'u:hunter2@h' }, /^MQTT_BROKER: "\*\*\*@h" is no host/],
  [{ MQTT_BROKER: 'h', MQTT_CLIENT_CRT_PATH: '/c' }, /^MQTT_CLIENT_CRT_PATH is set, but MQTT_CA_PATH is not/],
])('%j is refused in words rather than ignored [SPEC O4]', (environment, words) => {
  expect(() => upstreamBroker(readUpstream(environment), false)).toThrow(words);
});

test('what is set and changes nothing here is named in one line, with why [SPEC O4]', () => {
  expect(meaninglessLine({ MQTT_BROKER: 'h', IS_CLUSTER: '' })).toBeUndefined();
  const set = { HTTP_TUNNEL_LISTEN_PORT: '7777', IS_CLUSTER: 'true', WORKLOAD_MAX_LEVEL: '3', VNODE_WORKER_NUM: '8' };
  const line = meaninglessLine(set);
  for (const name of Object.keys(set)) expect(line).toMatch(new RegExp(`\\b${name} \\([^()]+\\)`));
  expect(line).not.toContain('\n');
  expect(meaninglessLine({ VNODE_WORKER_NUM: '8' })).toBe(
    'set, but without a meaning here: VNODE_WORKER_NUM (no workers to count)',
  );
});

test('a flag goes before KOUPLET_, that before upstream’s variable, that before the default [SPEC O1]', async () => {
  const envOf = (args: readonly string[], ours: Record<string, string>, upstream?: string) =>
    parsed(args, ours, (_flags, self) => orUpstream(self, 'env', upstream, envName));
  expect(await envOf([], {})).toBe('dev');
  expect(await envOf([], {}, 'up')).toBe('up');
  expect(await envOf([], { KOUPLET_ENV: 'var' }, 'up')).toBe('var');
  expect(await envOf(['--env', 'flag'], { KOUPLET_ENV: 'var' }, 'up')).toBe('flag');
  await expect(envOf([], {}, 'a.b')).rejects.toThrow(/^ENV: /);
});

const allOn = readUpstream({
  MQTT_BROKER: 'mosquitto',
  ENABLE_MODULE_REPLICAS_SYNC_WITH_BASE: 'true',
  KUBELET_PROXY_ENABLED: 'true',
});
test.each([
  ['env-taint', 'hasEnvTaint'],
  ['peer-deployments', 'hasPeers'],
  ['logs', 'hasLogs'],
] as const)('a no to %s, by flag or by variable, goes before upstream’s yes [SPEC O1] [SPEC O3]', async (flag, name) => {
  const variable = `KOUPLET_${flag.replace('-', '_').toUpperCase()}`;
  const isOn = (args: readonly string[], ours: Record<string, string>, upstream: Upstream) =>
    parsed(args, ours, (flags) => switchedOn(flags, upstream)[name]);
  expect(await isOn([], {}, allOn)).toBe(true);
  expect(await isOn([], { [variable]: '' }, allOn)).toBe(true);
  expect(await isOn([], { [variable]: 'false' }, allOn)).toBe(false);
  expect(await isOn([`--no-${flag}`], {}, allOn)).toBe(false);
  expect(await isOn([`--no-${flag}`], { [variable]: 'true' }, allOn)).toBe(false);
  expect(await isOn([`--${flag}`], { [variable]: 'false' }, readUpstream({}))).toBe(true);
  expect(await isOn([], { [variable]: 'true' }, readUpstream({}))).toBe(true);
  expect(await isOn([], {}, readUpstream({}))).toBe(false);
});

test('texts name what was set: the flag, our variable, upstream’s [SPEC O15]', async () => {
  const said = (args: readonly string[], ours: Record<string, string>, environment: Record<string, string>) =>
    parsed(args, ours, (_flags, self) => namingAsSet(self, environment)('--broker, --mqtt-ca, --mqtt-cert, --http'));
  const [broker, ca] = [{ MQTT_BROKER: 'h' }, { MQTT_CA_PATH: '/ca' }];
  expect(await said([], {}, {})).toBe('--broker, --mqtt-ca, --mqtt-cert, --http');
  expect(await said([], {}, { ...broker, ...ca })).toBe('MQTT_BROKER, MQTT_CA_PATH, MQTT_CLIENT_CRT_PATH, --http');
  expect(await said(['--broker', 'mqtt://h', '--mqtt-cert', 'x'], { KOUPLET_HTTP: '127.0.0.1:0' }, ca)).toBe(
    '--broker, MQTT_CA_PATH, --mqtt-cert, KOUPLET_HTTP',
  );
  expect(await said([], { KOUPLET_MQTT_CA: '/ours' }, { ...broker, ...ca })).toBe(
    'MQTT_BROKER, KOUPLET_MQTT_CA, MQTT_CLIENT_CRT_PATH, --http',
  );
});

test('what upstream’s variable says wrongly is told with the one of ours that goes before it [SPEC O15]', async () => {
  const wrong = parsed([], {}, (_flags, self) => orUpstream(self, 'logsPort', 'x', port));
  await expect(wrong).rejects.toMatchObject({
    message: 'KUBELET_PROXY_PORT: "x" is not a port from 0 to 65535 (0: any free one)',
    advice: 'Set it right, or set KOUPLET_LOGS_PORT, which goes before it.',
  });
});

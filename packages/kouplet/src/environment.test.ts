import { expect, test } from 'vitest';
import { normaliseVariables, orUpstream, readUpstream } from './environment.ts';
import { createProgram } from './program.ts';
import { envName } from './values.ts';

test('every flag of every command has its variable, named after it [SPEC O1]', () => {
  for (const command of createProgram({}).commands) {
    for (const { long, envVar } of command.options) {
      expect(envVar, `${command.name()} ${long}`).toBe(`KOUPLET_${long?.slice(2).replaceAll('-', '_').toUpperCase()}`);
    }
  }
});

test('a switch is on for true, 1, yes and on, off for false and nothing, and anything else is wrong use [SPEC O3]', () => {
  const { commands } = createProgram({});
  const after = (value: string): string | undefined => {
    const environment = { KOUPLET_ENV_TAINT: value };
    normaliseVariables(commands, environment);
    return environment.KOUPLET_ENV_TAINT;
  };
  for (const value of ['true', '1', 'YES', 'on']) expect(after(value)).toBe(value);
  for (const value of ['', 'false', '0', 'No', 'off']) expect(after(value)).toBeUndefined();
  expect(() => after('perhaps')).toThrow(/KOUPLET_ENV_TAINT/);
});

test('an empty variable is none [SPEC O3]', () => {
  const environment = { KOUPLET_ENV: '', KOUPLET_DIR: 'x' };
  normaliseVariables(createProgram({}).commands, environment);
  expect(environment).toEqual({ KOUPLET_DIR: 'x' });
});

test('upstream’s variables choose broker, env and namespace, and make the start one in its style [SPEC O4]', () => {
  expect(readUpstream({})).toEqual({ isUpstreamStyle: false });
  expect(
    readUpstream({
      ENABLE_MQTT_TUNNEL: 'true',
      MQTT_BROKER: 'mosquitto',
      MQTT_PORT: '1884',
      MQTT_USERNAME: 'u',
      MQTT_PASSWORD: 'p',
      ENV: 'test',
      CLIENT_ID: 'c1',
      NAMESPACE: 'ns',
    }),
  ).toEqual({
    isUpstreamStyle: true,
    broker: 'mqtt://mosquitto:1884',
    username: 'u',
    password: 'p',
    env: 'test',
    clientId: 'c1',
    namespace: 'ns',
  });
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
  expect(readUpstream({ MQTT_BROKER: 'h', MQTT_CA_PATH: '/ca' }).broker).toBe('mqtts://h:1883');
});

test.each([
  [{ ENABLE_HTTP_TUNNEL: 'true' }, /ENABLE_HTTP_TUNNEL/],
  [{ REPORT_HOOKS: 'https://hooks.example.com' }, /^REPORT_HOOKS: .*tracker here$/],
  [{ TRACKER_CONFIG_PATH: '/x.yaml' }, /^TRACKER_CONFIG_PATH: /],
  [{ ENABLE_MQTT_TUNNEL: 'true' }, /MQTT_BROKER/],
  [{ MQTT_BROKER: 'h', MQTT_PORT: 'x' }, /MQTT_PORT/],
])('%j is refused in words rather than ignored [SPEC O4]', (environment, words) => {
  expect(() => readUpstream(environment)).toThrow(words);
});

test('a flag goes before KOUPLET_, that before upstream’s variable, that before the default [SPEC O1]', async () => {
  const envOf = async (args: readonly string[], environment: Record<string, string>, upstream?: string) => {
    const program = createProgram({});
    const command = program.commands.find((each) => each.name() === 'controller');
    let env: string | undefined;
    command?.action((_flags, self) => {
      env = orUpstream(self, 'env', upstream, 'ENV', envName);
    });
    for (const [name, value] of Object.entries(environment)) process.env[name] = value;
    try {
      await program.parseAsync(['node', 'kouplet', 'controller', ...args]);
    } finally {
      for (const name of Object.keys(environment)) delete process.env[name];
    }
    return env;
  };
  expect(await envOf([], {})).toBe('dev');
  expect(await envOf([], {}, 'up')).toBe('up');
  expect(await envOf([], { KOUPLET_ENV: 'var' }, 'up')).toBe('var');
  expect(await envOf(['--env', 'flag'], { KOUPLET_ENV: 'var' }, 'up')).toBe('flag');
  await expect(envOf([], {}, 'a.b')).rejects.toThrow(/^ENV: /);
});

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport, loadCluster } from '@kouplet/kube';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from './run.ts';
import { endCommands, runCommand, startCommand } from './testing/command.ts';

const dir = mkdtempSync(join(tmpdir(), 'kouplet-command-'));
let taken: Server;
let takenPort = 0;
beforeAll(async () => {
  taken = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  takenPort = typeof address === 'object' && address !== null ? address.port : 0;
});
afterEach(endCommands);
afterAll(() => {
  taken.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The command in this process: its rooms are loaded once for all cases. */
async function runHere(args: readonly string[], environment: Record<string, string> = {}) {
  const said = { stdout: '', stderr: '' };
  const listeners = { SIGINT: process.listeners('SIGINT'), SIGTERM: process.listeners('SIGTERM') };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += String(text);
      return true;
    });
  }
  try {
    const code = await run(['node', 'kouplet', ...args], environment);
    return { code, ...said };
  } finally {
    vi.restoreAllMocks();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      for (const listener of process.listeners(signal)) {
        if (!listeners[signal].includes(listener)) process.off(signal, listener);
      }
    }
  }
}

describe('help and wrong use', () => {
  test('--help says what there is and ends with 0 [SPEC O6]', async () => {
    const { code, stdout, stderr } = await runCommand(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Usage: kouplet');
    for (const name of ['up', 'controller', 'broker', 'cluster', 'base', 'why'])
      expect(stdout).toContain(`  ${name} [options]`);
  });

  test.each([
    ['no such flag', ['up', '--basis', '3'], /kouplet: unknown option '--basis'/],
    ['no such command', ['start'], /kouplet: unknown command 'start'/],
    ['a duration without unit', ['controller', '--gone-after', '60'], /--gone-after.*"60" is not a duration/],
    ['an env with a dot', ['up', '--env', 'a.b'], /--env.*holds a dot/],
    ['no broker', ['base'], /--broker <url>' not specified/],
    ['both brokers', ['controller', '--listen', '127.0.0.1:0', '--broker', 'mqtt://h'], /exclude each other/],
    ['a flag of the other broker', ['controller', '--mqtt-username', 'x'], /--mqtt-username is for an external broker/],
    [
      'a client certificate without key',
      ['base', '--broker', 'mqtts://127.0.0.1:1', '--cert', 'x'],
      /--cert and --key go together/,
    ],
    ['a certificate without key', ['broker', '--tls-cert', 'x'], /--tls-cert and --tls-key go together/],
    [
      'a cluster for everybody without TLS',
      ['cluster', '--listen', '0.0.0.0:0'],
      /refusing to listen on 0\.0\.0\.0:0 without TLS and a token/,
    ],
    [
      'an observer at a broker of its own [SPEC O12]',
      ['controller', '--observe'],
      /--observe is for an external broker/,
    ],
    [
      'durability of nothing that is kept',
      ['cluster', '--durable', 'power-loss'],
      /--durable power-loss is for state that is kept.*--dir/,
    ],
    ['the same of up', ['up', '--durable', 'power-loss'], /--durable power-loss is for state that is kept.*--keep/],
    ['a name for TLS without TLS', ['cluster', '--tls-san', 'x'], /--tls-san is for a server with TLS/],
    [
      'a cluster’s certificate without key',
      ['cluster', '--tls', '--tls-cert', 'x'],
      /--tls-cert and --tls-key go together/,
    ],
    [
      'listening for everybody without users',
      ['broker', '--listen', '0.0.0.0:0'],
      /refusing to listen on 0\.0\.0\.0 without users/,
    ],
    [
      'the same of a controller, before any API is asked',
      ['controller', '--listen', '0.0.0.0:0', '--kubeconfig', join(dir, 'none')],
      /^kouplet: refusing to listen on 0\.0\.0\.0 without users: .* Give a users file with --users.*\n$/,
    ],
  ])('%s: one line that says so, and 2 [SPEC O6]', async (_, args, words) => {
    const { code, stdout, stderr } = await runHere(args);
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  test.each([
    ['controller', '--broker', 'mqtt://user:hunter2@broker:1883'],
    ['controller', '--broker', 'user:hunter2@broker:1883'],
    ['base', '--broker', 'mqtts://broker?token=hunter2'],
    ['why', 'pod/p1', '--http', 'http://user:hunter2@localhost:8081'],
  ])('no password in a bad value is repeated: %s %s %s [SPEC O2] [SPEC E16]', async (...args) => {
    const { code, stderr } = await runHere(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/argument '.*\*\*\*.*' is invalid/);
    expect(stderr).not.toContain('hunter2');
  });

  test.each([
    [{ KUBELET_PROXY_ENABLED: 'true', KUBELET_PROXY_PORT: 'x' }, /: KUBELET_PROXY_PORT: .*KOUPLET_LOGS_PORT/],
    [{ ENV: 'a.b' }, /: ENV: .*KOUPLET_ENV/],
    [{ MQTT_BROKER: 'mqtt://h' }, /: MQTT_BROKER: .*MQTT_PORT/],
    [{ MQTT_BROKER: 'h', MQTT_CA_PATH: '/no/such' }, /: MQTT_CA_PATH: there is no file \/no\/such/],
    [
      { MQTT_BROKER: 'h', MQTT_CA_PATH: '/ca', MQTT_CLIENT_CRT_PATH: '/c' },
      /: MQTT_CLIENT_CRT_PATH and MQTT_CLIENT_KEY_PATH go together/,
    ],
    [{ MQTT_BROKER: 'h', MQTT_CLIENT_PREFIX: 'a\u0001' }, /: MQTT_CLIENT_PREFIX: .*KOUPLET_MQTT_CLIENT_PREFIX/],
  ])('%j: what is wrong is named as it was set, in a line that ends once [SPEC O15]', async (environment, words) => {
    const args = ['controller', '--kubeconfig', kubeconfigTo(1), '--http', '127.0.0.1:0'];
    const { code, stderr } = await runHere(args, environment);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(words);
    expect(stderr.trim()).toMatch(/^kouplet: .*[^.]\.$/);
    expect(stderr).not.toMatch(/--(?:broker|mqtt-|logs|env)|\.\./);
  });

  test('a bad variable is named as such [SPEC O1]', async () => {
    const { code, stderr } = await runCommand(['up'], { KOUPLET_BASES: 'many' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/KOUPLET_BASES.*"many" is not a whole number/);
  });
});

describe('what is wrong with the world: one clear line, what to do, and 1 [SPEC O7]', () => {
  test.each([
    [
      'the API’s port in use',
      () => ['up', '--dir', dir, '--api-port', String(takenPort)],
      /127\.0\.0\.1:\d+: the port is in use/,
    ],
    [
      'the broker’s port in use',
      () => ['up', '--dir', dir, '--mqtt-port', String(takenPort)],
      /another process has that port.*\. It is set by --mqtt-port\.$/m,
    ],
    [
      'the port in use of a broker alone',
      () => ['broker', '--listen', `127.0.0.1:${takenPort}`],
      /another process has that port.*\. It is set by --listen\.$/m,
    ],
    [
      'the cluster’s port in use',
      () => ['cluster', '--listen', `127.0.0.1:${takenPort}`],
      /the port is in use.*--listen/,
    ],
    ['no such kubeconfig', () => ['controller', '--kubeconfig', join(dir, 'none')], /none.*--kubeconfig/],
    [
      'a kubeconfig that is none',
      () => ['controller', '--kubeconfig', writeTemporary('bad', '{{{')],
      /bad.*--kubeconfig/,
    ],
    [
      'nobody behind the kubeconfig',
      () => ['controller', '--kubeconfig', kubeconfigTo(1), '--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'],
      /no Kubernetes API answers/,
    ],
    [
      'no broker there',
      () => ['base', '--broker', 'mqtt://127.0.0.1:1'],
      /cannot connect: .*is the broker running\? The flags are --broker/,
    ],
    ['a manifest that is not there', () => ['up', '--apply', join(dir, 'none.yaml')], /there is no file/],
    ['a journal that is not there', () => ['replay', join(dir, 'none')], /^kouplet: there is no file \S*none\. Check/],
    [
      'a token file that is not there',
      () => ['cluster', '--tls', '--token-file', join(dir, 'none')],
      /--token-file: there/,
    ],
    [
      'a token that is easily guessed',
      () => ['cluster', '--tls', '--token-file', writeTemporary('token', 'secret\n')],
      /the token is too short.*--token-file/,
    ],
    ['a users file that is not there', () => ['broker', '--users', join(dir, 'none')], /--users: there is no file/],
    [
      'a kubeconfig that cannot be written',
      () => ['cluster', '--kubeconfig', '/dev/null/x/kubeconfig'],
      /cannot be written.*--kubeconfig/,
    ],
  ])('%s', async (_, args, words) => {
    const { code, stderr } = await runHere(args());
    expect(stderr).toMatch(words);
    expect(stderr.trim().split('\n')).toEqual([expect.anything()]);
    expect(code).toBe(1);
  });

  test('and the process itself ends so', async () => {
    const { code, stderr } = await runCommand(['cluster', '--listen', `127.0.0.1:${takenPort}`]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^kouplet: .*the port is in use.*\n$/);
  });
});

function writeTemporary(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

function kubeconfigTo(port: number): string {
  return writeTemporary(
    `to-${port}`,
    `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:${port}", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`,
  );
}

describe('kouplet cluster', () => {
  test('says ready with the kubeconfig, which only its owner may read, and ends with 0 [SPEC O8]', async () => {
    const path = join(dir, 'deep/kubeconfig');
    const command = startCommand(['cluster', '--kubeconfig', path]);
    await command.says(/^ready .*deep\/kubeconfig$/m);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const server = /server: (\S+)/.exec(readFileSync(path, 'utf8'))?.[1];
    expect((await fetch(`${server}/readyz`)).status).toBe(200);
    command.process.kill('SIGTERM');
    expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('kouplet cluster --tls', () => {
  test('is reached from elsewhere by the name it was told, with what its kubeconfig holds [SPEC O40]', async () => {
    const [path, home] = [join(dir, 'tls/kubeconfig'), join(dir, 'tls/state')];
    const args = ['cluster', '--tls', '--listen', '0.0.0.0:0', '--advertise', 'localhost', '--kubeconfig', path];
    const command = startCommand([...args, '--dir', home, '--tls-san', 'kubernetes', '10.9.8.7']);
    await command.says(/^ready .*tls\/kubeconfig$/m);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(/server: https:\/\/localhost:\d+\n/);
    const access = await loadCluster({ kubeconfig: path });
    const transport = createTransport({ access, userAgent: 'test' });
    try {
      const answer = await transport.request({ method: 'GET', path: '/api/v1/namespaces/default' });
      expect(answer).toMatchObject({ kind: 'ok' });
    } finally {
      await transport.close();
      await access.close();
    }
    command.process.kill('SIGTERM');
    expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
    const again = startCommand([...args, '--dir', home]);
    await again.says(/^ready /m);
    const secret = /(?:certificate-authority-data|token): \S+/g;
    expect(readFileSync(path, 'utf8').match(secret)).toEqual(text.match(secret));
    again.process.kill('SIGTERM');
    expect(await again.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('kouplet broker and kouplet base', () => {
  test('bases connect to a broker that runs alone, and both end with 0 [SPEC O8]', async () => {
    const broker = startCommand(['broker', '--listen', '127.0.0.1:0']);
    const [, url] = await broker.says(/"url":"(mqtt:[^"]+)"/);
    const bases = startCommand(['base', '--broker', url ?? '', '--count', '2', '--identity', 'x']);
    await bases.says(/^ready x-1 x-2$/m);
    bases.process.kill('SIGINT');
    expect(await bases.ended).toMatchObject({ code: 0, stderr: '' });
    broker.process.kill('SIGINT');
    expect(await broker.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

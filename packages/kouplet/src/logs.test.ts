import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { openLog } from '@kouplet/controller';
import { generate } from 'selfsigned';
import { afterEach, expect, test } from 'vitest';
import { type LogsFlags, openLogs } from './logs.ts';
import { createProgram } from './program.ts';
import { readUpstream } from './upstream.ts';

const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** As `kouplet controller` with these flags and variables. */
async function opened(args: readonly string[], environment: Record<string, string> = {}) {
  const command = createProgram({}).commands.find((each) => each.name() === 'controller');
  if (command === undefined) throw new Error('there is no such command');
  let flags: (LogsFlags & { observe?: boolean }) | undefined;
  command.action((own) => {
    flags = own;
  });
  await command.parseAsync([...args], { from: 'user' });
  if (flags === undefined) throw new Error('it was not called');
  const { log, close } = openLog({ level: 'silent' });
  ends.push(close);
  const isObserver = flags.observe === true;
  const logs = await openLogs(flags, command, readUpstream(environment), environment, isObserver, log);
  if (logs !== undefined) ends.push(() => logs.server.close());
  return logs;
}

function certificateAt(port: number): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('logs are served where they are asked for, by flag or by upstream’s variables, and by no observer [SPEC O20]', async () => {
  expect(await opened([])).toBeUndefined();
  expect(await opened([], { KUBELET_PROXY_ENABLED: 'false' })).toBeUndefined();
  const environment = { KUBELET_PROXY_ENABLED: 'true', KUBELET_PROXY_PORT: '0', POD_IP: '127.0.0.1' };
  expect(await opened(['--no-logs'], environment)).toBeUndefined();
  const byVariables = await opened([], environment);
  expect(byVariables?.endpoint).toEqual({ address: '127.0.0.1', port: byVariables?.server.port });
  expect(byVariables?.endpoint.port).toBeGreaterThan(0);
  expect(await opened(['--observe'], environment)).toBeUndefined();
  await expect(opened(['--observe', '--logs'])).rejects.toThrow('--logs and --observe exclude each other');
  const byFlags = await opened(['--logs', '--logs-port', '0', '--logs-base-namespaces', 'a, b,a'], { POD_IP: '' });
  expect(byFlags?.server.baseNamespaces).toEqual(['a', 'b']);
  expect(byFlags?.endpoint.address).not.toBe('');
});

test('its flags without it, half a certificate, a taken port, no address are wrong use in words [SPEC O20]', async () => {
  await expect(opened(['--logs-address', '10.0.0.7'])).rejects.toThrow('--logs-address is for --logs');
  await expect(opened(['--logs', '--logs-tls-cert', 'x'])).rejects.toThrow('--logs-tls-cert and --logs-tls-key');
  await expect(opened(['--logs', '--logs-client-ca', '/nowhere'])).rejects.toThrow(/--logs-client-ca/);
  await expect(opened([], { KUBELET_PROXY_ENABLED: 'true', KUBELET_PROXY_PORT: 'x' })).rejects.toThrow(
    /^KUBELET_PROXY_PORT: /,
  );
  const taken = await opened(['--logs', '--logs-port', '0', '--logs-address', '127.0.0.1']);
  const port = String(taken?.server.port);
  await expect(opened(['--logs', '--logs-port', port, '--logs-address', '127.0.0.1'])).rejects.toThrow(
    `the server of logs cannot listen on 127.0.0.1:${port}: the port is in use`,
  );
});

test('it shows the certificate that is named, else one of its own making [SPEC O20] [U32]', async () => {
  const at = ['--logs', '--logs-port', '0', '--logs-address', '127.0.0.1'];
  const own = await opened(at);
  expect((await certificateAt(own?.server.port ?? 0)).subjectaltname).toBe('IP Address:127.0.0.1');
  const folder = mkdtempSync(join(tmpdir(), 'kouplet-logs-'));
  ends.push(() => rmSync(folder, { recursive: true }));
  const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  const made = await generate([{ name: 'commonName', value: 'named' }], { keyType: 'ec', algorithm: 'sha256' });
  writeFileSync(cert, made.cert);
  writeFileSync(key, made.private);
  for (const flag of ['--logs-client-ca', '--logs-tls-cert']) {
    const files = { '--logs-tls-cert': cert, '--logs-tls-key': key, [flag]: key };
    const refused = opened([...at, ...Object.entries(files).flat()]);
    await expect(refused, flag).rejects.toMatchObject({ name: 'Failure', message: expect.stringContaining(flag) });
  }
  const named = await opened([...at, '--logs-tls-cert', cert, '--logs-tls-key', key]);
  expect((await certificateAt(named?.server.port ?? 0)).subject.CN).toBe('named');
});

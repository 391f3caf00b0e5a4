import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterAccess } from './credentials.ts';
import { KubeconfigError } from './kubeconfig-error.ts';
import { loadCluster } from './load-cluster.ts';
import { collectionPath, pods } from './resources.ts';
import { eventually } from './testing/eventually.ts';
import { createTransport } from './transport.ts';

let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

let files = 0;
async function file(text: string): Promise<string> {
  files += 1;
  const path = join(directory, `config-${files}`);
  await writeFile(path, text);
  return path;
}

interface Parts {
  readonly cluster?: Record<string, unknown>;
  readonly user?: Record<string, unknown> | undefined;
  readonly context?: Record<string, unknown>;
  readonly current?: string;
}

function config({ cluster = {}, user = {}, context = {}, current = 'here' }: Parts = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'here', context: { cluster: 'c', user: 'u', ...context } },
      { name: 'there', context: { cluster: 'nowhere', user: 'u' } },
      { name: 'nobody', context: { cluster: 'c', user: 'ghost' } },
    ],
    'current-context': current,
  });
}

async function loaded<T>(
  options: Parameters<typeof loadCluster>[0],
  use: (access: ClusterAccess) => T | Promise<T>,
): Promise<T> {
  const access = await loadCluster(options);
  try {
    return await use(access);
  } finally {
    access.close();
  }
}

describe('what is wrong with a kubeconfig is said in one line, with what to do', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const mistakes: ReadonlyArray<readonly [string, string | undefined, { context?: string }, string, RegExp]> = [
    ['a file that is not there', undefined, {}, 'file-missing', /no-such-file does not exist: check the path/],
    ['no YAML', 'a: [b\n c: }', {}, 'not-yaml', /is no YAML/],
    ['YAML that is no kubeconfig', 'hello', {}, 'not-a-kubeconfig', /is no kubeconfig/],
    ['an empty file', '', {}, 'not-a-kubeconfig', /is no kubeconfig/],
    ['a list', '- a\n- b\n', {}, 'not-a-kubeconfig', /is no kubeconfig/],
    ['a cluster without a server', 'clusters: [{name: c, cluster: {}}]', {}, 'not-a-kubeconfig', /server is missing/],
    [
      'no current-context',
      config({ current: '' }),
      {},
      'no-current-context',
      /choose one with --context \(it has here, there, nobody\)/,
    ],
    [
      'a current-context that it lacks',
      config({ current: 'gone' }),
      {},
      'no-such-context',
      /current-context is "gone"/,
    ],
    [
      'a context that it lacks',
      config(),
      { context: 'elsewhere' },
      'no-such-context',
      /no context "elsewhere".*here, there/,
    ],
    ['a cluster that it lacks', config(), { context: 'there' }, 'no-such-cluster', /cluster "nowhere"/],
    ['a user that it lacks', config(), { context: 'nobody' }, 'no-such-user', /user "ghost"/],
    ['a server that is no address', config({ cluster: { server: 'ftp://x' } }), {}, 'bad-server', /ftp:\/\/x/],
    [
      'a proxy of another kind',
      config({ cluster: { 'proxy-url': 'socks5://x:1' } }),
      {},
      'unsupported-proxy',
      /socks5/,
    ],
    [
      'a CA file that is not there',
      config({ cluster: { 'certificate-authority': 'no-ca.crt' } }),
      {},
      'bad-certificate',
      /no-ca\.crt/,
    ],
    [
      'CA data that is no certificate',
      config({ cluster: { 'certificate-authority-data': base64('x') } }),
      {},
      'bad-certificate',
      /certificate authority/,
    ],
    [
      'a certificate that is none',
      config({ user: { 'client-certificate-data': base64('x'), 'client-key-data': base64('y') } }),
      {},
      'bad-certificate',
      /client certificate/,
    ],
    [
      'a token file that is not there',
      config({ user: { tokenFile: 'no-token' } }),
      {},
      'credentials-failed',
      /no-token/,
    ],
    [
      'a plugin that is not there',
      config({ user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-plugin-here' } } }),
      {},
      'credentials-failed',
      /user "u"/,
    ],
  ];
  it.each(mistakes)('%s [SPEC K1]', async (_name, text, options, code, message) => {
    const kubeconfig = text === undefined ? join(directory, 'no-such-file') : await file(text);
    const error = await loadCluster({ kubeconfig, ...options }).then(
      (access) => access.close(),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(KubeconfigError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(String(error)).not.toContain('\n');
  });

  it('a directory in place of a file', async () => {
    await expect(loadCluster({ kubeconfig: directory })).rejects.toMatchObject({ code: 'file-unreadable' });
  });
});

describe('what kubectl takes is taken', () => {
  it('an http server, a context without a user, a namespace, a path behind the host [SPEC K1]', async () => {
    const kubeconfig = await file(
      config({ cluster: { server: 'http://127.0.0.1:8001/k8s/' }, context: { user: undefined, namespace: 'team' } }),
    );
    await loaded({ kubeconfig }, (access) => {
      expect([access.server, access.context, access.namespace]).toEqual(['http://127.0.0.1:8001/k8s', 'here', 'team']);
      expect(access.credentials()).toEqual({ headers: {}, tls: {} });
    });
  });

  it('a token, a name with a password, an impersonated user', async () => {
    const token = await file(config({ user: { token: 'abc', as: 'jane' } }));
    await loaded({ kubeconfig: token }, (access) =>
      expect(access.credentials().headers).toEqual({ authorization: 'Bearer abc', 'impersonate-user': 'jane' }),
    );
    const basic = await file(config({ user: { username: 'a', password: 'b' } }));
    await loaded({ kubeconfig: basic }, (access) =>
      expect(access.credentials().headers).toEqual({ authorization: `Basic ${Buffer.from('a:b').toString('base64')}` }),
    );
  });

  it('a certificate of a client, whose server asks for it', async () => {
    const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
      algorithm: 'sha256',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    const server = createServer(
      { key: pems.private, cert: pems.cert, requestCert: true, ca: pems.cert },
      (request, response) => {
        const { socket } = request;
        const isKnown = 'authorized' in socket && socket.authorized === true;
        response.writeHead(isKnown ? 200 : 401).end(JSON.stringify({ items: [] }));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const data = (pem: string): string => Buffer.from(pem).toString('base64');
    await writeFile(join(directory, 'ca.crt'), pems.cert);
    const kubeconfig = await file(
      config({
        // A path in a kubeconfig is relative to the file.
        cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': 'ca.crt' },
        user: { 'client-certificate-data': data(pems.cert), 'client-key-data': data(pems.private) },
      }),
    );
    try {
      await loaded({ kubeconfig }, async (access) => {
        const transport = createTransport({ access, userAgent: 't/1' });
        const outcome = await transport.request({ method: 'GET', path: collectionPath(pods) });
        await transport.close();
        expect(outcome).toEqual({ kind: 'ok', status: 200, body: { items: [] } });
      });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('where none is named', () => {
  const before = { KUBECONFIG: process.env.KUBECONFIG, HOME: process.env.HOME };

  afterEach(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('$KUBECONFIG is taken, then ~/.kube/config [SPEC K1]', async () => {
    process.env.KUBECONFIG = await file(config({ context: { namespace: 'from-variable' } }));
    await loaded({}, (access) => expect(access.namespace).toBe('from-variable'));
    process.env.KUBECONFIG = '';
    process.env.HOME = directory;
    await mkdir(join(directory, '.kube'), { recursive: true });
    await writeFile(join(directory, '.kube', 'config'), config({ context: { namespace: 'from-home' } }));
    await loaded({}, (access) => expect(access.namespace).toBe('from-home'));
  });

  it('a file of $KUBECONFIG that is missing is said', async () => {
    process.env.KUBECONFIG = join(directory, 'not-there');
    await expect(loadCluster()).rejects.toMatchObject({
      code: 'file-missing',
      message: expect.stringMatching(/not-there.*check \$KUBECONFIG/),
    });
  });

  // In a Pod with a service account there is always something.
  it.skipIf(existsSync('/var/run/secrets/kubernetes.io/serviceaccount/token'))(
    'nothing at all is said, too [SPEC K1]',
    async () => {
      process.env.KUBECONFIG = '';
      process.env.HOME = join(directory, 'no-home');
      await expect(loadCluster()).rejects.toMatchObject({
        code: 'nothing-found',
        message: expect.stringContaining('--kubeconfig FILE'),
      });
    },
  );
});

describe('credentials stay fresh', () => {
  it('a token file is read again, from beside the kubeconfig, and equal credentials are the same object [SPEC K5]', async () => {
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, 'first\n');
    const kubeconfig = await file(config({ user: { tokenFile: 'token', token: 'stale' } }));
    let mono = 0;
    const clock = { now: Date.now, monotonic: () => mono, setTimeout: () => () => {} };
    await loaded({ kubeconfig, clock }, async (access) => {
      const first = access.credentials();
      expect(first.headers).toEqual({ authorization: 'Bearer first' });
      mono = 5_000;
      expect(await access.refresh()).toBe(true);
      expect(access.credentials()).toBe(first);
      await writeFile(tokenFile, 'second\n');
      // Just read: a 401 on top of a 401 must not become a loop.
      expect(await access.refresh()).toBe(true);
      expect(access.credentials()).toBe(first);
      mono = 10_000;
      expect(await Promise.all([access.refresh(), access.refresh()])).toEqual([true, true]);
      expect(access.credentials().headers).toEqual({ authorization: 'Bearer second' });
    });
  });

  it('what cannot be read again is told, and the old stays in use [SPEC K5]', async () => {
    const kubeconfig = await file(config({ user: { token: 'abc' } }));
    const failures: string[] = [];
    let mono = 0;
    const clock = { now: Date.now, monotonic: () => mono, setTimeout: () => () => {} };
    await loaded({ kubeconfig, clock, onRefreshFailed: (error) => failures.push(error.code) }, async (access) => {
      mono = 5_000;
      await writeFile(kubeconfig, 'half a file: [');
      expect(await access.refresh()).toBe(false);
      await writeFile(kubeconfig, config({ cluster: { server: 'https://other:1' } }));
      expect(await access.refresh()).toBe(false);
      expect(failures).toEqual(['not-yaml', 'bad-server']);
      expect(access.credentials().headers).toEqual({ authorization: 'Bearer abc' });
    });
  });

  it('they are read again from time to time, until closed', async () => {
    const kubeconfig = await file(config({ user: { token: 'abc' } }));
    const due = new Set<() => void>();
    const clock = {
      now: Date.now,
      monotonic: () => 0,
      setTimeout: (fn: () => void) => {
        due.add(fn);
        return () => void due.delete(fn);
      },
    };
    const access = await loadCluster({ kubeconfig, clock });
    const [first] = due;
    due.clear();
    first?.();
    await eventually(
      () => due.size === 1,
      () => 'not scheduled again',
    );
    access.close();
    expect(due.size).toBe(0);
  });
});

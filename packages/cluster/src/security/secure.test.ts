import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, type ClusterOptions, startCluster } from '../index.ts';
import { newAuthority, serverCertificate } from './certificate.ts';

const dir = mkdtempSync(join(tmpdir(), 'kouplet-secure-'));
const open: Cluster[] = [];

async function start(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await startCluster({ controllers: false, secure: {}, ...options });
  open.push(cluster);
  return cluster;
}

afterAll(async () => {
  for (const cluster of open) await cluster.close();
  rmSync(dir, { recursive: true, force: true });
});

/** What the kubeconfig says, as a client takes it. */
function known(cluster: Cluster): { ca: string; token: string; server: string } {
  const text = cluster.kubeconfig();
  const found = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? '';
  return {
    ca: Buffer.from(found(/certificate-authority-data: (\S+)/), 'base64').toString(),
    token: found(/token: (\S+)/),
    server: found(/server: (\S+)/),
  };
}

interface Told {
  readonly code: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every shape.
  readonly json: any;
  readonly text: string;
}

function get(
  cluster: Cluster,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  more: { servername?: string; ca?: string } = {},
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const { ca } = known(cluster);
    const options = { host: '127.0.0.1', port: cluster.port, path, headers, ca, agent: false, ...more };
    const request = httpsRequest(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => {
        const json: unknown = text.startsWith('{') ? JSON.parse(text) : undefined;
        resolve({ code: response.statusCode ?? 0, json, text });
      });
    });
    request.on('error', reject);
    request.end();
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('[SPEC C131] with TLS only who brings the token is heard', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await start();
  });

  test('the kubeconfig has the address, the authority and the token that open the server', async () => {
    const { server, token } = known(cluster);
    expect(server).toBe(`https://127.0.0.1:${cluster.port}`);
    const { code, json } = await get(cluster, '/api/v1/namespaces/default', bearer(token));
    expect([code, json.metadata.name]).toEqual([200, 'default']);
  });

  test.each([
    ['no token', {}],
    ['a wrong token', bearer('x'.repeat(43))],
    ['a token that is a beginning of it', undefined],
    ['a token of no one', bearer('a.b.c')],
    ['a password', { authorization: 'Basic eDp5' }],
  ])('%s is answered 401 in the words of a real server', async (_what, headers) => {
    const { token } = known(cluster);
    const { code, json } = await get(cluster, '/api/v1/namespaces', headers ?? bearer(token.slice(0, -1)));
    expect([code, json]).toEqual([
      401,
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'Unauthorized',
        reason: 'Unauthorized',
        code: 401,
      },
    ]);
  });

  test.each(['/healthz', '/livez', '/readyz', '/version'])('%s is open to everybody', async (path) => {
    expect((await get(cluster, path)).code).toBe(200);
    expect((await get(cluster, path, bearer('wrong-but-given'))).code).toBe(401);
  });

  test('a ServiceAccount is who its token says', async () => {
    const account = cluster.api.get('serviceaccounts', 'default', 'default');
    const wish = { namespace: 'default', name: 'default', uid: account?.metadata.uid ?? '' };
    const { token } = cluster.tokens.issue({ ...wish, audiences: [], expirationSeconds: 600 });
    expect((await get(cluster, '/version', bearer(token))).code).toBe(200);
    cluster.api.delete('serviceaccounts', 'default', 'default');
    expect((await get(cluster, '/version', bearer(token))).code).toBe(401);
  });

  test('plain HTTP, and a client that trusts somebody else, get no answer', async () => {
    await expect(fetch(`http://127.0.0.1:${cluster.port}/version`)).rejects.toThrow();
    const other = await newAuthority(Date.now());
    await expect(get(cluster, '/version', {}, { ca: other.cert })).rejects.toThrow(/certificate|signature/);
  });
});

describe('[SPEC C132] the certificate', () => {
  test('names this machine and what it was told, and its names are the hosts that are answered', async () => {
    const cluster = await start({ secure: { names: ['kubernetes', '10.1.2.3'] } });
    const { token } = known(cluster);
    for (const host of ['kubernetes', 'kubernetes:6443', '10.1.2.3:6443', 'localhost', '[::1]:1']) {
      expect((await get(cluster, '/api', { host, ...bearer(token) }, { servername: 'localhost' })).code).toBe(200);
    }
    const evil = await get(cluster, '/api', { host: 'evil.example', ...bearer(token) }, { servername: 'localhost' });
    expect([evil.code, evil.json.reason]).toEqual([403, 'Forbidden']);
    expect((await get(cluster, '/version', {}, { servername: 'kubernetes' })).code).toBe(200);
    expect(cluster.kubeconfig('kubernetes')).toContain(`server: https://kubernetes:${cluster.port}\n`);
  });

  test('is what strict clients want: P-256, names, uses, key identifiers, an authority that may sign', async () => {
    const now = Date.now();
    const authority = await newAuthority(now);
    const made = await serverCertificate(authority, ['localhost', '127.0.0.1', '::1'], now);
    const [root, leaf] = [new X509Certificate(authority.cert), new X509Certificate(made.cert)];
    expect([root.ca, leaf.ca, leaf.checkIssued(root), leaf.verify(root.publicKey)]).toEqual([true, false, true, true]);
    expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(leaf.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    const days = (leaf.validToDate.getTime() - now) / 86_400_000;
    expect([days > 700, leaf.validFromDate.getTime() < now]).toEqual([true, true]);
    // OpenSSL in its strict mode, as Python 3.13 uses it.
    writeFileSync(join(dir, 'root.pem'), authority.cert);
    writeFileSync(join(dir, 'leaf.pem'), made.cert);
    const args = ['verify', '-x509_strict', '-CAfile', join(dir, 'root.pem'), join(dir, 'leaf.pem')];
    expect(execFileSync('openssl', args).toString()).toContain('OK');
  });

  test('may be the user’s own', async () => {
    const authority = await newAuthority(Date.now());
    const { cert, key } = await serverCertificate(authority, ['127.0.0.1'], Date.now());
    const cluster = await start({ secure: { certificate: { cert, key, ca: authority.cert }, token: 't'.repeat(16) } });
    expect(known(cluster)).toMatchObject({ ca: authority.cert, token: 't'.repeat(16) });
    expect((await get(cluster, '/api', bearer('t'.repeat(16)))).code).toBe(200);
  });

  test.each([
    [
      'a key of another',
      async () => ({ cert: (await newAuthority(Date.now())).cert, key: (await newAuthority(Date.now())).key }),
    ],
    ['rubbish', async () => ({ cert: 'x', key: 'y' })],
    ['one that has ended', () => newAuthority(Date.now() - 20 * 365 * 86_400_000)],
  ])('%s is refused in one line', async (_what, make) => {
    await expect(start({ secure: { certificate: await make() } })).rejects.toThrow(/^the certificate [^\n]*$/);
  });

  test.each([
    'short',
    'with blanks in the midst of it',
    'ünicode-is-no-token',
  ])('the token %j is refused', async (token) => {
    await expect(start({ secure: { token } })).rejects.toThrow(/^the token /);
  });
});

describe('[SPEC C133] what is kept in the directory', () => {
  test('opens the next life of the server as well, and nobody else may read it', async () => {
    const home = join(dir, 'home');
    const first = await start({ dir: home });
    const [before, account] = [known(first), first.api.get('serviceaccounts', 'default', 'default')];
    const wish = { namespace: 'default', name: 'default', uid: account?.metadata.uid ?? '' };
    const { token } = first.tokens.issue({ ...wish, audiences: [], expirationSeconds: 600 });
    await first.close();
    for (const name of readdirSync(join(home, 'credentials'))) {
      expect([name, statSync(join(home, 'credentials', name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    const second = await start({ dir: home, secure: { names: ['other'] } });
    expect({ ...known(second), server: '' }).toEqual({ ...before, server: '' });
    expect((await get(second, '/api', bearer(before.token), { ca: before.ca })).code).toBe(200);
    expect((await get(second, '/version', bearer(token))).code).toBe(200);
  });

  test('what is damaged is told with its path, not replaced', async () => {
    const home = join(dir, 'damaged');
    await (await start({ dir: home })).close();
    writeFileSync(join(home, 'credentials/authority.pem'), 'x');
    await expect(start({ dir: home })).rejects.toThrow(/damaged\/credentials\/authority\.pem holds no certificate/);
  });
});

describe('[SPEC C30] beyond this machine', () => {
  test('it listens only with TLS and a token', async () => {
    await expect(startCluster({ host: '0.0.0.0' })).rejects.toThrow(/without TLS and a token/);
    const cluster = await start({ host: '0.0.0.0' });
    expect(cluster.url).toBe(`https://127.0.0.1:${cluster.port}`);
    expect((await get(cluster, '/version')).code).toBe(200);
  });
});

import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followFiles, followServerFiles, readServerFiles, type ServerFiles } from './files.ts';
import { readAuthorities } from './text-files.ts';

let folder: string;
let unfollow: () => void;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kouplet-files-'));
});
afterEach(() => {
  unfollow();
  rmSync(folder, { recursive: true, force: true });
});

async function until(look: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!look()) {
    if (performance.now() > deadline) throw new Error('not within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const users = (name: string) => `users: [{name: ${name}, password: p, identity: b1}]\n`;

describe('a users file that is followed', () => {
  it('is read again after each change, and a mistake in it is told and changes nothing [SPEC B21]', async () => {
    const path = join(folder, 'users.yaml');
    writeFileSync(path, users('one'));
    const seen: string[] = [];
    const bad: string[] = [];
    const renew = (files: ServerFiles) => seen.push([...(files.users?.byName.keys() ?? [])].join());
    unfollow = followServerFiles({ users: path }, renew, (message) => bad.push(message));
    writeFileSync(path, users('second'));
    await until(() => seen.length === 1);
    writeFileSync(path, 'users: [{name: third}]\n');
    await until(() => bad.length === 1);
    expect(bad[0]).toContain(`${path}:1`);
    rmSync(path);
    await until(() => bad.length === 2);
    writeFileSync(path, users('fourth'));
    await until(() => seen.length === 2);
    expect(seen).toEqual(['second', 'fourth']);
  });
});

describe('a file of authorities', () => {
  it('holds certificates; what holds none, or a damaged one, is refused in words, not passed over as TLS does [SPEC B21]', async () => {
    unfollow = () => undefined;
    const path = join(folder, 'ca.crt');
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'authority' }], {
      keyType: 'ec',
      algorithm: 'sha256',
    });
    const pair = { tlsCert: join(folder, 'tls.crt'), tlsKey: join(folder, 'tls.key') };
    writeFileSync(pair.tlsCert, cert);
    writeFileSync(pair.tlsKey, key);
    writeFileSync(path, `# ours\n${cert}\n${cert}`);
    expect(readServerFiles({ ...pair, tlsClientCa: path }).tls?.clientCa).toContain('CERTIFICATE');
    for (const text of ['', 'no certificate', key]) {
      writeFileSync(path, text);
      expect(() => readServerFiles({ ...pair, tlsClientCa: path })).toThrow(
        `--tls-client-ca: ${path} holds no certificate`,
      );
    }
    writeFileSync(path, `${cert}\n${cert.replace(/[A-Za-z0-9]{20}/, 'A'.repeat(20))}`);
    expect(() => readAuthorities('--mqtt-ca', path)).toThrow(`--mqtt-ca: ${path} holds a certificate that is none`);
  });
});

describe('a mounted Secret', () => {
  it('is seen to change when its link is turned to another folder [SPEC B21]', async () => {
    for (const name of ['one', 'two']) writeFileSync(join(folder, name), name);
    const link = join(folder, 'link');
    symlinkSync(join(folder, 'one'), link);
    let changes = 0;
    unfollow = followFiles(
      [link, undefined],
      () => {
        changes += 1;
      },
      () => undefined,
    );
    symlinkSync(join(folder, 'two'), `${link}.new`);
    renameSync(`${link}.new`, link);
    await until(() => changes === 1);
  });
});

import { describe, expect, it } from 'vitest';
import { BrokerError } from './errors.ts';
import { hashPassword, PasswordCheck, parseHash } from './password.ts';
import { readUsers } from './users.ts';

const hash = '$scrypt$10$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

function refusal(text: string): string {
  try {
    readUsers(text, 'users.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(BrokerError);
    expect(error).toMatchObject({ code: 'bad-users' });
    return error instanceof Error ? error.message : '';
  }
  throw new Error('it was accepted');
}

describe('the users file', () => {
  it('binds a user to identities, or to the role of a controller [SPEC B9]', () => {
    const users = readUsers(
      `users:\n  - {name: orders, passwordHash: ${hash}, identity: orders-*}\n  - {name: pay, passwordHash: ${hash}, identity: [pay-1, pay-2]}\n  - {name: ctl, passwordHash: ${hash}, role: controller}\n`,
      'users.yaml',
    );
    expect([...users.byName.values()].map((user) => [user.name, user.role, user.patterns])).toEqual([
      ['orders', 'base', ['orders-*']],
      ['pay', 'base', ['pay-1', 'pay-2']],
      ['ctl', 'controller', []],
    ]);
    expect(users.warnings).toEqual([]);
  });

  it('takes a password in clear and one shared by all bases, and says what is weak about them [SPEC B9]', () => {
    const users = readUsers('users:\n  - name: all\n    password: secret\n    identity: "*"\n', 'users.yaml');
    expect(users.byName.get('all')?.secret).toEqual({ kind: 'plain', password: 'secret' });
    expect(users.warnings).toEqual([
      'users.yaml:2: user "all" has its password in clear; put passwordHash in its place',
      'users.yaml:2: user "all" may speak as any base: a shared password guards against accidents only',
    ]);
  });

  it('takes a hash for a hash wherever it stands', () => {
    expect(
      readUsers(`users: [{name: a, password: ${JSON.stringify(hash)}, identity: a}]`, 'u').byName.get('a')?.secret.kind,
    ).toBe('hash');
  });

  it.each([
    ['no YAML', 'users: [', /^users\.yaml:1:\d+: no valid YAML: /],
    ['empty', '', /^users\.yaml:1: users: .+/],
    ['nobody', 'users: []', /^users\.yaml:1: users: names nobody/],
    [
      'no password',
      'users:\n  - name: a\n    identity: a\n',
      /^users\.yaml:2: users\.0: needs either passwordHash or password$/,
    ],
    [
      'both passwords',
      `users:\n  - {name: a, password: x, passwordHash: ${hash}, identity: a}\n`,
      /needs either passwordHash or password/,
    ],
    [
      'no identity',
      'users:\n  - {name: a, password: x}\n',
      /needs either identity .*"orders-\*".* or role: controller/,
    ],
    ['a typo', 'users:\n  - name: a\n    pasword: x\n    identity: a\n', /^users\.yaml:2: users\.0: .*pasword/],
    [
      'a broken hash',
      'users:\n  - name: a\n    identity: a\n    passwordHash: md5\n',
      /^users\.yaml:4: users\.0\.passwordHash: is no hash made by hashPassword/,
    ],
    [
      'a topic as identity',
      'users:\n  - name: a\n    password: x\n    identity: a/b\n',
      /^users\.yaml:4: users\.0\.identity: /,
    ],
    [
      'twice',
      'users:\n  - {name: a, password: x, identity: a}\n  - {name: a, password: y, identity: b}\n',
      /^users\.yaml:3: user "a" is there twice/,
    ],
    [
      'a bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nusers: [*c,*c,*c]\n`,
      /^users\.yaml:/,
    ],
  ])('refuses one that is wrong (%s), naming file, line and remedy [SPEC B9]', (_name, text, message) => {
    expect(refusal(text)).toMatch(message);
    expect(refusal(text)).not.toContain('\n');
  });
});

describe('passwords', () => {
  const wanted = () => true;

  it('are right only where they are right, hashed or in clear', async () => {
    const made = parseHash(await hashPassword('secret', { logCost: 10 }));
    expect(made).toBeDefined();
    if (made === undefined) return;
    const check = new PasswordCheck();
    const ask = (password: string, secret: Parameters<PasswordCheck['check']>[1]) =>
      check.check('a', secret, Buffer.from(password), wanted);
    expect(await ask('secret', { kind: 'hash', hash: made })).toBe('right');
    expect(await ask('Secret', { kind: 'hash', hash: made })).toBe('wrong');
    expect(await ask('secret', { kind: 'hash', hash: made })).toBe('right');
    expect(await ask('secret', { kind: 'plain', password: 'secret' })).toBe('right');
    expect(await ask('secre', { kind: 'plain', password: 'secret' })).toBe('wrong');
    expect(await ask('secret', undefined)).toBe('wrong');
  });

  it('are answered for everyone who waits, though only two are hashed at a time', async () => {
    const made = parseHash(await hashPassword('secret', { logCost: 10 }));
    if (made === undefined) throw new Error('no hash');
    const check = new PasswordCheck();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        check.check(`u${index}`, { kind: 'hash', hash: made }, Buffer.from(index % 2 ? 'secret' : 'wrong'), wanted),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 40 }, (_, index) => (index % 2 ? 'right' : 'wrong')));
  });
});

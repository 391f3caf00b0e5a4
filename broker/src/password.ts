/**
 * Passwords: scrypt hashes as one word, `$scrypt$14$8$1$<salt>$<key>` (base-two logarithm of the cost, block size, parallelism; base64
 * without padding), and their check without leaks by time. No comma in it: in YAML's `{…}` a comma would end the value.
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const scryptAsync = promisify<
  string | Buffer,
  Buffer,
  number,
  { N: number; r: number; p: number; maxmem: number },
  Buffer
>(scrypt);

/** As many as may be connected at once: a few kilobytes each. */
const maxWaiting = 10_000;

interface ScryptHash {
  readonly logCost: number;
  readonly blockSize: number;
  readonly parallel: number;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/**
 * Hashes a password for the users file.
 *
 * @param options.logCost  base-two logarithm of scrypt's cost, 10 to 17. 14 takes some 40 ms and 16 MiB; for long generated passwords 10 is enough,
 *   and 5,000 bases with a password each are then checked in seconds
 * @returns `$scrypt$<logCost>$8$1$<salt>$<key>`
 */
export async function hashPassword(password: string, options: { readonly logCost?: number } = {}): Promise<string> {
  const logCost = Math.min(17, Math.max(10, options.logCost ?? 14));
  const salt = randomBytes(16);
  const key = await derive(password, { logCost, blockSize: 8, parallel: 1, salt, key: Buffer.alloc(32) });
  return `$scrypt$${logCost}$8$1$${unpadded(salt)}$${unpadded(key)}`;
}

/** Reads a hash of ours, or undefined. Costs are bounded: the file must not make every CONNECT cost a second. */
export function parseHash(text: string): ScryptHash | undefined {
  const found = /^\$scrypt\$(\d{1,2})\$(\d{1,2})\$(\d)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/.exec(text);
  if (!found) return undefined;
  const [, ln = '', r = '', p = '', salt = '', key = ''] = found;
  const hash = {
    logCost: Number(ln),
    blockSize: Number(r),
    parallel: Number(p),
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
  };
  const isSane =
    hash.logCost >= 4 &&
    hash.logCost <= 17 &&
    hash.blockSize >= 1 &&
    hash.blockSize <= 16 &&
    hash.parallel >= 1 &&
    hash.parallel <= 4;
  return isSane ? hash : undefined;
}

/** What one user's password is checked against. */
export type Secret =
  | { readonly kind: 'plain'; readonly password: string }
  | { readonly kind: 'hash'; readonly hash: ScryptHash };

/**
 * Checks passwords. A hash is computed once for each user and password that was right, and remembered as a keyed digest of this process:
 * 5,000 bases that come back at once must not cost 5,000 × 40 ms. At most two hashes are computed at a time, and a bounded number wait.
 */
export class PasswordCheck {
  readonly #key = randomBytes(32);
  readonly #known = new Map<string, Buffer>();
  readonly #waiting: Array<() => void> = [];
  #running = 0;

  /**
   * @param isWanted  whether the client still waits for the answer when its turn comes
   * @returns `busy` when too many wait to be checked, or nobody wants to know any more: unavailable, not wrong
   */
  async check(
    userName: string,
    secret: Secret | undefined,
    password: Buffer,
    isWanted: () => boolean,
  ): Promise<'right' | 'wrong' | 'busy'> {
    const given = this.#digest(userName, password);
    if (secret?.kind === 'plain') {
      return timingSafeEqual(given, this.#digest(userName, Buffer.from(secret.password))) ? 'right' : 'wrong';
    }
    if (secret !== undefined && this.#isKnown(userName, given)) return 'right';
    if (this.#waiting.length >= maxWaiting) return 'busy';
    if (this.#running >= 2) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      // What waited may have been answered meanwhile, by another client of the same user; or its client is gone.
      if (secret !== undefined && this.#isKnown(userName, given)) return 'right';
      if (!isWanted()) return 'busy';
      // An unknown user costs what a known one costs.
      const hash = secret?.hash ?? nobody;
      const isRight = timingSafeEqual(await derive(password, hash), hash.key);
      if (!isRight || secret === undefined) return 'wrong';
      this.#known.set(userName, given);
      return 'right';
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #isKnown(userName: string, given: Buffer): boolean {
    const known = this.#known.get(userName);
    return known !== undefined && timingSafeEqual(given, known);
  }

  #digest(userName: string, password: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(userName).update('\0').update(password).digest();
  }
}

const nobody: ScryptHash = {
  logCost: 14,
  blockSize: 8,
  parallel: 1,
  salt: Buffer.from('kouplet has no such user'),
  key: Buffer.alloc(32),
};

function derive(password: string | Buffer, hash: ScryptHash): Promise<Buffer> {
  const N = 2 ** hash.logCost;
  const maxmem = 256 * N * hash.blockSize + 1024 * 1024;
  return scryptAsync(password, hash.salt, hash.key.length, { N, r: hash.blockSize, p: hash.parallel, maxmem });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

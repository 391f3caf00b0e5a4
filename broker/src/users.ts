/**
 * The users file: who may connect, and as which bases.
 * ```yaml
 * users:
 *   - name: orders
 *     passwordHash: $scrypt$14$8$1$…$…     # made by hashPassword
 *     identity: orders-*                          # or a list of patterns
 *     certificate: orders                         # with client certificates: the common name that its certificate must have
 *   - name: controller
 *     passwordHash: …
 *     role: controller                            # a Kouplet controller that reaches this broker from outside
 * ```
 */
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { BrokerError } from './errors.ts';
import { parseHash, type Secret } from './password.ts';

export interface User {
  readonly name: string;
  readonly secret: Secret;
  readonly role: 'base' | 'controller';
  /** Identities this user may speak as; empty for a controller. */
  readonly patterns: readonly string[];
  /** Common name that the client's certificate must have; any, or none, where it is not said. */
  readonly certificate: string | undefined;
}

export interface Users {
  readonly byName: ReadonlyMap<string, User>;
  /** What is allowed but weak, one line each, for the log at the start. */
  readonly warnings: readonly string[];
}

const pattern = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[^/+#\s]+$/, 'must be an identity or a pattern with "*", without "/", "+", "#" and spaces');

const userShape = z
  .strictObject({
    name: z.string().min(1).max(256),
    password: z.string().min(1, 'must not be empty').optional(),
    passwordHash: z
      .string()
      .refine((text) => parseHash(text) !== undefined, 'is no hash made by hashPassword ($scrypt$14$8$1$…$…)')
      .optional(),
    identity: z.union([pattern, z.array(pattern).min(1)]).optional(),
    role: z.literal('controller').optional(),
    certificate: z.string().min(1).max(256).optional(),
  })
  .refine((user) => (user.password === undefined) !== (user.passwordHash === undefined), {
    error: 'needs either passwordHash or password',
  })
  .refine((user) => (user.identity === undefined) !== (user.role === undefined), {
    error: 'needs either identity (which bases it may speak as, for example "orders-*") or role: controller',
  });

const fileShape = z.strictObject({ users: z.array(userShape).min(1, 'names nobody: nobody could connect') });

/**
 * Reads a users file.
 *
 * @param text   YAML (or JSON)
 * @param where  the file's name, for messages
 * @throws BrokerError `bad-users`: one line with file, line, what is wrong and which entry
 */
export function readUsers(text: string, where: string): Users {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new BrokerError('bad-users', `${where}:${line}:${col}: no valid YAML: ${oneLine(broken.message)}`);
  }
  const lineOf = (path: ReadonlyArray<PropertyKey>): number => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      const range = isScalar(node) || isMap(node) ? node.range : undefined;
      if (range) return lines.linePos(range[0]).line;
    }
    return 1;
  };

  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new BrokerError('bad-users', `${where}:1: no valid YAML: ${oneLine(String(error))}`, { cause: error });
  }
  const read = fileShape.safeParse(data ?? {});
  if (!read.success) {
    const [issue] = read.error.issues;
    const path = issue?.path ?? [];
    const what = path.length === 0 ? 'the file' : path.join('.');
    const help =
      path.length === 0 ? ' (a users file is: "users:" and under it entries of name, passwordHash, identity)' : '';
    throw new BrokerError(
      'bad-users',
      `${where}:${lineOf(path)}: ${what}: ${oneLine(issue?.message ?? 'wrong shape')}${help}`,
    );
  }

  const byName = new Map<string, User>();
  const warnings: string[] = [];
  read.data.users.forEach((entry, index) => {
    const at = `${where}:${lineOf(['users', index, 'name'])}`;
    if (byName.has(entry.name)) {
      throw new BrokerError(
        'bad-users',
        `${at}: user ${JSON.stringify(entry.name)} is there twice; give each a name of its own`,
      );
    }
    const patterns =
      entry.identity === undefined ? [] : typeof entry.identity === 'string' ? [entry.identity] : entry.identity;
    // A hash pasted where the plain password goes is a hash: taken literally it would be a password that is stored in the file.
    const hash = parseHash(entry.passwordHash ?? entry.password ?? '');
    if (hash === undefined) {
      warnings.push(
        `${at}: user ${JSON.stringify(entry.name)} has its password in clear; put passwordHash in its place`,
      );
    }
    if (patterns.some((text) => text === '*')) {
      warnings.push(
        `${at}: user ${JSON.stringify(entry.name)} may speak as any base: a shared password guards against accidents only`,
      );
    }
    byName.set(entry.name, {
      name: entry.name,
      secret: hash === undefined ? { kind: 'plain', password: entry.password ?? '' } : { kind: 'hash', hash },
      role: entry.role ?? 'base',
      patterns,
      certificate: entry.certificate,
    });
  });
  return { byName, warnings };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 300);
}

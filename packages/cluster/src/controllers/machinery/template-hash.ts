/** The short hash of a pod template that names its ReplicaSet or ControllerRevision. */
import { canonicalText } from './canonical.ts';

/** Without vowels and look-alikes, so that no words arise (apimachinery, pkg/util/rand). */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** Spells any text in the safe alphabet, a character for a character. */
export function safeText(text: string): string {
  let spelt = '';
  for (const byte of Buffer.from(text)) spelt += alphabet[byte % alphabet.length];
  return spelt;
}

/**
 * Stable for equal templates, other for another `collisionCount`. A real cluster hashes a dump of Go structs, so the
 * letters differ from its; nothing depends on them.
 */
export function templateHash(template: unknown, collisionCount: number | undefined): string {
  let hash = 0x811c9dc5;
  const text = canonicalText(template) + (collisionCount === undefined ? '' : `#${collisionCount}`);
  for (const byte of Buffer.from(text)) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return safeText(String(hash));
}

/** A small stable hash (FNV-1a, 32 bits): jitter, and short names that must not collide by accident. Not for secrets. */

/** 32-bit unsigned. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  // FNV alone mixes the last characters badly into the high bits: one round of avalanche.
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash >>> 0;
}

/**
 * Eight hexadecimal digits of plain data: the same for the same content in the same order, without the fields named. Walks what
 * JSON.stringify would have written, as a hash is made for every write.
 */
export function contentHashOf(value: unknown, without: ReadonlySet<string>): string {
  return (mixed(0x811c9dc5, value, without) >>> 0).toString(16).padStart(8, '0');
}

function mixed(hash: number, value: unknown, without: ReadonlySet<string>): number {
  if (typeof value === 'string') return mixedText(hash, value);
  if (typeof value !== 'object' || value === null) return mixedText(hash, String(value));
  let next = mixedText(hash, Array.isArray(value) ? '[' : '{');
  for (const name in value) {
    const field = (value as Readonly<Record<string, unknown>>)[name];
    if (field === undefined || without.has(name)) continue;
    next = mixed(mixedText(next, name), field, without);
  }
  return mixedText(next, '}');
}

function mixedText(hash: number, text: string): number {
  let next = hash;
  for (let index = 0; index < text.length; index += 1) next = Math.imul(next ^ text.charCodeAt(index), 0x01000193);
  // Where a text ends counts, too.
  return Math.imul(next ^ 0xffff, 0x01000193);
}

/** Eight hexadecimal digits. */
export function shortHash(text: string): string {
  return hashOf(text).toString(16).padStart(8, '0');
}

/** In [0, 1): the same for the same text. */
export function fractionOf(text: string): number {
  return hashOf(text) / 0x1_0000_0000;
}

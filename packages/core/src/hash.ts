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

/** Eight hexadecimal digits. */
export function shortHash(text: string): string {
  return hashOf(text).toString(16).padStart(8, '0');
}

/** In [0, 1): the same for the same text. */
export function fractionOf(text: string): number {
  return hashOf(text) / 0x1_0000_0000;
}

/** Identities that cross the wire, and the one `Result` type that decoding answers with. */

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A base's identity: the second segment of every topic it publishes to. Free text without `/`, `+`, `#` and NUL. */
export type BaseId = Brand<string, 'BaseId'>;

/** A biz on a base, `name:version`. Names and versions contain no `:` (arklet refuses them: "Format of Biz Identity is error."). */
export type BizKey = Brand<string, 'BizKey'>;

export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

/** `name:version`; the caller has checked that neither part contains `:`. */
export function bizKeyOf(name: string, version: string): BizKey {
  return `${name}:${version}` as BizKey;
}

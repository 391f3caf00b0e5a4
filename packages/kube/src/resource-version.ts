/**
 * Resource versions are opaque by contract but numbers on every server that is known (and by contract since Kubernetes
 * 1.35): they are compared where both are, and nothing is concluded where one is not.
 */
const decimal = /^(0|[1-9][0-9]{0,39})$/;

/** Whether `a` is surely older than `b`. */
export function isOlderVersion(a: string, b: string): boolean {
  if (!decimal.test(a) || !decimal.test(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}

/** Versions in Kubernetes' order (apimachinery, pkg/version): v10, v2, v1, v11beta2, v3beta1, v12alpha1, then the rest by name. */

const RIPENESS = ['alpha', 'beta', ''];

/** For `sort`: the preferred version first. */
export function byPriority(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  if (left === undefined || right === undefined) {
    if (left === undefined && right === undefined) return a < b ? -1 : a > b ? 1 : 0;
    return left === undefined ? 1 : -1;
  }
  for (const [index, value] of left.entries()) {
    const difference = (right[index] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}

function parts(version: string): number[] | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  return match === null ? undefined : [RIPENESS.indexOf(match[2] ?? ''), Number(match[1]), Number(match[3] ?? 0)];
}

/** Instants as Kubernetes writes them. Milliseconds since the epoch inside, text at the border. */

/** `2026-11-23T00:17:10Z`: metav1.Time, cut to seconds. */
export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** `2026-11-23T00:17:46.627000Z`: metav1.MicroTime, six digits. */
export function microTimeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 23)}000Z`;
}

/** Milliseconds of either form; `undefined` for none or for what is no instant. */
export function parseTime(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

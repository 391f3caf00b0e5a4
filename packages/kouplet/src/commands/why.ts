/** `kouplet why pod/NAME`, `kouplet why node/NAME`: asks a running controller and prints what it says. */
import { maskText, type Why, type WhyLine } from '@kouplet/core';
import { type Failure, failed, wrongUse } from '../failure.ts';
import { say } from '../output.ts';
import type { ControllerAddress } from '../values.ts';

export interface WhyFlags {
  readonly namespace: string;
  readonly http: ControllerAddress;
}

const answerTimeoutMs = 10_000;

/** @param object `pod/NAME` or `node/NAME`, also in kubectl's short and plural forms */
export async function why(object: string, { namespace, http }: WhyFlags): Promise<void> {
  const query = queryOf(object, namespace);
  const { status, body } = await ask(http, `/debug/why?${query}`);
  if (status !== 200) {
    const error = isRecord(body) && typeof body.error === 'string' ? body.error : undefined;
    if (error === undefined) throw stranger(http, status);
    throw failed(error, status === 503 ? 'Try again in a moment.' : adviceFor(query));
  }
  const answer = decodeWhy(body);
  if (answer === undefined) throw stranger(http, status);
  if (answer.kind === 'held-by-other') {
    throw failed(`${answer.subject} is held by ${answer.holderIdentity}`, 'Ask there: --http names its address.');
  }
  say(`${answer.subject} (base ${answer.baseId}, Node ${answer.nodeName})`);
  for (const { topic, text } of answer.lines) say(`  ${topic.padEnd(8)} ${maskText(text)}`);
}

function queryOf(object: string, namespace: string): URLSearchParams {
  const [, kind = '', name = ''] = /^([a-z]+)\/([a-z0-9][-.a-z0-9]*)$/.exec(object) ?? [];
  if (['pod', 'pods', 'po'].includes(kind)) return new URLSearchParams({ pod: `${namespace}/${name}` });
  if (['node', 'nodes', 'no'].includes(kind)) return new URLSearchParams({ node: name });
  throw wrongUse(
    `${JSON.stringify(object)} is neither pod/NAME nor node/NAME`,
    'Such as: kouplet why pod/web-0 -n shop',
  );
}

function adviceFor(query: URLSearchParams): string {
  return query.has('pod')
    ? 'Check name and namespace (-n); kubectl get pod -o wide shows its Node.'
    : 'kubectl get nodes -l type=virtual-kubelet shows the Nodes of bases.';
}

async function ask(
  http: ControllerAddress,
  path: string,
): Promise<{ readonly status: number; readonly body: unknown }> {
  let answer: Response;
  try {
    answer = await fetch(`${http.url}${path}`, { signal: AbortSignal.timeout(answerTimeoutMs), redirect: 'manual' });
  } catch {
    throw failed(
      `no controller answers at ${http.url}`,
      'Start one, or name where one serves HTTP with --http (in a cluster: kubectl port-forward, or kubectl exec in its Pod).',
    );
  }
  const text = await answer.text().catch(() => '');
  try {
    return { status: answer.status, body: JSON.parse(text) };
  } catch {
    return { status: answer.status, body: undefined };
  }
}

function stranger(http: ControllerAddress, status: number): Failure {
  return failed(
    `what answers at ${http.url} is no controller that can say why (HTTP ${status})`,
    'Name the address of its HTTP server with --http.',
  );
}

/** Checked as far as it is used: it comes from another process, perhaps of another version. */
function decodeWhy(body: unknown): Why | undefined {
  if (!isRecord(body) || typeof body.subject !== 'string' || typeof body.nodeName !== 'string') return undefined;
  const { subject, nodeName } = body;
  if (body.kind === 'held-by-other') {
    const { holderIdentity } = body;
    return typeof holderIdentity === 'string'
      ? { kind: 'held-by-other', subject, nodeName, holderIdentity }
      : undefined;
  }
  if (body.kind !== 'explained' || typeof body.baseId !== 'string' || !Array.isArray(body.lines)) return undefined;
  return { kind: 'explained', subject, nodeName, baseId: body.baseId, lines: body.lines.filter(isLine) };
}

function isLine(line: unknown): line is WhyLine {
  return isRecord(line) && typeof line.topic === 'string' && typeof line.text === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

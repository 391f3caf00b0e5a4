/**
 * The answers of a real Kubernetes 1.34.4 to 115 requests, asked of ours in the same order (fixtures/wire-cases.json: recorded with curl;
 * ids, times and revisions differ from run to run and are masked, managedFields have a suite of their own).
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type TestCluster, testCluster } from './testing.ts';

interface Case {
  name?: string;
  method: string;
  path: string;
  accept?: string;
  type?: string;
  body?: string | { of: string; set: Record<string, string | null> };
  code?: number;
  answer?: unknown;
  warnings?: string[];
}

/** Cases in which ours differs, and why; what is said instead is checked as well. */
const OUT_OF_SCOPE: Readonly<Record<string, { reason: string; code: number; message?: RegExp }>> = {
  'immutable pod fields (nodeName)': {
    reason: "the real text quotes a diff of Go's internal structs",
    code: 422,
    message:
      /^Pod "p1" is invalid: spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`/,
  },
  'deployment, Foreground': { reason: 'no controllers run here, so status.replicas is not counted', code: 200 },
  'deployment, Orphan': { reason: 'no controllers run here, so status.replicas is not counted', code: 200 },
  'orphaned/foreground after 1 s: replicasets': {
    reason: 'the work of controllers, which have tests of their own',
    code: 200,
  },
};

const cases: Case[] = JSON.parse(readFileSync(new URL('../fixtures/wire-cases.json', import.meta.url), 'utf8'));

function masked(value: unknown): unknown {
  const text = JSON.stringify(value, (key, one) => (key === 'managedFields' ? undefined : one))
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
    .replace(/"resourceVersion":"\d+"/g, '"resourceVersion":"RV"')
    .replace(/(conflict with )\\"(?:curl|test)\\"/g, '$1CLIENT')
    .replace(/in record \(\d+\)/g, 'in record (RV)');
  return JSON.parse(text);
}

/** Some recordings were cut down to what matters: the same is taken from our answer. */
function like(recorded: unknown, answer: Answer): unknown {
  if (typeof recorded === 'string') return answer.text.trimEnd();
  const { json } = answer;
  if (typeof recorded !== 'object' || recorded === null) return json;
  if ('items' in recorded && typeof recorded.items === 'number') return { ...json, items: json.items.length };
  if ('md' in recorded && typeof recorded.md === 'object' && recorded.md !== null) return picked(recorded, json, 'md');
  if ('details' in recorded && recorded.details === null) return picked(recorded, json, 'metadata');
  return json;
}

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape.
function picked(recorded: any, json: any, metadataKey: string): unknown {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(recorded)) {
    if (key === metadataKey) {
      const keys = Object.keys(recorded[metadataKey]);
      out[key] = Object.fromEntries(keys.map((name) => [name, json.metadata?.[name] ?? null]));
    } else if (key === 'status' && typeof json.status === 'object' && metadataKey === 'md') {
      out[key] = Object.fromEntries(Object.keys(recorded.status).map((name) => [name, json.status[name] ?? null]));
    } else {
      out[key] = json[key] ?? null;
    }
  }
  return out;
}

describe('[SPEC C1] answers are those of a real Kubernetes 1.34', () => {
  let cluster: TestCluster;
  const answers = new Map<Case, Answer>();

  beforeAll(async () => {
    cluster = await testCluster();
    cluster.api.create('nodes', { metadata: { name: 'vn-0' } }, { actor: 'test' });
    const lease = { metadata: { name: 'vn-0', namespace: 'kube-node-lease' }, spec: {} };
    cluster.api.create('leases.coordination.k8s.io', lease, { actor: 'test' });
    for (const one of cases) {
      answers.set(one, await cluster.ask(one.method, one.path, await askedOf(one)));
      if (one.name === 'create ns') {
        const account = { metadata: { name: 'default', namespace: 'facts3' } };
        cluster.api.create('serviceaccounts', account, { actor: 'test' });
      }
    }
  });
  afterAll(() => cluster.close());

  async function askedOf({ body, type, accept }: Case): Promise<{ body?: unknown; headers: Record<string, string> }> {
    const headers = {
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(accept === undefined ? {} : { accept }),
    };
    if (body === undefined) return { headers };
    if (typeof body === 'string') return { body, headers };
    const { json } = await cluster.ask('GET', body.of);
    for (const [field, value] of Object.entries(body.set)) {
      if (value === null) delete json.metadata[field];
      else json.metadata[field] = value;
    }
    return { body: json, headers };
  }

  for (const one of cases) {
    const { name } = one;
    if (name === undefined) continue;
    const differs = OUT_OF_SCOPE[name];
    test(differs === undefined ? name : `${name} (differs: ${differs.reason})`, () => {
      const answer = answers.get(one);
      if (answer === undefined) throw new Error('not asked');
      if (differs !== undefined) {
        expect(answer.code).toBe(differs.code);
        if (differs.message !== undefined) expect(answer.json.message).toMatch(differs.message);
        return;
      }
      expect(answer.code).toBe(one.code);
      if (one.warnings !== undefined) expect(answer.headers.warning).toBe(one.warnings.join(', '));
      if (one.answer !== undefined) expect(masked(like(one.answer, answer))).toEqual(masked(one.answer));
    });
  }

  test('nothing of it was a fault of ours', () => {
    expect(cluster.errors).toEqual([]);
  });
});

/** The Helm chart of `deploy/chart`, rendered by the real Helm (on PATH, or named by HELM) and installed by the tests' own API. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { Json, TestApi } from './api.ts';
import { writeKubeconfigWithToken } from './kubeconfig.ts';

const helm = process.env.HELM || 'helm';

/** Whether the chart can be rendered here. */
export const hasHelm = spawnSync(helm, ['version', '--short'], { stdio: 'ignore' }).status === 0;

/** The least that the chart's own checks ask for. */
export const embeddedValues: Json = { broker: { embedded: { usersSecret: 'kouplet-users' } } };

/**
 * @param values  in place of the chart's own
 * @returns the objects, in the order in which Helm installs them
 * @throws Error with Helm's words where it refuses
 */
export function renderChart(values: Json, release = 'kouplet', namespace = 'kouplet'): Json[] {
  const args = ['template', release, 'deploy/chart', '--namespace', namespace, '--kube-version', '1.34.0'];
  const rendered = spawnSync(helm, [...args, '--values', '-'], { input: stringify(values), encoding: 'utf8' });
  if (rendered.status !== 0) throw new Error(rendered.stderr);
  return parseAllDocuments(rendered.stdout)
    .map((document) => document.toJS())
    .filter((object: Json) => object !== null);
}

export function lintChart(values: Json): string {
  return execFileSync(helm, ['lint', '--strict', 'deploy/chart', '--values', '-'], {
    input: stringify(values),
    encoding: 'utf8',
  });
}

const plurals: Readonly<Record<string, string>> = { NetworkPolicy: 'networkpolicies' };

/** Where objects of that kind lie. */
export function collectionOf(object: Json): string {
  const { apiVersion, kind, metadata } = object;
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const inNamespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${inNamespace}/${plurals[kind] ?? `${kind.toLowerCase()}s`}`;
}

export interface InstalledChart {
  /** For whoever the chart's ServiceAccount is. */
  readonly kubeconfig: string;
  /** Takes away what would outlive the namespace. */
  remove(): Promise<void>;
}

/** Installs the chart in a namespace of that API without a controller of its own, and answers the kubeconfig of its ServiceAccount. */
export async function installChart(api: TestApi, namespace: string, values: Json = {}): Promise<InstalledChart> {
  const objects = renderChart({ ...embeddedValues, ...values, replicas: 0 }, 'kouplet', namespace);
  for (const object of objects) await api.call('POST', `${collectionOf(object)}?fieldValidation=Strict`, object);
  const account = objects.find(({ kind }) => kind === 'ServiceAccount').metadata.name;
  const asked = await api.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 7_200 },
  });
  const folder = mkdtempSync(join(tmpdir(), 'kouplet-chart-'));
  const kubeconfig = writeKubeconfigWithToken(join(folder, 'kubeconfig'), api.kubeconfig, asked.status.token);
  return {
    kubeconfig,
    remove: async () => {
      rmSync(folder, { recursive: true, force: true });
      for (const object of objects.reverse()) {
        if (object.metadata.namespace === namespace) continue;
        await api.request('DELETE', `${collectionOf(object)}/${object.metadata.name}`);
      }
    },
  };
}

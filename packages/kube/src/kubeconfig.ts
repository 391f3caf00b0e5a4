/**
 * Finds the cluster and our credentials as kubectl does, through `KubeConfig` of @kubernetes/client-node: files, client
 * certificates, tokens, exec plugins, OIDC, the Pod's service account.
 *
 * That package costs 360 ms and 92 MB of memory, so it is loaded only when this is called. Where its loading differs
 * from kubectl's (`tokenFile`, http servers, contexts without a user) the difference is made up for here.
 */

import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { codeOf, firstLine, textOf } from './error-text.ts';
import { KubeconfigError } from './kubeconfig-error.ts';
import { isRecord } from './objects.ts';

/** A kubeconfig with its context chosen and checked. */
export interface LoadedKubeconfig {
  readonly config: KubeConfig;
  /** For messages: `kubeconfig /x/config`. */
  readonly where: string;
  readonly server: string;
  readonly context: string;
  readonly namespace: string;
  readonly proxyUrl: string | undefined;
}

/** @throws KubeconfigError  all but bad-certificate and credentials-failed */
export async function loadKubeconfig(options: {
  readonly kubeconfig?: string;
  readonly context?: string;
}): Promise<LoadedKubeconfig> {
  const { KubeConfig, loadYaml } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const file = options.kubeconfig;
  let where = file === undefined ? 'the default kubeconfig' : `kubeconfig ${file}`;
  if (file === undefined) {
    asProblem(where, () => config.loadFromDefault());
    // What client-node makes up where it finds nothing at all.
    if (config.getCurrentContext() === 'loaded-context') {
      throw new KubeconfigError(
        'nothing-found',
        'no Kubernetes cluster found: no kubeconfig in $KUBECONFIG or ~/.kube/config, and this is no Pod with a service account. Name one with --kubeconfig FILE.',
      );
    }
    if (config.getCurrentContext() === 'inClusterContext') where = "the Pod's service account";
  } else {
    const text = await readKubeconfig(file);
    if (text.trim() === '') throw new KubeconfigError('not-a-kubeconfig', `${where} is no kubeconfig: it is empty.`);
    asProblem(where, () => {
      config.loadFromString(text);
      config.makePathsAbsolute(dirname(file));
    });
    useTokenFiles(config, loadYaml<unknown>(text), dirname(file));
  }
  const { cluster, context } = chooseContext(config, where, options.context);
  const server = serverOf(cluster.server, where);
  const proxyUrl = proxyOf(cluster.proxyUrl, where);
  adapt(config, server.startsWith('http:'));
  return { config, where, server, context: context.name, namespace: context.namespace ?? 'default', proxyUrl };
}

async function readKubeconfig(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new KubeconfigError(
        'file-missing',
        `kubeconfig ${file} does not exist: check the path given with --kubeconfig.`,
      );
    }
    throw new KubeconfigError(
      'file-unreadable',
      `kubeconfig ${file} cannot be read (${code ?? textOf(error)}): check that it is a file and its mode.`,
      { cause: error },
    );
  }
}

/** Runs a step of client-node's loading and words what it throws. */
function asProblem(where: string, step: () => void): void {
  try {
    step();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new KubeconfigError(
        'file-missing',
        `${where} names a file that does not exist (${textOf(error)}): check $KUBECONFIG.`,
        { cause: error },
      );
    }
    if (code !== undefined)
      throw new KubeconfigError('file-unreadable', `${where} cannot be read: ${textOf(error)}`, { cause: error });
    if (error instanceof Error && error.name === 'YAMLException') {
      throw new KubeconfigError('not-yaml', `${where} is no YAML: ${firstLine(error.message)}`, { cause: error });
    }
    throw new KubeconfigError('not-a-kubeconfig', `${where} is no kubeconfig: ${firstLine(textOf(error))}`, {
      cause: error,
    });
  }
}

function chooseContext(
  config: KubeConfig,
  where: string,
  wanted: string | undefined,
): {
  cluster: NonNullable<ReturnType<KubeConfig['getCurrentCluster']>>;
  context: { name: string; namespace?: string };
} {
  const names = config.getContexts().map((context) => context.name);
  const available = names.length === 0 ? 'it has none' : `it has ${names.slice(0, 20).join(', ')}`;
  if (names.length === 0 && config.getClusters().length === 0) {
    throw new KubeconfigError('not-a-kubeconfig', `${where} is no kubeconfig: it has no clusters and no contexts.`);
  }
  const name = wanted ?? config.getCurrentContext();
  if (name === undefined || name === null || name === '') {
    throw new KubeconfigError(
      'no-current-context',
      `${where} has no current-context: choose one with --context (${available}).`,
    );
  }
  const context = config.getContextObject(name);
  if (context === null) {
    const whose = wanted === undefined ? 'its current-context is' : 'there is no context';
    const missing = wanted === undefined ? `"${name}", which it does not have` : `"${name}" in it`;
    throw new KubeconfigError(
      'no-such-context',
      `${where}: ${whose} ${missing}; choose one with --context (${available}).`,
    );
  }
  config.setCurrentContext(name);
  const cluster = config.getCluster(context.cluster);
  if (cluster === null) {
    throw new KubeconfigError(
      'no-such-cluster',
      `${where}: context "${name}" names the cluster "${context.cluster}", which is not in it.`,
    );
  }
  if (context.user !== undefined && config.getUser(context.user) === null) {
    throw new KubeconfigError(
      'no-such-user',
      `${where}: context "${name}" names the user "${context.user}", who is not in it.`,
    );
  }
  return { cluster, context: context.namespace === undefined ? { name } : { name, namespace: context.namespace } };
}

function serverOf(server: string, where: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new KubeconfigError('bad-server', `${where}: the server "${server}" is no http or https address.`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function proxyOf(proxyUrl: string | undefined, where: string): string | undefined {
  if (proxyUrl === undefined || proxyUrl === '') return undefined;
  if (!/^https?:\/\//.test(proxyUrl)) {
    throw new KubeconfigError(
      'unsupported-proxy',
      `${where}: proxy-url ${proxyUrl} is not supported: use an http or https proxy.`,
    );
  }
  return proxyUrl;
}

/** Three things that kubectl allows and client-node does not. */
function adapt(config: KubeConfig, isPlainHttp: boolean): void {
  const anonymous = { name: '' };
  config.loadFromOptions({
    // It refuses http servers without this, which means nothing to them.
    clusters: config.clusters.map((cluster) => (isPlainHttp ? { ...cluster, skipTLSVerify: true } : cluster)),
    // Without a user it leaves the CA out as well.
    contexts: config.contexts.map((context) => ({ ...context, user: context.user ?? anonymous.name })),
    users: [...config.users, anonymous],
    currentContext: config.currentContext,
  });
}

/** kubectl's `tokenFile` (client-node knows it by another spelling only), read again as it changes. */
function useTokenFiles(config: KubeConfig, document: unknown, directory: string): void {
  const entries = isRecord(document) && Array.isArray(document.users) ? document.users.filter(isRecord) : [];
  const files = new Map<string, string>();
  for (const { name, user } of entries) {
    if (typeof name === 'string' && isRecord(user) && typeof user.tokenFile === 'string' && user.tokenFile !== '') {
      const tokenFile = user.tokenFile;
      files.set(name, isAbsolute(tokenFile) ? tokenFile : join(directory, tokenFile));
    }
  }
  config.users = config.users.map((user) => {
    const tokenFile = files.get(user.name);
    return tokenFile === undefined
      ? user
      : { ...user, token: '', authProvider: { name: 'tokenFile', config: { tokenFile } } };
  });
}

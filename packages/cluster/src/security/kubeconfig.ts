/** What a client needs to know, as the file that every client of Kubernetes reads. */
export interface Endpoint {
  readonly url: string;
  /** PEM of what is to be trusted. */
  readonly ca: string | undefined;
  readonly token: string | undefined;
}

/** YAML for `kubectl --kubeconfig`. With a token it is a secret: whoever writes it must keep it from others. */
export function kubeconfigOf({ url, ca, token }: Endpoint): string {
  // The client library of JavaScript takes a plain http server only where `insecure-skip-tls-verify` is set; kubectl does not mind.
  const trust = url.startsWith('http:')
    ? '    insecure-skip-tls-verify: true\n'
    : ca === undefined
      ? ''
      : `    certificate-authority-data: ${Buffer.from(ca).toString('base64')}\n`;
  return `apiVersion: v1
kind: Config
clusters:
- name: kouplet
  cluster:
    server: ${url}
${trust}users:
- name: kouplet
  user:${token === undefined ? ' {}' : `\n    token: ${token}`}
contexts:
- name: kouplet
  context:
    cluster: kouplet
    user: kouplet
    namespace: default
current-context: kouplet
`;
}

/** All addresses of the machine; no client can call it by that. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

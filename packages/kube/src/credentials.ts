/** Who we are for the API server, and where it is: the border between loading a kubeconfig and sending requests. */

/** What a request and its TLS session need. A new object replaces an old one whole; equal content keeps the object. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
}

/** As node:tls takes them. Empty for plain http. */
export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  /** False only where the kubeconfig says insecure-skip-tls-verify. */
  readonly rejectUnauthorized?: boolean;
}

export interface ClusterAccess {
  /** `https://host:port` with a path prefix where there is one, no slash at its end. */
  readonly server: string;
  /** The context's name, for messages to people. */
  readonly context: string;
  /** The context's namespace; `default` where it names none. */
  readonly namespace: string;
  /** An HTTP proxy of the cluster's entry. */
  readonly proxyUrl?: string;
  /** The latest known. Cheap; compare by reference. */
  credentials(): Credentials;
  /** Reads them again now (file, exec plugin, token). Concurrent calls share one; never rejects: false keeps the old ones. */
  refresh(): Promise<boolean>;
  /** Ends the refresh timer. */
  close(): void;
}

/** Access whose credentials never change: an embedded server's own, or a test's. */
export function fixedAccess(options: {
  readonly server: string;
  readonly token?: string;
  readonly tls?: TlsMaterial;
  readonly context?: string;
  readonly namespace?: string;
}): ClusterAccess {
  const credentials: Credentials = {
    headers: options.token === undefined ? {} : { authorization: `Bearer ${options.token}` },
    tls: options.tls ?? {},
  };
  return {
    server: options.server.replace(/\/+$/, ''),
    context: options.context ?? 'fixed',
    namespace: options.namespace ?? 'default',
    credentials: () => credentials,
    refresh: async () => false,
    close: () => {},
  };
}

/** Whether two sets of TLS material make the same TLS session: if not, connections must be made anew. */
export function isSameTls(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    text(a.ca) === text(b.ca) &&
    text(a.cert) === text(b.cert) &&
    text(a.key) === text(b.key) &&
    a.passphrase === b.passphrase &&
    a.servername === b.servername &&
    a.rejectUnauthorized === b.rejectUnauthorized
  );
}

function text(value: string | Buffer | undefined): string | undefined {
  return value === undefined || typeof value === 'string' ? value : value.toString('latin1');
}

/** Discovery in both forms: the aggregated documents that kubectl 1.27+ asks for, and the older list for each group-version. */
import { createHash } from 'node:crypto';
import { byPriority } from '../custom/versions.ts';
import type { Kind } from '../kinds/kind.ts';
import type { Registry } from '../registry.ts';
import { failure } from '../status.ts';
import type { Exchange } from './exchange.ts';
import { mediaRanges } from './negotiate.ts';
import { reviews } from './reviews.ts';

/** What discovery says of a resource; reviews are no Kinds, yet stand in it. */
interface Listed {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: Kind['subresources'];
}

interface Document {
  readonly text: string;
  readonly etag: string;
}

export class Discovery {
  readonly #groups = new Map<string, Map<string, Listed[]>>();
  readonly #aggregated = new Map<string, Document>();

  constructor(registry: Registry) {
    const listed: Listed[] = [
      ...registry.kinds.map(listedKind),
      ...reviews.map((review) => ({
        ...review,
        singular: review.kind.toLowerCase(),
        verbs: ['create'],
        shortNames: [],
        categories: [],
        subresources: [],
      })),
    ];
    for (const group of groupsInOrder(listed)) this.#groups.set(group, new Map());
    const byVersion = [...listed].sort((a, b) => byPriority(a.version, b.version));
    for (const { group, version } of byVersion) this.#groups.get(group)?.set(version, []);
    for (const one of listed.sort((a, b) => (a.plural < b.plural ? -1 : 1))) {
      const versions = this.#groups.get(one.group) ?? new Map<string, Listed[]>();
      versions.set(one.version, [...(versions.get(one.version) ?? []), one]);
      this.#groups.set(one.group, versions);
    }
  }

  has(group: string, version?: string): boolean {
    const versions = this.#groups.get(group);
    return versions !== undefined && (version === undefined || versions.has(version));
  }

  groupVersions(): Array<{ group: string; version: string; kinds: readonly string[] }> {
    return [...this.#groups].flatMap(([group, versions]) =>
      [...versions].map(([version, list]) => ({ group, version, kinds: list.map((one) => one.plural) })),
    );
  }

  /** `/api`. */
  serveCore(exchange: Exchange, address: string): void {
    if (this.#serveAggregated(exchange, [''])) return;
    exchange.sendJson(
      200,
      JSON.stringify({
        kind: 'APIVersions',
        versions: [...(this.#groups.get('')?.keys() ?? [])],
        serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
      }),
    );
  }

  /** `/apis`. */
  serveGroups(exchange: Exchange): void {
    const names = [...this.#groups.keys()].filter((group) => group !== '');
    if (this.#serveAggregated(exchange, names)) return;
    const groups = names.map((name) => this.#group(name));
    exchange.sendJson(200, JSON.stringify({ kind: 'APIGroupList', apiVersion: 'v1', groups }));
  }

  /** `/apis/GROUP`. */
  serveGroup(exchange: Exchange, group: string): void {
    exchange.sendJson(200, JSON.stringify({ kind: 'APIGroup', apiVersion: 'v1', ...this.#group(group) }));
  }

  /** `/api/v1`, `/apis/GROUP/VERSION`. */
  serveResources(exchange: Exchange, group: string, version: string): void {
    const list = this.#groups.get(group)?.get(version) ?? [];
    exchange.sendJson(
      200,
      JSON.stringify({
        kind: 'APIResourceList',
        ...(group === '' ? {} : { apiVersion: 'v1' }),
        groupVersion: group === '' ? version : `${group}/${version}`,
        resources: list.flatMap(legacyResources),
      }),
    );
  }

  #group(name: string): Record<string, unknown> {
    const versions = [...(this.#groups.get(name)?.keys() ?? [])].map((version) => ({
      groupVersion: `${name}/${version}`,
      version,
    }));
    return { name, versions, preferredVersion: versions[0] };
  }

  /** @returns false where the client wants the older form */
  #serveAggregated(exchange: Exchange, groups: readonly string[]): boolean {
    const version = aggregatedVersion(exchange.header('accept'));
    if (version === undefined) return false;
    const key = `${version}/${groups.join(',')}`;
    let document = this.#aggregated.get(key);
    if (document === undefined) {
      const text = JSON.stringify({
        kind: 'APIGroupDiscoveryList',
        apiVersion: `apidiscovery.k8s.io/${version}`,
        metadata: {},
        items: groups.map((group) => this.#aggregatedGroup(group)),
      });
      document = { text, etag: `"${createHash('sha512').update(text).digest('hex').toUpperCase()}"` };
      this.#aggregated.set(key, document);
    }
    const headers = { etag: document.etag, vary: 'Accept', 'cache-control': 'public' };
    if (exchange.header('if-none-match') === document.etag) {
      exchange.response.writeHead(304, headers).end();
      return true;
    }
    // Without the parameters kubectl takes the answer for the older form.
    const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    exchange.send(200, type, document.text, headers);
    return true;
  }

  #aggregatedGroup(group: string): unknown {
    const versions = [...(this.#groups.get(group) ?? [])].map(([version, list]) => ({
      version,
      resources: list.map(aggregatedResource),
      freshness: 'Current',
    }));
    return { metadata: group === '' ? {} : { name: group }, versions };
  }
}

/** In the order of a real server: as the kinds stand in their index, what only reviews have before `autoscaling`, custom ones last. */
function groupsInOrder(listed: readonly Listed[]): string[] {
  const rank = ({ group }: Listed): number => (REVIEWING.has(group) ? autoscaling - 0.5 : first.indexOf(group));
  const first = [...new Set(listed.map((one) => one.group))];
  const autoscaling = first.indexOf('autoscaling');
  return [...new Set([...listed].sort((a, b) => rank(a) - rank(b)).map((one) => one.group))];
}

const REVIEWING: ReadonlySet<string> = new Set(reviews.map((review) => review.group));

function listedKind(kind: Kind): Listed {
  const { group, version, plural, singular, namespaced, verbs, shortNames = [], categories = [], subresources } = kind;
  return { group, version, kind: kind.kind, plural, singular, namespaced, verbs, shortNames, categories, subresources };
}

/** The first form that the client names; undefined where it is the older one or none. */
function aggregatedVersion(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  for (const { type, parameters } of mediaRanges(accept)) {
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    if (parameters.as === undefined) return undefined;
    if (parameters.g !== 'apidiscovery.k8s.io' || parameters.as !== 'APIGroupDiscoveryList') continue;
    if (parameters.v === 'v2' || parameters.v === 'v2beta1') return parameters.v;
  }
  if (
    accept !== undefined &&
    accept !== '' &&
    mediaRanges(accept).every((range) => range.parameters.as !== undefined)
  ) {
    throw failure(406, 'NotAcceptable', 'only the following media types are accepted: application/json', {});
  }
  return undefined;
}

function aggregatedResource(one: Listed): unknown {
  const named = { group: one.group, version: one.version };
  return {
    resource: one.plural,
    responseKind: { ...named, kind: one.kind },
    scope: one.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: one.singular,
    verbs: one.verbs,
    ...(one.shortNames.length === 0 ? {} : { shortNames: one.shortNames }),
    ...(one.categories.length === 0 ? {} : { categories: one.categories }),
    ...(one.subresources.length === 0
      ? {}
      : {
          subresources: one.subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: sub.responseKind ?? { ...named, kind: one.kind },
            verbs: sub.verbs,
          })),
        }),
  };
}

function legacyResources(one: Listed): unknown[] {
  const main = {
    name: one.plural,
    singularName: one.singular,
    namespaced: one.namespaced,
    kind: one.kind,
    verbs: one.verbs,
    ...(one.shortNames.length === 0 ? {} : { shortNames: one.shortNames }),
    ...(one.categories.length === 0 ? {} : { categories: one.categories }),
  };
  const below = one.subresources.map((sub) => {
    const speaks = sub.responseKind;
    const foreign = speaks !== undefined && (speaks.group !== one.group || speaks.version !== one.version);
    return {
      name: `${one.plural}/${sub.name}`,
      singularName: '',
      namespaced: one.namespaced,
      ...(foreign ? { group: speaks.group, version: speaks.version } : {}),
      kind: speaks?.kind ?? one.kind,
      verbs: sub.verbs,
    };
  });
  return [main, ...below];
}

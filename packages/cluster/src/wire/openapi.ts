/** `/openapi/v3` and `/openapi/v2`. Nothing is made, and nothing even loaded, before somebody asks; then it is kept. */
import type { Registry } from '../registry.ts';
import type { Exchange } from './exchange.ts';
import { mediaRanges } from './negotiate.ts';

const YEAR_SECONDS = 31_536_000;
const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

interface Page {
  readonly group: string;
  readonly version: string;
  readonly hash: string;
  text?: string;
}

export class OpenApi {
  readonly #registry: Registry;
  #generation = -1;
  /** `api/v1`, `apis/apps/v1`. */
  #pages = new Map<string, Page>();
  #swagger: string | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** `/openapi/v3`. */
  async serveIndex(exchange: Exchange): Promise<void> {
    await this.#refresh();
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const [path, { hash }] of [...this.#pages].sort(([a], [b]) => (a < b ? -1 : 1))) {
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
    }
    exchange.sendJson(200, JSON.stringify({ paths }));
  }

  /** `/openapi/v3/apis/apps/v1`; `now` in ms since the epoch. @returns false where there is no such document */
  async serveDocument(exchange: Exchange, path: string, now: number): Promise<boolean> {
    await this.#refresh();
    const page = this.#pages.get(path);
    if (page === undefined) return false;
    const { documentOf } = await import('../openapi/documents.ts');
    const { group, version, hash } = page;
    page.text ??= JSON.stringify(documentOf(group, version, this.#registry.ofGroupVersion(group, version)));
    const headers = {
      etag: `"${hash}"`,
      vary: 'Accept-Encoding, Accept',
      // The address holds the hash, so the answer never changes: kubectl keeps it on disk and does not ask again.
      ...(exchange.query.get('hash') === hash
        ? { 'cache-control': 'public, immutable', expires: new Date(now + YEAR_SECONDS * 1000).toUTCString() }
        : {}),
    };
    if (exchange.header('if-none-match') === headers.etag) exchange.response.writeHead(304, headers).end();
    else exchange.send(200, 'application/json', page.text, headers);
    return true;
  }

  /** `/openapi/v2`: in JSON for who asks for JSON. In protobuf, as old kubectls ask, zero bytes are a valid empty document. */
  async serveV2(exchange: Exchange): Promise<void> {
    const [first] = mediaRanges(exchange.header('accept'));
    if (first !== undefined && !/json|\*\/\*/.test(first.type)) return exchange.send(200, V2_PROTOBUF, '');
    await this.#refresh();
    if (this.#swagger === undefined) {
      const { documentOf, swaggerOf } = await import('../openapi/documents.ts');
      const documents = [...this.#pages.values()].map(({ group, version }) =>
        documentOf(group, version, this.#registry.ofGroupVersion(group, version)),
      );
      this.#swagger = JSON.stringify(swaggerOf(documents));
    }
    exchange.send(200, 'application/json', this.#swagger);
  }

  /** The pages of the kinds that are served now; those that are as they were keep what was made of them. */
  async #refresh(): Promise<void> {
    const { hashOf } = await import('../openapi/documents.ts');
    const registry = this.#registry;
    if (registry.generation === this.#generation) return;
    this.#generation = registry.generation;
    this.#swagger = undefined;
    const pages = new Map<string, Page>();
    for (const [group, versions] of registry.groups()) {
      for (const version of versions) {
        const path = group === '' ? `api/${version}` : `apis/${group}/${version}`;
        const hash = hashOf(path, registry.ofGroupVersion(group, version));
        const before = this.#pages.get(path);
        pages.set(path, before?.hash === hash ? before : { group, version, hash });
      }
    }
    this.#pages = pages;
  }
}

/** From a path to what answers it. */
import type { Ground } from '../rest/ground.ts';
import { methodNotAllowed, noSuchResource } from '../status.ts';
import { Discovery } from './discovery.ts';
import type { Exchange } from './exchange.ts';
import { OpenApi } from './openapi.ts';
import { serveResource } from './resources.ts';
import { findReview, serveReview } from './reviews.ts';
import { resourceRoute, segmentsOf } from './route.ts';
import { serverVersion } from './version.ts';
import type { Watches } from './watches.ts';

export class Router {
  readonly #ground: Ground;
  readonly #watches: Watches;
  #discovery: Discovery;
  readonly #openapi: OpenApi;
  #generation: number;
  readonly #ready: () => boolean;

  constructor(ground: Ground, watches: Watches, ready: () => boolean) {
    this.#ground = ground;
    this.#watches = watches;
    this.#discovery = new Discovery(ground.registry);
    this.#openapi = new OpenApi(ground.registry);
    this.#generation = ground.registry.generation;
    this.#ready = ready;
    // What a watch shows would be of a kind that is another one now: its client lists anew.
    ground.registry.onChange((resources) => watches.end(new Set(resources)));
  }

  /** @throws ApiError what the client is to be told */
  async serve(exchange: Exchange): Promise<void> {
    const segments = segmentsOf(exchange.path);
    const [first] = segments;
    if (first === 'api' || first === 'apis') return this.#serveApi(exchange, segments);
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
      if (FIXED.has(first ?? '')) throw methodNotAllowed();
      return pageNotFound(exchange);
    }
    switch (first) {
      case undefined:
        return exchange.sendJson(200, JSON.stringify({ paths: this.#paths() }));
      case 'version':
        return exchange.sendJson(200, JSON.stringify(serverVersion));
      case 'healthz':
      case 'livez':
        return exchange.send(200, 'text/plain; charset=utf-8', 'ok');
      case 'readyz':
        return this.#ready()
          ? exchange.send(200, 'text/plain; charset=utf-8', 'ok')
          : exchange.send(500, 'text/plain; charset=utf-8', 'not ready');
      case 'openapi':
        return this.#serveOpenApi(exchange, segments);
      default:
        return pageNotFound(exchange);
    }
  }

  async #serveOpenApi(exchange: Exchange, segments: readonly string[]): Promise<void> {
    const [, version, ...rest] = segments;
    if (version === 'v2' && rest.length === 0) await this.#openapi.serveV2(exchange);
    else if (version === 'v3' && rest.length === 0) await this.#openapi.serveIndex(exchange);
    else if (
      version !== 'v3' ||
      !(await this.#openapi.serveDocument(exchange, rest.join('/'), this.#ground.clock.now()))
    )
      pageNotFound(exchange);
  }

  async #serveApi(exchange: Exchange, segments: readonly string[]): Promise<void> {
    const core = segments[0] === 'api';
    const { registry } = this.#ground;
    if (registry.generation !== this.#generation) {
      this.#discovery = new Discovery(registry);
      this.#generation = registry.generation;
    }
    const discovery = this.#discovery;
    const reads = exchange.method === 'GET' || exchange.method === 'HEAD';
    if (segments.length === 1) {
      if (!reads) throw methodNotAllowed();
      return core ? discovery.serveCore(exchange, exchange.header('host') ?? '') : discovery.serveGroups(exchange);
    }
    const group = core ? '' : (segments[1] ?? '');
    if (!discovery.has(group)) return pageNotFound(exchange);
    const [version, ...rest] = segments.slice(core ? 1 : 2);
    if (version === undefined) return discovery.serveGroup(exchange, group);
    const isCustom = registry.isCustomGroup(group);
    if (!discovery.has(group, version)) {
      if (isCustom) return pageNotFound(exchange);
      throw noSuchResource();
    }
    if (rest.length === 0) {
      if (!reads) throw methodNotAllowed();
      return discovery.serveResources(exchange, group, version);
    }
    const review = findReview(group, version, rest);
    if (review !== undefined) {
      if (exchange.method !== 'POST') throw methodNotAllowed();
      const [, namespace = ''] = review.namespaced ? rest : [];
      return serveReview(exchange, review, this.#ground.clock.now(), namespace);
    }
    const route = resourceRoute(registry, group, version, rest, isCustom);
    if (route === undefined) return pageNotFound(exchange);
    return serveResource(this.#ground, this.#watches, exchange, route);
  }

  #paths(): string[] {
    const groups = this.#discovery
      .groupVersions()
      .map(({ group, version }) => (group === '' ? `/api/${version}` : `/apis/${group}/${version}`));
    return ['/api', '/apis', ...groups, '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version'];
  }
}

const FIXED: ReadonlySet<string> = new Set(['version', 'healthz', 'livez', 'readyz', 'openapi']);

/** Paths of no group: a real server answers them in plain text. */
function pageNotFound(exchange: Exchange): void {
  exchange.send(404, 'text/plain; charset=utf-8', '404 page not found\n');
}

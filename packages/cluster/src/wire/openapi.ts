/**
 * As much OpenAPI as clients look at: which PATCH takes `dryRun` and `fieldValidation`, and that a kind exists. Merge keys are left
 * to the types that kubectl has compiled in, which is why no document offers a strategic patch (kubectl 1.29 to 1.35 then uses its own).
 */
import { createHash } from 'node:crypto';
import type { Kind } from '../kinds/kind.ts';
import type { Registry } from '../registry.ts';
import type { Exchange } from './exchange.ts';

const YEAR_SECONDS = 31_536_000;

export class OpenApi {
  /** `api/v1`, `apis/apps/v1` → document. */
  readonly #documents = new Map<string, { text: string; hash: string }>();

  constructor(registry: Registry) {
    for (const [group, versions] of registry.groups()) {
      for (const version of versions) {
        const text = JSON.stringify(documentOf(group, version, registry.ofGroupVersion(group, version)));
        const hash = createHash('sha512').update(text).digest('hex').toUpperCase();
        this.#documents.set(group === '' ? `api/${version}` : `apis/${group}/${version}`, { text, hash });
      }
    }
  }

  /** `/openapi/v3`. */
  serveIndex(exchange: Exchange): void {
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const [path, { hash }] of this.#documents) {
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
    }
    exchange.sendJson(200, JSON.stringify({ paths }));
  }

  /** `/openapi/v3/apis/apps/v1`; `now` in ms since the epoch. @returns false where there is no such document */
  serveDocument(exchange: Exchange, path: string, now: number): boolean {
    const document = this.#documents.get(path);
    if (document === undefined) return false;
    const fresh = exchange.query.get('hash') === document.hash;
    exchange.send(200, 'application/json', document.text, {
      etag: `"${document.hash}"`,
      vary: 'Accept-Encoding',
      // The address holds the hash, so the answer never changes: kubectl keeps it on disk and does not ask again.
      ...(fresh
        ? {
            'cache-control': 'public, immutable',
            expires: new Date(now + YEAR_SECONDS * 1000).toUTCString(),
          }
        : {}),
    });
    return true;
  }

  /** `/openapi/v2`: zero bytes are a valid empty document of its protobuf form. */
  serveV2(exchange: Exchange): void {
    exchange.send(200, 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf', '');
  }
}

function documentOf(group: string, version: string, kinds: readonly Kind[]): unknown {
  const prefix = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const paths: Record<string, unknown> = {};
  const schemas: Record<string, unknown> = {};
  for (const kind of kinds) {
    const self = { group, version, kind: kind.kind };
    const path = `${prefix}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}/{name}`;
    paths[path] = {
      patch: {
        operationId: `patch${kind.namespaced ? 'Namespaced' : ''}${kind.kind}`,
        parameters: ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
          name,
          in: 'query',
          schema: { type: 'string', uniqueItems: true },
        })),
        requestBody: {
          content: { 'application/json-patch+json': {}, 'application/merge-patch+json': {} },
        },
        responses: { '200': { description: 'OK' } },
        'x-kubernetes-action': 'patch',
        'x-kubernetes-group-version-kind': self,
      },
    };
    schemas[`io.k8s.api.${group === '' ? 'core' : (group.split('.')[0] ?? group)}.${version}.${kind.kind}`] = {
      type: 'object',
      'x-kubernetes-group-version-kind': [self],
    };
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kouplet', version: 'v1.34.0' },
    paths,
    components: { schemas },
  };
}

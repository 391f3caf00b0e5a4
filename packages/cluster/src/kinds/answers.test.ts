import { describe, expect, it } from 'vitest';
import { type Fields, isFields, listOf } from './json.ts';
import { DecodingError } from './kind.ts';
import { answerOf, freshApi, kindOf, mergePatch, recorded, withoutTimes } from './testing.ts';

/** The line that shows what changed in a pod is the real one's own structure; only what stands before it is the text. */
function withoutDiff(message: unknown): string {
  return String(message).split('\n')[0] ?? '';
}

/** Complaints come up in Go's random order of maps where several stand side by side. */
function complaintsOf(answer: Fields): string[] {
  return listOf(answer.details?.causes)
    .map(({ reason, field, message }) => `${reason}@${field}: ${withoutDiff(message)}`)
    .sort();
}

function expectSame(ours: Fields, theirs: Fields, resource: string): void {
  if (theirs.code === undefined) {
    expect(ours).toEqual(withoutTimes(theirs));
    return;
  }
  expect(complaintsOf(ours)).toEqual(complaintsOf(theirs));
  expect({ code: ours.code, reason: ours.reason }).toEqual({ code: theirs.code, reason: theirs.reason });
  // Both faces of an Event are refused under the name of the older one.
  if (resource === 'events.events.k8s.io') return;
  if (complaintsOf(theirs).length < 2) expect(withoutDiff(ours.message)).toBe(withoutDiff(theirs.message));
  const about = ({ details }: Fields) => ({ ...details, causes: undefined });
  expect(about(ours)).toEqual(about(theirs));
}

describe('creating an object answers as a real 1.34 does [SPEC C40] [SPEC C44] [SPEC C45] [SPEC C46]', () => {
  for (const [name, { resource, object, answer }] of Object.entries(recorded('answers-to-creations'))) {
    it(name, () => {
      const namespace = object.metadata.namespace ?? 'default';
      expectSame(
        answerOf(() => freshApi().create(resource, object, { actor: 'test', namespace })),
        answer,
        resource,
      );
    });
  }

  it('refuses more than 256 KiB of annotations', () => {
    const object = { metadata: { name: 'c', annotations: { a: 'x'.repeat(262_145) } } };
    const { details, code } = answerOf(() =>
      freshApi().create('configmaps', object, { actor: 't', namespace: 'default' }),
    );
    expect(code).toBe(422);
    expect(details.causes[0]).toEqual({
      reason: 'FieldValueTooLong',
      message: 'Too long: may not be more than 262144 bytes',
      field: 'metadata.annotations',
    });
  });

  it('refuses more than 1 MiB in a ConfigMap', () => {
    const object = { metadata: { name: 'c' }, data: { a: 'x'.repeat(1_048_577) } };
    const { details } = answerOf(() => freshApi().create('configmaps', object, { actor: 't', namespace: 'default' }));
    expect(details.causes[0].message).toBe('Too long: may not be more than 1048576 bytes');
  });
});

describe('changing an object answers as a real 1.34 does [SPEC C47] [SPEC C54]', () => {
  for (const [name, { resource, object, patch, subresource, answer }] of Object.entries(
    recorded('answers-to-updates'),
  )) {
    it(name, () => {
      const api = freshApi();
      const namespace = kindOf(resource).namespaced ? 'default' : undefined;
      api.create(resource, object, { actor: 'test', namespace: 'default' });
      const changed: unknown = mergePatch(api.get(resource, object.metadata.name, namespace), patch);
      if (!isFields(changed)) throw new Error('no object');
      const options = { actor: 'test', ...(subresource === 'status' && { subresource }) };
      const { apiVersion, kind, metadata, ...rest } = changed;
      expectSame(
        answerOf(() => api.update(resource, { apiVersion, kind, metadata, ...rest }, options)),
        answer,
        resource,
      );
    });
  }
});

describe('a Deployment whose selector does not match its template [SPEC C49]', () => {
  it('is refused in the words that kubectl shows for the manifest of old', () => {
    const labels = {
      app: 'test-module-deployment-non-peer',
      'module-controller.koupleless.io/component': 'module',
    };
    const { details } = answerOf(() =>
      freshApi().create(
        'deployments.apps',
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'test-module-deployment', labels: {} },
          spec: {
            replicas: 1,
            selector: { matchLabels: { app: 'test-module-deployment' } },
            template: {
              metadata: { labels },
              spec: {
                containers: [{ name: 'biz1', image: 'https://example.com/biz1-web-single-host-0.0.1-ark-biz.jar' }],
              },
            },
          },
        },
        { actor: 'test', namespace: 'default' },
      ),
    );
    const [cause] = listOf(details.causes);
    expect(`The ${details.kind} "${details.name}" is invalid: ${cause?.field}: ${cause?.message}`).toBe(
      'The Deployment "test-module-deployment" is invalid: spec.template.metadata.labels: Invalid value: {"app":"test-module-deployment-non-peer","module-controller.koupleless.io/component":"module"}: `selector` does not match template `labels`',
    );
  });
});

describe('defaults', () => {
  it('filled in twice are the same as once [SPEC C45]', () => {
    for (const { resource, object } of Object.values(recorded('answers-to-creations'))) {
      const kind = kindOf(resource);
      const draft = structuredClone(object);
      try {
        kind.defaults?.(draft);
      } catch {
        // A quantity that is none: told elsewhere.
        continue;
      }
      const once = structuredClone(draft);
      kind.defaults?.(draft);
      expect(draft).toEqual(once);
    }
  });

  it('take any shape of an object without harm [SPEC C45]', () => {
    const shapes: unknown[] = [1, 'x', [], [1], [[]], { a: 1 }, true, [{ containers: 1 }], [null]];
    for (const { resource, object } of Object.values(recorded('answers-to-creations'))) {
      const kind = kindOf(resource);
      for (const shape of shapes) {
        for (const part of Object.keys(object.spec ?? {})) {
          const draft = structuredClone({ ...object, spec: { ...object.spec, [part]: shape } });
          const attempt = () => {
            kind.defaults?.(draft);
            kind.prepareCreate?.(draft);
            kind.validateCreate?.(draft);
            kind.validateUpdate?.(draft, object);
            kind.row(draft, 0);
          };
          const what = `${resource} ${part} ${JSON.stringify(shape)}`;
          expect(() => attemptDecoding(attempt), what).not.toThrow();
        }
      }
    }
  });
});

/** What cannot be decoded may be refused; anything else is a fault of ours. */
function attemptDecoding(attempt: () => void): void {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error;
  }
}

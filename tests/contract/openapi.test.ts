/** OpenAPI as clients read it, and `kubectl explain`: fields and types are the real server's. [SPEC C188] */
import { describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { noContractKubectl } from '../support/kubectl.ts';
import { openSetting } from './setting.ts';

const on = openSetting('openapi');
const document = async (path: string): Promise<Json> => (await on.raw('GET', `/openapi/v3/${path}`)).body;

describe('documents [SPEC C188]', () => {
  test('the index names each group-version under an address that changes with it', async () => {
    const { body } = await on.raw('GET', '/openapi/v3');
    const { serverRelativeURL } = body.paths['apis/apps/v1'];
    expect(serverRelativeURL).toMatch(/^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/);
    const answer = await on.raw('GET', serverRelativeURL);
    expect(answer.headers['cache-control']).toMatch(/immutable/);
    expect(answer.headers.etag).toMatch(/^"[0-9A-F]{128}"$/);
  });

  /** What a client's patches and checks need of a type, without words. */
  const shapeOf = (schema: Json): Json => {
    const { required, properties, type } = schema;
    const fields = Object.entries(properties ?? {}).map(([name, field]: [string, Json]) => {
      const extensions = Object.entries(field).filter(([key]) => key.startsWith('x-kubernetes'));
      const ref = field.$ref ?? field.allOf?.[0]?.$ref ?? field.items?.$ref ?? field.items?.allOf?.[0]?.$ref;
      const { enum: values } = field.items ?? field;
      return [
        name,
        {
          type: field.type,
          ref,
          ...(values === undefined ? {} : { enum: values }),
          ...Object.fromEntries(extensions.sort()),
        },
      ];
    });
    const own = Object.entries(schema).filter(([key]) => key.startsWith('x-kubernetes') && !key.endsWith('-kind'));
    return { type, required, fields: Object.fromEntries(fields.sort()), ...Object.fromEntries(own) };
  };
  test.each([
    ['api/v1', 'io.k8s.api.core.v1.Pod'],
    ['api/v1', 'io.k8s.api.core.v1.PodSpec'],
    ['api/v1', 'io.k8s.api.core.v1.Container'],
    ['api/v1', 'io.k8s.api.core.v1.ServiceSpec'],
    ['api/v1', 'io.k8s.api.core.v1.NodeStatus'],
    ['api/v1', 'io.k8s.api.core.v1.Toleration'],
    ['api/v1', 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'],
    ['apis/apps/v1', 'io.k8s.api.apps.v1.DeploymentSpec'],
    ['apis/apps/v1', 'io.k8s.api.apps.v1.StatefulSetSpec'],
    ['apis/batch/v1', 'io.k8s.api.batch.v1.JobSpec'],
    ['apis/networking.k8s.io/v1', 'io.k8s.api.networking.v1.IngressSpec'],
    ['apis/autoscaling/v2', 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec'],
    ['apis/policy/v1', 'io.k8s.api.policy.v1.PodDisruptionBudgetSpec'],
    ['apis/rbac.authorization.k8s.io/v1', 'io.k8s.api.rbac.v1.ClusterRole'],
  ])('%s %s', async (path, name) => {
    const found = (await document(path)).components.schemas[name];
    expect(shapeOf(found)).toMatchSnapshot();
  });

  test('a kind says its group, version and kind, and what its PATCH takes', async () => {
    const { paths, components } = await document('apis/apps/v1');
    const self = components.schemas['io.k8s.api.apps.v1.Deployment']['x-kubernetes-group-version-kind'];
    const { patch } = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'];
    expect([
      self,
      patch['x-kubernetes-group-version-kind'],
      patch.parameters.map((one: Json) => one.name),
      Object.keys(patch.requestBody.content).sort(),
    ]).toMatchSnapshot();
  });

  test('v2, for who asks for JSON', async () => {
    const { status, body } = await on.raw('GET', '/openapi/v2');
    expect(status).toBe(200);
    expect(body.swagger).toBe('2.0');
    expect(body.definitions['io.k8s.api.core.v1.Pod'].properties.spec.$ref).toBe(
      '#/definitions/io.k8s.api.core.v1.PodSpec',
    );
    const { type, format } = body.definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString'];
    expect([type, format]).toEqual(['string', 'int-or-string']);
  }, 30_000);

  test('an unknown group-version is no page', async () => {
    expect((await on.raw('GET', '/openapi/v3/apis/none/v1')).status).toBe(404);
  });
});

describe.skipIf(noContractKubectl)('kubectl explain [SPEC C188]', () => {
  test.each([
    'pod.spec.containers',
    'deploy',
    'deploy --api-version=apps/v1',
    'svc',
    'node',
    'cm',
    'pdb',
    'lease',
    'job.spec',
    'ingress',
    'hpa --api-version=autoscaling/v1',
    'netpol',
    'crd',
  ])('explain %s --recursive', async (what) => {
    const text = await on.kubectl(`explain ${what} --recursive`);
    // The fields; words come from another release of the same documentation.
    expect(text.slice(text.indexOf('FIELDS:'))).toMatchSnapshot();
  }, 20_000);

  test.each([
    'pod.spec.containers.image',
    'cm.data',
    'pod.spec.nodeName',
    'deploy.spec.paused',
  ])('explain %s', async (what) => {
    expect(await on.kubectl(`explain ${what}`)).toMatchSnapshot();
  });

  test.each(['pod.spec.none', 'nones', 'pod.spec.containers.none.x'])('explain %s fails', async (what) => {
    const { code, stderr } = await on.kubectl.try(`explain ${what}`);
    expect([code, stderr.replace(/^WARNING.*\n/m, '')]).toMatchSnapshot();
  });
});

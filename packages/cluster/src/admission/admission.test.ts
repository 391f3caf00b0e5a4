import { describe, expect, it } from 'vitest';
import { type Fields, listOf } from '../kinds/json.ts';
import { answerOf, freshApi, recorded } from '../kinds/testing.ts';
import { defaultTolerationSeconds } from './index.ts';

const options = { actor: 'test', namespace: 'ns' };

/** A server with the namespace `ns` and its ServiceAccount. */
function apiWithNamespace() {
  const api = freshApi();
  api.create('namespaces', { metadata: { name: 'ns' } }, options);
  api.create('serviceaccounts', { metadata: { name: 'default' } }, options);
  return api;
}

function podOf(spec: Fields = {}): Fields {
  return { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec } };
}

describe('a namespace [SPEC C60]', () => {
  it('that is not there takes nothing', () => {
    const { code, message, details } = answerOf(() => freshApi().create('pods', podOf(), options));
    expect({ code, message, details }).toEqual({
      code: 404,
      message: 'namespaces "ns" not found',
      details: { name: 'ns', kind: 'namespaces' },
    });
  });

  it('that is going takes nothing new, and says why', () => {
    const api = apiWithNamespace();
    api.delete('namespaces', 'ns', undefined);
    const { code, message, details } = answerOf(() => api.create('configmaps', { metadata: { name: 'x' } }, options));
    expect(code).toBe(403);
    expect(message).toBe(
      'configmaps "x" is forbidden: unable to create new content in namespace ns because it is being terminated',
    );
    expect(listOf(details.causes)).toEqual([
      {
        reason: 'NamespaceTerminating',
        message: 'namespace ns is being terminated',
        field: 'metadata.namespace',
      },
    ]);
  });

  it.each(['default', 'kube-system', 'kube-public'])('%s stays', (name) => {
    const { code, message } = answerOf(() => {
      freshApi().delete('namespaces', name, undefined);
      return {};
    });
    expect({ code, message }).toEqual({
      code: 403,
      message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    });
  });
});

describe('a pod runs as a ServiceAccount [SPEC C61]', () => {
  it('`default` unless it says otherwise, with its pull secrets', () => {
    const api = apiWithNamespace();
    api.modify(
      'serviceaccounts',
      'default',
      'ns',
      (draft) => Object.assign(draft, { imagePullSecrets: [{ name: 's' }] }),
      {
        actor: 'test',
      },
    );
    const { spec } = api.create('pods', podOf(), options);
    expect([spec.serviceAccountName, spec.serviceAccount, spec.imagePullSecrets]).toEqual([
      'default',
      'default',
      [{ name: 's' }],
    ]);
    expect(spec.volumes).toBeUndefined();
  });

  it('and as nobody who is not there', () => {
    const api = apiWithNamespace();
    expect(answerOf(() => api.create('pods', podOf({ serviceAccountName: 'nope' }), options)).message).toBe(
      'pods "p" is forbidden: error looking up service account ns/nope: serviceaccount "nope" not found',
    );
  });
});

describe('a pod has a priority [SPEC C62]', () => {
  const priorities = 'priorityclasses.scheduling.k8s.io';

  it('0 without a class, that of its class, or that of the default class', () => {
    const api = apiWithNamespace();
    expect(api.create('pods', podOf(), options).spec.priority).toBe(0);
    api.create(priorities, { metadata: { name: 'high' }, value: 100, preemptionPolicy: 'Never' }, options);
    api.create(priorities, { metadata: { name: 'usual' }, value: 7, globalDefault: true }, options);
    const named = { ...podOf({ priorityClassName: 'high' }), metadata: { name: 'q' } };
    const { priority, preemptionPolicy } = api.create('pods', named, options).spec;
    expect([priority, preemptionPolicy]).toEqual([100, 'Never']);
    const { spec } = api.create('pods', { ...podOf(), metadata: { name: 'r' } }, options);
    expect([spec.priority, spec.priorityClassName]).toEqual([7, 'usual']);
  });

  it('which it may not make up, nor may there be two defaults', () => {
    const api = apiWithNamespace();
    expect(answerOf(() => api.create('pods', podOf({ priority: 5 }), options)).message).toBe(
      'pods "p" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name',
    );
    expect(answerOf(() => api.create('pods', podOf({ priorityClassName: 'x' }), options)).message).toBe(
      'pods "p" is forbidden: no PriorityClass with name x was found',
    );
    api.create(priorities, { metadata: { name: 'a' }, value: 1, globalDefault: true }, options);
    expect(
      answerOf(() => api.create(priorities, { metadata: { name: 'b' }, value: 1, globalDefault: true }, options))
        .message,
    ).toContain('PriorityClass a is already marked as default. Only one default can exist');
  });
});

describe('a pod bears a lost node for a while [SPEC C63]', () => {
  const added = (tolerations: Fields[]) =>
    listOf(apiWithNamespace().create('pods', podOf({ tolerations }), options).spec.tolerations).slice(
      tolerations.length,
    );
  const [notReady, unreachable] = ['not-ready', 'unreachable'].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 300,
  }));

  it('five minutes unless it says otherwise', () => {
    expect(added([])).toEqual([notReady, unreachable]);
    expect(added([{ key: 'other', operator: 'Exists' }])).toEqual([notReady, unreachable]);
    expect(added([{ ...notReady, tolerationSeconds: 1 }])).toEqual([unreachable]);
    expect(added([{ operator: 'Exists' }])).toEqual([]);
    expect(added([{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoSchedule' }])).toEqual([
      notReady,
      unreachable,
    ]);
  });

  it('a template is left alone', () => {
    const labels = { app: 'x' };
    const object = {
      metadata: { name: 'd' },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, ...podOf() } },
    };
    Object.assign(object.spec.template, { metadata: { labels } });
    const { spec } = apiWithNamespace().create('deployments.apps', object, options);
    expect(spec.template.spec.tolerations).toBeUndefined();
  });

  it('or as long as the cluster is told', () => {
    const draft = { apiVersion: 'v1', kind: 'Pod', metadata: {} as never, spec: {} as Fields };
    const store = { get: () => undefined, list: () => [] };
    defaultTolerationSeconds(3).admit?.({
      operation: 'CREATE',
      kind: {} as never,
      resource: 'pods',
      name: 'p',
      draft,
      store,
      now: 0,
    });
    expect(listOf(draft.spec.tolerations).map(({ tolerationSeconds }) => tolerationSeconds)).toEqual([3, 3]);
  });
});

describe('a new Node [SPEC C64]', () => {
  it('takes no pods until it is seen to be ready; the taint comes once', () => {
    const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
    const api = freshApi();
    expect(api.create('nodes', { metadata: { name: 'a' } }, options).spec.taints).toEqual([taint]);
    const other = { key: 'x', effect: 'NoExecute' };
    const { spec } = api.create('nodes', { metadata: { name: 'b' }, spec: { taints: [other, taint] } }, options);
    expect(spec.taints).toEqual([other, taint]);
    const changed = api.modify('nodes', 'a', undefined, (draft) => delete draft.spec.taints, { actor: 'test' });
    expect(changed.spec.taints).toBeUndefined();
  });
});

describe('LimitRanges act as in a real 1.34 [SPEC C65]', () => {
  /** Several complaints come in Go's random order of maps. */
  const words = (message: unknown) =>
    String(message)
      .split(/[[\],]\s*/)
      .sort();

  for (const [name, { limits, object, answer }] of Object.entries(recorded('limit-ranges'))) {
    it(name, () => {
      const api = apiWithNamespace();
      api.create('limitranges', { metadata: { name: 'l' }, spec: { limits } }, options);
      const resource = object.kind === 'Pod' ? 'pods' : 'persistentvolumeclaims';
      const ours = answerOf(() => api.create(resource, object, options));
      expect(words(ours.message)).toEqual(words(answer.message));
      expect({ ...ours, message: '' }).toEqual({ ...answer, message: '' });
    });
  }

  it('thirty modules without requests still get what the defaults say', () => {
    const api = apiWithNamespace();
    const limits = [{ type: 'Container', default: { cpu: '500m', memory: '512Mi' } }];
    api.create('limitranges', { metadata: { name: 'l' }, spec: { limits } }, options);
    for (let i = 0; i < 30; i++) {
      const { spec } = api.create('pods', { ...podOf(), metadata: { name: `p${i}` } }, options);
      expect(spec.containers[0].resources.requests).toEqual({ cpu: '500m', memory: '512Mi' });
    }
  });
});

describe('a Service [SPEC C66]', () => {
  const create = (api: ReturnType<typeof freshApi>, name: string, spec: Fields) =>
    api.create('services', { metadata: { name }, spec }, options).spec;

  it('gets an address of its own, or none if it is headless', () => {
    const api = apiWithNamespace();
    const addresses = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const spec = create(api, `s${i}`, { ports: [{ port: 80 }] });
      expect(spec.clusterIP).toMatch(/^10\.96\.\d+\.\d+$/);
      expect(spec.clusterIPs).toEqual([spec.clusterIP]);
      addresses.add(spec.clusterIP);
    }
    expect(addresses.size).toBe(20);
    const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = create(api, 'h', { clusterIP: 'None' });
    expect([clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy]).toEqual([
      'None',
      ['None'],
      ['IPv4', 'IPv6'],
      'RequireDualStack',
    ]);
    const selecting = create(api, 's', { clusterIP: 'None', selector: { a: 'b' } });
    expect([selecting.ipFamilies, selecting.ipFamilyPolicy]).toEqual([['IPv4'], 'SingleStack']);
  });

  it('keeps its address when it changes, and gets node ports of its own', () => {
    const api = apiWithNamespace();
    const before = create(api, 's', { ports: [{ port: 80 }], type: 'NodePort' });
    const other = create(api, 't', { ports: [{ port: 80 }], type: 'NodePort' });
    expect(before.ports[0].nodePort).toBeGreaterThanOrEqual(30_000);
    expect(before.ports[0].nodePort).not.toBe(other.ports[0].nodePort);
    const after = api.modify('services', 's', 'ns', (draft) => Object.assign(draft.spec, { selector: { a: 'b' } }), {
      actor: 'test',
    });
    expect(after.spec.clusterIP).toBe(before.clusterIP);
  });
});

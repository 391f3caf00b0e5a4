/** Bodies in protobuf, as Go's typed clients and kubectl from 1.32 on send them: the same as in JSON. [SPEC C95] [SPEC C8] */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/api.ts';
import { noContractKubectl } from '../support/kubectl.ts';
import { waitFor } from '../support/wait.ts';
import { openSetting, podOf } from './setting.ts';

const on = openSetting('protobuf');
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** A field of a message, of ASCII alone: the body is sent as text. */
function field(number: number, value: number | string): string {
  const [low, size] = [String.fromCharCode(number * 8), typeof value === 'number' ? value : value.length];
  if (size > 0x7f) throw new Error('too large for one byte');
  if (typeof value === 'number') return low + String.fromCharCode(value);
  return String.fromCharCode(number * 8 + 2) + String.fromCharCode(size) + value;
}
const body = (apiVersion: string, kind: string, ...fields: string[]): string =>
  `k8s\0${field(1, field(1, apiVersion) + field(2, kind))}${field(2, fields.join(''))}${field(3, '')}${field(4, '')}`;
const options = (...fields: string[]): string => body('v1', 'DeleteOptions', ...fields);
const say = (method: string, resource: string, text: string): Promise<Json> => on.say(method, resource, text, PROTOBUF);

const gate = { schedulingGates: [{ name: 'example.org/later' }], terminationGracePeriodSeconds: 60 };

beforeAll(async () => {
  await on.makeNode('a');
  await on.startKubelet();
});

describe('options of a DELETE in protobuf [SPEC C95] [SPEC C8]', () => {
  const uid = '00000000-0000-0000-0000-000000000000';

  test.each([
    ['a uid', options(field(2, field(1, uid)))],
    ['a revision', options(field(2, field(2, '1')))],
    ['an orphaning twice', options(field(3, 1), field(4, 'Orphan'))],
    ['a propagation that is none', options(field(4, 'Sideways'))],
    ['a dry run that is none', options(field(5, 'Some'))],
    ['a dry run', options(field(5, 'All'))],
    ['options of a group', body('apps/v1', 'DeleteOptions', field(5, 'All'))],
    ['both ways of telling that nothing is asked', options(field(1, 0), field(5, 'All'), field(6, 0))],
  ])('%s', async (_what, text) => {
    await on.raw('POST', 'configmaps', { metadata: { name: 'kept' } });
    const said = await say('DELETE', 'configmaps/kept', text);
    said.body.message = said.body.message?.replace(/in record \(\d+\)/, 'in record (REVISION)');
    expect(said).toMatchSnapshot();
    expect((await on.get('configmaps/kept')).metadata.deletionTimestamp).toBe(undefined);
  });

  test('a grace of none ends a Pod at once', async () => {
    await on.call('POST', 'pods', podOf('brief', gate));
    expect((await say('DELETE', 'pods/brief', options(field(1, 0)))).code).toBe(200);
    expect((await on.raw('GET', 'pods/brief')).status).toBe(404);
  });

  test('of a collection', async () => {
    for (const name of ['one', 'two']) {
      await on.call('POST', 'configmaps', { metadata: { name, labels: { of: 'many' } } });
    }
    const many = 'configmaps?labelSelector=of%3Dmany';
    const names = async (): Promise<Json> => (await on.get(many)).items.map((item: Json) => item.metadata.name);
    expect((await say('DELETE', many, options(field(5, 'All')))).code).toBe(200);
    expect(await names()).toEqual(['one', 'two']);
    expect(await say('DELETE', many, options(field(4, 'Sideways')))).toMatchSnapshot();
    expect((await say('DELETE', many, options(field(4, 'Background')))).code).toBe(200);
    expect(await names()).toEqual([]);
  });

  test('and of an eviction', async () => {
    await on.call('POST', 'pods', podOf('moved', gate));
    const eviction = (...of: string[]): string => body('policy/v1', 'Eviction', field(1, field(1, 'moved')), ...of);
    expect(await say('POST', 'pods/moved/eviction', eviction(field(2, field(5, 'All'))))).toMatchSnapshot();
    expect((await on.get('pods/moved')).metadata.deletionTimestamp).toBe(undefined);
    expect(await say('POST', 'pods/moved/eviction', eviction(field(2, field(1, 0))))).toMatchSnapshot();
    await waitFor('its end', async () => (await on.raw('GET', 'pods/moved')).status === 404);
  });
});

const RICH = {
  metadata: { name: 'rich' },
  spec: {
    schedule: '0 0 1 1 *',
    suspend: true,
    jobTemplate: {
      metadata: { labels: { of: 'rich' }, annotations: { why: 'ünïcode' } },
      spec: {
        suspend: true,
        backoffLimit: 0,
        completionMode: 'Indexed',
        completions: 3,
        parallelism: 0,
        ttlSecondsAfterFinished: 0,
        podFailurePolicy: {
          rules: [
            { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
            { action: 'FailJob', onExitCodes: { containerName: 'c', operator: 'In', values: [1, 42] } },
          ],
        },
        template: {
          metadata: { labels: { app: 'rich' } },
          spec: {
            restartPolicy: 'Never',
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            shareProcessNamespace: true,
            hostAliases: [{ ip: '10.0.0.1', hostnames: ['a', 'b'] }],
            dnsConfig: { nameservers: ['10.0.0.2'], options: [{ name: 'ndots', value: '2' }, { name: 'debug' }] },
            securityContext: { runAsUser: 0, fsGroup: 2000, supplementalGroups: [1, 3000], sysctls: [] },
            tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: -5 }],
            affinity: {
              nodeAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [
                  { weight: 7, preference: { matchExpressions: [{ key: 'k', operator: 'Gt', values: ['3'] }] } },
                ],
              },
            },
            topologySpreadConstraints: [
              { maxSkew: 2, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {} },
            ],
            initContainers: [{ name: 'i', image: 'busybox', command: ['sh', '-c', ''] }],
            containers: [
              {
                name: 'c',
                image: 'nginx:1',
                ports: [{ containerPort: 80, name: 'http' }],
                env: [
                  { name: 'EMPTY' },
                  { name: 'HOST', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
                  { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
                  { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: false } } },
                ],
                envFrom: [{ prefix: 'P_', configMapRef: { name: 'm', optional: true } }],
                resources: { requests: { cpu: '10m', memory: '1Gi' }, limits: { cpu: '1' } },
                volumeMounts: [{ name: 'e', mountPath: '/e', subPath: 'x', readOnly: true }],
                livenessProbe: { httpGet: { path: '/', port: 'http' }, failureThreshold: 5 },
                readinessProbe: { tcpSocket: { port: 80 }, initialDelaySeconds: 3 },
                startupProbe: { exec: { command: ['true'] } },
                lifecycle: { preStop: { httpGet: { port: 80, path: '/bye' } } },
                securityContext: { privileged: false, capabilities: { drop: ['ALL'] } },
              },
            ],
            volumes: [
              { name: 'e', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
              { name: 'empty', emptyDir: {} },
              { name: 'm', configMap: { name: 'm', defaultMode: 0, items: [{ key: 'a', path: 'b', mode: 256 }] } },
              { name: 'p', projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 900 } }] } },
            ],
          },
        },
      },
    },
  },
};

describe.skipIf(noContractKubectl)('what kubectl sends in protobuf [SPEC C95] [SPEC C8]', () => {
  const said = async (...words: string[]): Promise<Json> => {
    const { code, stdout, stderr } = await on.kubectl.try(words);
    // A dry run is given addresses and ports by chance.
    const calm = stdout
      .replace(/"10\.96\.\d+\.\d+"/g, '"ADDRESS"')
      .replace(/"nodePort": 3(?!1999)\d{4}/g, '"nodePort": 3');
    return { code, out: on.plain(calm.startsWith('{') ? JSON.parse(calm) : calm), err: on.plain(stderr) };
  };

  test.each([
    'deployment d --image=x --replicas=-1',
    'deployment d --image=x --replicas=-2000',
    'deployment d --image=x --replicas=0 --port=80',
    'priorityclass low --value=-2000000000 --preemption-policy=Never',
    'priorityclass none --value=0 --global-default=false',
    'clusterrole c --aggregation-rule=a=b',
    'clusterrole c --aggregation-rule=a=b,c=d',
    'clusterrole c --verb=get --resource=pods,deployments.apps/scale --resource-name=x',
    'clusterrole c --verb=get --non-resource-url=/healthz/*',
    'role r --verb=get,list --resource=configmaps',
    'rolebinding b --role=r --user=u --group=g --serviceaccount=default:default',
    'clusterrolebinding b --clusterrole=view --group=g',
    'quota q --hard=cpu=1,memory=1Gi,pods=-1',
    'quota q --hard=cpu=1500m,requests.memory=1.5Gi,count/jobs.batch=3 --scopes=BestEffort,NotTerminating',
    'quota q --hard=pods=2 --scopes=NotTerminating',
    'poddisruptionbudget p --selector=app=x --min-available=50%',
    'service clusterip none --clusterip=None --tcp=80',
    'service nodeport n --tcp=80:http --node-port=31999',
    'service externalname e --external-name=example.org --tcp=80',
    'service loadbalancer l --tcp=80:8080',
    'ingress i --class=c --default-backend=web:http --rule=a.example.org/x*=web:80,tls=cert',
    'ingress i --rule=a.example.org/=web:-1',
    'cronjob c --image=x --schedule=*/5_*_*_*_* -- sleep 1',
    'job j --image=x -- sleep 1',
    'configmap m --from-literal=a=1 --from-literal=b=',
    'secret generic s --type=example.org/own --from-literal=a=1',
    'secret docker-registry s --docker-server=r --docker-username=u --docker-password=p',
    'serviceaccount s',
    'namespace n',
  ])('create %s', async (line) => {
    const [words = '', ...command] = line.split(' -- ');
    const given = words.split(' ').map((word) => word.replaceAll('_', ' '));
    const tail = command.flatMap((text) => ['--', ...text.split(' ')]);
    expect(await said('create', ...given, '--dry-run=server', '-o', 'json', ...tail)).toMatchSnapshot();
  });

  test('create service with a port below zero', async () => {
    const line = 'create service nodeport n --tcp=80:8080 --node-port=-1';
    expect(await said(...line.split(' '))).toMatchSnapshot();
  });

  test('create job --from a CronJob with about everything in it', async () => {
    await on.call('POST', 'cronjobs.batch', RICH);
    expect(await said('create', 'job', 'again', '--from=cronjob/rich')).toMatchSnapshot();
    const job = await on.get('jobs.batch/again');
    const { status: _status, ...rest } = on.plain(job);
    expect(rest).toMatchSnapshot();
    const { spec } = job.spec.template;
    expect(spec).toEqual((await on.get('cronjobs.batch/rich')).spec.jobTemplate.spec.template.spec);
  });

  test('drain --disable-eviction deletes the Pods of a Node', async () => {
    const here = { nodeSelector: { suite: on.namespace }, terminationGracePeriodSeconds: 1 };
    await on.call('POST', 'pods', podOf('guest', here));
    await waitFor('it runs', async () => (await on.get('pods/guest')).status.phase === 'Running', 15_000);
    const { code, out, err } = await said('drain', on.node('a'), '--disable-eviction', '--force', '--timeout=60s');
    expect({ code, out, err }).toMatchSnapshot();
    expect((await on.raw('GET', 'pods/guest')).status).toBe(404);
  });
});

import type { Chapter } from '../chapter.ts';

const POD = (spec: string, name = 'bad'): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
const DEPLOYMENT = (spec: string): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad}\nspec: ${spec}\n`;

/** Mistakes, and what is said of them. */
export const refusals: Chapter = {
  name: 'refusals',
  given: ['settings.yaml'],
  lines: [
    'get pods nope',
    'get deployment nope -o yaml',
    'get foos',
    'get foos.example.org',
    'get configmap settings nope',
    'get pods -n no-such-place',
    'get pods --field-selector nope=1',
    'get configmaps --field-selector data.a=1',
    `get pods -l 'a=b=c'`,
    `get pods -l 'a in b'`,
  ],
  more: [
    'get pods -o nope',
    'get pods -o jsonpath={.nope',
    'get pods -o custom-columns=NAME',
    'get pods --bogus',
    'gett pods',
    'describe pod nope',
    'describe foo nope',
    'create configmap a -n no-such-place',
    { line: 'create -f -', stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n' },
    { line: 'create -f -', stdin: 'apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: old}\n' },
    { line: 'create -f -', stdin: POD('{}') },
    { line: 'create -f -', stdin: POD('{containers: [{name: C_1, image: ""}], restartPolicy: Sometimes}') },
    { line: 'create -f -', stdin: POD('{containers: [{name: c, image: a}], serviceAccountName: nobody}') },
    { line: 'create -f -', stdin: POD('{containers: [{name: c, image: a, ports: [{containerPort: 99999}]}]}') },
    { line: 'create -f -', stdin: POD('{containers: [{name: c, image: a, resources: {limits: {cpu: many}}}]}') },
    {
      line: 'create -f -',
      stdin: POD('{containers: [{name: c, image: a, resources: {limits: {cpu: 1}, requests: {cpu: 2}}}]}'),
    },
    { line: 'create -f -', stdin: POD('{containers: {name: c}}') },
    { line: 'create -f -', stdin: POD('{containers: [{name: c, image: a}], priorityClassName: none-such}') },
    {
      line: 'create -f -',
      stdin: DEPLOYMENT(
        '{selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: c, image: a}]}}}',
      ),
    },
    { line: 'create -f -', stdin: DEPLOYMENT('{replicas: x}') },
    {
      line: 'create -f -',
      stdin: 'apiVersion: v1\nkind: Service\nmetadata: {name: 1st}\nspec: {ports: [{port: 80}]}\n',
    },
    { line: 'create -f -', stdin: 'apiVersion: v1\nkind: Service\nmetadata: {name: none}\nspec: {}\n' },
    { line: 'create -f -', stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: {a: b c}}\n' },
    { line: 'create -f -', stdin: 'apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {a: "not base64"}\n' },
    {
      line: 'create -f -',
      stdin:
        'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {schedule: often, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: a}]}}}}}\n',
    },
    {
      line: 'create -f -',
      stdin:
        'apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nspec: {template: {spec: {restartPolicy: Always, containers: [{name: c, image: a}]}}}\n',
    },
    { line: 'create -f -', stdin: 'a: [b\n' },
    { line: 'create -f -', stdin: 'just words\n' },
    { line: 'create -f -', stdin: '' },
    'create namespace default',
    'create namespace Not_Valid',
    'delete namespace kube-system',
    'delete foos x',
    'create role x --verb=get --resource=foos',
    'create quota x --hard=pods=many',
    'create token robot --duration=1s',
    'create ingress x --rule=nope',
    'create service nodeport x --tcp=80 --node-port=10',
  ],
};

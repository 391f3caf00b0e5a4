/** Custom kinds with kubectl, as a user of OpenKruise's CloneSet tries it; what `api-resources` lists. Needs kubectl on PATH. [SPEC C189] */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noContractKubectl, noKubectl } from '../support/kubectl.ts';
import { dropDefinitions } from './custom.ts';
import { openSetting } from './setting.ts';

const on = openSetting('kruise');
const folder = mkdtempSync(join(tmpdir(), 'kouplet-contract-'));
const group = () => `apps.${on.namespace}.example.org`;

/** The fields that matter here; the group is the suite's own, so that a real cluster may have the real one. */
const definition = () => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: clonesets.${group()}
spec:
  group: ${group()}
  scope: Namespaced
  names: {kind: CloneSet, plural: clonesets, shortNames: [clone]}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.labelSelector}
    additionalPrinterColumns:
    - {name: DESIRED, type: integer, jsonPath: .spec.replicas, description: The desired number of pods.}
    - {name: READY, type: integer, jsonPath: .status.readyReplicas}
    - {name: AGE, type: date, jsonPath: .metadata.creationTimestamp}
    - {name: IMAGES, type: string, priority: 1, jsonPath: '.spec.template.spec.containers[*].image'}
    schema:
      openAPIV3Schema:
        type: object
        description: CloneSet is the Schema for the clonesets API
        properties:
          apiVersion: {type: string}
          kind: {type: string}
          metadata: {type: object}
          spec:
            type: object
            description: CloneSetSpec defines the desired state of CloneSet
            required: [selector, template]
            properties:
              replicas: {type: integer, format: int32, minimum: 0, default: 1, description: How many Pods there shall be.}
              selector: {type: object, x-kubernetes-preserve-unknown-fields: true}
              template: {type: object, x-kubernetes-preserve-unknown-fields: true}
              updateStrategy:
                type: object
                properties:
                  type: {type: string, enum: [ReCreate, InPlaceIfPossible, InPlaceOnly]}
                  partition: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
                  paused: {type: boolean}
              scaleStrategy:
                type: object
                properties:
                  podsToDelete: {type: array, items: {type: string}}
          status:
            type: object
            properties:
              replicas: {type: integer}
              readyReplicas: {type: integer}
              labelSelector: {type: string}
`;
const manifest = (more = '') => `apiVersion: ${group()}/v1alpha1
kind: CloneSet
metadata: {name: sample, labels: {app: sample}}
spec:
  replicas: 3
  selector: {matchLabels: {app: sample}}
  template:
    metadata: {labels: {app: sample}}
    spec: {containers: [{name: nginx, image: "nginx:alpine"}]}
  updateStrategy: {type: InPlaceIfPossible, partition: 20%}
${more}`;

/** What was printed, without what differs from run to run. */
async function said(line: string | readonly string[], input?: string): Promise<unknown> {
  const { code, stdout, stderr } = await on.kubectl.try(line, input);
  const calm = (text: string): string[] =>
    (on.plain(text.replaceAll(folder, 'FOLDER')) as string)
      .replace(/\b(?:\d+[smhd]){1,2}\b/g, 'AGE')
      .replace(/"resourceVersion":"\d+"|resourceVersion: "\d+"/g, 'REVISION')
      .replace(/[ \t]+/g, ' ')
      .split('\n')
      .filter((text) => text !== '' && !text.startsWith('WARNING: version difference'));
  // Several complaints come in any order there; a patched object is quoted whole, with its owners and times.
  const err = calm(stderr).map((line) =>
    line.replace(/Invalid value: "\{.*\}": strict/, 'Invalid value: OBJECT: strict'),
  );
  return { code, out: calm(stdout), err: err.some((line) => line.startsWith('* ')) ? err.sort() : err };
}

beforeAll(() => {
  writeFileSync(join(folder, 'crd.yaml'), definition());
  writeFileSync(join(folder, 'cloneset.yaml'), manifest());
  writeFileSync(join(folder, 'changed.yaml'), manifest('  scaleStrategy: {podsToDelete: [a]}\n'));
  writeFileSync(join(folder, 'typo.yaml'), manifest('  scaleStratgy: {}\n'));
  writeFileSync(
    join(folder, 'wrong.yaml'),
    manifest().replace('InPlaceIfPossible', 'Somehow').replace('replicas: 3', 'replicas: -1'),
  );
});
afterAll(async () => {
  await dropDefinitions(on, group());
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(noContractKubectl)('a CloneSet [SPEC C189]', () => {
  test.each([
    ['apply -f FOLDER/crd.yaml'],
    ['wait --for=condition=Established crd/clonesets.GROUP --timeout=10s'],
    ['get crd clonesets.GROUP -o name'],
    ['api-resources --api-group=GROUP -o wide'],
    ['apply -f FOLDER/cloneset.yaml'],
    ['apply -f FOLDER/cloneset.yaml'],
    ['get clonesets'],
    ['get clone sample -o wide'],
    ['get clone -o name'],
    ['get clonesets.GROUP sample -o jsonpath={.spec.updateStrategy}'],
    ['apply -f FOLDER/changed.yaml'],
    ['diff -f FOLDER/changed.yaml'],
    ['get clone sample -o jsonpath={.spec.scaleStrategy}'],
    ['apply -f FOLDER/typo.yaml'],
    ['apply -f FOLDER/typo.yaml --validate=warn'],
    ['apply -f FOLDER/wrong.yaml'],
    ['apply -f FOLDER/changed.yaml --dry-run=server'],
    ['scale clone sample --replicas=5'],
    ['scale clone sample --replicas=6 --current-replicas=2'],
    ['get clone sample -o jsonpath={.spec.replicas}'],
    ['get clone sample --subresource=scale -o jsonpath={.spec}'],
    ['label clone sample tier=web'],
    ['annotate clone sample note=x'],
    ['get clone -l tier=web -o name'],
    ['patch clone sample --type=merge -p {"spec":{"updateStrategy":{"paused":true}}}'],
    ['patch clone sample -p {"spec":{"replicas":2}}'],
    ['patch clone sample --subresource=status --type=merge -p {"status":{"readyReplicas":2}}'],
    ['get clone sample'],
    ['explain clone'],
    ['explain clone.spec'],
    ['explain clone.spec --recursive'],
    ['explain clone.spec.updateStrategy.type'],
    ['wait --for=jsonpath={.status.readyReplicas}=2 clone/sample --timeout=5s'],
    ['rollout status clone/sample'],
    ['autoscale clone sample --max=3'],
    ['delete clone sample'],
    ['get clone'],
    ['delete -f FOLDER/crd.yaml'],
    ['get clone'],
  ])('kubectl %s', async (line) => {
    const filled = line.replaceAll('FOLDER', folder).replaceAll('GROUP', group());
    expect(await said(filled)).toMatchSnapshot();
  }, 30_000);
});

describe.skipIf(noKubectl)('api-resources [SPEC C189]', () => {
  /** What is not served here, and of no use without kubelets, webhooks, aggregation or devices. */
  const NOT_HERE = new Set([
    ...['bindings', 'componentstatuses', 'apiservices', 'certificatesigningrequests', 'flowschemas'],
    ...['prioritylevelconfigurations', 'ipaddresses', 'servicecidrs', 'deviceclasses', 'resourceclaims'],
    ...['resourceclaimtemplates', 'resourceslices', 'csidrivers', 'csinodes', 'csistoragecapacities'],
    ...['volumeattachments', 'volumeattributesclasses', 'validatingadmissionpolicies'],
    ...['validatingadmissionpolicybindings'],
  ]);
  test('lists what a real one lists, a few aside', async () => {
    const lines = (await on.kubectl('api-resources -o wide')).split('\n').map((line) => line.split(/\s+/));
    const found = lines.filter(
      ([name = '', ...rest]) => name !== '' && !NOT_HERE.has(name) && !rest.join(' ').includes('example.org'),
    );
    expect(found.map((line) => line.join(' '))).toMatchSnapshot();
  });
  test('versions', async () => {
    const here = new Set([
      ...[
        'apiregistration.k8s.io/v1',
        'certificates.k8s.io/v1',
        'flowcontrol.apiserver.k8s.io/v1',
        'resource.k8s.io/v1',
      ],
    ]);
    const lines = (await on.kubectl('api-versions')).split('\n');
    expect(lines.filter((line) => line !== '' && !here.has(line) && !line.includes('example.org'))).toMatchSnapshot();
  });
});

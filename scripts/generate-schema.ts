/**
 * Writes packages/cluster/src/schema/types.json from the models of @kubernetes/client-node: which fields an object may have, of which
 * types, and which of them Go leaves out when they are empty. Run by hand after an update of that library:
 *
 *   npx node scripts/generate-schema.ts
 *
 * A field's code: `s` string, `y` bytes in base64, `b` bool, `i` int32, `l` int64, `d` double, `t` Time, `m` MicroTime, `q` Quantity, `o` IntOrString,
 * `*` anything, `[]X` list, `{}X` map, else the name of a type. A leading `~`: left out when it is empty or zero (omitempty of a
 * field that is no pointer). A leading `!`: in statuses, written even where nobody set it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(join(import.meta.dirname, '../packages/kube/package.json'));
const models = join(dirname(require.resolve('@kubernetes/client-node')), 'gen/models');

/** The types that requests carry; all they refer to comes along. */
const roots = [
  ...['Pod', 'Node', 'Namespace', 'ConfigMap', 'Secret', 'ServiceAccount', 'Service', 'Endpoints', 'LimitRange'],
  ...['ResourceQuota', 'PersistentVolume', 'PersistentVolumeClaim', 'ReplicationController', 'Binding'],
  ...['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'ControllerRevision', 'Lease', 'Job', 'CronJob'],
  ...[
    'Ingress',
    'IngressClass',
    'NetworkPolicy',
    'EndpointSlice',
    'PodDisruptionBudget',
    'PriorityClass',
    'StorageClass',
  ],
  ...['CustomResourceDefinition', 'PodTemplate', 'HorizontalPodAutoscaler', 'CSIDriver', 'CSINode', 'VolumeAttachment'],
  ...['VolumeAttributesClass', 'CSIStorageCapacity', 'CertificateSigningRequest', 'FlowSchema'],
  ...['PriorityLevelConfiguration', 'APIService', 'MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'],
  ...['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding', 'IPAddress', 'ServiceCIDR', 'ComponentStatus'],
  ...['RuntimeClass', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding', 'Eviction', 'Scale', 'DeleteOptions'],
]
  .map((name) => `V1${name}`)
  .concat('CoreV1Event', 'EventsV1Event', 'V2HorizontalPodAutoscaler');

/** Strings, numbers and booleans that are pointers in Go, so that empty means something. */
const pointers = new Set(
  (
    'storageClassName ingressClassName runtimeClassName holderIdentity preferredHolder strategy volumeMode appProtocol ' +
    'nodeName@V1Endpoint hostname@V1Endpoint zone@V1Endpoint volumeAttributesClassName preemptionPolicy fsType@V1CSIVolumeSource ' +
    'internalTrafficPolicy ipFamilyPolicy unhealthyPodEvictionPolicy service@V1GRPCAction name@DiscoveryV1EndpointPort ' +
    'protocol@DiscoveryV1EndpointPort nodeName@V1EndpointAddress ' +
    'currentVolumeAttributesClassName hostnameOverride seccompProfile loadBalancerClass'
  ).split(' '),
);
/** Numbers and booleans that are no pointers: zero and false are left out. */
const plains = new Set(
  (
    'hostNetwork hostPID hostIPC paused unschedulable stdin stdinOnce tty readOnly publishNotReadyAddresses observedGeneration ' +
    'readyReplicas availableReplicas updatedReplicas unavailableReplicas fullyLabeledReplicas currentReplicas minReadySeconds ' +
    'hostPort nodePort initialDelaySeconds numberUnavailable numberAvailable updatedNumberScheduled signal ' +
    'replicas@V1DeploymentStatus count@CoreV1Event generation'
  ).split(' '),
);
const quantityMaps = new Set(
  'limits requests capacity allocatable hard used default defaultRequest max min maxLimitRequestRatio allocatedResources overhead'.split(
    ' ',
  ),
);
const quantities = new Set([
  'tolerance@V2HPAScalingRules',
  'divisor',
  'sizeLimit',
  'averageValue',
  'value@V2MetricTarget',
  'value@V2MetricValueStatus',
]);

/** Types whose required fields a real server writes with their zero, since no validation asks for them. */
const statuses = /(?:Status|NodeSystemInfo)$/;
const alwaysThere = new Set(['V1ContainerStatus.state', 'V1ContainerStatus.lastState']);

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

function isIn(set: ReadonlySet<string>, type: string, field: string): boolean {
  return set.has(field) || set.has(`${field}@${type}`);
}

function codeOf(type: string, { baseName, type: written, format }: Attribute): string {
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(written)?.[1];
  if (map !== undefined) {
    if (quantityMaps.has(baseName)) return '{}q';
    return `{}${format === 'byte' ? 'y' : codeOf(type, { baseName: '', type: map, format })}`;
  }
  const list = /^(?:Array|Set)<(.*)>$/.exec(written)?.[1];
  if (list !== undefined) return `[]${codeOf(type, { baseName: '', type: list, format })}`;
  switch (written) {
    case 'string':
      return isIn(quantities, type, baseName) ? 'q' : 's';
    case 'boolean':
      return 'b';
    case 'number':
      return format === 'int32' ? 'i' : format === 'double' ? 'd' : 'l';
    case 'Date':
      return 't';
    case 'V1MicroTime':
      return 'm';
    case 'IntOrString':
      return 'o';
    case 'any':
    case 'object':
      return '*';
    default:
      return written;
  }
}

function isEmptyLeftOut(type: string, field: string, code: string): boolean {
  if (code.startsWith('[]') || code.startsWith('{}')) return true;
  if (code === 's') return !isIn(pointers, type, field);
  return /^[bild]$/.test(code) && isIn(plains, type, field);
}

/** What the models have of versions after the one that is emulated. */
const { later }: { later: Record<string, readonly string[]> } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../packages/cluster/src/openapi/facts.json'), 'utf8'),
);

const types: Record<string, Record<string, string>> = {};
const queue = [...roots];
for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
  if (types[name] !== undefined || name === 'V1ManagedFieldsEntry') continue;
  const source = readFileSync(join(models, `${name}.d.ts`), 'utf8');
  const code = readFileSync(join(models, `${name}.js`), 'utf8');
  const written = /\.attributeTypeMap = (\[[\s\S]*?\n\]);/.exec(code)?.[1] ?? '[]';
  const attributes: Attribute[] = JSON.parse(written);
  const fields: Record<string, string> = {};
  types[name] = fields;
  for (const attribute of attributes) {
    if (later[name]?.includes(attribute.baseName)) continue;
    const field = codeOf(name, attribute);
    const optional = new RegExp(`'${attribute.baseName.replace('$', '_')}'\\?:`).test(source);
    const base = attribute.baseName;
    const always =
      statuses.test(name) &&
      (!optional || alwaysThere.has(`${name}.${base}`)) &&
      /^([sbil]|V1ContainerState)$/.test(field);
    fields[base] = always
      ? `!${field}`
      : base === 'managedFields'
        ? '*'
        : optional && isEmptyLeftOut(name, base, field)
          ? `~${field}`
          : field;
    const referred = field.replace(/^(?:\[\]|\{\})+/, '');
    if (/^[A-Z]/.test(referred) && base !== 'managedFields') queue.push(referred);
  }
}

const sorted = Object.keys(types)
  .sort()
  .map((name) => `${JSON.stringify(name)}:${JSON.stringify(types[name])}`);
const out = join(import.meta.dirname, '../packages/cluster/src/schema/types.json');
writeFileSync(out, `{\n${sorted.join(',\n')}\n}\n`);
process.stdout.write(`${sorted.length} types\n`);

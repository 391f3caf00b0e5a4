/**
 * Field numbers of the messages that kubectl sends (k8s.io/api, generated.proto). Codes: `s` string, `y` bytes, `i` integer and `b` bool
 * that are no pointers (zero is "not set"), `I` and `B` pointers, `t` Time, `o` IntOrString, `q` Quantity, `-` read and dropped, `[]X` list, `{}X` map,
 * `<X` a message whose fields stand among those of its owner (Go's `inline`), else a message.
 */

export type ProtoField = readonly [name: string, type: string];

/** `a:s b c:[]X`: fields numbered from 1; `5=name:s` sets the number. */
function fields(text: string): Readonly<Record<number, ProtoField>> {
  const out: Record<number, ProtoField> = {};
  let number = 0;
  for (const word of text.split(' ')) {
    const match = /^(?:(\d+)=)?([^:]+):(.+)$/.exec(word);
    if (match === null) continue;
    const [, given, name = '', type = ''] = match;
    number = given === undefined ? number + 1 : Number(given);
    out[number] = [name, type];
  }
  return out;
}

export const messages: Readonly<Record<string, Readonly<Record<number, ProtoField>>>> = {
  ObjectMeta: fields(
    'name:s generateName:s namespace:s selfLink:- uid:s resourceVersion:s generation:i creationTimestamp:t deletionTimestamp:t ' +
      'deletionGracePeriodSeconds:I labels:{}s annotations:{}s ownerReferences:[]OwnerReference finalizers:[]s 17=managedFields:-',
  ),
  OwnerReference: fields('kind:s 3=name:s 4=uid:s 5=apiVersion:s 6=controller:B 7=blockOwnerDeletion:B'),
  Namespace: fields('metadata:ObjectMeta spec:NamespaceSpec status:-'),
  NamespaceSpec: fields('finalizers:[]s'),
  ConfigMap: fields('metadata:ObjectMeta data:{}s binaryData:{}y immutable:B'),
  Secret: fields('metadata:ObjectMeta data:{}y type:s stringData:{}s immutable:B'),
  ServiceAccount: fields(
    'metadata:ObjectMeta secrets:[]ObjectReference imagePullSecrets:[]LocalObjectReference automountServiceAccountToken:B',
  ),
  ObjectReference: fields('kind:s namespace:s name:s uid:s apiVersion:s resourceVersion:s fieldPath:s'),
  LocalObjectReference: fields('name:s'),
  PriorityClass: fields('metadata:ObjectMeta value:I globalDefault:b description:s preemptionPolicy:s'),
  PodDisruptionBudget: fields('metadata:ObjectMeta spec:PodDisruptionBudgetSpec status:-'),
  PodDisruptionBudgetSpec: fields(
    'minAvailable:o selector:LabelSelector maxUnavailable:o unhealthyPodEvictionPolicy:s',
  ),
  LabelSelector: fields('matchLabels:{}s matchExpressions:[]LabelSelectorRequirement'),
  LabelSelectorRequirement: fields('key:s operator:s values:[]s'),
  Service: fields('metadata:ObjectMeta spec:ServiceSpec status:-'),
  ServiceSpec: fields('ports:[]ServicePort selector:{}s clusterIP:s type:s 10=externalName:s 18=clusterIPs:[]s'),
  ServicePort: fields('name:s protocol:s port:i targetPort:o nodePort:i appProtocol:s'),
  Deployment: fields('metadata:ObjectMeta spec:DeploymentSpec status:-'),
  DeploymentSpec: fields(
    'replicas:I selector:LabelSelector template:PodTemplateSpec strategy:DeploymentStrategy minReadySeconds:i ' +
      'revisionHistoryLimit:I paused:b 9=progressDeadlineSeconds:I',
  ),
  DeploymentStrategy: fields('type:s rollingUpdate:RollingUpdate'),
  RollingUpdate: fields('maxUnavailable:o maxSurge:o'),
  PodTemplateSpec: fields('metadata:ObjectMeta spec:PodSpec'),
  PodSpec: fields(
    '2=containers:[]Container 3=restartPolicy:s 4=terminationGracePeriodSeconds:I 5=activeDeadlineSeconds:I 6=dnsPolicy:s ' +
      '7=nodeSelector:{}s 8=serviceAccountName:s 9=serviceAccount:s 10=nodeName:s 19=schedulerName:s',
  ),
  Container: fields(
    'name:s image:s command:[]s args:[]s workingDir:s ports:[]ContainerPort env:[]EnvVar resources:ResourceRequirements 13=terminationMessagePath:s ' +
      '14=imagePullPolicy:s 16=stdin:b 17=stdinOnce:b 18=tty:b 20=terminationMessagePolicy:s',
  ),
  ResourceRequirements: fields('limits:{}q requests:{}q'),
  ResourceQuota: fields('metadata:ObjectMeta spec:ResourceQuotaSpec status:-'),
  ResourceQuotaSpec: fields('hard:{}q scopes:[]s'),
  CronJob: fields('metadata:ObjectMeta spec:CronJobSpec status:-'),
  CronJobSpec: fields('schedule:s startingDeadlineSeconds:I concurrencyPolicy:s suspend:B jobTemplate:JobTemplateSpec'),
  JobTemplateSpec: fields('metadata:ObjectMeta spec:JobSpec'),
  ContainerPort: fields('name:s hostPort:i containerPort:i protocol:s hostIP:s'),
  EnvVar: fields('name:s value:s'),
  Job: fields('metadata:ObjectMeta spec:JobSpec status:-'),
  JobSpec: fields(
    'parallelism:I completions:I activeDeadlineSeconds:I selector:LabelSelector manualSelector:B template:PodTemplateSpec backoffLimit:I',
  ),
  Role: fields('metadata:ObjectMeta rules:[]PolicyRule'),
  ClusterRole: fields('metadata:ObjectMeta rules:[]PolicyRule'),
  PolicyRule: fields('verbs:[]s apiGroups:[]s resources:[]s resourceNames:[]s nonResourceURLs:[]s'),
  RoleBinding: fields('metadata:ObjectMeta subjects:[]Subject roleRef:RoleRef'),
  ClusterRoleBinding: fields('metadata:ObjectMeta subjects:[]Subject roleRef:RoleRef'),
  Subject: fields('kind:s apiGroup:s name:s namespace:s'),
  RoleRef: fields('apiGroup:s kind:s name:s'),
  Ingress: fields('metadata:ObjectMeta spec:IngressSpec status:-'),
  IngressSpec: fields('defaultBackend:IngressBackend tls:[]IngressTLS rules:[]IngressRule ingressClassName:s'),
  IngressTLS: fields('hosts:[]s secretName:s'),
  IngressRule: fields('host:s value:<IngressRuleValue'),
  IngressRuleValue: fields('http:HTTPIngressRuleValue'),
  HTTPIngressRuleValue: fields('paths:[]HTTPIngressPath'),
  HTTPIngressPath: fields('path:s backend:IngressBackend pathType:s'),
  IngressBackend: fields('3=resource:TypedLocalObjectReference service:IngressServiceBackend'),
  IngressServiceBackend: fields('name:s port:ServiceBackendPort'),
  ServiceBackendPort: fields('name:s number:i'),
  TypedLocalObjectReference: fields('apiGroup:s kind:s name:s'),
  TokenRequest: fields('metadata:ObjectMeta spec:TokenRequestSpec status:-'),
  TokenRequestSpec: fields('audiences:[]s 3=boundObjectRef:BoundObjectReference expirationSeconds:I'),
  BoundObjectReference: fields('kind:s apiVersion:s name:s uid:s'),
  CrossVersionObjectReference: fields('kind:s name:s apiVersion:s'),
  HorizontalPodAutoscalerV1: fields('metadata:ObjectMeta spec:HorizontalPodAutoscalerSpecV1 status:-'),
  HorizontalPodAutoscalerSpecV1: fields(
    'scaleTargetRef:CrossVersionObjectReference minReplicas:I maxReplicas:i targetCPUUtilizationPercentage:I',
  ),
  HorizontalPodAutoscaler: fields('metadata:ObjectMeta spec:HorizontalPodAutoscalerSpec status:-'),
  HorizontalPodAutoscalerSpec: fields(
    'scaleTargetRef:CrossVersionObjectReference minReplicas:I maxReplicas:i metrics:[]MetricSpec',
  ),
  MetricSpec: fields('type:s 4=resource:ResourceMetricSource'),
  ResourceMetricSource: fields('name:s target:MetricTarget'),
  MetricTarget: fields('type:s value:q averageValue:q averageUtilization:I'),
  SelfSubjectAccessReview: fields('metadata:ObjectMeta spec:AccessReviewSpec status:-'),
  AccessReviewSpec: fields('resourceAttributes:ResourceAttributes nonResourceAttributes:NonResourceAttributes'),
  ResourceAttributes: fields('namespace:s verb:s group:s version:s resource:s subresource:s name:s'),
  NonResourceAttributes: fields('path:s verb:s'),
  SelfSubjectRulesReview: fields('metadata:ObjectMeta spec:RulesReviewSpec status:-'),
  RulesReviewSpec: fields('namespace:s'),
  SelfSubjectReview: fields('metadata:ObjectMeta status:-'),
};

const ROOTS: Readonly<Record<string, string>> = {
  v1: 'Namespace ConfigMap Secret ServiceAccount Service ResourceQuota',
  'apps/v1': 'Deployment',
  'batch/v1': 'Job CronJob',
  'policy/v1': 'PodDisruptionBudget',
  'rbac.authorization.k8s.io/v1': 'Role ClusterRole RoleBinding ClusterRoleBinding',
  'scheduling.k8s.io/v1': 'PriorityClass',
  'authorization.k8s.io/v1': 'SelfSubjectAccessReview SelfSubjectRulesReview',
  'authentication.k8s.io/v1': 'SelfSubjectReview TokenRequest',
  'networking.k8s.io/v1': 'Ingress',
  'autoscaling/v1': 'HorizontalPodAutoscaler',
  'autoscaling/v2': 'HorizontalPodAutoscaler',
};

/** The message of a kind, where its fields are known. */
export function rootOf(apiVersion: string, kind: string): string | undefined {
  const kinds = Object.hasOwn(ROOTS, apiVersion) ? ROOTS[apiVersion] : undefined;
  if (kinds?.split(' ').includes(kind) !== true) return undefined;
  return apiVersion === 'autoscaling/v1' ? `${kind}V1` : kind;
}

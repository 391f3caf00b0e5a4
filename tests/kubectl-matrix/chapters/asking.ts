import type { Chapter } from '../chapter.ts';

const TEXTS = "fields and types are a real one's; a field that is a type of its own is told in the type's words";

/** What a cluster says of itself: versions, kinds, fields, rights. */
export const asking: Chapter = {
  name: 'asking',
  given: ['settings.yaml'],
  lines: [
    { line: 'explain pods', differs: { reason: TEXTS, says: /spec\t<PodSpec>/ } },
    'explain deployment.spec.replicas',
    {
      line: 'explain deployment.spec.strategy --recursive',
      differs: { reason: TEXTS, says: /maxSurge\t<IntOrString>/ },
    },
    {
      line: 'explain pod.spec.containers.livenessProbe',
      differs: { reason: TEXTS, says: /failureThreshold\t<integer>/ },
    },
    'explain pod.spec.nope',
    'explain nopes',
    'api-resources --api-group=apps',
    'api-resources --api-group=policy -o wide',
    {
      line: 'version',
      differs: { reason: 'this is not that server, and says so', says: /Server Version: v1\.34\.\S*kouplet/ },
    },
    'cluster-info',
    'auth can-i create pods',
    'auth can-i create pods --subresource=exec',
    'auth can-i --list',
    'auth can-i list pods --as=jane',
    { line: 'auth whoami', differs: { reason: 'another user is the administrator here', says: /Username +\S+/ } },
    'get crd',
  ],
  more: [
    'explain configmaps',
    { line: 'explain cronjob --api-version=batch/v1', differs: { reason: TEXTS, says: /spec\t<CronJobSpec>/ } },
    'api-resources --namespaced=true --verbs=list --api-group=batch -o name',
    {
      line: 'api-resources --api-group= --no-headers',
      differs: {
        reason: 'what is served is listed, and not every kind is served',
        says: /^configmaps +cm +v1 +true +ConfigMap$/m,
      },
    },
    { line: 'api-versions', differs: { reason: 'not every group is served', says: /^apps\/v1$/m } },
    'auth can-i delete nodes -A',
    'auth can-i get /healthz',
    'auth can-i fly pods',
    'auth can-i get nopes',
    'auth reconcile -f kinds.yaml --dry-run=client',
  ],
};

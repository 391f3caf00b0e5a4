import type { Chapter } from '../chapter.ts';

const NO_KUBELET = 'a real API server tries to reach a kubelet; here none can be, and the answer says so in words';

/** What needs a running container: refused. */
export const containers: Chapter = {
  name: 'containers',
  nodes: ['node-1'],
  given: ['settings.yaml', 'one.yaml', 'far.yaml'],
  until: ['pods/one status.phase=Running', 'pods/far status.conditions.0.reason=Unschedulable'],
  lines: [
    {
      line: 'logs one',
      differs: { reason: NO_KUBELET, says: /Error from server \(BadRequest\): .*runs no containers/ },
    },
    'logs far',
    'logs nope',
    'logs one -c nope',
    { line: 'exec one -- ls', differs: { reason: NO_KUBELET, says: /runs no containers/ } },
    'exec nope -- ls',
    'exec far -- ls',
    'exec one -c nope -- ls',
    { line: 'attach one', differs: { reason: NO_KUBELET, says: /runs no containers/ } },
    { line: 'port-forward pod/one 0:80', differs: { reason: NO_KUBELET, says: /runs no containers/ } },
    'port-forward pod/far 0:80',
    'port-forward pod/nope 0:80',
    { line: 'cp one:/etc/hosts HOME/hosts', differs: { reason: NO_KUBELET, says: /runs no containers/ } },
    {
      line: 'debug one --image=busybox:1 --target=c --container=look --attach=false --profile=general',
      differs: { reason: 'a container that nobody starts is not taken', says: /runs no containers/ },
    },
    'top pod one',
  ],
};

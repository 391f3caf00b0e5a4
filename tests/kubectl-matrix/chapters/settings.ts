import type { Chapter } from '../chapter.ts';

/** The client's own: kubeconfig, plugins, help. They ask little of a server, but a person does them all the same. */
export const settings: Chapter = {
  name: 'settings',
  lines: [
    'config get-contexts',
    'config current-context',
    'config set-context --current --namespace=default',
    'config view --minify -o jsonpath={..namespace}',
    'config set-context --current --namespace=settings',
    'config use-context nope',
  ],
  more: [
    'config get-clusters',
    'config get-users',
    'config set-cluster other --server=https://example.org',
    'config delete-cluster other',
    'config set-credentials jane --token=x',
    'config unset users.jane',
    'config rename-context matrix renamed',
    'get --context=nope pods',
    'get pods --context=renamed',
    'get pods --kubeconfig=/no/such/file',
    'get pods --server=http://127.0.0.1:1 --request-timeout=1s',
    'get pods --v=0',
  ],
};

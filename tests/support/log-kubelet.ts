/** A machine of a cluster whose kubelet serves nothing but logs: those that a test writes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';
import type { TestApi } from './api.ts';
import { makeReadyNode } from './kubelet.ts';

export interface LogKubelet {
  readonly node: string;
  /** `path?query` of each request. */
  readonly asked: string[];
  /** Answers of streams that are open. */
  readonly open: Set<ServerResponse>;
  /** What is answered; by default `line 1` to `line 3`, and nothing more with `follow`. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  stop(): Promise<void>;
}

export async function startLogKubelet(api: TestApi, node: string): Promise<LogKubelet> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: node }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  const server = createServer({ cert, key }, (request, response) => {
    kubelet.asked.push(request.url ?? '');
    kubelet.open.add(response);
    response.once('close', () => kubelet.open.delete(response));
    kubelet.answer(request, response);
  });
  const kubelet: LogKubelet = {
    node,
    asked: [],
    open: new Set(),
    answer: ({ url }, response) => {
      response.write('line 1\nline 2\nline 3\n');
      if (url?.includes('follow=true') !== true) response.end();
    },
    stop: async () => {
      await api.request('DELETE', `/api/v1/nodes/${node}`);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await makeReadyNode(api, node);
  const status = { daemonEndpoints: { kubeletEndpoint: { Port: port } } };
  await api.call('PATCH', `/api/v1/nodes/${node}/status`, { status }, 'application/merge-patch+json');
  return kubelet;
}

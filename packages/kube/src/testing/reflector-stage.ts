/** What the reflector's tests stand on: servers and views that are disposed after each test, and small objects. */
import { afterEach } from 'vitest';
import type { ReflectorOptions } from '../reflector-options.ts';
import type { CollectionServer } from './collection-server.ts';
import { startCollectionServer } from './collection-server.ts';
import { eventually } from './eventually.ts';
import type { Behaviour, ScriptedServer, SeenRequest } from './scripted-server.ts';
import { startScriptedServer } from './scripted-server.ts';
import type { Thing, WatchedView } from './watched-view.ts';
import { textOfThings, watchThings } from './watched-view.ts';

const open: Array<{ close(): Promise<void> }> = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

/** A server with these things, each of value 1. */
export async function collection(names: readonly string[] = []): Promise<CollectionServer> {
  const server = await startCollectionServer();
  open.push(server);
  for (const name of names) server.set(name, 1);
  return server;
}

export async function scripted(answer: (request: SeenRequest, index: number) => Behaviour): Promise<ScriptedServer> {
  const server = await startScriptedServer(answer);
  open.push(server);
  return server;
}

export function view(
  url: string,
  options: Partial<ReflectorOptions<Thing>> = {},
  maxAnswerBytes?: number,
): WatchedView {
  const watched = watchThings(url, options, maxAnswerBytes);
  open.push(watched);
  return watched;
}

/** Waits until the view is what the server has, and watches. */
export async function converged(watched: WatchedView, server: CollectionServer): Promise<void> {
  const wanted = (): string =>
    textOfThings(
      [...server.objects.values()].map((object) => ({ name: object.metadata.name, value: object.spec.value })),
    );
  await eventually(
    () => watched.text() === wanted() && watched.reflector.state.kind === 'watching',
    () => `${watched.text()} instead of ${wanted()}, ${JSON.stringify(watched.reflector.state)}`,
  );
}

/** An object as the wire has it. */
export function thing(name: string, version: number, value: number): Record<string, unknown> {
  return { metadata: { name, uid: `uid-${name}`, resourceVersion: String(version) }, spec: { value } };
}

/** A page of a LIST. */
export function page(items: readonly unknown[], version: number, token?: string): Behaviour {
  return {
    kind: 'json',
    status: 200,
    body: { kind: 'List', metadata: { resourceVersion: String(version), continue: token }, items },
  };
}

/** A watch that is open and says nothing. */
export const quiet: Behaviour = { kind: 'stream', play: () => {} };

/** Requests that were watches. */
export function watches(server: ScriptedServer): SeenRequest[] {
  return server.requests.filter((request) => request.isWatch);
}

/** Requests that began a full LIST. */
export function firstPages(server: ScriptedServer): SeenRequest[] {
  return server.requests.filter(
    (request) => !request.isWatch && !request.query.has('continue') && request.query.get('limit') !== '1',
  );
}

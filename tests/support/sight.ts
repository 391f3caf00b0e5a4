/** What can be seen from outside, in one value: a case says how it must end, wholly and in words, and by when. */
import { isDeepStrictEqual } from 'node:util';
import type { SimulatedBase } from '@kouplet/base';
import { expect } from 'vitest';
import type { Json } from './api.ts';
import { waitFor } from './wait.ts';
import { conditionOf, type World } from './world.ts';

export interface Sight {
  /** `Ready=True`, `Ready=Unknown BaseDisconnected`; further conditions of ours that are True follow by their type. `gone` without a Node. */
  readonly node: string;
  /** By name: `Running, Ready=True, biz1 running`. Missing: there is no such Pod. */
  readonly pods: Readonly<Record<string, string>>;
  /** `biz1:0.0.1 ACTIVATED`, sorted. */
  readonly list: readonly string[];
  /** Installs and uninstalls that were sent to the base so far, in order: `installBiz biz1:0.0.1`. */
  readonly commands: readonly string[];
}

/** @param base  whose Node, list and commands; Pods are those of the world's namespace on its Node */
export async function sightOf(world: World, base: SimulatedBase = world.base()): Promise<Sight> {
  const pods = await world.api.items(`/api/v1/namespaces/${world.namespace}/pods`);
  const own = pods.filter((pod) => pod.spec.nodeName === world.nodeOf(base));
  return {
    node: nodeText(await world.node(base)),
    pods: Object.fromEntries(own.map((pod) => [pod.metadata.name, podText(pod)])),
    list: base
      .list()
      .map((biz) => `${biz.key} ${biz.state}`)
      .sort(),
    commands: world.commands(base),
  };
}

/**
 * Waits until all that can be seen is as expected, and then that it stays so for a while: nothing more was due.
 *
 * @param deadlineMs  from now until it is so
 * @param holdsMs     how long it must stay so after that
 */
export async function settles(
  world: World,
  expected: Sight,
  deadlineMs: number,
  { base = world.base(), holdsMs = 300 }: { readonly base?: SimulatedBase; readonly holdsMs?: number } = {},
): Promise<void> {
  let seen: Sight | undefined;
  const isSo = async (): Promise<boolean> => {
    seen = await sightOf(world, base);
    return isDeepStrictEqual(seen, expected);
  };
  await waitFor('the world is as expected', isSo, deadlineMs).catch(() => expect(seen).toEqual(expected));
  const until = performance.now() + holdsMs;
  while (performance.now() < until) {
    if (!(await isSo())) expect(seen, 'it was as expected, and then no longer').toEqual(expected);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** No command to any base was retained. */
export function expectNoneRetained(world: World | undefined): void {
  const retained = world?.bases.flatMap((base) => base.log.filter((one) => one.retained)) ?? [];
  expect(retained).toEqual([]);
}

function nodeText(node: Json | undefined): string {
  if (node === undefined) return 'gone';
  const ready = conditionOf(node, 'Ready');
  const special = (node.status.conditions ?? [])
    .filter((one: Json) => one.type !== 'Ready' && one.status === 'True')
    .map((one: Json) => one.type);
  return [`Ready=${ready?.status}${ready?.status === 'True' ? '' : ` ${ready?.reason}`}`, ...special].join(', ');
}

function podText(pod: Json): string {
  const phase = `${pod.status.phase}${pod.metadata.deletionTimestamp === undefined ? '' : ' Terminating'}`;
  const containers = (pod.status.containerStatuses ?? []).map((one: Json) => {
    const { running, waiting, terminated } = one.state ?? {};
    const state =
      running !== undefined
        ? 'running'
        : waiting !== undefined
          ? `waiting ${waiting.reason}`
          : `terminated ${terminated?.reason} ${terminated?.exitCode}`;
    return `${one.name} ${state}${one.restartCount > 0 ? ` restarts=${one.restartCount}` : ''}`;
  });
  return [phase, `Ready=${conditionOf(pod, 'Ready')?.status ?? 'none'}`, ...containers].join(', ');
}

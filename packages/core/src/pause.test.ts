import type { BaseId } from '@kouplet/protocol';
import { describe, expect, test } from 'vitest';
import { foldBase } from './fold-base.ts';
import type { ObservedNode, ObservedPod } from './observed.ts';
import { nodePauseOf, pauseOf } from './pause.ts';
import { defaultPolicy } from './scenarios/setting.ts';
import { type BaseState, createBase } from './state.ts';

const baseId = 'b1' as BaseId;
const at = { mono: 1_000, wall: 1_000 };

function annotated(value: string | undefined): Readonly<Record<string, Readonly<Record<string, string>>>> {
  return value === undefined ? {} : { annotations: { 'kouplet.io/paused': value } };
}

function node(version: number, value?: string): ObservedNode {
  const metadata = { name: 'vnode.b1.dev', uid: 'n1', resourceVersion: String(version), ...annotated(value) };
  return { metadata, spec: {}, status: {} };
}

function pod(version: number, value?: string): ObservedPod {
  return {
    metadata: {
      name: 'one',
      namespace: 'default',
      uid: 'p1',
      resourceVersion: String(version),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'virtual-kubelet.koupleless.io/component': 'module' },
      ...annotated(value),
    },
    spec: {
      nodeName: 'vnode.b1.dev',
      restartPolicy: 'Always',
      containers: [{ name: 'biz', image: 'https://h/biz.jar' }],
    },
    status: {},
  };
}

const held: BaseState = { ...createBase(baseId), heldSince: 1 };

/** Annotates a Pod, and the Node, with one value after the other. @returns reasons and messages of what is told */
function told(...values: ReadonlyArray<string | undefined>): readonly string[] {
  let state = held;
  values.forEach((value, index) => {
    state = foldBase(state, { at, baseId, kind: 'pod-observed', pod: pod(index + 1, value) }, defaultPolicy);
    state = foldBase(state, { at, baseId, kind: 'node-observed', node: node(index + 1, value) }, defaultPolicy);
  });
  const last = values.at(-1);
  const isPaused = [pauseOf(state, state.pods.p1?.pod), nodePauseOf(state)].map((pause) => pause !== undefined);
  expect(isPaused).toEqual(Array(2).fill(last?.trim().toLowerCase() === 'true'));
  return state.notices.map(({ regarding, reason, message }) => `${regarding.kind} ${reason}: ${message}`);
}

describe('the annotation kouplet.io/paused [SPEC M40]', () => {
  test.each(['true', 'True', ' TRUE '])('pauses as %j', (value) => {
    const lines = told(undefined, value);
    expect(lines.map((line) => line.split(':')[0])).toEqual(['Pod Paused', 'Node Paused']);
  });

  test.each(['false', 'False', '', ' '])('pauses nothing as %j, and nobody is told', (value) => {
    expect(told(undefined, value)).toEqual([]);
  });

  test.each(['yes', '1', 'on', 'true!'])('pauses nothing as %j, and says so once', (value) => {
    const text = `PauseUnclear: annotation kouplet.io/paused is "${value}", which pauses nothing: only "true" does`;
    expect(told(undefined, value, value)).toEqual([`Pod ${text}`, `Node ${text}`]);
  });

  test('changed to what is unclear, work goes on, and both are told', () => {
    const reasons = told('true', 'yes').map((line) => line.split(':')[0]);
    expect(reasons.toSorted()).toEqual(['Node PauseUnclear', 'Node Resumed', 'Pod PauseUnclear', 'Pod Resumed']);
  });
});

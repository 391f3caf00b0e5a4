/**
 * How older releases of arklet say what today's says: one message of the JVM becomes the messages that the release would send.
 * What a release does not know it does not say. Source: koupleless/runtime, tags 1.3.0 to 1.4.2.
 */
import type { BaseChannel } from '@kouplet/protocol';
import type { Biz, Response } from './answers.ts';
import type { BaseFacts } from './facts.ts';

/** `2024-10` stands for the snapshots of that month, between 1.3.1 and 1.3.2. */
export const releases = ['1.3.0', '1.3.1', '2024-10', '1.3.2', '1.3.3', '1.4.2'] as const;
export type Release = (typeof releases)[number];

/** One message on `P/base/<channel>`; `data` goes into the envelope. */
export interface Spoken {
  readonly channel: BaseChannel;
  readonly data: unknown;
}

/** Heartbeats came every two minutes at first. */
export function heartbeatMsOf(release: Release): number {
  return release === '1.3.0' ? 120_000 : 10_000;
}

/** Baselines came with 1.3.1. [SPEC S24] */
export function takesBaselines(release: Release): boolean {
  return release !== '1.3.0';
}

/**
 * @param said   what a base of today says
 * @param bizes  what is on the base at this moment
 * @returns what a base of that release says in its place, in order; nothing where it has no word for it [SPEC S24]
 */
export function spokenBy(facts: BaseFacts, said: Spoken, bizes: readonly Biz[]): readonly Spoken[] {
  switch (facts.release) {
    case '1.4.2':
      return [said];
    case '1.3.3':
      return said.channel === 'batchInstallBizResponse' ? [] : [said];
    case '1.3.2':
      return of132(facts, said, bizes);
    case '2024-10':
      return said.channel === 'simpleBiz'
        ? [{ channel: 'simpleBiz', data: bizes.map(arrayOf) }]
        : of131(facts, said, bizes);
    case '1.3.1':
      return of131(facts, said, bizes);
    case '1.3.0':
      return of130(facts, said, bizes);
    default:
      throw new Error(`no such release: ${facts.release satisfies never}`);
  }
}

/** Lists without records, pushed after every operation; a failure does not say of what. */
function of132(facts: BaseFacts, said: Spoken, bizes: readonly Biz[]): readonly Spoken[] {
  const list: Spoken = { channel: 'simpleBiz', data: bizes.map(plainOf) };
  switch (said.channel) {
    case 'heart':
      return [{ channel: 'heart', data: oldHeartbeatOf(facts) }];
    case 'simpleBiz':
      return [list];
    case 'bizOperation':
      return [{ channel: 'bizOperation', data: anonymousIfFailed(said.data) }, list];
    case 'batchInstallBizResponse':
      return [list];
    case 'health': {
      const failure = said.data as Response;
      if (failure.code !== 'FAILED') return [said];
      return [{ channel: 'bizOperation', data: { command: 'health', response: failure } }];
    }
    default:
      return [said];
  }
}

/** The list is an Output on `base/biz`. */
function of131(facts: BaseFacts, said: Spoken, bizes: readonly Biz[]): readonly Spoken[] {
  switch (said.channel) {
    case 'heart':
      return [{ channel: 'heart', data: oldHeartbeatOf(facts) }];
    case 'simpleBiz':
      return [outputOf(facts, bizes)];
    case 'batchInstallBizResponse':
      return [];
    default:
      return [said];
  }
}

/** No answer to an operation but the list after it. */
function of130(facts: BaseFacts, said: Spoken, bizes: readonly Biz[]): readonly Spoken[] {
  switch (said.channel) {
    case 'heart':
      return [{ channel: 'heart', data: oldestHeartbeatOf(facts) }];
    case 'simpleBiz':
    case 'bizOperation':
      return [outputOf(facts, bizes)];
    case 'health':
      return [said];
    default:
      return [];
  }
}

function networkOf(facts: BaseFacts) {
  return { localHostName: facts.hostName, localIP: facts.ip };
}

function oldHeartbeatOf(facts: BaseFacts) {
  return {
    masterBizInfo: { name: facts.name, version: facts.version },
    networkInfo: networkOf(facts),
    state: 'ACTIVATED',
  };
}

function oldestHeartbeatOf(facts: BaseFacts) {
  const master = { bizName: facts.name, bizState: 'ACTIVATED', bizVersion: facts.version, webContextPath: '/' };
  return { masterBizInfo: master, networkInfo: networkOf(facts) };
}

function plainOf({ name, version, state }: Biz) {
  return { name, version, state: state.toLowerCase() };
}

const indexes: Readonly<Record<Biz['state'], string>> = {
  UNRESOLVED: '1',
  RESOLVED: '2',
  ACTIVATED: '3',
  DEACTIVATED: '4',
  BROKEN: '5',
  STOPPED: '6',
};

function arrayOf({ name, version, state }: Biz) {
  return [name, version, indexes[state]];
}

/** The base's own biz stands in the list too, as what it is. */
function outputOf(facts: BaseFacts, bizes: readonly Biz[]): Spoken {
  const master = {
    bizName: facts.applicationName,
    bizState: 'ACTIVATED',
    bizStateRecords: [],
    bizVersion: '1.0.0',
    mainClass: 'embed main',
    webContextPath: '/',
  };
  const modules = bizes.map((biz) => ({
    bizName: biz.name,
    bizState: biz.state,
    bizStateRecords: biz.records,
    bizVersion: biz.version,
    mainClass: 'com.example.biz.PlainBiz',
    webContextPath: biz.name,
  }));
  return { channel: 'biz', data: { code: 'SUCCESS', data: [master, ...modules], message: '' } };
}

function anonymousIfFailed(data: unknown): unknown {
  const { bizName: _name, bizVersion: _version, ...rest } = data as Readonly<Record<string, unknown>>;
  return (rest.response as Response).code === 'FAILED' ? rest : data;
}

import { describe, expect, it } from 'vitest';
import { decode, largestPayloadBytes } from './decode.ts';
import type { BaseMessage, Rejection } from './messages.ts';

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

function read(channel: string, data: unknown, publishTimestamp: unknown = 1735632000123): BaseMessage {
  const decoded = decode(`koupleless_dev/b1/base/${channel}`, bytes({ data, publishTimestamp }), { retain: false });
  if (!decoded.ok) throw new Error(decoded.error.detail);
  return decoded.value.message;
}

function refused(channel: string, payload: unknown, retain = false): Rejection {
  const body = payload instanceof Uint8Array ? payload : bytes(payload);
  const decoded = decode(`koupleless_dev/b1/base/${channel}`, body, { retain });
  if (decoded.ok) throw new Error(`accepted: ${JSON.stringify(decoded.value)}`);
  return decoded.error;
}

const publishedAt = 1735632000123;

describe('heartbeats of every generation', () => {
  it('[SPEC P5] 1.3.3 and later', () => {
    const data = {
      baseMetadata: { clusterName: 'default', identity: 'b1', name: 'base', version: '1.0.0' },
      localHostName: 'base-76d79d8599-f64jt',
      localIP: '10.244.0.12',
      port: 0,
      state: 'activated',
    };
    expect(read('heart', data)).toEqual({
      kind: 'heartbeat',
      identity: 'b1',
      baseName: 'base',
      baseVersion: '1.0.0',
      clusterName: 'default',
      localIP: '10.244.0.12',
      localHostName: 'base-76d79d8599-f64jt',
      release: '1.3.3 or later',
      port: 0,
      isActivated: true,
      publishedAt,
    });
  });

  it('[SPEC P5] 1.3.2: masterBizInfo and networkInfo, the state in capitals', () => {
    const data = {
      masterBizInfo: { name: 'base', version: '1.0.0' },
      networkInfo: { localIP: '10.0.0.9', localHostName: 'h', arkletPort: 1238 },
      state: 'ACTIVATED',
    };
    expect(read('heart', data)).toEqual({
      kind: 'heartbeat',
      baseName: 'base',
      baseVersion: '1.0.0',
      localIP: '10.0.0.9',
      localHostName: 'h',
      release: '1.3.1 to 1.3.2',
      port: 1238,
      isActivated: true,
      publishedAt,
    });
  });

  it('[SPEC P5] the first of them, without a state of their own', () => {
    const biz = { bizName: 'base', bizState: 'ACTIVATED', bizVersion: '1.0.0', webContextPath: '/' };
    const data = { masterBizInfo: biz, networkInfo: { localIP: '10.0.0.9', localHostName: '' } };
    expect(read('heart', data)).toEqual({
      kind: 'heartbeat',
      baseName: 'base',
      baseVersion: '1.0.0',
      localIP: '10.0.0.9',
      release: 'up to 1.3.0',
      isActivated: true,
      publishedAt,
    });
  });

  it.each([
    ['activated', true],
    ['ACTIVATED', true],
    ['3', true],
    [null, true],
    ['', true],
    ['deactivated', false],
    ['RESOLVED', false],
    ['whatever', false],
    [{}, false],
  ])('[SPEC P5] [SPEC P7] a base whose state is %j is activated: %s', (state, isActivated) => {
    expect(read('heart', { state })).toMatchObject({ isActivated });
  });

  it('[SPEC P5] empty, null and unreadable facts are missing, and long ones are cut', () => {
    const baseMetadata = { identity: '', name: null, version: { a: 1 }, clusterName: 'x'.repeat(1000) };
    const beat = read('heart', { baseMetadata, localIP: [], port: '12', state: 'activated' }, 'yesterday');
    const clusterName = `${'x'.repeat(509)}…`;
    expect(beat).toEqual({ kind: 'heartbeat', isActivated: true, clusterName, release: '1.3.3 or later' });
  });

  it('[SPEC P5] a new process asks for its baseline', () => {
    expect(read('queryBaseline', { clusterName: 'c', identity: 'b1', name: 'base', version: '1.0.0' })).toEqual({
      kind: 'baseline-query',
      identity: 'b1',
      baseName: 'base',
      baseVersion: '1.0.0',
      clusterName: 'c',
      publishedAt,
    });
    expect(read('queryBaseline', { masterBizInfo: { name: 'base', version: '1' } })).toMatchObject({
      baseName: 'base',
      baseVersion: '1',
    });
  });
});

describe('lists of every generation', () => {
  const biz1 = { name: 'biz1', version: '0.0.1', key: 'biz1:0.0.1' };

  it('[SPEC P6] an Output with records, the last of them telling', () => {
    const records = [
      { changeTime: 1, state: 'RESOLVED', reason: 'CREATED', message: '' },
      { changeTime: 2, state: 'ACTIVATED', reason: 'STARTED', message: 'fine\n\tindeed' },
    ];
    const info = { bizName: 'biz1', bizState: 'ACTIVATED', bizVersion: '0.0.1', bizStateRecords: records };
    const master = { bizName: 'base', bizState: 'ACTIVATED', bizVersion: '1', mainClass: 'embed main' };
    const list = read('biz', {
      code: 'SUCCESS',
      data: [master, { ...info, mainClass: 'com.example.Biz1' }],
      message: '',
    });
    const biz = { ...biz1, state: 'ACTIVATED', changedAt: 2, reason: 'STARTED', message: 'fine indeed' };
    expect(list).toEqual({ kind: 'biz-report', bizes: [biz], publishedAt });
  });

  it.each([
    ['1', 'UNRESOLVED'],
    ['2', 'RESOLVED'],
    ['3', 'ACTIVATED'],
    [3, 'ACTIVATED'],
    ['4', 'DEACTIVATED'],
    ['5', 'BROKEN'],
  ])('[SPEC P7] arrays with the index %j mean %s', (index, state) => {
    expect(read('simpleBiz', [['biz1', '0.0.1', index]])).toMatchObject({ bizes: [{ ...biz1, state }] });
  });

  it.each([
    ['activated', 'ACTIVATED'],
    ['Activated', 'ACTIVATED'],
    ['STOPPED', 'STOPPED'],
    ['broken', 'BROKEN'],
    ['of the future', 'UNRESOLVED'],
    ['constructor', 'UNRESOLVED'],
    [null, 'UNRESOLVED'],
  ])('[SPEC P7] a biz in the state %j is %s', (state, expected) => {
    expect(read('simpleBiz', [{ name: 'biz1', version: '0.0.1', state }])).toMatchObject({
      bizes: [{ ...biz1, state: expected }],
    });
  });

  it('[SPEC P7] where the state is missing the last record tells it', () => {
    const record = { state: 'DEACTIVATED', changeTime: 5 };
    const told = read('simpleBiz', [{ name: 'biz1', version: '0.0.1', state: null, latestStateRecord: record }]);
    expect(told).toMatchObject({ bizes: [{ ...biz1, state: 'DEACTIVATED', changedAt: 5 }] });
  });

  it('[SPEC P6] a record that is empty or null says nothing', () => {
    for (const latestStateRecord of [{}, null, 'x']) {
      const told = read('simpleBiz', [{ name: 'biz1', version: '0.0.1', state: 'activated', latestStateRecord }]);
      expect(told).toEqual({ kind: 'biz-report', bizes: [{ ...biz1, state: 'ACTIVATED' }], publishedAt });
    }
  });

  it.each([
    [[{ version: '1', state: 'activated' }]],
    [[{ name: ' ', version: '1' }]],
    [[{ name: 'a:b', version: '1' }]],
    [[{ name: 'a\nb', version: '1' }]],
    [[{ name: 'x'.repeat(257), version: '1' }]],
    [[['biz1']]],
    [['biz1']],
    [[{ name: 'biz1', version: '1' }, null]],
    [Array.from({ length: 2001 }, (_, index) => ['b', `${index}`, '3'])],
    [{ code: 'FAILED', data: [] }],
    [{ code: 'SUCCESS', data: {} }],
    [null],
    ['x'],
  ])('[SPEC P6] a list that cannot be read whole is none: absence would mean gone', (data) => {
    expect(refused('simpleBiz', { data, publishTimestamp: 1 })).toMatchObject({ code: 'wrong-shape' });
  });
});

describe('health', () => {
  it('[SPEC P8] any key may lack, and what is no amount is missing', () => {
    const jvm = { 'java max metaspace': -1, 'run time(s)': 'long', 'java used metaspace': null };
    const healthData = { jvm, cpu: { count: 0 }, bizListInfo: [{ bizName: 'biz1', bizVersion: '1' }] };
    expect(read('health', { code: 'SUCCESS', data: { healthData } })).toEqual({
      kind: 'health',
      isSuccess: true,
      publishedAt,
    });
    expect(read('health', { code: 'SUCCESS' })).toEqual({ kind: 'health', isSuccess: true, publishedAt });
  });

  it('[SPEC P8] a list that cannot be read leaves the rest of the answer standing', () => {
    const masterBizInfo = { bizName: 'base', bizVersion: '1.0.0', bizState: 'activated' };
    const healthData = { masterBizInfo, cpu: { count: 4 }, bizListInfo: [{ bizName: 'a:b', bizVersion: '1' }] };
    expect(read('health', { code: 'SUCCESS', data: { healthData } })).toEqual({
      kind: 'health',
      isSuccess: true,
      masterBizState: 'ACTIVATED',
      cpuCount: 4,
      publishedAt,
    });
  });

  it('[SPEC P8] the master biz is told from a module by name and version together', () => {
    const masterBizInfo = { bizName: 'base', bizVersion: '1.0.0', bizState: 'ACTIVATED' };
    const bizListInfo = ['1.0.0', '2.0.0'].map((bizVersion) => ({
      bizName: 'base',
      bizVersion,
      bizState: 'ACTIVATED',
    }));
    const report = read('health', { code: 'SUCCESS', data: { healthData: { masterBizInfo, bizListInfo } } });
    expect(report).toMatchObject({ bizes: [{ key: 'base:2.0.0', state: 'ACTIVATED' }] });
  });

  it('[SPEC P8] neither a code nor data is no answer', () => {
    expect(refused('health', { data: {} })).toMatchObject({ code: 'wrong-shape' });
  });
});

describe('how an operation ended', () => {
  const answer = (response: unknown, rest: object = { bizName: 'biz1', bizVersion: '0.0.1' }) =>
    read('bizOperation', { command: 'installBiz', ...rest, response });

  it('[SPEC P11] an asynchronous command that was taken up says nothing of its end', () => {
    const record = { arkBizMeta: {}, elapsedTime: 0, requestId: 'x', status: 'INITIALIZED' };
    expect(answer({ code: 'SUCCESS', data: record })).toMatchObject({ outcome: { kind: 'accepted' } });
  });

  it('[SPEC P11] an uninstall that succeeded tells no identity', () => {
    const data = { code: 'SUCCESS', message: 'Uninstall biz: biz1:0.0.1 success.' };
    expect(answer({ code: 'SUCCESS', data })).toMatchObject({
      key: 'biz1:0.0.1',
      outcome: { kind: 'success', message: 'Uninstall biz: biz1:0.0.1 success.' },
    });
  });

  it('[SPEC P11] a success inside a failure is a failure', () => {
    expect(answer({ code: 'FAILED', message: 'no', data: { code: 'SUCCESS' } })).toMatchObject({
      outcome: { kind: 'failed', message: 'no' },
    });
  });

  it('[SPEC P12] a failure that only speaks of conflicts is none', () => {
    const data = { code: 'FAILED', message: 'port conflict, exist unfinished command' };
    expect(answer({ code: 'FAILED', message: data.message, data })).toMatchObject({ outcome: { kind: 'failed' } });
  });

  it('[SPEC P9] 1.3.2 answers any failing command without name and version', () => {
    const told = answer({ code: 'FAILED', message: 'no such command' }, { command: 'health' });
    expect(told).toEqual({
      kind: 'operation-result',
      command: 'health',
      outcome: { kind: 'failed', message: 'no such command' },
      publishedAt,
    });
  });

  it('[SPEC P9] a blank or impossible identity makes no key', () => {
    for (const rest of [{ bizName: '', bizVersion: '' }, { bizName: 'biz1', bizVersion: 'a:b' }, { bizName: null }]) {
      expect(answer({ code: 'FAILED', message: 'x' }, rest)).not.toHaveProperty('key');
    }
  });

  it('[SPEC P13] a failure in no words at all still says something', () => {
    expect(answer({ code: 'FAILED' })).toMatchObject({ outcome: { kind: 'failed', message: 'FAILED' } });
    expect(answer({ code: 'FAILED', message: 'install biz not success!' })).toMatchObject({
      outcome: { kind: 'failed', message: 'install biz not success!' },
    });
  });

  it('[SPEC P9] an answer without a command or without a code is none', () => {
    expect(refused('bizOperation', { data: { response: { code: 'SUCCESS' } } }).code).toBe('wrong-shape');
    expect(refused('bizOperation', { data: { command: 'installBiz', response: {} } }).code).toBe('wrong-shape');
  });
});

describe('what is no message', () => {
  const beat = { data: { state: 'activated' }, publishTimestamp: 1 };

  it('[SPEC P15] a retained message tells the past, whoever left it', () => {
    expect(refused('heart', beat, true)).toMatchObject({ code: 'retained' });
  });

  it('[SPEC P16] a base cannot speak as another: the topic is what counts', () => {
    const data = { baseMetadata: { identity: 'b2' }, state: 'activated' };
    expect(refused('heart', { data })).toEqual({
      code: 'identity-mismatch',
      detail: 'heart: the payload says "b2" on a topic of "b1"',
    });
    expect(refused('queryBaseline', { data: { identity: 'B1' } })).toMatchObject({ code: 'identity-mismatch' });
  });

  it('[SPEC P17] nothing, too much, no UTF-8, no JSON: each by its code', () => {
    expect(refused('heart', new Uint8Array())).toMatchObject({ code: 'empty' });
    expect(refused('heart', new Uint8Array(largestPayloadBytes + 1))).toMatchObject({ code: 'too-large' });
    expect(refused('heart', Uint8Array.of(0x22, 0xff, 0x22))).toMatchObject({ code: 'not-utf8' });
    expect(refused('heart', 'this is not json')).toEqual({
      code: 'not-json',
      detail: 'heart: no JSON: "this is not json"',
    });
    expect(refused('heart', '[]'.repeat(2))).toMatchObject({ code: 'not-json' });
    for (const payload of ['[]', 'null', '42', '"x"', '{}', '{"data":1}']) {
      expect(refused('heart', payload)).toMatchObject({ code: 'wrong-shape' });
    }
  });

  it('[SPEC P17] a payload of exactly the bound is read', () => {
    const text = JSON.stringify(beat);
    expect(decode('koupleless_dev/b1/base/heart', bytes(text.padEnd(largestPayloadBytes)), { retain: false }).ok).toBe(
      true,
    );
  });

  it('[SPEC P17] a rejection is one line that is safe to log', () => {
    const { detail } = refused('heart', `\u001b[2J\n${'x'.repeat(5000)}`);
    expect(detail).not.toMatch(/\p{Cc}/u);
    expect(detail.length).toBeLessThanOrEqual(300);
  });

  it('[SPEC P18] keys of the prototype are keys like any other', () => {
    const text =
      '{"data":{"command":"batchInstallBiz","__proto__":{"polluted":1},"response":{"code":"FAILED","data":{"code":"FAILED",' +
      '"bizUrlToResponse":{"__proto__":{"code":"REPEAT_BIZ","message":"m"},"constructor":{"code":"REPEAT_BIZ","message":"m"}}}}}}';
    const decoded = decode('koupleless_dev/b1/base/batchInstallBizResponse', bytes(text), { retain: false });
    expect(decoded).toMatchObject({
      ok: true,
      value: { message: { results: [{ url: '__proto__', outcome: { kind: 'repeat' } }, { url: 'constructor' }] } },
    });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('[SPEC P18] nesting without end is rejected, not followed', () => {
    const deep = 200_000;
    expect(refused('heart', `${'['.repeat(deep)}${']'.repeat(deep)}`)).toMatchObject({ code: 'wrong-shape' });
    const data = `{"data":${'{"data":'.repeat(100_000)}1${'}'.repeat(100_000)}}`;
    expect(refused('simpleBiz', data)).toMatchObject({ code: 'wrong-shape' });
  });
});

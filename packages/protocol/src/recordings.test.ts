import { describe, expect, it } from 'vitest';
import { decode } from './decode.ts';
import { encode } from './encode.ts';
import { type Recorded, recordings } from './fixtures/recordings.ts';
import type { ArkletCommand, BaseMessage } from './messages.ts';
import { classifyTopic } from './topics.ts';

const fromBase = recordings.filter((message) => message.dir === 'base>');
const toBase = recordings.filter((message) => message.dir === 'ctl>');

const kindByChannel: Readonly<Record<string, BaseMessage['kind']>> = {
  heart: 'heartbeat',
  health: 'health',
  simpleBiz: 'biz-report',
  bizOperation: 'operation-result',
  queryBaseline: 'baseline-query',
  batchInstallBizResponse: 'batch-result',
};

function told(file: string): BaseMessage[] {
  return fromBase
    .filter((message) => message.file.startsWith(file))
    .map((message) => {
      const decoded = decode(message.topic, message.payload, { retain: message.retain });
      if (!decoded.ok) throw new Error(decoded.error.detail);
      return decoded.value.message;
    });
}

function outcomes(file: string) {
  return told(file).flatMap((message) => (message.kind === 'operation-result' ? [message.outcome] : []));
}

describe('the recorded traffic of a real base', () => {
  it('is there: more than two hundred messages of a base and as many to it', () => {
    expect(fromBase.length).toBeGreaterThan(200);
    expect(toBase.length).toBeGreaterThan(200);
  });

  it.each(
    fromBase.map((message) => [`${message.file}:${message.line}`, message] as const),
  )('[SPEC P5] [SPEC P6] [SPEC P8] [SPEC P9] [SPEC P10] every message of a base decodes: %s', (_, message) => {
    const decoded = decode(message.topic, message.payload, { retain: message.retain });
    expect(decoded).toMatchObject({ ok: true });
    const channel = message.topic.split('/').at(-1) ?? '';
    if (decoded.ok) expect(decoded.value.message.kind).toBe(kindByChannel[channel]);
  });

  it('[SPEC P2] nothing that was sent to a base is mistaken for a message of one', () => {
    for (const message of toBase) {
      expect(decode(message.topic, message.payload, { retain: false })).toMatchObject({
        ok: false,
        error: { code: 'unknown-topic' },
      });
    }
  });

  it('[SPEC P17] what was sent to a base as rubbish is a rejection with its code on a topic of a base, too', () => {
    const rubbish = toBase.filter((message) => message.json === undefined && message.file.startsWith('21-'));
    expect(rubbish.length).toBeGreaterThan(10);
    for (const message of rubbish) {
      const code = message.payload.length === 0 ? 'empty' : 'not-json';
      expect(decode('koupleless_dev/b1/base/heart', message.payload, { retain: false })).toMatchObject({
        ok: false,
        error: { code },
      });
    }
  });

  it('[SPEC P19] commands that upstream would send, and only those, are what encode makes', () => {
    const regular = toBase.flatMap((message) => {
      const command = commandOf(message);
      return command === undefined ? [] : [{ message, command }];
    });
    expect(regular.length).toBeGreaterThan(120);
    for (const { message, command } of regular) {
      const [prefix = '', baseId = ''] = message.topic.split('/');
      const made = encode(command, { env: prefix.replace('koupleless_', ''), baseId, generation: 'current' });
      expect(made.topic).toBe(message.topic);
      expect(JSON.parse(new TextDecoder().decode(made.payload))).toEqual(message.json);
    }
  });
});

describe('what the recordings say', () => {
  it('[SPEC P11] an install that succeeded tells under which identity and in which state', () => {
    expect(outcomes('06-')).toEqual([
      {
        kind: 'success',
        message: 'Install Biz: biz1:0.0.1 success, cost: 65 ms, started at: 00:03:09,756',
        installedAs: [
          {
            name: 'biz1',
            version: '0.0.1',
            key: 'biz1:0.0.1',
            state: 'ACTIVATED',
            changedAt: 1795392189821,
            reason: 'STARTED',
          },
        ],
      },
    ]);
    expect(outcomes('09-')[0]).toMatchObject({
      kind: 'success',
      installedAs: [{ key: 'biz1:0.0.2', state: 'DEACTIVATED', message: 'start but is deactivated' }],
    });
  });

  it('[SPEC P12] a repeat, a biz not found and a conflict are three different ends', () => {
    expect(outcomes('08-')).toEqual([{ kind: 'repeat', message: 'Biz: biz1:0.0.1 has been installed or registered.' }]);
    expect(outcomes('16-').at(-1)).toEqual({ kind: 'not-found', message: 'Uninstall biz: biz1:9.9.9 not found.' });
    expect(outcomes('17-')[0]).toEqual({
      kind: 'conflict',
      message: 'FAILED:slowbiz:0.0.1 installBiz conflict, exist unfinished command(installBiz) for this biz',
    });
  });

  it('[SPEC P13] a failed start is told by its deepest cause, with the whole trace cut at 4 kB beside it', () => {
    const [failed] = outcomes('39-');
    expect(failed).toMatchObject({ kind: 'failed', message: 'java.lang.IllegalStateException: lab: bean boom' });
    const detail = failed?.kind === 'failed' ? (failed.detail ?? '') : '';
    expect(detail).toMatch(/^com\.alipay\.sofa.*InvocationTargetException\n/);
    expect(new TextEncoder().encode(detail).length).toBeLessThanOrEqual(4096);
    expect(detail.endsWith('…')).toBe(true);
  });

  it('[SPEC P13] every failure that upstream documents keeps its own words', () => {
    const words = recordings
      .filter((message) => message.topic.endsWith('/bizOperation'))
      .flatMap((message) => {
        const decoded = decode(message.topic, message.payload, { retain: false });
        const outcome =
          decoded.ok && decoded.value.message.kind === 'operation-result' && decoded.value.message.outcome;
        return outcome && outcome.kind === 'failed' ? [outcome.message] : [];
      });
    expect([...new Set(words)].sort()).toEqual([
      'Master biz must not be uninstalled.',
      'bizName should not be blank',
      'bizUrl should not be blank',
      'bizVersion should not be blank',
      'java.io.FileNotFoundException: /nope/x.jar (No such file or directory)',
      'java.io.FileNotFoundException: http://127.0.0.1:18880/nope.jar',
      'java.lang.IllegalArgumentException: BizState must be ACTIVATED, DEACTIVATED or BROKEN.',
      'java.lang.IllegalStateException: lab: bean boom',
      'java.net.ConnectException: Connection refused',
      'java.net.MalformedURLException: no protocol: x.jar',
      'java.net.MalformedURLException: unknown protocol: oss',
      'java.net.UnknownHostException: no-such-host.invalid',
      'refresh biz info from jar failed: http://127.0.0.1:18880/nope.jar',
    ]);
  });

  it('[SPEC P9] a version sent as a number is echoed as one and still makes the key; a version that is no text makes none', () => {
    const keys = told('30-').flatMap((message) => (message.kind === 'operation-result' ? [message.key] : []));
    expect(keys).toContain('biz1:1');
    expect(keys).toContain(undefined);
  });

  it('[SPEC P10] a batch answers by URL, each with its own end, and a thrown error with no URL', () => {
    const [, repeats, mixed, thrown] = told('23e-').filter((message) => message.kind === 'batch-result');
    expect(repeats).toMatchObject({ results: [{ outcome: { kind: 'repeat' } }, { outcome: { kind: 'repeat' } }] });
    expect(mixed).toMatchObject({ results: [{ outcome: { kind: 'success' } }, { outcome: { kind: 'repeat' } }] });
    expect(thrown).toMatchObject({
      results: [],
      message: 'java.io.FileNotFoundException: http://127.0.0.1:18880/nope.jar',
    });
  });

  it('[SPEC P8] health gives capacity, run time and the list without the master biz', () => {
    const [whole, listOnly, , jvmOnly, , failed] = told('03-');
    expect(whole).toEqual({
      kind: 'health',
      isSuccess: true,
      masterBizState: 'ACTIVATED',
      cpuCount: 2,
      usedMetaspaceBytes: 35718344,
      committedMetaspaceBytes: 36110336,
      maxMetaspaceBytes: 134217728,
      runTimeSeconds: 73.168,
      javaVersion: '17.0.15',
      bizes: [],
      publishedAt: 1795392186018,
    });
    expect(listOnly).not.toHaveProperty('bizes');
    expect(jvmOnly).not.toHaveProperty('cpuCount');
    expect(failed).toEqual({
      kind: 'health',
      isSuccess: false,
      message: 'can not find biz: nope',
      publishedAt: 1795392186451,
    });
  });

  it('[SPEC P6] a list names every biz with its state and its last change', () => {
    const report = told('09-').filter((message) => message.kind === 'biz-report')[0];
    expect(report?.bizes.map((biz) => [biz.key, biz.state])).toEqual([
      ['biz1:0.0.2', 'DEACTIVATED'],
      ['biz1:0.0.1', 'ACTIVATED'],
    ]);
  });
});

/** A recorded command of the shapes that upstream's controller sends; experiments with other fields are none. */
function commandOf(message: Recorded): ArkletCommand | undefined {
  const kind = classifyTopic(message.topic)?.channel;
  const json = message.json;
  if (kind === 'baseline') return Array.isArray(json) && json.length === 0 ? { kind } : undefined;
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const { bizName: name, bizVersion: version, bizUrl: url, ...rest } = json as Record<string, unknown>;
  if (Object.keys(rest).length > 0) return undefined;
  const texts = [name, version, url].filter((value) => typeof value === 'string').length;
  switch (kind) {
    case 'health':
    case 'queryAllBiz':
      return Object.keys(json).length === 0 ? { kind } : undefined;
    case 'installBiz':
      return texts === 3 ? { kind, name: String(name), version: String(version), url: String(url) } : undefined;
    case 'uninstallBiz':
      return texts === 2 && url === undefined && version !== undefined
        ? { kind, name: String(name), version: String(version) }
        : undefined;
    default:
      return undefined;
  }
}

/** What each release of arklet says, as the messages of a JVM; held against the decoder of the protocol. */
import { bizKeyOf, decode } from '@kouplet/protocol';
import { describe, expect, it } from 'vitest';
import { Jvm, type Output } from './engine.ts';
import { baseFacts } from './facts.ts';
import { type Release, releases } from './releases.ts';
import { emptyScript } from './script.ts';

const url = 'https://modules.example.com/biz1.jar';
const bytes = (body: object) => new TextEncoder().encode(JSON.stringify(body));
const install = (query = '') => ({
  kind: 'installBiz' as const,
  payload: bytes({ bizName: 'biz1', bizVersion: '1', bizUrl: `${url}${query}` }),
});

function jvmOf(release: Release): Jvm {
  return new Jvm(baseFacts({ release, identity: 'b1', name: 'shop' }), emptyScript(), 0);
}

function channelsOf(outputs: readonly Output[]): string[] {
  return outputs.map((output) => (output.kind === 'publish' ? output.channel : output.kind));
}

/** What a controller makes of it. */
function read(outputs: readonly Output[]) {
  return outputs.flatMap((output) => {
    if (output.kind !== 'publish') return [];
    const topic = `koupleless_dev/b1/base/${output.channel}`;
    const decoded = decode(topic, bytes(output.body), { retain: false });
    if (!decoded.ok) throw new Error(`${topic}: ${decoded.error.detail}`);
    return [decoded.value.message];
  });
}

describe.each(releases)('a base of %s [SPEC S24]', (release) => {
  it('is recognised by its heartbeat as what it is', () => {
    const heard = read(jvmOf(release).connected(0)).find(({ kind }) => kind === 'heartbeat');
    expect(heard).toMatchObject({ baseName: 'shop', baseVersion: '1.1.1', isActivated: true, localHostName: 'b1' });
  });

  it('tells in its list what is on it and in which state, itself left out', () => {
    const jvm = jvmOf(release);
    jvm.connected(0);
    jvm.receive(install(), 0);
    jvm.advance(100);
    jvm.receive({ kind: 'queryAllBiz', payload: bytes({}) }, 200);
    const [list] = read(jvm.advance(300)).filter(({ kind }) => kind === 'biz-report');
    expect(list).toMatchObject({ bizes: [{ key: bizKeyOf('biz1', '1'), state: 'ACTIVATED' }] });
  });

  it('says after a failed install that it failed, or at least that nothing is there', () => {
    const jvm = jvmOf(release);
    jvm.connected(0);
    jvm.receive(install('?kouplet-fail=404'), 0);
    const said = read(jvm.advance(1_000));
    const answers = said.filter(({ kind }) => kind === 'operation-result');
    const lists = said.filter(({ kind }) => kind === 'biz-report');
    expect(answers.map((one) => one.kind === 'operation-result' && one.outcome.kind)).toEqual(
      release === '1.3.0' ? [] : ['failed'],
    );
    expect(lists.every((one) => one.kind === 'biz-report' && one.bizes.length === 0)).toBe(true);
    expect(lists).toHaveLength(release === '1.3.0' || release === '1.3.2' ? 1 : 0);
  });
});

describe('what a release does not know', () => {
  it.each([
    ['1.3.0', ['heart']],
    ['1.3.1', ['queryBaseline', 'heart']],
  ] as const)('%s says after its first connect: %j [SPEC S24]', (release, expected) => {
    expect(channelsOf(jvmOf(release).connected(0))).toEqual(expected);
  });

  it('1.3.0 executes no baseline, and beats every two minutes [SPEC S24]', () => {
    const jvm = jvmOf('1.3.0');
    jvm.connected(0);
    jvm.receive({ kind: 'baseline', payload: new TextEncoder().encode(JSON.stringify([{ bizUrl: url }])) }, 1);
    expect(channelsOf(jvm.advance(119_999))).toEqual([]);
    expect(channelsOf(jvm.advance(120_000))).toEqual(['heart']);
    expect(jvm.bizes()).toEqual([]);
  });

  it('1.3.2 does not say of which biz a failure is, not even of a question [SPEC S24]', () => {
    const jvm = jvmOf('1.3.2');
    jvm.connected(0);
    jvm.receive(install('?kouplet-fail=404'), 0);
    const [failure] = read(jvm.advance(1_000));
    expect(failure).toMatchObject({ kind: 'operation-result', command: 'installBiz' });
    expect(failure).not.toHaveProperty('key');
    jvm.receive({ kind: 'health', payload: bytes({ type: 'biz', bizName: 'nope' }) }, 2_000);
    expect(read(jvm.advance(2_100))).toMatchObject([{ kind: 'operation-result', command: 'health' }]);
  });
});

/** Holds what the simulator says against what a real base was recorded saying, field by field. */
import { readFileSync } from 'node:fs';
import { classifyTopic } from '@kouplet/protocol';
import { describe, expect, it } from 'vitest';
import { Jvm } from './engine.ts';
import { baseFacts } from './facts.ts';
import { emptyScript } from './script.ts';

interface Line {
  readonly dir: string;
  readonly topic: string;
  readonly payload: unknown;
}

function recorded(file: string): Line[] {
  const text = readFileSync(new URL(`./fixtures/${file}.jsonl`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Line => JSON.parse(line))
    .filter((line) => line.dir !== 'note');
}

/** Names and types of every field, arrays by their first entry; URLs as keys are all one. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [/^https?:/.test(key) ? 'URL' : key, shapeOf(part)]));
}

/** The words that a controller goes by; times and costs left out, lists in one order, stack traces by their first line. */
const telling = new Set([
  'code',
  'command',
  'bizName',
  'bizVersion',
  'bizState',
  'name',
  'version',
  'state',
  'reason',
  'message',
]);

function wordsOf(value: unknown, key = ''): unknown {
  if (Array.isArray(value))
    return value.map((part) => wordsOf(part)).sort((one, other) => (text(one) < text(other) ? -1 : 1));
  if (typeof value !== 'object' || value === null) {
    const [first = ''] = String(value).split('\n', 1);
    return telling.has(key) ? first.replace(/cost: \d+ ms, started at: .*|\?kouplet-fail=\w+$/, '') : typeof value;
  }
  const entries = Object.entries(value).map(([name, part]) => [name, wordsOf(part, name)] as const);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function text(value: unknown): string {
  return JSON.stringify(value);
}

/** Plays a recording's commands, one at a time, and pairs its answers with the simulator's. */
function play(
  file: string,
  given: (url: string) => string,
  before: readonly object[],
): Array<{ real: unknown; simulated: unknown }> {
  const facts = baseFacts({ identity: 'base-0', version: '1.0.0', maxMetaspaceBytes: 134217728 });
  const jvm = new Jvm(facts, emptyScript(), 0);
  let at = 0;
  jvm.connected(at);
  const send = (topic: string, payload: unknown) => {
    const kind = classifyTopic(topic);
    const delivery = { kind: kind?.direction === 'to-base' ? kind.channel : undefined, payload: bytes(payload, given) };
    const said = [...jvm.receive(delivery, at)];
    at += 50;
    said.push(...jvm.advance(at));
    return said.filter((output) => output.kind === 'publish' && output.channel !== 'heart');
  };
  for (const payload of before) send('koupleless_dev/base-0/installBiz', payload);
  const lines = recorded(file).filter((line) => !line.topic.endsWith('/heart'));
  return lines.flatMap(({ dir, topic, payload }, index) => {
    if (dir !== 'ctl>') return [];
    const [first] = send(topic, payload);
    const answer = lines[index + 1];
    if (answer?.dir !== 'base>') return [];
    return [{ real: answer.payload, simulated: first?.kind === 'publish' ? first.body : undefined }];
  });
}

function bytes(payload: unknown, given: (url: string) => string): Uint8Array {
  const body = JSON.stringify(payload, (key, value) =>
    key === 'bizUrl' && typeof value === 'string' ? given(value) : value,
  );
  const isRaw = typeof payload === 'object' && payload !== null && '__raw__' in payload;
  return new TextEncoder().encode(isRaw ? String(payload.__raw__) : body);
}

const biz = (name: string) => ({ bizName: name, bizVersion: '0.0.1', bizUrl: `http://modules.example/${name}.jar` });

/** Servers that are not there are so because a URL says it. */
const faulty = (url: string) => {
  if (url.endsWith('/nope.jar') || url.startsWith('file:///nope/')) return `${url}?kouplet-fail=404`;
  return url.includes(':9/') ? `${url}?kouplet-fail=refused` : url;
};

describe('the simulator beside a real base', () => {
  it('[SPEC S16] its first words are the same', () => {
    const jvm = new Jvm(baseFacts({ identity: 'base-0' }), emptyScript(), 0);
    const bodies = jvm.connected(0).map((output) => (output.kind === 'publish' ? shapeOf(output.body) : undefined));
    const real = recorded('01-startup')
      .slice(0, 2)
      .map((line) => shapeOf(line.payload));
    expect(bodies).toEqual(real);
  });

  it.each([
    ['03-health', 7, []],
    ['05-queryAllBiz-modules', 3, [biz('biz2')]],
    ['06-install-http', 2, []],
    ['08-repeat', 2, [biz('biz1')]],
    ['09-second-version', 11, [biz('biz1')]],
    ['11-install-404', 8, []],
    ['14-uninstall-ok', 3, []],
    ['15-uninstall-absent', 5, []],
    ['23b-baseline-one', 2, []],
    ['23e-baseline-unasked', 17, []],
  ])('[SPEC S13] [SPEC S16] %s: every answer has the same fields and the same words', (file, count, before) => {
    const pairs = play(file, faulty, before);
    expect(pairs).toHaveLength(count);
    for (const { real, simulated } of pairs) {
      expect(shapeOf(simulated)).toEqual(shapeOf(real));
      expect(wordsOf(simulated)).toEqual(wordsOf(real));
    }
  });
});

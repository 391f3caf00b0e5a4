/**
 * No secret of a URL, nor of what is handed over, gets out: whatever it looks like and however the base quotes it. A whole life in
 * the scenarios' world; looked at is everything that leaves the core but the command to the base, and what it keeps but the Pods' specs.
 */
import type { BaseId } from '@kouplet/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeBase, shownPlan } from './describe.ts';
import { handOverAnnotation } from './hand-over.ts';
import { baseLine, baseStateLine } from './journal/lines.ts';
import { markOf } from './mask.ts';
import type { ObservedPod } from './observed.ts';
import { newRun, runLine } from './scenarios/language.ts';
import { podNamed } from './scenarios/object-steps.ts';
import type { World } from './scenarios/world.ts';
import { type WhySubject, whyOf } from './why.ts';

const secret = 'S3cr3tX9Q7';

/** What may stand around it: no blank at either end, as no API server takes an image like that. */
const junk = fc.string({ unit: fc.constantFrom(...'ab1:%=&;+"\'\\<>{}|^`~!$()*,._ -'), maxLength: 8 });
const userJunk = fc.string({ unit: fc.constantFrom(...'ab1:%=&;+"\'<>{}|~!$()*,._-'), maxLength: 8 });

const tails = fc.record({ before: junk, after: junk }).map(({ before, after }) => `?${before}${secret}${after}`.trim());
const urls = fc.oneof(
  tails.map((tail) => `https://repo.example/biz1.jar${tail}`),
  tails.map((tail) => `biz1.jar${tail}`),
  fc.tuple(userJunk, userJunk).map(([a, b]) => `https://u:${a}${secret}${b}@repo.example/biz1.jar`),
  fc.constant(`https://${secret}@repo.example/biz1.jar`),
  fc.tuple(userJunk, tails).map(([a, tail]) => `oss://u:${a}${secret}@bucket/biz1.jar${tail}`),
);

const quotings: Readonly<Record<string, (url: string) => string>> = {
  none: () => 'java.lang.IllegalStateException',
  'as it is': (url) => `java.io.IOException: Server returned HTTP response code: 403 for URL: ${url}`,
  quoted: (url) => `cannot open "${url}" or '${url}'.`,
  encoded: (url) => `not found: ${encodeURI(url)}`,
  'in one line': (url) => `no protocol: ${url.replace(/\s+/g, ' ')}`,
  'query alone': (url) => `bad query [${url.slice(url.indexOf('?') + 1)}]`,
  'user info alone': (url) => `bad user info ${url.slice(url.indexOf('//') + 2).split('@')[0]}@`,
  cut: (url) => `https://repo cannot open ${url.slice(0, url.indexOf(secret) + 6)}…`,
};

function leaksOf(world: World): string[] {
  const subjects: WhySubject[] = [
    { kind: 'node' },
    ...['good', 'bad'].map((name) => ({ kind: 'pod', namespace: 'default', name }) as const),
  ];
  const seen: Record<string, unknown> = {
    events: world.api.events,
    records: [...world.api.records],
    nodes: [...world.api.nodes],
    leases: [...world.api.leases],
    statuses: [...world.api.pods.values()].map(({ status, metadata }) => ({ status, metadata })),
    fleet: world.fleet,
  };
  for (const [id, state] of world.states) {
    const { pods, ...kept } = state;
    seen[`state of ${id}`] = kept;
    seen[`statuses known of ${id}`] = Object.values(pods).map(({ pod }) => pod.status);
    seen[`debug of ${id}`] = describeBase(state, world.fleet, world.policy, world.now);
    seen[`plan of ${id}`] = shownPlan(world.planFor(id));
    seen[`why of ${id}`] = subjects.map((subject) => whyOf(state, world.fleet, world.policy, world.now, subject));
  }
  for (const happening of world.happenings) {
    if (happening.kind !== 'started') continue;
    const { action } = happening;
    if (action.kind === 'send-command') seen[`claim ${action.id}`] = action.claim;
    else seen[`action ${action.kind} ${action.id}`] = action;
  }
  // The first letters of a secret that a text was cut in tell a part of it.
  return Object.entries(seen).flatMap(([what, value]) =>
    (JSON.stringify(value) ?? '').includes(secret.slice(0, 6)) ? [what] : [],
  );
}

/** What would be written to a journal, line by line as it comes. */
function journalOf(world: World): readonly string[] {
  const lines: string[] = [];
  const fold = world.foldBase.bind(world);
  world.foldBase = (id, body) => {
    const state = world.stateOf(id);
    lines.push(baseStateLine(state), baseLine({ ...body, at: world.now, baseId: id as BaseId }, state));
    fold(id, body);
  };
  return lines;
}

test('no URL and no handed over value gets out of a whole life, whatever the base says [SPEC M44] [SPEC M43] [SPEC M46]', () => {
  fc.assert(
    fc.property(urls, urls, fc.constantFrom(...Object.keys(quotings)), (good, bad, quoting) => {
      const run = newRun();
      const { world } = run;
      const journal = journalOf(world);
      runLine(run, 'base b1');
      const text = `password ${secret} is wrong; ${quotings[quoting]?.(bad) ?? ''}`;
      world.baseOf('b1').faults.push({ command: 'install', key: 'biz2:1', what: 'fail', text, isLasting: true });
      const handing = (pod: ObservedPod): ObservedPod => ({
        ...pod,
        metadata: { ...pod.metadata, annotations: { [handOverAnnotation]: 'env,args' } },
        spec: {
          ...pod.spec,
          containers: pod.spec.containers.map((container) => ({
            ...container,
            image: container.name === 'biz1' ? good : bad,
            env: [...(container.env ?? []), { name: 'DB_PASSWORD', value: secret }],
            args: [`--token=${secret}`],
          })),
        },
      });
      for (const [name, biz] of Object.entries({ good: 'biz1', bad: 'biz2' })) {
        runLine(run, `pod ${name} base=b1 biz=${biz}:1`);
        world.api.putPod(handing(podNamed(world, name)));
      }
      const leaks: string[] = [];
      for (const line of [
        'start',
        'wait 40s',
        'kill',
        'start',
        'wait 5s',
        'delete-pod bad',
        'wait 5s',
        'delete-pod good',
      ]) {
        runLine(run, line);
        leaks.push(...leaksOf(world));
      }
      runLine(run, 'wait 5s');
      expect([...leaks, ...leaksOf(world)]).toEqual([]);
      expect(journal.filter((line) => line.includes(secret.slice(0, 6)))).toEqual([]);
      // The base got them all the same, once each life: nothing is installed anew for a mask.
      const sent = world.happenings.flatMap((happening) => {
        if (happening.kind !== 'started' || happening.action.kind !== 'send-command') return [];
        const { command } = happening.action;
        return command.kind === 'installBiz' && command.name === 'biz1' ? [command] : [];
      });
      expect(sent).toEqual([
        expect.objectContaining({ url: good, envs: { DB_PASSWORD: secret }, args: [`--token=${secret}`] }),
      ]);
    }),
    { numRuns: 60 },
  );
});

test('of two URLs the marks are the same only where they are the same [SPEC M45]', () => {
  fc.assert(
    fc.property(urls, urls, (a, b) => {
      expect(markOf(a) === markOf(b)).toBe(a === b);
      expect(markOf(markOf(a))).toBe(markOf(a));
      expect(markOf(a)).not.toContain(secret);
    }),
  );
});

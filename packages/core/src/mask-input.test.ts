import { expect, test } from 'vitest';
import { handOverAnnotation } from './hand-over.ts';
import { markOf, maskText, maskUrl } from './mask.ts';
import { secretsOfPod } from './mask-input.ts';
import type { ObservedPod } from './observed.ts';
import { newRun, runLine } from './scenarios/language.ts';
import { podNamed } from './scenarios/object-steps.ts';

const url = 'https://user:hunter2@repo/biz1.jar?sig=first';

/** As a controller before this one left it, which wrote URLs as they are: its record and the Pod's status. */
function leftBehind() {
  const run = newRun();
  for (const line of ['base b1', 'start', `pod p1 base=b1 biz=biz1:1 url=${url}`, 'wait 10s', 'kill']) {
    runLine(run, line);
  }
  const { world } = run;
  const plain = <T>(object: T): T =>
    JSON.parse(JSON.stringify(object).replaceAll(markOf(url), url).replaceAll(maskUrl(url), url));
  for (const [uid, pod] of world.api.pods) world.api.pods.set(uid, plain(pod));
  for (const [id, record] of world.api.records) world.api.records.set(id, plain(record));
  return run;
}

const statusOf = ({ status }: ObservedPod) => status.containerStatuses?.[0];

test('what an earlier version wrote down plainly is adopted without a command or a write, and masked by the next write [SPEC M45]', () => {
  const run = leftBehind();
  const { world } = run;
  const shown = statusOf(podNamed(world, 'p1'));
  expect(shown).toMatchObject({ ready: true, image: url, imageID: url });
  const commands = world.baseOf('b1').received.length;
  const from = world.happenings.length;
  for (const line of ['start', 'wait 5m']) runLine(run, line);
  const done = world.happenings.slice(from).flatMap((one) => (one.kind === 'started' ? [one.action.kind] : []));
  expect(done.filter((kind) => ['patch-pod-status', 'write-record', 'delete-record'].includes(kind))).toEqual([]);
  const received = world.baseOf('b1').received.slice(commands);
  expect(received.filter((command) => command.includes(':'))).toEqual([]);
  expect(statusOf(podNamed(world, 'p1'))).toEqual(shown);

  for (const line of ['pod p2 base=b1 biz=biz2:1', 'module b1 biz1:1=gone', 'wait 2m']) runLine(run, line);
  expect(statusOf(podNamed(world, 'p1'))).toMatchObject({
    ready: true,
    image: 'https://***@repo/biz1.jar?***',
    imageID: markOf(url),
    restartCount: 1,
  });
  expect(world.api.records.get('b1')?.installs['biz1:1']?.url).toBe(markOf(url));
  expect(JSON.stringify([[...world.api.records], podNamed(world, 'p1').status])).not.toMatch(/hunter2|first/);
});

test('with the record alone, and with the status alone, the same is adopted [SPEC M9] [SPEC M45]', () => {
  for (const isRecordGone of [true, false]) {
    const run = leftBehind();
    const { world } = run;
    if (isRecordGone) world.api.records.clear();
    else for (const [uid, pod] of world.api.pods) world.api.pods.set(uid, { ...pod, status: { phase: 'Running' } });
    const commands = world.baseOf('b1').received.length;
    for (const line of ['start', 'wait 30s']) runLine(run, line);
    expect(
      world
        .baseOf('b1')
        .received.slice(commands)
        .filter((command) => command.includes(':')),
    ).toEqual([]);
    expect(statusOf(podNamed(world, 'p1'))?.ready).toBe(true);
  }
});

test('of what is handed over an argument is a secret by its own name or by that of the one before [SPEC M44]', () => {
  const { world } = leftBehind();
  const pod = podNamed(world, 'p1');
  const args = ['--db.password', 'one-word', '--verbose', 'legible', '--api-key=other-word', '-Dx=plain'];
  const containers = pod.spec.containers.map((container) => ({ ...container, args }));
  const metadata = { ...pod.metadata, annotations: { [handOverAnnotation]: 'args' } };
  const known = secretsOfPod({ ...pod, metadata, spec: { ...pod.spec, containers } });
  expect(maskText('one-word and other-word are wrong, legible and plain', known)).toBe(
    '*** and *** are wrong, legible and plain',
  );
});

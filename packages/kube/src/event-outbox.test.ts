import { describe, expect, it } from 'vitest';
import { createEventOutbox, type EventOutboxOptions, type OutboxEvent, type OutboxOutcome } from './event-outbox.ts';
import type { EventContent, EventOutcome } from './event-recorder.ts';
import { createVirtualClock, settle } from './testing/virtual-clock.ts';

/** An outbox in front of a recorder whose writes end when the test says so. */
function outboxed(limits: EventOutboxOptions['limits'] = {}) {
  const clock = createVirtualClock();
  const writing: Array<{ readonly event: EventContent; end(outcome?: EventOutcome): void }> = [];
  const written: string[] = [];
  const outcomes: OutboxOutcome[] = [];
  const state = { others: 0 };
  const outbox = createEventOutbox({
    recorder: {
      record: (event) =>
        new Promise((resolve) => {
          written.push(event.message);
          writing.push({ event, end: (outcome = 'created') => resolve(outcome) });
        }),
      flush: async () => {},
    },
    others: () => state.others + writing.length,
    onOutcome: (outcome) => outcomes.push(outcome),
    clock,
    limits,
  });
  /** Ends what is being written, oldest first, until nothing is. */
  const drain = async (): Promise<void> => {
    for (let one = writing.shift(); one !== undefined; one = writing.shift()) {
      one.end();
      await settle();
    }
  };
  const pass = (ms: number): Promise<void> => clock.advanceTo(clock.monotonic() + ms);
  return { clock, pass, outbox, writing, written, outcomes, state, drain };
}

function event(message: string, changes: Partial<OutboxEvent> = {}): OutboxEvent {
  return {
    regarding: { apiVersion: 'v1', kind: 'Pod', name: 'web-1', namespace: 'team', uid: 'uid-1' },
    type: 'Normal',
    reason: 'Installed',
    message,
    ...changes,
  };
}

const about = (uid: string): Pick<OutboxEvent, 'regarding'> => ({ regarding: { ...event('').regarding, uid } });

describe('Events', () => {
  it('go at once while nothing else is under way, in order, a few at a time [SPEC K17]', async () => {
    const { outbox, written, outcomes, drain } = outboxed();
    for (let at = 1; at <= 10; at += 1) outbox.tell(event(`${at}`));
    expect(written).toEqual(['1', '2', '3', '4']);
    await drain();
    expect(written).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
    expect(outcomes).toEqual(Array(10).fill('created'));
    expect(outbox.waiting).toBe(0);
  });

  it('wait while a burst of other writes is under way, and go when it is over, dated when they happened [SPEC K17]', async () => {
    const { clock, pass, outbox, written, writing, state } = outboxed();
    state.others = 32;
    const toldAt = clock.now();
    outbox.tell(event('a'));
    await pass(500);
    expect(written).toEqual([]);
    state.others = 2;
    await pass(25);
    expect(written).toEqual(['a']);
    expect(writing[0]?.event.at).toBe(toldAt);
  });

  it('wait no longer than a bound: then one goes at a time, whatever else is under way [SPEC K17]', async () => {
    const { pass, outbox, written, state, drain } = outboxed();
    state.others = 32;
    for (const message of ['a', 'b', 'c']) outbox.tell(event(message));
    await pass(1_990);
    expect(written).toEqual([]);
    await pass(50);
    expect(written).toEqual(['a']);
    await drain();
    expect(written).toEqual(['a', 'b', 'c']);
  });

  it('that wait are bounded: the oldest is dropped, and told so [SPEC K17]', async () => {
    const { pass, outbox, written, outcomes, state, drain } = outboxed({ size: 3 });
    state.others = 32;
    for (const message of ['a', 'b', 'c', 'd', 'e']) outbox.tell(event(message));
    expect(outbox.waiting).toBe(3);
    expect(outcomes).toEqual(['dropped', 'dropped']);
    state.others = 0;
    await pass(25);
    await drain();
    expect(written).toEqual(['c', 'd', 'e']);
  });

  it('that say that something began are left out in a crowd once it ended; otherwise both are told [SPEC K17]', async () => {
    const { pass, outbox, written, outcomes, state, drain } = outboxed({ crowdedFrom: 3 });
    state.others = 32;
    outbox.tell(event('installing 1', { reason: 'Installing', ...about('1') }));
    outbox.tell(event('installed 1', { supersedes: 'Installing', ...about('1') }));
    outbox.tell(event('installing 2', { reason: 'Installing', ...about('2') }));
    outbox.tell(event('installed 2', { supersedes: 'Installing', ...about('2') }));
    outbox.tell(event('installed 3', { supersedes: 'Installing', ...about('3') }));
    state.others = 0;
    await pass(25);
    await drain();
    expect(written).toEqual(['installing 1', 'installed 1', 'installed 2', 'installed 3']);
    expect(outcomes.filter((outcome) => outcome === 'superseded')).toHaveLength(1);
  });

  it('are written at the end without holding back, for so long and no longer; what is closed forgets the rest', async () => {
    const { pass, outbox, written, writing, state } = outboxed();
    state.others = 32;
    for (let at = 0; at < 40; at += 1) outbox.tell(event(`${at}`));
    const flushed = outbox.flush(500);
    expect(writing).toHaveLength(16);
    writing.shift()?.end();
    await settle();
    expect(written).toHaveLength(17);
    await pass(500);
    await flushed;
    outbox.close();
    await pass(60_000);
    expect(written).toHaveLength(17);
    expect(outbox.waiting).toBe(0);
  });
});

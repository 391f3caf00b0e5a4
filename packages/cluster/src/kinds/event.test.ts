import { describe, expect, it } from 'vitest';
import { eventsV1Event } from './event.ts';
import { type Fields, listOf } from './json.ts';
import type { KubeObject } from './kind.ts';
import { freshApi, recorded } from './testing.ts';

function asEvent(apiVersion: string, fields: Fields): KubeObject {
  return { ...fields, apiVersion, kind: 'Event', metadata: fields.metadata };
}

describe('an Event has two faces [SPEC C52]', () => {
  const { core, events } = recorded('events');

  it('shows v1 and events.k8s.io what a real 1.34 shows of the same ones', () => {
    const newer = new Map(listOf(events).map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, one]));
    expect(newer.size).toBeGreaterThan(10);
    for (const one of listOf(core)) {
      const stored = asEvent('v1', one);
      const expected = newer.get(`${one.metadata.namespace}/${one.metadata.name}`);
      expect(eventsV1Event.storedAs?.fromStored(stored)).toEqual(asEvent('events.k8s.io/v1', expected ?? {}));
      expect(eventsV1Event.storedAs?.toStored(asEvent('events.k8s.io/v1', expected ?? {}))).toEqual(stored);
    }
  });

  it('written through one is read through the other', () => {
    const api = freshApi();
    api.create(
      'events.events.k8s.io',
      {
        metadata: { name: 'e' },
        eventTime: '2026-11-23T00:00:00.000001Z',
        reportingController: 'example.com/c',
        reportingInstance: 'i',
        action: 'Install',
        reason: 'Installed',
        note: 'done',
        type: 'Normal',
        regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
      },
      { actor: 'test', namespace: 'default' },
    );
    const [seen] = api.list('events', {
      namespace: 'default',
      fieldSelector: 'involvedObject.name=p,reason=Installed',
    });
    expect(seen?.message).toBe('done');
    expect(api.list('events', { fieldSelector: 'involvedObject.name=q' })).toEqual([]);
    expect(api.list('events.events.k8s.io', { fieldSelector: 'regarding.name=p' })).toHaveLength(1);
  });
});

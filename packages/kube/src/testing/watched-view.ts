/** A reflector with short periods and the view that its events build: what a controller would believe. */
import { fixedAccess } from '../credentials.ts';
import { createReflector } from '../reflector.ts';
import type {
  Reflector,
  ReflectorEvent,
  ReflectorOptions,
  ReflectorProblem,
  ReflectorState,
} from '../reflector-options.ts';
import type { Transport } from '../transport.ts';
import { createTransport } from '../transport.ts';

export interface Thing {
  readonly name: string;
  readonly value: number;
}

export interface WatchedView {
  readonly reflector: Reflector;
  readonly transport: Transport;
  /** By uid. */
  readonly things: ReadonlyMap<string, Thing>;
  readonly events: ReadonlyArray<ReflectorEvent<Thing>>;
  readonly states: readonly ReflectorState[];
  readonly problems: readonly ReflectorProblem[];
  /** `name=value`, sorted. */
  text(): string;
  close(): Promise<void>;
}

/** Periods in which a test can see a fault survived in milliseconds. */
export const shortLimits = {
  pageSize: 3,
  progressDeadlineMs: 150,
  reconnectFloorMs: 5,
  relistJitterMs: 5,
  backOffBaseMs: 4,
  backOffCapMs: 20,
  listTimeoutMs: 500,
  headersTimeoutMs: 150,
} as const;

export function watchThings(
  url: string,
  options: Partial<ReflectorOptions<Thing>> = {},
  maxAnswerBytes = 1_000_000,
): WatchedView {
  const transport = createTransport({ access: fixedAccess({ server: url }), userAgent: 'test/1', maxAnswerBytes });
  const things = new Map<string, Thing>();
  const events: ReflectorEvent<Thing>[] = [];
  const states: ReflectorState[] = [];
  const problems: ReflectorProblem[] = [];
  const reflector = createReflector<Thing>({
    transport,
    path: '/api/v1/things',
    project: projectThing,
    onEvents: (batch) => {
      for (const event of batch) {
        events.push(event);
        if (event.kind === 'upsert') things.set(event.key, event.object);
        if (event.kind === 'delete') things.delete(event.key);
      }
    },
    onState: (state) => states.push(state),
    onProblem: (problem) => problems.push(problem),
    ...options,
    limits: { ...shortLimits, ...options.limits },
  });
  reflector.start();
  return {
    reflector,
    transport,
    things,
    events,
    states,
    problems,
    text: () => textOfThings([...things.values()]),
    close: async () => {
      await reflector.stop();
      await transport.close();
    },
  };
}

export const projectThing: ReflectorOptions<Thing>['project'] = (raw) => {
  const spec = raw.spec as { value: number };
  return { name: raw.metadata.name, value: spec.value };
};

export function textOfThings(things: readonly Thing[]): string {
  return things
    .map((thing) => `${thing.name}=${thing.value}`)
    .sort()
    .join(' ');
}

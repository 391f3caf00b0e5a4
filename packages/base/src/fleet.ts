/** Many bases in one process: each a link, a record and one timer. */
import { type BaseOptions, type SimulatedBase, startBase } from './simulated-base.ts';

export type FleetOptions = Omit<BaseOptions, 'index' | 'identity' | 'ip' | 'hostName'> & {
  readonly count: number;
  /** Number of the first one, from 0. */
  readonly firstIndex?: number | undefined;
  /** `base-<index+1>` by default. */
  readonly identityOf?: ((index: number) => string) | undefined;
};

export interface Fleet {
  readonly bases: readonly SimulatedBase[];
  /** By identity. */
  get(identity: string): SimulatedBase | undefined;
  /** Stops all, quickly. */
  stop(): Promise<void>;
  /** Kills all at once. */
  kill(): void;
}

/** How many connect at once: brokers limit the rate of new connections. */
const connectingAtOnce = 25;

/** Starts so many bases; if one cannot start, none is left and its error is thrown. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { count, firstIndex = 0, identityOf = (index: number) => `base-${index + 1}`, ...shared } = options;
  const byIndex = new Map<number, SimulatedBase>();
  let next = 0;
  const startSome = async () => {
    while (next < count) {
      const index = firstIndex + next++;
      try {
        byIndex.set(index, await startBase({ ...shared, index, identity: identityOf(index) }));
      } catch (error) {
        next = count;
        throw error;
      }
    }
  };
  const starters = Array.from({ length: Math.min(connectingAtOnce, count) }, startSome);
  const failed = (await Promise.allSettled(starters)).find((each) => each.status === 'rejected');
  const bases = [...byIndex].sort(([one], [other]) => one - other).map(([, base]) => base);
  if (failed !== undefined) {
    for (const base of bases) base.kill();
    throw failed.reason;
  }
  const byIdentity = new Map(bases.map((base) => [base.identity, base]));
  return {
    bases,
    get: (identity) => byIdentity.get(identity),
    stop: async () => {
      await Promise.all(bases.map((base) => base.stop()));
    },
    kill: () => {
      for (const base of bases) base.kill();
    },
  };
}

/** `P/base/heart` and `P/base/queryBaseline`: who a base says it is. */
import { z } from 'zod';
import type { BaselineQuery, Heartbeat } from './messages.ts';
import { anything, bizState, envelope, fact, present, prose } from './wire.ts';

/** From 1.3.3 on. */
const metadata = z.object({ identity: prose, name: fact, version: fact, clusterName: fact });

/** Up to 1.3.2; the first of them with `bizName`, `bizVersion`, `bizState`. */
const masterBiz = z.object({ name: fact, version: fact, bizName: fact, bizVersion: fact, bizState });

const network = z.object({ localIP: fact, localHostName: fact, arkletPort: anything });

const heartbeatData = z.object({
  baseMetadata: metadata.nullish(),
  masterBizInfo: masterBiz.nullish(),
  networkInfo: network.nullish(),
  localIP: fact,
  localHostName: fact,
  port: anything,
  // A state in words nobody knows is not "activated"; a state left out is (the oldest bases have none).
  state: anything,
});

const querySchema = envelope(
  z.object({ identity: prose, name: fact, version: fact, clusterName: fact, masterBizInfo: masterBiz.nullish() }),
);

/** Every generation's heartbeat: 1.3.3 and later, 1.3.1/1.3.2 (`masterBizInfo`, `networkInfo`), and the first without a state. [SPEC P5] */
export const heartbeat = envelope(heartbeatData).transform(({ data, publishTimestamp }): Heartbeat => {
  const { baseMetadata, masterBizInfo, networkInfo } = data;
  const said = data.state === undefined || data.state === null || data.state === '' ? undefined : data.state;
  const state = said === undefined ? (masterBizInfo?.bizState ?? 'ACTIVATED') : bizState.parse(said);
  return {
    kind: 'heartbeat',
    isActivated: state === 'ACTIVATED',
    ...present({
      identity: baseMetadata?.identity,
      baseName: baseMetadata?.name ?? masterBizInfo?.name ?? masterBizInfo?.bizName,
      baseVersion: baseMetadata?.version ?? masterBizInfo?.version ?? masterBizInfo?.bizVersion,
      clusterName: baseMetadata?.clusterName,
      localIP: data.localIP ?? networkInfo?.localIP,
      localHostName: data.localHostName ?? networkInfo?.localHostName,
      release: releaseOf(data),
      port: portOf(data.port) ?? portOf(networkInfo?.arkletPort),
      publishedAt: publishTimestamp,
    }),
  };
});

/** A new process asks what to install. [SPEC P5] */
export const baselineQuery = querySchema.transform(
  ({ data, publishTimestamp }): BaselineQuery => ({
    kind: 'baseline-query',
    ...present({
      identity: data.identity,
      baseName: data.name ?? data.masterBizInfo?.name,
      baseVersion: data.version ?? data.masterBizInfo?.version,
      clusterName: data.clusterName,
      publishedAt: publishTimestamp,
    }),
  }),
);

/** By where the name of the base stands; a form that is none of these says nothing. */
function releaseOf({ baseMetadata, masterBizInfo }: z.infer<typeof heartbeatData>): string | undefined {
  if (baseMetadata !== undefined && baseMetadata !== null) return '1.3.3 or later';
  if (masterBizInfo?.name !== undefined) return '1.3.1 to 1.3.2';
  return masterBizInfo?.bizName === undefined ? undefined : 'up to 1.3.0';
}

function portOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535 ? value : undefined;
}

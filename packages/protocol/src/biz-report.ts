/**
 * Lists of what runs on a base: `P/base/simpleBiz` (objects, or the arrays of October 2024) and `P/base/biz` (an Output of BizInfos,
 * up to 1.3.1 and upstream's mock base). A list is evidence that what it lacks is gone, so it is taken whole or not at all.
 */
import { z } from 'zod';
import { bizKeyOf } from './ids.ts';
import type { BizReport, BizState, ReportedBiz } from './messages.ts';
import { oneLine } from './text.ts';
import { anything, bizName, bizState, envelope, fact, instant, maybe, present, prose } from './wire.ts';

/** More than any JVM carries (a base at rest takes about 110 MB, a module its share of metaspace): beyond it, no list. */
const longestList = 2000;

const stateRecord = z.object({ changeTime: instant, state: bizState, reason: fact, message: prose });
type StateRecord = z.infer<typeof stateRecord>;

/** A biz in every dialect: `name, version, state, latestStateRecord` or `bizName, bizVersion, bizState, bizStateRecords`. */
const bizObject = z.object({
  name: anything,
  version: anything,
  state: bizState,
  bizName: anything,
  bizVersion: anything,
  bizState: bizState,
  mainClass: fact,
  latestStateRecord: maybe(stateRecord),
  bizStateRecords: maybe(z.array(stateRecord)),
});

/** `["biz1","0.0.1","3"]`. */
const bizArray = z
  .array(anything)
  .min(2)
  .transform(([name, version, state]) => bizObject.parse({ name, version, state }));

/** The base itself, which is no module: a Spring Boot base in embed mode has this main class. */
const masterMainClass = 'embed main';

/** One biz as a list or an answer names it. A state missing or in unknown words is UNRESOLVED: it is there, no more is known. [SPEC P6] [SPEC P7] */
export const reportedBiz = z.union([bizArray, bizObject]).transform((biz, context) => {
  const name = bizName.safeParse(biz.bizName ?? biz.name);
  const version = bizName.safeParse(biz.bizVersion ?? biz.version);
  if (!name.success || !version.success) {
    context.addIssue({ code: 'custom', message: 'a biz without a usable name and version' });
    return z.NEVER;
  }
  const record = biz.latestStateRecord ?? newest(biz.bizStateRecords ?? []);
  return {
    ...oneBiz(name.data, version.data, biz.bizState ?? biz.state, record ?? undefined),
    mainClass: biz.mainClass,
  };
});

/** A list of them, the base's own master biz left out. [SPEC P6] */
export const bizList = z
  .array(reportedBiz)
  .max(longestList)
  .transform((list): ReportedBiz[] =>
    list.filter((biz) => biz.mainClass !== masterMainClass).map(({ mainClass: _, ...biz }) => biz),
  );

/** Both channels take both forms: a list at once, or in an Output with a `code`. [SPEC P6] */
export const bizReport = envelope(
  z.union([bizList, z.object({ code: successCode(), data: bizList }).transform((output) => output.data)]),
).transform(
  ({ data, publishTimestamp }): BizReport => ({
    kind: 'biz-report',
    bizes: data,
    ...present({ publishedAt: publishTimestamp }),
  }),
);

/** A FAILED Output carries no list, whatever its `data` is. */
function successCode() {
  return fact.refine((code) => code === undefined || code.toUpperCase() === 'SUCCESS', 'an Output that is no success');
}

function oneBiz(
  name: string,
  version: string,
  state: BizState | undefined,
  record: StateRecord | undefined,
): ReportedBiz {
  return {
    name,
    version,
    key: bizKeyOf(name, version),
    state: state ?? record?.state ?? 'UNRESOLVED',
    ...present({
      changedAt: record?.changeTime,
      reason: record?.reason,
      message: record?.message === undefined ? undefined : oneLine(record.message) || undefined,
    }),
  };
}

/** The record of the latest change; they come in order, but nothing says that they must. */
function newest(records: readonly StateRecord[]): StateRecord | undefined {
  return records.reduce<StateRecord | undefined>(
    (latest, record) => ((record.changeTime ?? 0) >= (latest?.changeTime ?? 0) ? record : latest),
    undefined,
  );
}

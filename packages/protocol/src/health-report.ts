/** `P/base/health`: the answer to our one periodic question. The base builds it in an object that its threads share: any key may lack. */
import { z } from 'zod';
import { bizList } from './biz-report.ts';
import type { HealthReport, ReportedBiz } from './messages.ts';
import { oneLine } from './text.ts';
import { amount, bizName, bizState, envelope, fact, maybe, present, prose } from './wire.ts';

const masterBizInfo = z.object({ bizName, bizVersion: bizName, bizState });

const healthData = z.object({
  masterBizInfo: maybe(masterBizInfo),
  cpu: maybe(z.object({ count: amount })),
  jvm: maybe(
    z.object({
      'java version': fact,
      'run time(s)': amount,
      'java used metaspace': amount,
      'java committed metaspace': amount,
      'java max metaspace': amount,
    }),
  ),
  bizListInfo: maybe(bizList),
});

const output = z.object({
  code: fact,
  message: prose,
  data: maybe(z.object({ healthData: maybe(healthData) })),
});

/** SUCCESS with whatever is there, or FAILED with its message. An answer with neither code nor data is none. [SPEC P8] */
export const healthReport = envelope(
  output.refine((answer) => answer.code !== undefined || answer.data?.healthData, 'neither a code nor healthData'),
).transform(({ data, publishTimestamp }): HealthReport => {
  const publishedAt = publishTimestamp;
  if (data.code !== undefined && data.code.toUpperCase() !== 'SUCCESS') {
    const message = oneLine(data.message ?? '') || data.code;
    return { kind: 'health', isSuccess: false, message, ...present({ publishedAt }) };
  }
  const { masterBizInfo: master, cpu, jvm, bizListInfo } = data.data?.healthData ?? {};
  return {
    kind: 'health',
    isSuccess: true,
    ...present({
      masterBizState: master?.bizState,
      cpuCount: cpu?.count || undefined,
      usedMetaspaceBytes: jvm?.['java used metaspace'],
      committedMetaspaceBytes: jvm?.['java committed metaspace'],
      maxMetaspaceBytes: jvm?.['java max metaspace'],
      runTimeSeconds: jvm?.['run time(s)'],
      javaVersion: jvm?.['java version'],
      bizes: master && bizListInfo ? withoutMaster(bizListInfo, master) : undefined,
      publishedAt,
    }),
  };
});

/**
 * The list names the base's own biz among the modules, and only `masterBizInfo` of the same answer tells which it is: without
 * that there is no list. Its name and version are Spring's, not the heartbeat's.
 */
function withoutMaster(
  list: readonly ReportedBiz[],
  master: { readonly bizName: string; readonly bizVersion: string },
): ReportedBiz[] {
  return list.filter((biz) => biz.name !== master.bizName || biz.version !== master.bizVersion);
}

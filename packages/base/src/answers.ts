/** Bodies of everything a base publishes, in the shapes of arklet 1.4.2. `data` of the envelope; the publish adds the time. Source: recorded traffic. */
import type { BizKey, BizState } from '@kouplet/protocol';
import type { BaseFacts } from './facts.ts';
import type { JavaFailure } from './java-failure.ts';

/** One change in the life of a biz. */
export interface StateRecord {
  readonly changeTime: number;
  readonly message: string;
  readonly reason: 'CREATED' | 'STARTED' | 'SWITCHED';
  readonly state: BizState;
}

/** A biz registered with its JVM, from the moment its jar was read. */
export interface Biz {
  readonly name: string;
  readonly version: string;
  readonly key: BizKey;
  readonly state: BizState;
  readonly records: readonly StateRecord[];
  /** The URL that it was installed from; a real base tells it nobody. */
  readonly url: string;
  readonly uninstallFails: boolean;
  readonly uninstallDelayMs: number;
}

/** `response` of an operation. */
export interface Response {
  readonly code: 'SUCCESS' | 'FAILED';
  readonly message?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export function metadataOf(facts: BaseFacts) {
  return { clusterName: facts.clusterName, identity: facts.identity, name: facts.name, version: facts.version };
}

/** `port` is 0 and `state` always activated: real bases have both hard-coded. */
export function heartbeatOf(facts: BaseFacts) {
  return {
    baseMetadata: metadataOf(facts),
    localHostName: facts.hostName,
    localIP: facts.ip,
    port: 0,
    state: 'activated',
  };
}

/** The list: three casings of one state are the real base's own. */
export function listOf(bizes: Iterable<Biz>) {
  return [...bizes].map((biz) => ({
    latestStateRecord: biz.records.at(-1),
    name: biz.name,
    state: biz.state.toLowerCase(),
    version: biz.version,
  }));
}

/**
 * The answer to one health question, or undefined where a real base answers nothing (an unknown `type`).
 *
 * @param request `type`, `bizName`, `bizVersion` and `metrics` are honoured
 */
export function healthOf(
  facts: BaseFacts,
  bizes: readonly Biz[],
  upMs: number,
  request: Readonly<Record<string, unknown>>,
): object | undefined {
  const type = request.type ?? '';
  if (type !== '' && type !== 'system' && type !== 'biz' && type !== 'plugin') return undefined;
  const healthData: Record<string, unknown> = {};
  if (type === '' || type === 'system') {
    const metrics = Array.isArray(request.metrics) ? request.metrics : ['cpu', 'jvm'];
    if (metrics.includes('jvm')) healthData.jvm = jvmOf(facts, bizes.length, upMs);
    if (metrics.includes('cpu')) healthData.cpu = cpuOf(facts);
  }
  if (type === 'biz' && typeof request.bizName === 'string') {
    const named = bizes.filter((biz) => biz.name === request.bizName);
    if (named.length === 0) return { code: 'FAILED', message: `can not find biz: ${request.bizName}` };
    healthData.bizInfo = named.map(bizInfoOf)[0];
  } else if (type === '' || type === 'biz') {
    healthData.bizListInfo = [masterOf(facts), ...bizes.map(bizInfoOf)];
  }
  if (type === '') healthData.masterBizInfo = masterOf(facts);
  if (type === '' || type === 'plugin') healthData.pluginListInfo = [pluginInfo];
  return { code: 'SUCCESS', data: { healthData } };
}

/** An answer to one command: name and version are echoed as they came. */
export function operationOf(command: string, echo: Readonly<Record<string, unknown>>, response: Response) {
  return { ...echo, command, response };
}

/** An install that ended well: the whole BizModel, with what the jar's manifest says. */
export function installedResponse(biz: Biz, startedAt: number, endedAt: number): Response {
  const time = new Date(startedAt).toISOString().slice(11, 23).replace('.', ',');
  const message = `Install Biz: ${biz.key} success, cost: ${endedAt - startedAt} ms, started at: ${time}`;
  return { code: 'SUCCESS', data: { bizInfos: [modelOf(biz)], code: 'SUCCESS', elapsedSpace: 458_544, message } };
}

export function failedResponse(failure: JavaFailure): Response {
  return { code: 'FAILED', message: failure.message, data: { code: 'FAILED', message: failure.stackTrace } };
}

export function repeatResponse(key: string): Response {
  const message = `Biz: ${key} has been installed or registered.`;
  return {
    code: 'FAILED',
    message: 'install biz not success!',
    data: { code: 'REPEAT_BIZ', elapsedSpace: 0, message },
  };
}

export function uninstalledResponse(key: string): Response {
  return { code: 'SUCCESS', data: { code: 'SUCCESS', message: `Uninstall biz: ${key} success.` } };
}

export function notFoundResponse(key: string): Response {
  const message = `Uninstall biz: ${key} not found.`;
  return { code: 'FAILED', message: 'uninstall biz not success!', data: { code: 'NOT_FOUND_BIZ', message } };
}

export function masterResponse(): Response {
  const data = { code: 'FAILED', message: 'Master biz must not be uninstalled.' };
  return { code: 'FAILED', message: 'uninstall biz not success!', data };
}

/** Another command holds the lock: neither data nor a code of its own. */
export function conflictResponse(key: string, command: string, running: string): Response {
  const text = `${command} conflict, exist unfinished command(${running}) for this biz`;
  return { code: 'FAILED', message: `FAILED:${key} ${text}` };
}

/** The answer to a baseline, from the responses by URL. */
export function batchResponse(byUrl: ReadonlyMap<string, Response>): Response {
  const isSuccess = [...byUrl.values()].every((response) => response.code === 'SUCCESS');
  // Inside a batch no response tells its elapsedSpace.
  const inner = [...byUrl].map(([url, { data = {} }]) => {
    const { elapsedSpace: _, ...rest } = data;
    return [url, rest] as const;
  });
  const data = {
    bizUrlToResponse: Object.fromEntries(inner),
    code: isSuccess ? 'SUCCESS' : 'FAILED',
    elapsedSpace: 0,
    message: isSuccess ? 'batch install success' : 'batch install failed',
  };
  return isSuccess ? { code: 'SUCCESS', data } : { code: 'FAILED', message: 'install biz not success!', data };
}

/** The base's own biz, as Spring names it. */
export function masterOf(facts: BaseFacts) {
  return { bizName: facts.applicationName, bizState: 'ACTIVATED', bizVersion: '1.0.0', webContextPath: '/' };
}

function bizInfoOf(biz: Biz) {
  return { bizName: biz.name, bizState: biz.state, bizVersion: biz.version, webContextPath: biz.name };
}

function modelOf(biz: Biz) {
  const folder = `/var/lib/sofa-ark/${biz.name}-${biz.version}-unpack`;
  return {
    attributes: {},
    bizName: biz.name,
    bizState: biz.state,
    bizStateRecords: biz.records,
    bizTempWorkDir: folder,
    bizUrl: `file:${folder}/`,
    bizVersion: biz.version,
    classPath: [`file:${folder}/`, `file:${folder}/lib`],
    declaredMode: true,
    denyImportClasses: [],
    denyImportPackageNodes: [],
    denyImportPackageStems: [],
    denyImportPackages: [],
    denyImportResources: [],
    denyPrefixImportResourceStems: [],
    denySuffixImportResourceStems: [],
    identity: biz.key,
    injectExportPackages: [],
    injectPluginDependencies: [],
    mainClass: 'com.example.biz.PlainBiz',
    priority: 100,
    webContextPath: biz.name,
  };
}

const mebibyte = 1024 * 1024;

/** A base at rest has 34 MiB of metaspace, a module of Spring's size about 6 more. */
function jvmOf(facts: BaseFacts, bizCount: number, upMs: number) {
  const used = (34 + 6 * bizCount) * mebibyte;
  return {
    'committed heap memory(M)': 31.0625,
    'committed non heap memory(M)': 46.875,
    'free memory(M)': 11.978500366210938,
    'init heap memory(M)': 32.0,
    'init non heap memory(M)': 2.4375,
    'java committed metaspace': used + mebibyte,
    'java home': '/opt/java',
    'java max metaspace': facts.maxMetaspaceBytes,
    'java used metaspace': used,
    'java version': '17.0.15',
    'loaded class count': 8401 + 460 * bizCount,
    'max heap memory(M)': 123.75,
    'max memory(M)': 123.75,
    'max non heap memory(M)': 288.0,
    'run time(s)': Math.round(upMs) / 1000,
    'total class count': 8403 + 460 * bizCount,
    'total memory(M)': 31.0625,
    'unload class count': 2,
    'used heap memory(M)': 18.876258850097656,
    'used non heap memory(M)': 45.79088592529297 + 6 * bizCount,
  };
}

function cpuOf(facts: BaseFacts) {
  return {
    count: facts.cpuCount,
    'free (%)': 90.40209408856249,
    'system used (%)': 1.5414818585035992,
    'total used (%)': 137530.0,
    type: 'Simulated Processor',
    'user used (%)': 7.860103250199956,
  };
}

const pluginInfo = {
  artifactId: 'koupleless-base-plugin',
  groupId: 'com.alipay.sofa.koupleless',
  pluginActivator: 'com.alipay.sofa.koupleless.plugin.ServerlessRuntimeActivator',
  pluginName: 'koupleless-base-plugin',
  pluginUrl: 'file:/srv/base.jar!/BOOT-INF/lib/koupleless-base-plugin-1.4.2.jar!/',
  pluginVersion: '1.4.2',
};

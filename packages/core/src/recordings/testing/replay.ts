/**
 * Plays what a real base said, and what was asked of it meanwhile, to the core: decode, fold and plan in virtual time, the plan's
 * actions carried out by the scenarios' API server. The base itself says what was recorded and nothing else. Test support.
 */
import { type ArkletCommand, type BaseMessage, type BizKey, bizKeyOf, decode, parseTopic } from '@kouplet/protocol';
import type { Action } from '../../actions.ts';
import { describeBase } from '../../describe.ts';
import { nodeNameOf } from '../../names.ts';
import type { ObservedPod } from '../../observed.ts';
import { seconds } from '../../scenarios/fake-api.ts';
import { actionText, planLines, showWorld } from '../../scenarios/print.ts';
import { World } from '../../scenarios/world.ts';

/** A line of a recording. */
export interface RecordedLine {
  readonly ms: number;
  readonly dir: 'base>' | 'ctl>' | 'note';
  readonly topic?: string;
  readonly retain?: boolean;
  readonly payload?: unknown;
  readonly note?: string;
}

/** How long the world has gone on before the first line, and goes on after the last. */
const beforeMs = 1_000;
const afterMs = 1_000;
/** Numbers of actions that the harness took: apart from those of the world. */
const firstHarnessAction = 1_000_000;

/** @returns the course and the end, a line each, for a golden file */
export function replay(lines: readonly RecordedLine[]): string[] {
  const said = lines.flatMap(({ dir, topic }) => (dir === 'base>' && topic !== undefined ? [parseTopic(topic)] : []));
  const env = said[0]?.origin.env ?? 'dev';
  // The recordings were made at mosquitto: nobody tells of sessions.
  const course = new Course(new World({ env, hasSessions: false }), lines[0]?.ms ?? 0);
  const ids = [...new Set(said.flatMap((one) => (one === undefined ? [] : [one.origin.baseId])))];
  for (const id of ids) course.addBase(id);
  const fresh = ids.filter((id) => said.find((one) => one?.origin.baseId === id)?.channel === 'queryBaseline');
  course.begin(ids.filter((id) => !fresh.includes(id)));
  for (const line of lines) course.play(line);
  return course.end();
}

class Course {
  readonly world: World;
  readonly lines: string[] = [];
  private readonly startedMs: number;
  private seen = 0;
  private serial = firstHarnessAction;
  private readonly announced = new Set<string>();

  constructor(world: World, startedMs: number) {
    this.world = world;
    this.startedMs = startedMs;
  }

  addBase(id: string): void {
    const base = this.world.addBase(id);
    base.isManual = true;
    base.isConnected = true;
  }

  /** Bases that do not start in the recording were on line, and empty, before it. */
  begin(known: readonly string[]): void {
    this.world.start();
    for (const id of known) {
      const base = this.world.baseOf(id);
      this.world.say(base, base.heartbeat());
      this.announced.add(id);
    }
    this.world.advance(beforeMs / 2);
    for (const id of known) this.world.say(this.world.baseOf(id), { kind: 'biz-report', bizes: [] });
    this.world.advance(beforeMs - this.world.mono);
    if (known.length > 0) this.lines.push(`        before: ${known.join(', ')} on line and empty`);
    this.seen = this.world.happenings.length;
    this.tellActions();
  }

  play(line: RecordedLine): void {
    this.advanceTo(line.ms);
    if (line.dir === 'note') this.tell(`note: ${line.note ?? ''}`);
    else if (line.dir === 'base>') this.hear(line);
    else this.obey(line);
    this.tellActions();
  }

  end(): string[] {
    this.world.advance(afterMs);
    this.tellActions();
    const { world } = this;
    const ends = [...world.bases.keys()].flatMap((id) => [
      '',
      `## ${id}`,
      ...stateLines(world, id),
      ...planLines(world.planFor(id), world.mono).filter((line) => !line.startsWith('wakes ')),
    ]);
    return [
      ...this.lines,
      '',
      '## at the end',
      ...showWorld(world).filter((line) => !line.startsWith('base ')),
      ...ends,
    ];
  }

  private advanceTo(ms: number): void {
    const at = Math.max(ms - this.startedMs + beforeMs, this.world.mono);
    // Step by step, so that each action stands where it was taken.
    while (this.world.mono < at) {
      this.world.advance(Math.min(1_000, at - this.world.mono));
      this.tellActions();
    }
  }

  private hear({ topic = '', retain = false, payload }: RecordedLine): void {
    const decoded = decode(topic, bytesOf(payload), { retain });
    if (!decoded.ok) {
      this.tell(`rejected: ${decoded.error.code}: ${decoded.error.detail}`);
      return;
    }
    const { origin, message } = decoded.value;
    if (message.kind !== 'heartbeat' || !this.announced.has(origin.baseId)) {
      this.tell(`${origin.baseId} says ${messageText(message)}`);
    }
    if (message.kind === 'heartbeat') this.announced.add(origin.baseId);
    this.world.foldBase(origin.baseId, { kind: 'message', generation: origin.generation, message });
    this.world.planOne(origin.baseId);
  }

  /** What the harness asked of the base counts as ours: for a Pod of that key, which comes with its first install. */
  private obey({ topic = '', payload }: RecordedLine): void {
    const [, baseId = '', kind = ''] = topic.split('/');
    const body = typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : {};
    const { bizName: name, bizVersion: version, bizUrl: url } = body;
    const isKeyed = typeof name === 'string' && typeof version === 'string' && name !== '' && version !== '';
    const isInstall = kind === 'installBiz' && isKeyed && typeof url === 'string' && url !== '';
    if (isInstall) this.operate(baseId, { kind, name, version, url });
    else if (kind === 'uninstallBiz' && isKeyed) this.operate(baseId, { kind, name, version });
    else if (kind === 'queryAllBiz' || kind === 'health') this.send(baseId, { kind });
    else this.tell(`to ${baseId}, none of ours: ${topic.split('/').slice(2).join('/')} ${excerpt(payload)}`);
    if (this.world.bases.has(baseId)) this.world.planOne(baseId);
  }

  private operate(baseId: string, command: ArkletCommand & { readonly name: string; readonly version: string }): void {
    const key = bizKeyOf(command.name, command.version);
    if (key === undefined) {
      this.tell(`to ${baseId}, of no key of ours: ${command.kind} ${command.name}:${command.version}`);
      return;
    }
    const known = this.podOf(baseId, key);
    const url = command.kind === 'installBiz' ? command.url : (known?.spec.containers[0]?.image ?? '');
    let pod = known;
    if (command.kind === 'installBiz' && pod === undefined) pod = this.putPod(podOf(this.world, baseId, key, url));
    else if (command.kind === 'installBiz' && pod !== undefined) pod = this.putPod(withImage(this.world, pod, url));
    if (command.kind === 'uninstallBiz' && pod !== undefined) pod = this.putPod(deleting(this.world, pod));
    const running = this.world.stateOf(baseId).slots[key]?.operation;
    if (running !== undefined) {
      this.tell(`to ${baseId}, beside our ${running.command} of that key: ${command.kind} ${key}`);
      return;
    }
    const claim = pod && { podUid: pod.metadata.uid, namespace: 'default', podName: pod.metadata.name, url };
    this.send(baseId, command, { bizKey: key, ...(claim === undefined ? {} : { claim }) });
  }

  private send(baseId: string, command: ArkletCommand, more: Partial<Action> & { bizKey?: BizKey } = {}): void {
    const last = command.kind === 'queryAllBiz' ? 'list' : command.kind;
    const key = `base/${baseId}/${more.bizKey === undefined ? last : `biz/${more.bizKey}`}`;
    this.serial += 1;
    const sent = { kind: 'send-command', key, id: this.serial, baseId, generation: 'current', command, ...more };
    const action = sent as Action & { readonly kind: 'send-command' };
    this.tell(`we ${actionText(action)}`);
    this.world.foldBase(baseId, { kind: 'action-started', action });
    this.world.foldBase(baseId, { kind: 'action-ended', action, outcome: { kind: 'done' } });
  }

  private podOf(baseId: string, key: string): ObservedPod | undefined {
    const node = nodeNameOf(baseId as never, this.world.policy.env);
    return [...this.world.api.pods.values()].find(
      ({ spec, metadata }) =>
        spec.nodeName === node && metadata.labels?.key === labelOf(key) && metadata.deletionTimestamp === undefined,
    );
  }

  private putPod(pod: ObservedPod): ObservedPod {
    const change = this.world.api.putPod(pod);
    if (change.to === 'base') this.world.foldBase(baseIdOf(this.world, change.nodeName), change.body);
    return pod;
  }

  private tell(line: string): void {
    this.lines.push(`${((this.world.mono - beforeMs) / 1000).toFixed(1).padStart(6)}  ${line}`);
  }

  /** What the plan has done since: operations, statuses, Events; not what is done on and on. */
  private tellActions(): void {
    for (const happening of this.world.happenings.slice(this.seen)) {
      if (happening.kind !== 'started') continue;
      const { action } = happening;
      const isQuestion = action.kind === 'send-command' && action.bizKey === undefined;
      if (isQuestion || action.kind === 'write-lease') continue;
      this.lines.push(`        ${actionText(action)}`);
    }
    this.seen = this.world.happenings.length;
  }
}

function stateLines(world: World, id: string): string[] {
  const shown = describeBase(world.stateOf(id), world.fleet, world.policy, world.now);
  const modules = Object.entries(
    shown.modules as Record<string, { presence: string; pod?: string; operation?: unknown }>,
  );
  return [
    `${shown.liveness}${shown.isListed === true ? ', listed' : ', not listed'}`,
    ...modules.map(([key, { presence, pod, operation }]) => {
      const open = operation === undefined ? '' : `, open: ${(operation as { command: string }).command}`;
      return `${key} ${presence}, ${pod === undefined ? 'nobody’s' : `of ${pod}`}${open}`;
    }),
  ];
}

export function messageText(message: BaseMessage): string {
  switch (message.kind) {
    case 'heartbeat':
      return `heartbeat ${message.baseName}:${message.baseVersion} at ${message.localIP}`;
    case 'baseline-query':
      return 'baseline query';
    case 'health': {
      const list = message.bizes === undefined ? 'no list' : listText(message.bizes);
      return message.isSuccess
        ? `health: master ${message.masterBizState}, ${list}`
        : `health failed: ${message.message}`;
    }
    case 'biz-report':
      return `list: ${listText(message.bizes)}`;
    case 'operation-result':
      return `${message.command} ${message.key ?? '(no key)'}: ${outcomeText(message.outcome)}`;
    case 'batch-result': {
      const ends = message.results.map(({ url, outcome }) => `${url.split('/').at(-1)} ${outcomeText(outcome)}`);
      return `batch: ${ends.length === 0 ? (message.message ?? 'nothing') : ends.join('; ')}`;
    }
    default:
      return message satisfies never;
  }
}

function outcomeText(outcome: (BaseMessage & { kind: 'operation-result' })['outcome']): string {
  if (outcome.kind === 'accepted') return 'accepted';
  if (outcome.kind !== 'success') return `${outcome.kind}: ${outcome.message}`;
  const made = outcome.installedAs?.map(({ key, state }) => `${key}=${state}`) ?? [];
  return ['success', ...made].join(' ');
}

function listText(bizes: readonly { readonly key: string; readonly state: string }[]): string {
  return `[${bizes.map(({ key, state }) => `${key}=${state}`).join(' ')}]`;
}

function bytesOf(payload: unknown): Uint8Array {
  const raw = typeof payload === 'object' && payload !== null && '__raw__' in payload ? payload.__raw__ : undefined;
  return new TextEncoder().encode(typeof raw === 'string' ? raw : JSON.stringify(payload));
}

function excerpt(payload: unknown): string {
  const text = JSON.stringify(payload) ?? '';
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** A label's value that tells keys apart: names of the recordings may hold anything. */
function labelOf(key: string): string {
  return key.replace(/[^A-Za-z0-9]/g, '-');
}

function podOf(world: World, baseId: string, key: BizKey, url: string): ObservedPod {
  const at = key.lastIndexOf(':');
  const [name, version] = [key.slice(0, at), key.slice(at + 1)];
  const meta = world.api.meta(labelOf(key).toLowerCase(), world.now.wall, 'default');
  return {
    metadata: {
      ...meta,
      generation: 1,
      labels: { 'virtual-kubelet.koupleless.io/component': 'module', key: labelOf(key) },
    },
    spec: {
      nodeName: nodeNameOf(baseId as never, world.policy.env),
      restartPolicy: 'Always',
      containers: [{ name, image: url, env: [{ name: 'BIZ_VERSION', value: version }] }],
    },
    status: { phase: 'Pending' },
  };
}

function withImage(world: World, pod: ObservedPod, image: string): ObservedPod {
  if (pod.spec.containers[0]?.image === image) return pod;
  const containers = pod.spec.containers.map((container) => ({ ...container, image }));
  return { ...pod, metadata: world.api.bumped(pod.metadata), spec: { ...pod.spec, containers } };
}

function deleting(world: World, pod: ObservedPod): ObservedPod {
  const deletionTimestamp = seconds(world.now.wall + 30_000);
  return { ...pod, metadata: { ...world.api.bumped(pod.metadata), deletionTimestamp, deletionGracePeriodSeconds: 30 } };
}

function baseIdOf(world: World, nodeName: string): string {
  return [...world.bases.keys()].find((id) => nodeNameOf(id as never, world.policy.env) === nodeName) ?? nodeName;
}

/** What users and controllers did to the Pods of one base in a journal, as steps of a scenario. Beside `base-course.ts`. */
import { handOverAnnotation } from '../hand-over.ts';
import { controllerOf, isDeleting } from '../module-pod.ts';
import type { ObservedPod } from '../observed.ts';
import { isPaused } from '../pause.ts';
import { type TimedStep, wordOf } from './words.ts';

interface Followed {
  readonly name: string;
  pod: ObservedPod;
  isRemovedByUs: boolean;
}

const moduleLabels = ['virtual-kubelet.koupleless.io/component', 'module-controller.koupleless.io/component'];

export class PodCourse {
  readonly #base: string;
  readonly #beganAt: number;
  readonly #steps: TimedStep[] = [];
  /** By UID. */
  readonly #pods = new Map<string, Followed>();
  readonly #before: string[] = [];

  constructor(base: string, beganAt: number) {
    this.#base = base;
    this.#beganAt = beganAt;
  }

  observed(pod: ObservedPod, at: number): void {
    const known = this.#pods.get(pod.metadata.uid);
    if (known === undefined) {
      this.#appeared(pod, at);
      return;
    }
    const { name, pod: before } = known;
    known.pod = pod;
    for (const container of pod.spec.containers) {
      const was = before.spec.containers.find((one) => one.name === container.name);
      if (was !== undefined && was.image !== container.image) {
        this.#step(at, `image ${name} ${container.name} ${wordOf(container.image ?? '')}`);
      }
    }
    if (isPaused(before) !== isPaused(pod)) this.#step(at, `${isPaused(pod) ? 'pause' : 'resume'} pod ${name}`);
    for (const { conditionType } of pod.spec.readinessGates ?? []) {
      const isOpen = ({ status }: ObservedPod) =>
        status.conditions?.some(({ type, status: value }) => type === conditionType && value === 'True') ?? false;
      if (!isOpen(before) && isOpen(pod)) this.#step(at, `gate ${name} ${conditionType}`);
    }
    if (!isDeleting(before) && isDeleting(pod)) this.#step(at, this.#deletionOf(name, pod));
  }

  /** Of its own accord where we did not confirm its deletion. */
  gone(uid: string, at: number): void {
    const known = this.#pods.get(uid);
    if (known === undefined) return;
    this.#pods.delete(uid);
    if (!known.isRemovedByUs) this.#step(at, `delete-pod ${known.name} force`);
    else if ((known.pod.metadata.finalizers?.length ?? 0) > 0) this.#step(at, `drop-finalizers ${known.name}`);
  }

  removedByUs(uid: string): void {
    const known = this.#pods.get(uid);
    if (known !== undefined) known.isRemovedByUs = true;
  }

  /** Pods that were there where the journal begins. */
  before(): readonly string[] {
    return this.#before;
  }

  /** @param isOld what was there before is lived through already */
  steps(isOld: boolean): readonly TimedStep[] {
    if (isOld) return this.#steps;
    return [...this.#before.map((text) => ({ at: this.#beganAt, text })), ...this.#steps];
  }

  #step(at: number, text: string): void {
    this.#steps.push({ at: Math.max(at, this.#beganAt), text });
  }

  #appeared(pod: ObservedPod, at: number): void {
    const taken = new Set([...this.#pods.values()].map(({ name }) => name));
    let name = pod.metadata.name;
    for (let serial = 2; taken.has(name); serial += 1) name = `${pod.metadata.name}-${serial}`;
    this.#pods.set(pod.metadata.uid, { name, pod, isRemovedByUs: false });
    const text = this.#podLine(name, pod);
    if (at <= this.#beganAt) this.#before.push(text);
    else this.#step(at, text);
    if (isPaused(pod)) this.#step(at, `pause pod ${name}`);
    if (isDeleting(pod)) this.#step(at, this.#deletionOf(name, pod));
  }

  #deletionOf(name: string, { metadata }: ObservedPod): string {
    return `delete-pod ${name}${metadata.deletionGracePeriodSeconds === 0 ? ' force' : ''}`;
  }

  #podLine(name: string, pod: ObservedPod): string {
    const { spec, metadata } = pod;
    const versions = spec.containers.map((container) => ({
      name: container.name,
      entry: container.env?.find((one) => one.name === 'BIZ_VERSION'),
    }));
    const keys = versions.map((one) => (one.entry === undefined ? one.name : `${one.name}:${one.entry.value ?? '1'}`));
    const urls = new Set(spec.containers.map(({ image }) => image ?? ''));
    const [url = ''] = urls;
    const owner = controllerOf(pod);
    const hash = metadata.labels?.['pod-template-hash'] ?? metadata.labels?.['controller-revision-hash'];
    const gate = spec.readinessGates?.[0]?.conditionType;
    const init = spec.initContainers?.[0]?.name;
    const finalizer = metadata.finalizers?.[0];
    const handOver = metadata.annotations?.[handOverAnnotation];
    const isFromElsewhere = spec.containers.some(
      ({ env = [], hasEnvFrom }) =>
        env.some((entry) => entry.name === 'BIZ_VERSION') &&
        (hasEnvFrom === true || env.some((entry) => entry.name !== 'BIZ_VERSION' && entry.hasValueFrom === true)),
    );
    return [
      `pod ${name} base=${this.#base} biz=${keys.join(',')}`,
      // The jitter of its retries is a hash of it.
      `uid=${wordOf(metadata.uid)}`,
      // One for all of its containers; where they differ, each has the language's own.
      ...(urls.size === 1 && url !== '' ? [`url=${wordOf(url)}`] : []),
      ...(spec.restartPolicy === 'Always' ? [] : [`restart=${spec.restartPolicy}`]),
      ...(owner === undefined ? [] : [`owner=${owner.kind}/${owner.name}`, `owner-uid=${owner.uid}`]),
      ...(hash === undefined ? [] : [`hash=${wordOf(hash)}`]),
      ...(gate === undefined ? [] : [`gate=${gate}`]),
      ...(init === undefined ? [] : [`init=${init}`]),
      ...(finalizer === undefined ? [] : [`finalizer=${finalizer}`]),
      // Not what is handed over, which no journal has, but whether it can be.
      ...(handOver === undefined ? [] : [`hand-over=${wordOf(handOver)}`]),
      ...(handOver !== undefined && isFromElsewhere ? ['env-from'] : []),
      ...(moduleLabels.some((label) => metadata.labels?.[label] === 'module') ? [] : ['no-label']),
      ...(versions.some(({ entry }) => entry?.hasValueFrom === true) ? ['value-from'] : []),
    ].join(' ');
  }
}

/**
 * Kinds that are kept and shown but that nobody here acts on. Whoever makes one waits for something that never comes, so
 * an Event on it says so: `kubectl describe` and `kubectl events --for` show it.
 */
import type { KubeObject } from '../kinds/kind.ts';
import { parseTime } from './machinery/instants.ts';
import type { Controller, ControllerContext } from './options.ts';

const component = 'embedded-cluster';
/** What is older was told of when it was made, maybe by an earlier life of this process. */
const freshMs = 10_000;

const unattended: Readonly<Record<string, string>> = {
  'jobs.batch': 'Jobs are kept and not run: no Pod will be made of this one',
  'cronjobs.batch': 'CronJobs are kept and not run: no Job will be made of this one',
  replicationcontrollers: 'ReplicationControllers are kept and not run: no Pod will be made of this one',
  'horizontalpodautoscalers.autoscaling':
    'HorizontalPodAutoscalers are kept and not run: nothing will be scaled by this one',
};

/** Whether a real cluster's controllers would leave it alone, too. */
function isLeftAlone({ kind, spec }: KubeObject): boolean {
  switch (kind) {
    case 'Job':
      return (
        spec?.suspend === true || (spec?.managedBy ?? 'kubernetes.io/job-controller') !== 'kubernetes.io/job-controller'
      );
    case 'CronJob':
      return spec?.suspend === true;
    case 'ReplicationController':
      return spec?.replicas === 0;
    default:
      return false;
  }
}

/** [SPEC C114] */
export function startUnattended(context: ControllerContext): Controller {
  const recorder = context.recorder(component);
  const tell = (object: KubeObject, message: string): void => {
    const madeAt = parseTime(object.metadata.creationTimestamp) ?? 0;
    if (context.clock.now() - madeAt > freshMs || isLeftAlone(object)) return;
    recorder.record(object, { type: 'Warning', reason: 'Unattended', message: `In this embedded cluster ${message}.` });
  };
  const endings = Object.entries(unattended).map(([resource, message]) =>
    context.index(resource).onChange((after, before) => {
      if (after !== undefined && before === undefined) tell(after, message);
    }),
  );
  return {
    stop() {
      for (const end of endings) end();
    },
  };
}

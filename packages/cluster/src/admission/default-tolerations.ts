/** DefaultTolerationSeconds: a pod bears a node that is not ready or not reachable for five minutes. */
import { ensure } from '../kinds/define-kind.ts';
import { listOf } from '../kinds/json.ts';
import type { AdmissionPlugin } from './plugin.ts';

/** What a real API server takes without flags. */
const defaultSeconds = 300;
const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/**
 * @param seconds how long, e.g. shorter in tests of eviction
 * @returns the plugin; it acts on pods, never on templates, and leaves alone what tolerates the taint already. [SPEC C63]
 */
export function defaultTolerationSeconds(seconds: number = defaultSeconds): AdmissionPlugin {
  return {
    name: 'DefaultTolerationSeconds',
    admit: ({ operation, resource, subresource, draft }) => {
      if (resource !== 'pods' || subresource !== undefined || draft === undefined) return;
      if (operation !== 'CREATE' && operation !== 'UPDATE') return;
      const spec = ensure(draft, 'spec');
      const given = listOf(spec.tolerations);
      const added = keys
        .filter((key) => !given.some((toleration) => tolerates(toleration, key)))
        .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds }));
      if (added.length > 0) spec.tolerations = [...given, ...added];
    },
  };
}

function tolerates({ key, effect }: Record<string, unknown>, wanted: string): boolean {
  return (!key || key === wanted) && (!effect || effect === 'NoExecute');
}

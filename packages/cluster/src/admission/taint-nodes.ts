/** TaintNodesByCondition: a new Node takes no pods until the node controller has seen that it is ready. */
import { ensure } from '../kinds/define-kind.ts';
import { listOf } from '../kinds/json.ts';
import type { AdmissionPlugin } from './plugin.ts';

const key = 'node.kubernetes.io/not-ready';
const effect = 'NoSchedule';

/** [SPEC C64] */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  admit: ({ operation, resource, subresource, draft }) => {
    if (operation !== 'CREATE' || resource !== 'nodes' || subresource !== undefined || draft === undefined) return;
    const spec = ensure(draft, 'spec');
    const taints = listOf(spec.taints);
    if (taints.some((taint) => taint.key === key && taint.effect === effect)) return;
    spec.taints = [...taints, { key, effect }];
  },
};

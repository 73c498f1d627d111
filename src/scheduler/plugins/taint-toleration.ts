/** Taints keep pods away, or make nodes less wanted. Upstream: plugins/tainttoleration/taint_toleration.go */
import type { Node, Toleration } from '../../api/core-v1.ts';
import { normalizeToMax, type Plugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { findUntolerated, tolerates } from './tolerations.ts';

const NAME = 'TaintToleration';
const HARD = ['NoSchedule', 'NoExecute'];
const UNTOLERATED = unresolvable('node(s) had untolerated taint(s)');

export const taintToleration: Plugin = {
  name: NAME,
  events: [
    { event: 'NodeAdd', hint: (pod, _old, node) => fits(pod.spec?.tolerations, node as Node) },
    { event: 'NodeUpdateTaint', hint: (pod, _old, node) => fits(pod.spec?.tolerations, node as Node) },
    { event: 'PodUpdate' },
  ],
  filter: (_state, { pod }, { node }) => (fits(pod.spec?.tolerations, node) ? undefined : UNTOLERATED),
  preScore(state, { pod }) {
    state.set(
      NAME,
      (pod.spec?.tolerations ?? []).filter((t) => !t.effect || t.effect === 'PreferNoSchedule'),
    );
    return undefined;
  },
  score(state, _pod, { node }) {
    const soft = state.get(NAME) as Toleration[];
    const taints = (node?.spec?.taints ?? []).filter((t) => t.effect === 'PreferNoSchedule');
    return taints.filter((taint) => !soft.some((t) => tolerates(t, taint))).length;
  },
  normalize: (_state, _pod, scores) => normalizeToMax(scores, true),
};

function fits(tolerations: readonly Toleration[] | undefined, node: Node | undefined): boolean {
  return findUntolerated(node?.spec?.taints, tolerations, HARD) === undefined;
}

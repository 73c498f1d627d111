/** nodeSelector and node affinity: required terms filter, preferred terms score. Upstream: plugins/nodeaffinity/node_affinity.go */
import type { Node } from '../../api/core-v1.ts';
import { matchesNode, matchesTerm } from '../../machinery/pods/node-selector.ts';
import { normalizeToMax, type Plugin } from '../framework/plugin.ts';
import { SKIP, unresolvable } from '../framework/status.ts';
import { namedNodes } from './node-selector.ts';

const MISMATCH = unresolvable("node(s) didn't match Pod's node affinity/selector");

export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  events: [
    { event: 'NodeAdd', hint: (pod, _old, node) => matchesNode(pod, node as Node) },
    {
      event: 'NodeUpdateLabel',
      hint: (pod, old, node) => matchesNode(pod, node as Node) && !matchesNode(pod, old as Node),
    },
  ],
  preFilter(_state, { pod }) {
    const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (required === undefined && pod.spec?.nodeSelector === undefined) return { status: SKIP };
    const nodeNames = namedNodes(pod);
    if (nodeNames === undefined) return undefined;
    return nodeNames.size === 0 ? { status: unresolvable('pod affinity terms conflict') } : { nodeNames };
  },
  filter: (_state, { pod }, { node }) => (node !== undefined && matchesNode(pod, node) ? undefined : MISMATCH),
  preScore: (_state, { pod }) =>
    (pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).length === 0
      ? SKIP
      : undefined,
  score(_state, { pod }, { node }) {
    let score = 0;
    for (const term of pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (node !== undefined && matchesTerm(term.preference, node)) score += term.weight;
    }
    return score;
  },
  normalize: (_state, _pod, scores) => normalizeToMax(scores, false),
};

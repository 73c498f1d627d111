/** Favours nodes whose cpu and memory fill up evenly. Upstream: plugins/noderesources/balanced_allocation.go */
import { MAX_NODE_SCORE, type Plugin } from '../framework/plugin.ts';
import { SKIP } from '../framework/status.ts';

export const nodeResourcesBalancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  // A pod without requests leaves every node as balanced as it was.
  preScore: (_state, pod) => (pod.requests.cpu || pod.requests.memory ? undefined : SKIP),
  score(_state, pod, node) {
    const fractions = [
      share(pod.requests.cpu, node.requested.cpu, node.allocatable.cpu),
      share(pod.requests.memory, node.requested.memory, node.allocatable.memory),
    ];
    const known = fractions.filter((f) => f !== undefined);
    const spread = known.length === 2 ? Math.abs(known[0]! - known[1]!) / 2 : 0;
    return Math.trunc((1 - spread) * MAX_NODE_SCORE);
  },
};

function share(want = 0, requested = 0, allocatable = 0): number | undefined {
  return allocatable === 0 ? undefined : Math.min((requested + want) / allocatable, 1);
}

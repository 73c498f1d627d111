/** Keeps gated pods out of the queue. Upstream: plugins/schedulinggates/scheduling_gates.go */
import type { Plugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';

export const schedulingGates: Plugin = {
  name: 'SchedulingGates',
  events: [{ event: 'PodUpdate' }],
  preEnqueue(pod) {
    const gates = pod.spec?.schedulingGates ?? [];
    return gates.length === 0
      ? undefined
      : unresolvable(`waiting for scheduling gates: [${gates.map((g) => g.name).join(' ')}]`);
  },
};

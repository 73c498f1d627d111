/** Host ports are free on the node. Upstream: plugins/nodeports/node_ports.go */
import type { Pod } from '../../api/core-v1.ts';
import { podInfo } from '../framework/node-info.ts';
import type { Plugin } from '../framework/plugin.ts';
import { SKIP, unschedulable } from '../framework/status.ts';

const TAKEN = unschedulable("node(s) didn't have free ports for the requested pod ports");

export const nodePorts: Plugin = {
  name: 'NodePorts',
  events: [
    { event: 'NodeAdd' },
    { event: 'AssignedPodDelete', hint: (_pod, deleted) => podInfo(deleted as Pod).hostPorts.length > 0 },
  ],
  preFilter: (_state, pod) => (pod.hostPorts.length === 0 ? { status: SKIP } : undefined),
  filter: (_state, pod, node) => (pod.hostPorts.some((p) => node.hasPortConflict(p)) ? TAKEN : undefined),
};

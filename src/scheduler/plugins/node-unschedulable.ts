/** Cordoned nodes take only pods that tolerate it. Upstream: plugins/nodeunschedulable/node_unschedulable.go */
import type { Node } from '../../api/core-v1.ts';
import type { Plugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';
import { tolerates } from './tolerations.ts';

const UNSCHEDULABLE_TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const UNSCHEDULABLE = unresolvable('node(s) were unschedulable');

export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  events: [
    { event: 'NodeAdd' },
    { event: 'NodeUpdateSpec', hint: (_pod, _old, node) => !(node as Node).spec?.unschedulable },
    { event: 'NodeUpdateTaint', hint: (_pod, _old, node) => !(node as Node).spec?.unschedulable },
  ],
  filter(_state, { pod }, { node }) {
    if (!node?.spec?.unschedulable) return undefined;
    return pod.spec?.tolerations?.some((t) => tolerates(t, UNSCHEDULABLE_TAINT)) ? undefined : UNSCHEDULABLE;
  },
};

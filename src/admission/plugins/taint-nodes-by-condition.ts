/**
 * TaintNodesByCondition: a new node is tainted not-ready until its controller has seen it ready. Upstream: plugin/pkg/admission/nodetaint
 */
import type { Node } from '../../api/core-v1.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { isFor } from '../refuse.ts';

const TAINT = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

export function taintNodesByCondition(): AdmissionPlugin {
  return {
    name: 'TaintNodesByCondition',
    resources: ['nodes'],
    handles: (operation) => operation === 'CREATE',
    admit(a) {
      if (!isFor(a, '', 'nodes') || a.object === undefined) return;
      const node = a.object as Node;
      const taints = node.spec?.taints ?? [];
      if (taints.some((t) => t.key === TAINT.key && t.effect === TAINT.effect)) return;
      node.spec = { ...node.spec, taints: [...taints, { ...TAINT }] };
    },
  };
}

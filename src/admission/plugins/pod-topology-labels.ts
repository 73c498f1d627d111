/**
 * PodTopologyLabels: a pod carries the zone and region of the node it is bound to. On a Binding they are set as its labels, which binding
 * copies to the pod. Upstream: plugin/pkg/admission/podtopologylabels
 */

import type { Binding, Node, Pod } from '../../api/core-v1.ts';
import { type Awaitable, when } from '../../base/when.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { AdmissionPlugin } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { isFor } from '../refuse.ts';

const LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

export function podTopologyLabels(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    resources: ['pods'],
    handles: (operation) => operation === 'CREATE',
    admit(a) {
      if (a.object === undefined) return;
      if (isFor(a, '', 'pods')) return label(data, a.object, (a.object as Pod).spec?.nodeName);
      if (!isFor(a, '', 'pods', 'binding')) return;
      const { target } = a.object as Binding;
      if (target?.kind === 'Node') return label(data, a.object, target.name);
    },
  };
}

/** A node that is not there has no labels. */
function label(data: AdmissionData, object: KubeObject, nodeName: string | undefined): Awaitable<void> {
  if (!nodeName) return;
  return when(data.get<Node>({ group: '', resource: 'nodes' }, '', nodeName), (node) => copyLabels(object, node));
}

function copyLabels(object: KubeObject, node: Node | undefined): void {
  const found = Object.entries(node?.metadata.labels ?? {}).filter(([key]) => LABELS.includes(key));
  if (found.length > 0)
    object.metadata = { ...object.metadata, labels: { ...object.metadata?.labels, ...Object.fromEntries(found) } };
}

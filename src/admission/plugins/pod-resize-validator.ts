/** PodResizeValidator: a running pod is not resized beyond what its node has, nor on nodes that cannot. Upstream: plugin/pkg/admission/podresize */
import type { Node, Pod } from '../../api/core-v1.ts';
import { when } from '../../base/when.ts';
import {
  cmpQuantity,
  parseQuantity,
  quantityMilliValue,
  quantityValue,
  ZERO,
} from '../../machinery/quantity/quantity.ts';
import { podTotal } from '../../machinery/quota/quantities.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { isFor, refuse } from '../refuse.ts';

export function podResizeValidator(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'PodResizeValidator',
    resources: ['pods'],
    handles: (operation) => operation === 'UPDATE',
    validate(a) {
      if (!isFor(a, '', 'pods', 'resize') || a.object === undefined) return;
      const pod = a.object as Pod;
      const nodeName = pod.spec?.nodeName;
      if (!nodeName || pod.metadata.generation === a.oldObject?.metadata.generation) return;
      return when(data.get<Node>({ group: '', resource: 'nodes' }, '', nodeName), (node) =>
        check(a, pod, nodeName, node),
      );
    },
  };
}

function check(a: Attributes, pod: Pod, nodeName: string, node: Node | undefined): void {
  if (node === undefined) throw refuse(a, `node ${JSON.stringify(nodeName)} not found`);
  const os = node.metadata.labels?.['kubernetes.io/os'] ?? 'linux';
  if (os !== 'linux')
    throw refuseFor(
      a,
      `pod resize is only supported on linux nodes, node ${JSON.stringify(nodeName)} is ${JSON.stringify(os)}`,
      'UnsupportedPlatform',
    );
  const lacking = lackingResources(pod, node);
  if (lacking.length > 0)
    throw refuseFor(a, `node didn't have enough allocatable resources: ${lacking.join('; ')}`, 'NodeCapacity');
}

function lackingResources(pod: Pod, node: Node): string[] {
  const requests = podTotal(pod.spec!, 'requests', { overhead: true });
  return (['cpu', 'memory'] as const).flatMap((name) => {
    const requested = requests[name] ?? ZERO;
    const allocatable = parseQuantity(node.status?.allocatable?.[name] ?? '0');
    const value = name === 'cpu' ? quantityMilliValue : quantityValue;
    return cmpQuantity(requested, allocatable) > 0
      ? [`${name}, requested: ${value(requested)}, allocatable: ${value(allocatable)}`]
      : [];
  });
}

function refuseFor(a: Attributes, why: string, reason: string) {
  const error = refuse(a, why);
  error.status.details!.causes = [{ reason }];
  return error;
}

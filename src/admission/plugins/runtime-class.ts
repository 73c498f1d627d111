/** RuntimeClass: a pod takes over its class's overhead and scheduling. Upstream: plugin/pkg/admission/runtimeclass */

import { isDeepStrictEqual } from 'node:util';
import type { Pod, PodSpec, Toleration } from '../../api/core-v1.ts';
import type { RuntimeClass } from '../../api/node-v1.ts';
import { type Awaitable, when } from '../../base/when.ts';
import { isEqual, parseQuantities } from '../../machinery/quota/quantities.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { isFor, refuse } from '../refuse.ts';

const MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

export function runtimeClass(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'RuntimeClass',
    resources: ['pods'],
    handles: (operation) => operation === 'CREATE',
    admit(a) {
      if (!isFor(a, '', 'pods') || a.object === undefined) return;
      const spec = (a.object as Pod).spec!;
      return when(find(data, a, spec.runtimeClassName), (found) => fill(a, spec, found));
    },
    validate(a) {
      if (!isFor(a, '', 'pods') || a.object === undefined) return;
      const spec = (a.object as Pod).spec!;
      return when(find(data, a, spec.runtimeClassName), (found) => check(a, spec, found));
    },
  };
}

function fill(a: Attributes, spec: PodSpec, found: RuntimeClass | undefined): void {
  const fixed = found?.overhead?.podFixed;
  if (found?.overhead) {
    if (Object.keys(spec.overhead ?? {}).length > 0 && !isEqual(parseQuantities(spec.overhead), parseQuantities(fixed)))
      throw refuse(a, MISMATCH);
    if (fixed) spec.overhead = { ...fixed };
  }
  const scheduling = found?.scheduling;
  if (!scheduling) return;
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value)
      throw refuse(
        a,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  if (scheduling.tolerations?.length)
    spec.tolerations = merge(spec.tolerations ?? [], structuredClone(scheduling.tolerations));
}

function check(a: Attributes, spec: PodSpec, found: RuntimeClass | undefined): void {
  if (!found?.overhead) {
    if (spec.overhead !== undefined)
      throw refuse(a, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
  } else if (!isEqual(parseQuantities(spec.overhead), parseQuantities(found.overhead.podFixed)))
    throw refuse(a, MISMATCH);
}

function find(data: AdmissionData, a: Attributes, name: string | undefined): Awaitable<RuntimeClass | undefined> {
  return name ? read(data, a, name) : undefined;
}

async function read(data: AdmissionData, a: Attributes, name: string): Promise<RuntimeClass> {
  const resource = { group: 'node.k8s.io', resource: 'runtimeclasses' };
  const found =
    (await data.get<RuntimeClass>(resource, '', name)) ?? (await data.getLive<RuntimeClass>(resource, '', name));
  if (found === undefined) throw refuse(a, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found;
}

/** The pod's tolerations and those of the class it has not got. */
function merge(own: readonly Toleration[], more: readonly Toleration[]): Toleration[] {
  return [...own, ...more.filter((t) => !own.some((o) => isDeepStrictEqual(o, t)))];
}

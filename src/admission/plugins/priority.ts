/**
 * Priority: turns a pod's priorityClassName into its priority and preemption policy, and keeps the default class single.
 * Upstream: plugin/pkg/admission/priority
 */

import type { Pod, PodSpec } from '../../api/core-v1.ts';
import type { PriorityClass } from '../../api/scheduling-v1.ts';
import { type Awaitable, when } from '../../base/when.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { isFor, refuse } from '../refuse.ts';

const CLASSES = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };

export function priority(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'Priority',
    resources: ['pods', 'priorityclasses.scheduling.k8s.io'],
    handles: (operation) => operation !== 'CONNECT',
    admit(a) {
      if (!isFor(a, '', 'pods') || a.object === undefined) return;
      if (a.operation === 'CREATE') return admitPod(data, a, a.object as Pod);
      if (a.operation === 'UPDATE') keep(a.object as Pod, a.oldObject as Pod);
    },
    validate(a) {
      if (!isFor(a, CLASSES.group, CLASSES.resource) || (a.operation !== 'CREATE' && a.operation !== 'UPDATE')) return;
      const object = a.object as PriorityClass;
      if (!object.globalDefault) return;
      return when(defaultClass(data), (other) => {
        if (other === undefined || (a.operation === 'UPDATE' && other.metadata.name === object.metadata.name)) return;
        throw refuse(
          a,
          `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
        );
      });
    },
  };
}

/** Old clients do not send what this plugin set. */
function keep(pod: Pod, old: Pod): void {
  if (pod.spec === undefined || old.spec === undefined) return;
  if (pod.spec.priority === undefined && old.spec.priority !== undefined) pod.spec.priority = old.spec.priority;
  if (pod.spec.preemptionPolicy === undefined && old.spec.preemptionPolicy !== undefined)
    pod.spec.preemptionPolicy = old.spec.preemptionPolicy;
}

function admitPod(data: AdmissionData, a: Attributes, pod: Pod): Awaitable<void> {
  const spec = pod.spec!;
  const name = spec.priorityClassName;
  return when(name ? resolve(data, a, name) : defaultClass(data), (found) => setPriority(a, spec, found));
}

function setPriority(a: Attributes, spec: PodSpec, found: PriorityClass | undefined): void {
  const value = found?.value ?? 0;
  const policy = found === undefined ? 'PreemptLowerPriority' : found.preemptionPolicy;
  if (spec.priority !== undefined && spec.priority !== null && spec.priority !== value)
    throw refuse(
      a,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  if (found?.metadata.name) spec.priorityClassName = found.metadata.name;
  spec.priority = value;
  if (policy === undefined) return;
  if (spec.preemptionPolicy && spec.preemptionPolicy !== policy)
    throw refuse(
      a,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  spec.preemptionPolicy = policy;
}

async function resolve(data: AdmissionData, a: Attributes, name: string): Promise<PriorityClass> {
  const found = await data.get<PriorityClass>(CLASSES, '', name);
  if (found === undefined) throw refuse(a, `no PriorityClass with name ${name} was found`);
  return found;
}

/** The default class; of several (a race) the lowest. */
function defaultClass(data: AdmissionData): Awaitable<PriorityClass | undefined> {
  return when(data.list<PriorityClass>(CLASSES, ''), (classes) => {
    let best: PriorityClass | undefined;
    for (const c of classes)
      if (c.globalDefault && (best === undefined || (c.value ?? 0) < (best.value ?? 0))) best = c;
    return best;
  });
}

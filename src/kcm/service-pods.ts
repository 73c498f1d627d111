/**
 * Which pods stand behind a Service, on which ports, and which Services a change of a pod concerns. Used by both
 * endpoints controllers. Pure. Upstream: k8s.io/endpointslice/util/controller_utils.go, utils.go
 */
import type { Pod, Service, ServicePort } from '../api/core-v1.ts';
import type { Lister } from '../client/indexer.ts';
import { keyOf } from '../client/indexer.ts';
import { formatTime } from '../machinery/meta/time.ts';
import { isPodReady, isPodTerminal, podCondition } from './pods.ts';
import { hasLabels } from './selectors.ts';
import { semanticEqual } from './semantic-equal.ts';

/** Gives up on a Service after so many failures in a row, until it changes. */
export const MAX_RETRIES = 15;

export function shouldPodBeInEndpoints(pod: Pod, includeTerminating: boolean): boolean {
  if (isPodTerminal(pod)) return false;
  if (!pod.status?.podIP && !pod.status?.podIPs?.length) return false;
  return includeTerminating || pod.metadata.deletionTimestamp === undefined;
}

export function podIPs(pod: Pod): string[] {
  const ips = (pod.status?.podIPs ?? []).map((p) => p.ip).filter((ip) => !!ip);
  return ips.length > 0 ? ips : pod.status?.podIP ? [pod.status.podIP] : [];
}

export function shouldSetHostname(pod: Pod, service: Service): boolean {
  return (
    !!pod.spec?.hostname &&
    pod.spec.subdomain === service.metadata.name &&
    service.metadata.namespace === pod.metadata.namespace
  );
}

export function isServiceIPSet(service: Service): boolean {
  return !!service.spec?.clusterIP && service.spec.clusterIP !== 'None';
}

/** The pod's port a Service port leads to; undefined when the pod names no such port. */
export function findPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target;
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    const found = container.ports?.find((p) => p.name === target && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'));
    if (found) return found.containerPort;
  }
  return undefined;
}

export function podsOf(service: Service, pods: Lister<Pod>): Pod[] {
  const { selector } = service.spec ?? {};
  return pods.list(service.metadata.namespace).filter((p) => hasLabels(selector, p.metadata.labels));
}

/** Keys of the Services whose endpoints the change from `old` to `pod` touches (either may be absent). */
export function servicesOfPodChange(
  services: Lister<Service>,
  old: Pod | undefined,
  pod: Pod | undefined,
): Set<string> {
  const some = (pod ?? old)!;
  if (!old || !pod) return servicesOf(services, some);
  const relabelled =
    !semanticEqual(old.metadata.labels, pod.metadata.labels) ||
    old.spec?.hostname !== pod.spec?.hostname ||
    old.spec?.subdomain !== pod.spec?.subdomain;
  const changed =
    old.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp ||
    isPodReady(old) !== isPodReady(pod) ||
    isPodTerminal(old) !== isPodTerminal(pod) ||
    !semanticEqual(podIPs(old), podIPs(pod));
  if (!changed && !relabelled) return new Set();
  if (!relabelled) return servicesOf(services, pod);
  const before = servicesOf(services, old);
  const now = servicesOf(services, pod);
  // A new hostname concerns all Services that select the pod, new labels alone only those it joins or leaves.
  const renamed = old.spec?.hostname !== pod.spec?.hostname || old.spec?.subdomain !== pod.spec?.subdomain;
  return changed || renamed ? before.union(now) : before.symmetricDifference(now);
}

function servicesOf(services: Lister<Service>, pod: Pod): Set<string> {
  const keys = new Set<string>();
  for (const s of services.list(pod.metadata.namespace)) {
    if (s.spec?.selector && hasLabels(s.spec.selector, pod.metadata.labels)) keys.add(keyOf(s));
  }
  return keys;
}

/** When the change that endpoints are written for happened, for programming-latency metrics. Upstream: trigger_time_tracker.go */
export class TriggerTimeTracker {
  readonly #services = new Map<string, { service: number; pods: Map<string, number> }>();

  /** The annotation's value; undefined when nothing new triggered this sync. */
  compute(service: Service, pods: readonly Pod[]): string | undefined {
    const key = keyOf(service);
    const state = this.#services.get(key);
    const podTimes = new Map<string, number>();
    let earliest: number | undefined;
    const consider = (time: number, last: number | undefined) => {
      if (time > (last ?? 0) && (earliest === undefined || time < earliest)) earliest = time;
    };
    for (const pod of pods) {
      const time = Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
      if (Number.isNaN(time)) continue;
      podTimes.set(pod.metadata.name!, time);
      consider(time, state?.pods.get(pod.metadata.name!));
    }
    const created = Date.parse(service.metadata.creationTimestamp ?? '') || 0;
    consider(created, state?.service);
    this.#services.set(key, { service: created, pods: podTimes });
    const time = state ? earliest : created || undefined;
    return time === undefined ? undefined : formatTime(time);
  }
  forget(key: string): void {
    this.#services.delete(key);
  }
}

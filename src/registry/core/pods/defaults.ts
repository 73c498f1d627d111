/**
 * Defaults of pods and of every kind that holds a pod template. In place, idempotent; also brings quantities into their
 * canonical text and writes the structs that upstream's encoder never leaves out (`resources: {}`). Where a default follows from
 * another field, what it is put into is made anew: it may be shared with the stored object.
 * Upstream: pkg/apis/core/v1/defaults.go, zz_generated.defaults.go, conversion.go
 */
import type {
  Container,
  ContainerPort,
  EphemeralContainer,
  Lifecycle,
  Pod,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
  Probe,
  Volume,
  VolumeProjection,
} from '../../../api/core-v1.ts';
import { isHugePages, isOvercommitAllowed, isPodLevelResource } from '../../validation/resource-names.ts';
import { defaultClaimSpec } from '../persistentvolumeclaims/defaults.ts';
import { canonical, defaultResourceList, defaultResources, type Quantities } from '../resource-defaults.ts';
import { aggregateContainers } from './aggregate-resources.ts';
import { imageTag } from './image-name.ts';

function defaultDivisor(field: { divisor?: string }): void {
  const divisor = canonical(field.divisor ?? '0');
  if (divisor !== field.divisor) field.divisor = divisor;
}

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHTTPGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHTTPGet(action: { path?: string; scheme?: string } | undefined): void {
  if (!action) return;
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

function defaultLifecycle(lifecycle: Lifecycle | undefined): void {
  defaultHTTPGet(lifecycle?.postStart?.httpGet);
  defaultHTTPGet(lifecycle?.preStop?.httpGet);
}

export function defaultContainer(container: Container | EphemeralContainer): void {
  container.imagePullPolicy ||= imageTag(container.image ?? '') === 'latest' ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const env of container.env ?? []) {
    const from = env.valueFrom;
    if (from?.fieldRef) from.fieldRef.apiVersion ||= 'v1';
    if (from?.resourceFieldRef) defaultDivisor(from.resourceFieldRef);
    if (from?.fileKeyRef) from.fileKeyRef.optional ??= false;
  }
  container.resources ??= {};
  defaultResources(container.resources);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultLifecycle(container.lifecycle);
}

type DownwardFiles = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;

function defaultDownwardFiles(items: DownwardFiles | undefined): void {
  for (const item of items ?? []) {
    if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
    if (item.resourceFieldRef) defaultDivisor(item.resourceFieldRef);
  }
}

function defaultProjection(source: VolumeProjection): void {
  if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
  if (source.podCertificate) source.podCertificate.maxExpirationSeconds ??= 86400;
  defaultDownwardFiles(source.downwardAPI?.items);
}

/** Options of volume types that volumes and persistent volumes share. */
export function defaultVolumeSource(source: Omit<Partial<Volume>, 'name'>): void {
  if (source.hostPath) source.hostPath.type ??= '';
  if (source.iscsi) source.iscsi.iscsiInterface ||= 'default';
  if (source.rbd) {
    source.rbd.pool ||= 'rbd';
    source.rbd.user ||= 'admin';
    source.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (source.azureDisk) {
    source.azureDisk.cachingMode ??= 'ReadWrite';
    source.azureDisk.fsType ??= 'ext4';
    source.azureDisk.readOnly ??= false;
    source.azureDisk.kind ??= 'Shared';
  }
  if (source.scaleIO) {
    source.scaleIO.storageMode ||= 'ThinProvisioned';
    source.scaleIO.fsType ||= 'xfs';
  }
}

function defaultVolume(volume: Volume): void {
  let hasSource = false;
  for (const key in volume) {
    if (key === 'name' || (volume as unknown as Record<string, unknown>)[key] == null) continue;
    hasSource = true;
    break;
  }
  if (!hasSource) volume.emptyDir = {};
  const limit = volume.emptyDir?.sizeLimit;
  if (limit !== undefined && canonical(limit) !== limit) volume.emptyDir!.sizeLimit = canonical(limit);
  if (volume.secret) volume.secret.defaultMode ??= 0o644;
  if (volume.configMap) volume.configMap.defaultMode ??= 0o644;
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= 0o644;
    defaultDownwardFiles(volume.downwardAPI.items);
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= 0o644;
    for (const source of volume.projected.sources ?? []) defaultProjection(source);
  }
  if (volume.ephemeral?.volumeClaimTemplate) {
    volume.ephemeral.volumeClaimTemplate.metadata ??= {};
    if (volume.ephemeral.volumeClaimTemplate.spec) defaultClaimSpec(volume.ephemeral.volumeClaimTemplate.spec);
  }
  if (volume.image) {
    volume.image.pullPolicy ||= imageTag(volume.image.reference ?? '') === 'latest' ? 'Always' : 'IfNotPresent';
  }
  defaultVolumeSource(volume);
}

/** What a pod and a template have in common. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.restartPolicy ||= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ||= 'ClusterFirst';
  if (spec.serviceAccountName || spec.serviceAccount) {
    spec.serviceAccountName ||= spec.serviceAccount!;
    if (spec.serviceAccount !== spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
  }
  spec.securityContext ??= {};
  spec.schedulerName ||= 'default-scheduler';
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of spec.initContainers ?? []) defaultContainer(container);
  for (const container of spec.containers ?? []) defaultContainer(container);
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
  defaultResourceList(spec.overhead);
  defaultResources(spec.resources);
}

/** With host networking every container port is a host port. */
function hostPorts(spec: PodSpec, list: 'containers' | 'initContainers'): void {
  const lacks = (port: ContainerPort) => !port.hostPort && Boolean(port.containerPort);
  if (!spec[list]?.some((container) => container.ports?.some(lacks))) return;
  spec[list] = spec[list].map((container) =>
    container.ports?.some(lacks)
      ? { ...container, ports: container.ports.map((port) => (lacks(port) ? withHostPort(port) : port)) }
      : container,
  );
}

/** With the field in its place. */
function withHostPort({ name, hostPort: _, ...rest }: ContainerPort): ContainerPort {
  return { ...(name === undefined ? {} : { name }), hostPort: rest.containerPort, ...rest };
}

export function defaultPodTemplate(template: PodTemplateSpec): void {
  template.metadata ??= {};
  template.spec ??= {} as PodSpec;
  defaultPodSpec(template.spec);
}

function requestsFromLimits(containers: readonly Container[] | undefined): void {
  for (const { resources } of containers ?? []) {
    if (!resources?.limits) continue;
    const requests = { ...resources.requests };
    for (const name in resources.limits) requests[name] ??= resources.limits[name]!;
    if (Object.keys(requests).length > Object.keys(resources.requests ?? {}).length) resources.requests = requests;
  }
}

function defaultPodResources(spec: PodSpec): void {
  const resources = spec.resources;
  if (!resources) return;
  const empty = (list: Quantities | undefined) => !list || Object.keys(list).length === 0;
  if (!empty(resources.limits) || !empty(resources.requests)) {
    const limits = { ...resources.limits };
    for (const [name, amount] of Object.entries(aggregateContainers(spec, 'limits'))) {
      if (isHugePages(name) && resources.requests?.[name] === undefined) limits[name] ??= amount;
    }
    if (Object.keys(limits).length > Object.keys(resources.limits ?? {}).length) resources.limits = limits;
  }
  if (empty(resources.limits)) return;
  const requests = { ...resources.requests };
  for (const [name, amount] of Object.entries(aggregateContainers(spec, 'requests'))) {
    if (isPodLevelResource(name) && isOvercommitAllowed(name)) requests[name] ??= amount;
  }
  for (const name in resources.limits) if (isPodLevelResource(name)) requests[name] ??= resources.limits[name]!;
  if (Object.keys(requests).length > Object.keys(resources.requests ?? {}).length) resources.requests = requests;
}

function defaultStatus(status: PodStatus): void {
  const { podIP, podIPs } = status;
  if (podIP && podIPs?.[0]?.ip !== podIP) status.podIPs = [{ ip: podIP }];
  else if (!podIP && podIPs?.[0]?.ip) status.podIP = podIPs[0].ip;
  for (const condition of status.conditions ?? []) {
    if (condition.lastProbeTime === undefined) condition.lastProbeTime = null as never;
    if (condition.lastTransitionTime === undefined) condition.lastTransitionTime = null as never;
  }
  for (const list of [status.containerStatuses, status.initContainerStatuses, status.ephemeralContainerStatuses]) {
    for (const container of list ?? []) {
      defaultResourceList(container.allocatedResources);
      defaultResources(container.resources);
    }
  }
}

export function defaultPod(pod: Pod): void {
  pod.spec ??= {} as PodSpec;
  const spec = pod.spec;
  defaultPodSpec(spec);
  // Of a pod only: a template keeps what it says.
  if (Number(spec.terminationGracePeriodSeconds) < 0) spec.terminationGracePeriodSeconds = 1;
  requestsFromLimits(spec.containers);
  requestsFromLimits(spec.initContainers);
  defaultPodResources(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) {
    hostPorts(spec, 'containers');
    hostPorts(spec, 'initContainers');
  }
  pod.status ??= {};
  defaultStatus(pod.status);
}

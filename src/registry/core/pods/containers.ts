/**
 * Rules of containers, init containers, sidecars and ephemeral containers.
 * Upstream: pkg/apis/core/validation/validation.go validateContainers, validateInitContainers, validateEphemeralContainers
 */
import type {
  Container,
  ContainerPort,
  ContainerResizePolicy,
  ContainerRestartRule,
  EphemeralContainer,
  PodSpec,
  Volume,
  VolumeDevice,
  VolumeMount,
} from '../../../api/core-v1.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notFoundField,
  notSupported,
  type Path,
  requiredField,
  tooMany,
} from '../../../machinery/validation/field-error.ts';
import { isValidPortName, isValidPortNum } from '../../../machinery/validation/names.ts';
import { dnsLabel, type Errors, invalidEach, oneOf, supported } from '../../validation/values.ts';
import { isSidecar } from './aggregate-resources.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import type { PodValidationOptions } from './options.ts';
import { validateLifecycle, validateProbes } from './probes.ts';
import { validatePullPolicy } from './pull-policy.ts';
import { validateContainerResources } from './resources.ts';
import { validateSecurityContext } from './security-context.ts';
import { validateLocalDescendingPath } from './volume-sources.ts';

/** What containers are checked against. */
export interface ContainerScope {
  spec: PodSpec;
  volumes: ReadonlyMap<string, Volume>;
  claims: ReadonlySet<string>;
  options: PodValidationOptions;
  hostUsers: boolean;
}

export const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

function validatePorts(ports: readonly ContainerPort[] | undefined, path: Path, out: Errors): void {
  const names = new Set<string>();
  ports?.forEach((port, i) => {
    const at = path.index(i);
    if (port.name) {
      const messages = isValidPortName(port.name);
      if (messages.length > 0) invalidEach(messages, at.child('name'), port.name, out);
      else if (names.has(port.name)) out.push(duplicateField(at.child('name'), port.name));
      else names.add(port.name);
    }
    if (!port.containerPort) out.push(requiredField(at.child('containerPort')));
    else invalidEach(isValidPortNum(port.containerPort), at.child('containerPort'), port.containerPort, out);
    if (port.hostPort) invalidEach(isValidPortNum(port.hostPort), at.child('hostPort'), port.hostPort, out);
    oneOf(port.protocol, PROTOCOLS, at.child('protocol'), out);
  });
}

/** No two containers take the same port of the host. */
function validateHostPorts(containers: readonly Container[], path: Path, out: Errors): void {
  const taken = new Set<string>();
  containers.forEach((container, c) => {
    container.ports?.forEach((port, i) => {
      if (!port.hostPort) return;
      const key = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(key)) out.push(duplicateField(path.index(c).child('ports').index(i).child('hostPort'), key));
      else taken.add(key);
    });
  });
}

function validateMounts(
  container: Container | EphemeralContainer,
  scope: ContainerScope,
  path: Path,
  out: Errors,
): void {
  const devices = new Map((container.volumeDevices ?? []).map((d) => [d.name, d.devicePath]));
  const devicePaths = new Set(devices.values());
  const seen = new Set<string>();
  container.volumeMounts?.forEach((mount, i) => {
    const at = path.index(i);
    const { name, mountPath } = mount;
    if (!name) out.push(requiredField(at.child('name')));
    if (!scope.volumes.has(name)) out.push(notFoundField(at.child('name'), name ?? ''));
    if (!mountPath) out.push(requiredField(at.child('mountPath')));
    if (seen.has(mountPath)) out.push(invalidField(at.child('mountPath'), mountPath, 'must be unique'));
    seen.add(mountPath);
    if (devices.has(name)) out.push(invalidField(at.child('name'), name, 'must not already exist in volumeDevices'));
    if (devicePaths.has(mountPath)) {
      out.push(invalidField(at.child('mountPath'), mountPath, 'must not already exist as a path in volumeDevices'));
    }
    if (mount.subPath) validateLocalDescendingPath(mount.subPath, path.child('subPath'), out);
    if (mount.subPathExpr) {
      if (mount.subPath) {
        const detail = 'subPathExpr and subPath are mutually exclusive';
        out.push(invalidField(at.child('subPathExpr'), mount.subPathExpr, detail));
      }
      validateLocalDescendingPath(mount.subPathExpr, path.child('subPathExpr'), out);
    }
    validatePropagation(mount, container.securityContext?.privileged === true, path, out);
  });
}

function validatePropagation(mount: VolumeMount, privileged: boolean, path: Path, out: Errors): void {
  const { mountPropagation: propagation, recursiveReadOnly: recursive } = mount;
  if (propagation != null) {
    const at = path.child('mountPropagation');
    supported(propagation, ['Bidirectional', 'HostToContainer', 'None'], at, out);
    if (propagation === 'Bidirectional' && !privileged) {
      out.push(forbiddenField(at, 'Bidirectional mount propagation is available only to privileged containers'));
    }
  }
  if (recursive == null || recursive === 'Disabled') return;
  const at = path.child('recursiveReadOnly');
  if (recursive !== 'Enabled' && recursive !== 'IfPossible') {
    out.push(notSupported(at, recursive, ['Disabled', 'Enabled', 'IfPossible']));
    return;
  }
  if (!mount.readOnly) out.push(forbiddenField(at, 'may only be specified when readOnly is true'));
  if (propagation != null && propagation !== 'None') {
    out.push(forbiddenField(at, 'may only be specified when mountPropagation is None or not specified'));
  }
}

function validateDevices(
  devices: readonly VolumeDevice[] | undefined,
  mounts: readonly VolumeMount[] | undefined,
  scope: ContainerScope,
  path: Path,
  out: Errors,
): void {
  const mounted = new Map((mounts ?? []).map((m) => [m.name, m.mountPath]));
  const mountPaths = new Set(mounted.values());
  const names = new Set<string>();
  const paths = new Set<string>();
  devices?.forEach((device, i) => {
    const at = path.index(i);
    const { name, devicePath } = device;
    const volume = scope.volumes.get(name);
    const block = volume?.persistentVolumeClaim || volume?.ephemeral;
    if (!name) out.push(requiredField(at.child('name')));
    if (names.has(name)) out.push(invalidField(at.child('name'), name, 'must be unique'));
    if (volume && !block) {
      const detail = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
      out.push(invalidField(at.child('name'), name, detail));
    }
    if (!volume) out.push(notFoundField(at.child('name'), name ?? ''));
    if (!devicePath) out.push(requiredField(at.child('devicePath')));
    if (paths.has(devicePath)) out.push(invalidField(at.child('devicePath'), devicePath, 'must be unique'));
    if (devicePath?.split('/').includes('..')) {
      out.push(invalidField(at.child('devicePath'), devicePath, "can not contain backsteps ('..')"));
    } else paths.add(devicePath);
    if (mounted.has(name)) out.push(invalidField(at.child('name'), name, 'must not already exist in volumeMounts'));
    if (mountPaths.has(devicePath)) {
      out.push(invalidField(at.child('devicePath'), devicePath, 'must not already exist as a path in volumeMounts'));
    }
    if (name) names.add(name);
  });
}

function validateResizePolicy(
  policies: readonly ContainerResizePolicy[] | undefined,
  podPolicy: string | undefined,
  path: Path,
  out: Errors,
): void {
  const seen = new Set<string>();
  policies?.forEach((policy, i) => {
    if (seen.has(policy.resourceName)) out.push(duplicateField(path.index(i), policy.resourceName));
    seen.add(policy.resourceName);
    oneOf(policy.resourceName, ['cpu', 'memory'], path, out);
    oneOf(policy.restartPolicy, ['NotRequired', 'RestartContainer'], path, out);
    if (podPolicy === 'Never' && policy.restartPolicy !== 'NotRequired') {
      const detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
      out.push(invalidField(path, policy.restartPolicy ?? '', detail));
    }
  });
}

function validateCommon(
  container: Container | EphemeralContainer,
  scope: ContainerScope,
  path: Path,
  out: Errors,
): void {
  if (!container.name) out.push(requiredField(path.child('name')));
  else dnsLabel(container.name, path.child('name'), out);
  if (!container.image) out.push(requiredField(path.child('image')));
  const policies = ['File', 'FallbackToLogsOnError'];
  oneOf(container.terminationMessagePolicy, policies, path.child('terminationMessagePolicy'), out);
  validatePorts(container.ports, path.child('ports'), out);
  validateEnv(container.env, path.child('env'), out);
  validateEnvFrom(container.envFrom, path.child('envFrom'), out);
  validateMounts(container, scope, path.child('volumeMounts'), out);
  validateDevices(container.volumeDevices, container.volumeMounts, scope, path.child('volumeDevices'), out);
  validatePullPolicy(container.imagePullPolicy, path.child('imagePullPolicy'), out);
  validateContainerResources(container.resources, scope.claims, path.child('resources'), scope.options, out);
  validateResizePolicy(container.resizePolicy, scope.spec.restartPolicy, path.child('resizePolicy'), out);
  validateSecurityContext(container.securityContext, scope.hostUsers, path.child('securityContext'), out);
}

function validateRestartRules(
  policy: string | undefined,
  rules: readonly ContainerRestartRule[] | undefined,
  path: Path,
  out: Errors,
): void {
  if (policy == null) {
    if (rules?.length)
      out.push(requiredField(path.child('restartPolicy'), 'must specify restartPolicy when restart rules are used'));
  } else supported(policy, ['Always', 'Never', 'OnFailure'], path.child('restartPolicy'), out);
  if ((rules?.length ?? 0) > 20) out.push(tooMany(path.child('restartPolicyRules'), rules!.length, 20));
  rules?.forEach((rule, i) => {
    const at = path.child('restartPolicyRules').index(i);
    supported(rule.action ?? '', ['Restart', 'RestartAllContainers'], at.child('action'), out);
    if (!rule.exitCodes) {
      out.push(requiredField(at.child('exitCodes'), 'must be specified'));
      return;
    }
    supported(rule.exitCodes.operator ?? '', ['In', 'NotIn'], at.child('exitCodes', 'operator'), out);
    const n = rule.exitCodes.values?.length ?? 0;
    if (n > 255) out.push(tooMany(at.child('exitCodes', 'values'), n, 255));
  });
}

export function validateContainers(scope: ContainerScope, path: Path, out: Errors): void {
  const containers = scope.spec.containers ?? [];
  if (containers.length === 0) {
    out.push(requiredField(path));
    return;
  }
  const grace = scope.spec.terminationGracePeriodSeconds;
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const at = path.index(i);
    validateCommon(container, scope, at, out);
    if (names.has(container.name)) out.push(duplicateField(at.child('name'), container.name));
    else names.add(container.name);
    if (container.lifecycle) validateLifecycle(container.lifecycle, grace, scope.spec.os, at.child('lifecycle'), out);
    validateProbes(container, grace, at, out);
    validateRestartRules(container.restartPolicy, container.restartPolicyRules, at, out);
  });
  validateHostPorts(containers, path, out);
}

export function validateInitContainers(scope: ContainerScope, path: Path, out: Errors): void {
  const grace = scope.spec.terminationGracePeriodSeconds;
  const names = new Set((scope.spec.containers ?? []).map((c) => c.name));
  scope.spec.initContainers?.forEach((container, i) => {
    const at = path.index(i);
    validateCommon(container, scope, at, out);
    validateRestartRules(container.restartPolicy, container.restartPolicyRules, at, out);
    if (names.has(container.name)) out.push(duplicateField(at.child('name'), container.name));
    else if (container.name) names.add(container.name);
    validateHostPorts([container], path, out);
    if (isSidecar(container)) {
      if (container.lifecycle) validateLifecycle(container.lifecycle, grace, scope.spec.os, at.child('lifecycle'), out);
      validateProbes(container, grace, at, out);
      return;
    }
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (container[field]) {
        out.push(forbiddenField(at.child(field), 'may not be set for init containers without restartPolicy=Always'));
      }
    }
    if (scope.options.allowRestartContainerOnInit) return;
    container.resizePolicy?.forEach((policy, j) => {
      if (policy.restartPolicy !== 'RestartContainer') return;
      const field = at.child('resizePolicy').index(j).child('restartPolicy');
      const detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
      out.push(invalidField(field, policy.restartPolicy, detail));
    });
  });
}

const NOT_EPHEMERAL = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

export function validateEphemeralContainers(scope: ContainerScope, path: Path, out: Errors): void {
  const others = new Set([...(scope.spec.containers ?? []), ...(scope.spec.initContainers ?? [])].map((c) => c.name));
  const names = new Set(others);
  scope.spec.ephemeralContainers?.forEach((container, i) => {
    const at = path.index(i);
    validateCommon(container, scope, at, out);
    validateImageWhitespace(container, at, out);
    if (names.has(container.name)) out.push(duplicateField(at.child('name'), container.name));
    else names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) out.push(notFoundField(at.child('targetContainerName'), target));
    const detail = 'cannot be set for an Ephemeral Container';
    for (const field of NOT_EPHEMERAL) {
      const value = container[field] as unknown;
      if (value == null || (typeof value === 'object' && Object.keys(value).length === 0)) continue;
      out.push(forbiddenField(at.child(field), detail));
    }
    container.volumeMounts?.forEach((mount, j) => {
      for (const field of ['subPath', 'subPathExpr'] as const) {
        if (mount[field]) out.push(forbiddenField(at.child('volumeMounts').index(j).child(field), detail));
      }
    });
  });
}

export function validateImageWhitespace(container: Container | EphemeralContainer, path: Path, out: Errors): void {
  const image = container.image ?? '';
  if (image.trim() !== image) {
    out.push(invalidField(path.child('image'), image, 'must not have leading or trailing whitespace'));
  }
}

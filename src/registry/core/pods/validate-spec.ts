/**
 * Rules of a pod spec, in a pod or a template. Upstream: pkg/apis/core/validation/validation.go ValidatePodSpec
 */
import type { EphemeralContainer, PodDNSConfig, PodSpec, SecurityContext, Volume } from '../../../api/core-v1.ts';
import type { ObjectMeta } from '../../../machinery/meta/object.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notFoundField,
  notSupported,
  type Path,
  requiredField,
  tooLong,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain, isDNS1123SubdomainWithUnderscore } from '../../../machinery/validation/names.ts';
import { validateLabels } from '../../../machinery/validation/object-meta.ts';
import { validIPForLegacyField } from '../../validation/ip.ts';
import {
  byteLength,
  dnsLabel,
  dnsSubdomain,
  type Errors,
  inclusiveRange,
  invalidEach,
  oneOf,
  qualifiedName,
} from '../../validation/values.ts';
import {
  type ContainerScope,
  validateContainers,
  validateEphemeralContainers,
  validateInitContainers,
} from './containers.ts';
import type { PodValidationOptions } from './options.ts';
import { claimNames, validateContainerResources, validatePodClaims, validatePodLevelResources } from './resources.ts';
import { validateAffinity, validateSpreadConstraints, validateTolerations } from './scheduling.ts';
import { validateForOS, validatePodSecurityContext } from './security-context.ts';
import { forEachContainer } from './visit-containers.ts';
import { validateVolumes } from './volumes.ts';

/** `meta`: of the pod; a template passes none. */
export function validatePodSpec(
  spec: PodSpec,
  meta: ObjectMeta | undefined,
  path: Path,
  options: PodValidationOptions,
  out: Errors,
): void {
  if (spec.terminationGracePeriodSeconds == null) out.push(requiredField(path.child('terminationGracePeriodSeconds')));
  const hostUsers = spec.hostUsers !== false;
  const volumes = validateVolumes(spec.volumes, meta, path.child('volumes'), options, out);
  const claims = claimNames(spec.resourceClaims);
  validatePodClaims(spec.resourceClaims, meta, path.child('resourceClaims'), out);
  const scope: ContainerScope = { spec, volumes, claims, options, hostUsers };
  validateContainers(scope, path.child('containers'), out);
  validateInitContainers(scope, path.child('initContainers'), out);
  validateEphemeralContainers(scope, path.child('ephemeralContainers'), out);
  validatePodLevelResources(spec, claims, path, options, out);
  validateHostNetworkPorts(spec, path, options, out);
  oneOf(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], path.child('restartPolicy'), out);
  const dns = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
  oneOf(spec.dnsPolicy, dns, path.child('dnsPolicy'), out);
  if (spec.nodeSelector) out.push(...validateLabels(spec.nodeSelector, path.child('nodeSelector')));
  validatePodSecurityContext(spec, path.child('securityContext'), options, out);
  validateAffinity(spec.affinity, options, path.child('affinity'), out);
  validateDNSConfig(spec.dnsConfig, spec.dnsPolicy, path.child('dnsConfig'), out);
  spec.readinessGates?.forEach((gate, i) => {
    qualifiedName(gate.conditionType ?? '', path.child('readinessGates').index(i).child('conditionType'), out);
  });
  validateSchedulingGates(spec, path.child('schedulingGates'), out);
  validateSpreadConstraints(spec.topologySpreadConstraints, path.child('topologySpreadConstraints'), options, out);
  validateHostProcess(spec, path, out);
  validateHostUsers(spec, path, options, out);
  validateHostnameOverride(spec, path, out);
  validateNames(spec, path, options, out);
  validateOS(spec, path, out);
  if (spec.schedulingGroup) {
    const name = spec.schedulingGroup.podGroupName;
    const at = path.child('schedulingGroup', 'podGroupName');
    if (name == null) out.push(invalidField(at, null, 'must specify one of: `podGroupName`'));
    else invalidEach(isDNS1123Subdomain(name), at, name, out);
  }
  validateFileKeyVolumes(spec, path, out);
}

function validateNames(spec: PodSpec, path: Path, options: PodValidationOptions, out: Errors): void {
  for (const field of ['serviceAccountName', 'nodeName'] as const) {
    const value = spec[field];
    if (value) invalidEach(isDNS1123Subdomain(value), path.child(field), value, out);
  }
  const deadline = spec.activeDeadlineSeconds;
  if (deadline != null && (deadline < 1 || deadline > 2147483647)) {
    out.push(invalidField(path.child('activeDeadlineSeconds'), deadline, inclusiveRange(1, 2147483647)));
  }
  if (spec.hostname) dnsLabel(spec.hostname, path.child('hostname'), out);
  if (spec.subdomain) dnsLabel(spec.subdomain, path.child('subdomain'), out);
  validateTolerations(spec.tolerations, path.child('tolerations'), options, out);
  spec.hostAliases?.forEach((alias, i) => {
    const at = path.child('hostAliases').index(i);
    validIPForLegacyField(at.child('ip'), alias.ip ?? '', undefined, out);
    alias.hostnames?.forEach((name, j) => void dnsSubdomain(name, at.child('hostnames').index(j), out));
  });
  const { priorityClassName, runtimeClassName, preemptionPolicy } = spec;
  if (priorityClassName)
    invalidEach(isDNS1123Subdomain(priorityClassName), path.child('priorityClassName'), priorityClassName, out);
  if (runtimeClassName != null)
    invalidEach(isDNS1123Subdomain(runtimeClassName), path.child('runtimeClassName'), runtimeClassName, out);
  if (preemptionPolicy != null)
    oneOf(preemptionPolicy, ['PreemptLowerPriority', 'Never'], path.child('preemptionPolicy'), out);
  if (spec.overhead)
    validateContainerResources({ limits: spec.overhead }, new Set(), path.child('overhead'), options, out);
}

function validateHostNetworkPorts(spec: PodSpec, path: Path, options: PodValidationOptions, out: Errors): void {
  if (!spec.hostNetwork) return;
  spec.containers?.forEach((container, c) => {
    container.ports?.forEach((port, i) => {
      const host = port.hostPort ?? 0;
      if ((!options.isPod && host === 0) || host === port.containerPort) return;
      const at = path.child('containers').index(c).child('ports').index(i).child('hostPort');
      out.push(invalidField(at, host, 'must match `containerPort` when `hostNetwork` is true'));
    });
  });
}

function validateSchedulingGates(spec: PodSpec, path: Path, out: Errors): void {
  const seen = new Set<string>();
  spec.schedulingGates?.forEach((gate, i) => {
    qualifiedName(gate.name ?? '', path.index(i), out);
    if (seen.has(gate.name)) out.push(duplicateField(path.index(i), gate.name));
    seen.add(gate.name);
  });
}

function validateDNSConfig(
  config: PodDNSConfig | undefined,
  policy: string | undefined,
  path: Path,
  out: Errors,
): void {
  if (policy === 'None') {
    if (!config) {
      out.push(requiredField(path, 'must provide `dnsConfig` when `dnsPolicy` is None'));
      return;
    }
    if (!config.nameservers?.length) {
      const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      out.push(requiredField(path.child('nameservers'), detail));
      return;
    }
  }
  if (!config) return;
  const servers = config.nameservers ?? [];
  const at = path.child('nameservers');
  if (servers.length > 3) out.push(invalidField(at, servers, 'must not have more than 3 nameservers'));
  servers.forEach((s, i) => void validIPForLegacyField(at.index(i), s, undefined, out));
  const searches = config.searches ?? [];
  const field = path.child('searches');
  if (searches.length > 32) out.push(invalidField(field, searches, 'must not have more than 32 search paths'));
  if (byteLength(searches.join(' ')) > 2048) {
    const detail = 'must not have more than 2048 characters (including spaces) in the search list';
    out.push(invalidField(field, searches, detail));
  }
  searches.forEach((search, i) => {
    if (search === '.') return;
    const name = search.replace(/\.$/, '');
    invalidEach(isDNS1123SubdomainWithUnderscore(name), field.index(i), name, out);
  });
  config.options?.forEach((option, i) => {
    if (!option.name) out.push(requiredField(path.child('options').index(i), 'must not be empty'));
  });
}

function validateHostUsers(spec: PodSpec, path: Path, options: PodValidationOptions, out: Errors): void {
  if (spec.hostUsers !== false) return;
  const detail = 'when `hostUsers` is false';
  if (spec.hostNetwork && !options.allowUserNamespacesHostNetwork)
    out.push(forbiddenField(path.child('hostNetwork'), detail));
  if (spec.hostPID) out.push(forbiddenField(path.child('HostPID'), detail));
  if (spec.hostIPC) out.push(forbiddenField(path.child('HostIPC'), detail));
  if (options.allowUserNamespacesVolumeDevices) return;
  forEachContainer(spec, path, (container, at) => {
    if (container.volumeDevices?.length) out.push(forbiddenField(at.child('volumeDevices'), detail));
  });
}

function validateHostnameOverride(spec: PodSpec, path: Path, out: Errors): void {
  const name = spec.hostnameOverride;
  if (name == null) return;
  const at = path.child('hostnameOverride');
  if (spec.setHostnameAsFQDN) {
    out.push(forbiddenField(at, 'may not be specified when setHostnameAsFQDN is true'));
    return;
  }
  if (spec.hostNetwork) {
    out.push(forbiddenField(at, 'may not be specified when hostNetwork is true'));
    return;
  }
  if (byteLength(name) > 64) out.push(tooLong(at, 64));
  dnsSubdomain(name, at, out);
}

function validateOS(spec: PodSpec, path: Path, out: Errors): void {
  if (!spec.os) return;
  if (!spec.os.name) out.push(requiredField(path.child('os', 'name')));
  else if (spec.os.name !== 'linux' && spec.os.name !== 'windows') {
    out.push(notSupported(path.child('os'), spec.os.name, ['linux', 'windows']));
  } else {
    const visit = (fn: (context: SecurityContext, at: Path) => void) =>
      forEachContainer(spec, path, (c, at) => {
        if (c.securityContext) fn(c.securityContext, at.child('securityContext'));
      });
    validateForOS(spec, path, visit, out);
  }
}

/** Windows host process containers: all or none, and only on the host's network. */
function validateHostProcess(spec: PodSpec, path: Path, out: Errors): void {
  const own = spec.securityContext?.windowsOptions?.hostProcess;
  let total = 0;
  let hostProcess = 0;
  forEachContainer(spec, path, (container, at) => {
    total++;
    const value = container.securityContext?.windowsOptions?.hostProcess;
    if (own != null && value != null && own !== value) {
      const field = at.child('securityContext', 'windowsOptions', 'hostProcess');
      out.push(invalidField(field, value, `pod hostProcess value must be identical if both are specified, was ${own}`));
    }
    if (value ?? own) hostProcess++;
  });
  if (hostProcess === 0) return;
  if (hostProcess !== total) {
    const detail = 'If pod contains any hostProcess containers then all containers must be HostProcess containers';
    out.push(invalidField(path, '', detail));
  }
  if (!spec.hostNetwork) {
    const detail = 'hostNetwork must be true if pod contains any hostProcess containers';
    out.push(invalidField(path.child('hostNetwork'), false, detail));
  }
}

function validateFileKeyVolumes(spec: PodSpec, path: Path, out: Errors): void {
  let byName: Map<string, Volume> | undefined;
  forEachContainer(spec, path, (container: EphemeralContainer | PodSpec['containers'][number], at) => {
    container.env?.forEach((env, i) => {
      const name = env.valueFrom?.fileKeyRef?.volumeName;
      if (name === undefined) return;
      byName ??= new Map((spec.volumes ?? []).map((v) => [v.name, v]));
      const field = at.child('env').index(i).child('valueFrom', 'fileKeyRef', 'volumeName');
      const volume = byName.get(name);
      if (!volume) out.push(notFoundField(field, name));
      else if (!volume.emptyDir) out.push(invalidField(field, name, 'referenced volume must be of type emptyDir'));
    });
  });
}

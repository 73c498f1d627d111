/** Rules of a pod's status. Upstream: pkg/apis/core/validation/validation.go ValidatePodStatusUpdate */
import type {
  Container,
  ContainerRestartRule,
  ContainerStatus,
  Pod,
  PodCondition,
  PodSpec,
  PodStatus,
} from '../../../api/core-v1.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  Path,
  requiredField,
  tooLong,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain } from '../../../machinery/validation/names.ts';
import { ipFamily, validIPForLegacyField } from '../../validation/ip.ts';
import { isNativeResource } from '../../validation/resource-names.ts';
import {
  byteLength,
  compareQuantities,
  dnsLabel,
  type Errors,
  immutable,
  invalidEach,
  qualifiedName,
  quantityText,
  required,
  supported,
} from '../../validation/values.ts';
import { isSidecar } from './aggregate-resources.ts';
import type { PodValidationOptions } from './options.ts';
import { validateID } from './security-context.ts';
import { validateAnnotationUpdates } from './updates.ts';
import { forEachContainer } from './visit-containers.ts';

const LISTS = [
  ['containerStatuses', 'containers'],
  ['initContainerStatuses', 'initContainers'],
  ['ephemeralContainerStatuses', 'ephemeralContainers'],
] as const;

export function validatePodStatusUpdate(pod: Pod, old: Pod, options: PodValidationOptions): Errors {
  const out: Errors = [];
  validateAnnotationUpdates(pod, old, options, out);
  const path = Path.root('status');
  const status = pod.status ?? {};
  const before = old.status ?? {};
  const spec = pod.spec!;
  validateConditions(status.conditions, path.child('conditions'), out);
  if ((spec.nodeName ?? '') !== (old.spec!.nodeName ?? '')) {
    out.push(forbiddenField(path.child('nodeName'), 'may not be changed directly'));
  }
  validateNominatedNode(status, before, old.spec!.nodeName, path.child('nominatedNodeName'), out);
  if ((status.observedGeneration ?? 0) < 0) {
    out.push(
      invalidField(path.child('observedGeneration'), status.observedGeneration, 'must be a non-negative integer'),
    );
  }
  immutable(status.qosClass ?? '', before.qosClass ?? '', path.child('qosClass'), out);
  for (const [list, containers] of LISTS) {
    validateTransitions(status[list], before[list], containers, old.spec!, path.child(list), out);
  }
  validateClaimStatuses(status, spec, path, out);
  validateIPs(status.podIPs, before.podIPs, path.child('podIPs'), out);
  if (status.hostIPs?.length) {
    if ((status.hostIP ?? '') !== status.hostIPs[0]!.ip) {
      out.push(
        invalidField(path.child('hostIPs').index(0).child('ip'), status.hostIPs[0]!.ip, 'must be equal to `hostIP`'),
      );
    }
    validateIPs(status.hostIPs, before.hostIPs, path.child('hostIPs'), out);
  }
  for (const [list, containers] of LISTS) {
    status[list]?.forEach((s, i) => {
      const at = path.child(list).index(i);
      validateUser(s, spec.os?.name ?? 'linux', at.child('user', 'linux'), out);
      const field = at.child('allocatedResourcesStatus');
      if (containers === 'ephemeralContainers') {
        if (s.allocatedResourcesStatus?.length)
          out.push(forbiddenField(field, 'must not be specified in container status'));
      } else
        validateAllocated(
          s,
          spec[containers]?.find((c) => c.name === s.name),
          field,
          out,
        );
    });
  }
  return out;
}

function validateConditions(conditions: readonly PodCondition[] | undefined, path: Path, out: Errors): void {
  conditions?.forEach((c, i) => {
    if ((c.observedGeneration ?? 0) < 0) {
      const at = path.index(i).child('observedGeneration');
      out.push(invalidField(at, c.observedGeneration, 'must be a non-negative integer'));
    }
    if (c.type !== 'PodScheduled' && c.type !== 'Ready' && c.type !== 'Initialized') {
      qualifiedName(c.type ?? '', path.index(i).child('Type'), out);
    }
  });
}

function validateNominatedNode(
  now: PodStatus,
  old: PodStatus,
  bound: string | undefined,
  path: Path,
  out: Errors,
): void {
  const name = now.nominatedNodeName;
  if (!name || name === (old.nominatedNodeName ?? '')) return;
  invalidEach(isDNS1123Subdomain(name), path, name, out);
  if (bound) out.push(forbiddenField(path, 'may not be set on pods that are already bound to a node'));
}

/** A container that has ended stays ended unless its restart policy (or a rule) brings it back. */
function validateTransitions(
  now: readonly ContainerStatus[] | undefined,
  old: readonly ContainerStatus[] | undefined,
  list: 'containers' | 'initContainers' | 'ephemeralContainers',
  spec: PodSpec,
  path: Path,
  out: Errors,
): void {
  if (list !== 'ephemeralContainers' && allMayRestart(spec)) return;
  old?.forEach((before, i) => {
    const ended = before.state?.terminated;
    if (!ended) return;
    const next = now?.find((s) => s.name === before.name);
    if (!next || next.state?.terminated) return;
    const refuse = () =>
      out.push(forbiddenField(path.index(i).child('state'), 'may not be transitioned to non-terminated state'));
    const container = list === 'ephemeralContainers' ? undefined : spec[list]?.find((c) => c.name === before.name);
    if (list !== 'ephemeralContainers') {
      if (!container || !shouldRestart(container, spec, ended.exitCode ?? 0, list === 'initContainers')) refuse();
      if (spec.restartPolicy === 'Always') return;
      if ((ended.exitCode ?? 0) !== 0 && spec.restartPolicy === 'OnFailure') return;
      if (list === 'initContainers' && container && isSidecar(container)) return;
    }
    refuse();
  });
}

function allMayRestart(spec: PodSpec): boolean {
  let found = false;
  forEachContainer(spec, Path.root(''), (c) => {
    if (c.restartPolicyRules?.some((r: ContainerRestartRule) => r.action === 'RestartAllContainers')) found = true;
  });
  return found;
}

/** Upstream: pkg/api/v1/pod/util.go ContainerShouldRestart */
function shouldRestart(container: Container, spec: PodSpec, exitCode: number, init: boolean): boolean {
  const rule = container.restartPolicyRules?.find((r) => {
    const values = r.exitCodes?.values ?? [];
    return r.exitCodes && values.includes(exitCode) === (r.exitCodes.operator === 'In');
  });
  if (rule?.action === 'Restart') return true;
  const policy =
    container.restartPolicy ?? (init && spec.restartPolicy === 'Always' ? 'OnFailure' : spec.restartPolicy);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

function validateIPs(
  now: readonly { ip: string }[] | undefined,
  old: readonly { ip: string }[] | undefined,
  path: Path,
  out: Errors,
): void {
  const known = (old ?? []).map((o) => o.ip);
  now?.forEach(({ ip }, i) => void validIPForLegacyField(path.index(i), ip ?? '', known, out));
  if (!now || now.length < 2) return;
  const families = new Set(now.map(({ ip }) => ipFamily(ip)));
  if (families.size < 2 || now.length > 2) {
    out.push(
      invalidField(
        path,
        now.map(({ ip }) => ({ IP: ip })),
        'may specify no more than one IP for each IP family',
      ),
    );
  }
}

function validateUser(status: ContainerStatus, os: string, path: Path, out: Errors): void {
  const user = status.user?.linux;
  if (!user) return;
  if (os === 'windows') {
    out.push(forbiddenField(path, 'cannot be set for a windows pod'));
    return;
  }
  validateID(user.uid, path.child('uid'), out);
  validateID(user.gid, path.child('gid'), out);
  user.supplementalGroups?.forEach((id, i) => void validateID(id, path.child('supplementalGroups').index(i), out));
}

function validateAllocated(status: ContainerStatus, container: Container | undefined, path: Path, out: Errors): void {
  status.allocatedResourcesStatus?.forEach((allocated, j) => {
    const at = path.index(j);
    if (container) {
      const claim = allocated.name.startsWith('claim:');
      const found = claim
        ? container.resources?.claims?.some(
            (c) => `claim:${c.name}${c.request ? `/${c.request}` : ''}` === allocated.name,
          )
        : container.resources?.requests?.[allocated.name] !== undefined;
      const detail = claim
        ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
        : "must match one of the container's resource requests";
      if (!found) out.push(invalidField(at.child('name'), allocated.name, detail));
    }
    const seen = new Set<string>();
    allocated.resources?.forEach((resource, k) => {
      const field = at.child('resources').index(k);
      supported(resource.health ?? '', ['Healthy', 'Unhealthy', 'Unknown'], field.child('health'), out);
      if (resource.message != null) {
        if (resource.message === '') out.push(requiredField(field.child('message'), 'must be non-empty if specified'));
        else if (byteLength(resource.message) > 1024) out.push(tooLong(field.child('message'), 1024));
      }
      if (seen.has(resource.resourceID)) out.push(duplicateField(field.child('resourceID'), resource.resourceID));
      seen.add(resource.resourceID);
    });
  });
}

function validateClaimStatuses(status: PodStatus, spec: PodSpec, path: Path, out: Errors): void {
  const names = new Set<string>();
  status.resourceClaimStatuses?.forEach((claim, i) => {
    const at = path.child('resourceClaimStatuses').index(i);
    if (!spec.resourceClaims?.some((c) => c.name === claim.name)) {
      const detail = 'must match the name of an entry in `spec.resourceClaims`';
      out.push(invalidField(at.child('name'), claim.name, detail));
    }
    if (names.has(claim.name)) out.push(duplicateField(at.child('name'), claim.name));
    names.add(claim.name);
    const name = claim.resourceClaimName;
    if (name != null) invalidEach(isDNS1123Subdomain(name), at.child('resourceClaimName'), name, out);
  });
  const extended = status.extendedResourceClaimStatus;
  if (extended) {
    const at = path.child('extendedResourceClaimStatus');
    const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
    if (!extended.requestMappings?.length)
      out.push(requiredField(at.child('requestMappings'), 'at least one request mapping is required'));
    extended.requestMappings?.forEach((mapping, i) => {
      const field = at.child('requestMappings').index(i);
      const container = containers.find((c) => c.name === mapping.containerName);
      if (!container) {
        const detail = 'must match the name of an entry in spec.initContainers.name or spec.containers.name';
        out.push(invalidField(field.child('containerName'), mapping.containerName, detail));
      } else if (container.resources?.requests?.[mapping.resourceName] === undefined) {
        const detail =
          'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests';
        out.push(invalidField(field.child('resourceName'), mapping.resourceName, detail));
      }
      dnsLabel(mapping.requestName ?? '', at.child('requestName'), out);
    });
    if (!extended.resourceClaimName) out.push(requiredField(at.child('resourceClaimName')));
    else
      invalidEach(
        isDNS1123Subdomain(extended.resourceClaimName),
        at.child('resourceClaimName'),
        extended.resourceClaimName,
        out,
      );
  }
  status.nodeAllocatableResourceClaimStatuses?.forEach((allocatable, i) => {
    const at = path.child('nodeAllocatableResourceClaimStatuses').index(i);
    const name = allocatable.resourceClaimName;
    required(name, at.child('resourceClaimName'), out, 'must not be empty');
    const refs = [...(spec.resourceClaims ?? []), ...(status.resourceClaimStatuses ?? [])];
    if (!refs.some((r) => r.resourceClaimName === name)) {
      out.push(invalidField(at.child('resourceClaimName'), name ?? '', 'no mapping found in pod reference'));
    }
    if (!allocatable.containers?.length) out.push(requiredField(at.child('containers'), 'must not be empty'));
    const resources = Object.entries(allocatable.resources ?? {});
    if (resources.length === 0) out.push(requiredField(at.child('resources'), 'must not be empty'));
    for (const [resource, amount] of resources) {
      const field = at.child('resources').key(resource);
      if (!isNativeResource(resource))
        out.push(invalidField(field, resource, 'must be a node allocatable resource name'));
      if (compareQuantities(amount, '0') < 0)
        out.push(invalidField(field, quantityText(amount), 'must be non-negative'));
    }
  });
}

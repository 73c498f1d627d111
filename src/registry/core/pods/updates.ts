/**
 * Which fields of a pod may change, through the pod itself, its ephemeral containers and its resize door.
 * Upstream: pkg/apis/core/validation/validation.go ValidatePodUpdate, ValidatePodEphemeralContainersUpdate, ValidatePodResize
 */
import type {
  Container,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  ResourceRequirements,
} from '../../../api/core-v1.ts';
import { qosClass } from '../../../machinery/pods/pod-resources.ts';
import { forbiddenField, invalidField, Path, requiredField } from '../../../machinery/validation/field-error.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { specDiff } from '../../validation/spec-diff.ts';
import { type Errors, inclusiveRange, sortedMap } from '../../validation/values.ts';
import { isSidecar } from './aggregate-resources.ts';
import type { PodValidationOptions } from './options.ts';
import { MIRROR_POD } from './resources.ts';
import { validateTolerations } from './scheduling.ts';
import { APPARMOR_PREFIX, validatePodAnnotations, validatePodMetadataAndSpec } from './validation.ts';

const UPDATABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

export function validateAnnotationUpdates(pod: Pod, old: Pod, options: PodValidationOptions, out: Errors): void {
  const path = Path.root('metadata', 'annotations');
  const now = pod.metadata.annotations ?? {};
  const before = old.metadata.annotations ?? {};
  for (const key in before) {
    if (now[key] === before[key]) continue;
    if (key.startsWith(APPARMOR_PREFIX))
      out.push(forbiddenField(path.key(key), 'may not remove or update AppArmor annotations'));
    if (key === MIRROR_POD) out.push(forbiddenField(path.key(key), 'may not remove or update mirror pod annotation'));
  }
  for (const key in now) {
    if (key in before) continue;
    if (key.startsWith(APPARMOR_PREFIX)) out.push(forbiddenField(path.key(key), 'may not add AppArmor annotations'));
    if (key === MIRROR_POD) out.push(forbiddenField(path.key(key), 'may not add mirror pod annotation'));
  }
  validatePodAnnotations(now, pod.spec!, path, options, out);
}

export function validatePodUpdate(pod: Pod, old: Pod, options: PodValidationOptions): Errors {
  const out: Errors = [];
  validatePodMetadataAndSpec(pod, options, out);
  validateAnnotationUpdates(pod, old, options, out);
  const path = Path.root('spec');
  const spec = pod.spec!;
  const before = old.spec!;
  for (const list of ['containers', 'initContainers'] as const) {
    const containers = spec[list] ?? [];
    if (containers.length !== (before[list] ?? []).length) {
      out.push(forbiddenField(path.child(list), 'pod updates may not add or remove containers'));
      return out;
    }
    containers.forEach(({ image = '' }, i) => {
      const at = path.child(list).index(i).child('image');
      if (image === '') out.push(requiredField(at));
      if (image.trim() !== image) out.push(invalidField(at, image, 'must not have leading or trailing whitespace'));
    });
  }
  if (!validateDeadline(spec, before, path, out)) return out;
  const lost = before.tolerations?.some(
    (old) => !spec.tolerations?.some((t) => semanticEqual({ ...t, tolerationSeconds: old.tolerationSeconds }, old)),
  );
  if (lost) {
    const detail = 'existing toleration can not be modified except its tolerationSeconds';
    out.push(forbiddenField(path.child('tolerations'), detail));
  } else validateTolerations(spec.tolerations, path.child('tolerations'), options, out);
  spec.schedulingGates?.forEach((gate, i) => {
    if (before.schedulingGates?.some((g) => g.name === gate.name)) return;
    const at = path.child('schedulingGates').index(i).child('name');
    out.push(forbiddenField(at, `only deletion is allowed, but found new scheduling gate '${gate.name}'`));
  });
  if (semanticEqual(spec, before)) return out;
  const munged = mungedSpec(spec, before, path, out);
  if (!semanticEqual(munged, before)) {
    const diff = specDiff(before, munged);
    out.push(forbiddenField(path, `pod updates may not change fields other than ${UPDATABLE}\n${diff}`));
  }
  return out;
}

/** False when nothing else is worth looking at. */
function validateDeadline(spec: PodSpec, old: PodSpec, path: Path, out: Errors): boolean {
  const at = path.child('activeDeadlineSeconds');
  const now = spec.activeDeadlineSeconds;
  const before = old.activeDeadlineSeconds;
  if (now != null) {
    if (now < 0 || now > 2147483647) {
      out.push(invalidField(at, now, inclusiveRange(0, 2147483647)));
      return false;
    }
    if (before != null && before < now) {
      out.push(invalidField(at, now, 'must be less than or equal to previous value'));
      return false;
    }
  } else if (before != null) {
    out.push(invalidField(at, null, 'must not update from a positive integer to nil value'));
  }
  return true;
}

/** The new spec with everything that may change put back: what still differs may not. */
function mungedSpec(spec: PodSpec, old: PodSpec, path: Path, out: Errors): PodSpec {
  const withImages = (list: Container[] | undefined, from: Container[] | undefined) =>
    list?.map((c, i) => ({ ...c, image: from![i]!.image ?? '' }));
  const munged: Partial<PodSpec> & Record<string, unknown> = { ...spec };
  const put = (field: keyof PodSpec, value: unknown) => {
    if (value === undefined) delete munged[field];
    else (munged as Record<string, unknown>)[field] = value;
  };
  put('containers', withImages(spec.containers, old.containers));
  put('initContainers', withImages(spec.initContainers, old.initContainers));
  for (const field of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations'] as const) put(field, old[field]);
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    put('terminationGracePeriodSeconds', old.terminationGracePeriodSeconds);
  }
  if (!old.schedulingGates?.length) return munged as PodSpec;
  if (!semanticEqual(spec.nodeSelector, old.nodeSelector, 'nodeSelector')) {
    if (Object.entries(old.nodeSelector ?? {}).some(([key, value]) => spec.nodeSelector?.[key] !== value)) {
      const detail = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
      out.push(invalidField(path.child('nodeSelector'), sortedMap(spec.nodeSelector), detail));
    }
    put('nodeSelector', old.nodeSelector);
  }
  const nodeAffinity = old.affinity?.nodeAffinity;
  if (!semanticEqual(nodeAffinity, spec.affinity?.nodeAffinity)) {
    validateNodeAffinityMutation(
      spec.affinity?.nodeAffinity,
      nodeAffinity,
      path.child('affinity', 'nodeAffinity'),
      out,
    );
    const { nodeAffinity: _, ...rest } = spec.affinity ?? {};
    const affinity = nodeAffinity ? { ...rest, nodeAffinity } : rest;
    put('affinity', old.affinity || Object.keys(affinity).length > 0 ? affinity : undefined);
  }
  return munged as PodSpec;
}

function validateNodeAffinityMutation(
  now: NodeAffinity | undefined,
  old: NodeAffinity | undefined,
  path: Path,
  out: Errors,
): void {
  const before = old?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!before) return;
  const terms = now?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const at = path.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms');
  if (before.length > 0 && before.length !== terms.length) {
    const detail = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed';
    out.push(invalidField(at, terms.length ? terms : null, detail));
    return;
  }
  before.forEach((term, i) => {
    if (!onlyAdditions(terms[i]!, term)) {
      out.push(invalidField(at.index(i), terms[i], 'only additions are allowed (no mutations or deletions)'));
    }
  });
}

function onlyAdditions(now: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const lists = ['matchExpressions', 'matchFields'] as const;
  if (lists.every((l) => !old[l]?.length) && lists.some((l) => now[l]?.length)) return false;
  return lists.every((l) => semanticEqual((now[l] ?? []).slice(0, old[l]?.length ?? 0), old[l] ?? []));
}

export function validateEphemeralUpdate(pod: Pod, old: Pod, options: PodValidationOptions): Errors {
  const out: Errors = [];
  validatePodMetadataAndSpec(pod, options, out);
  validateAnnotationUpdates(pod, old, options, out);
  if (old.metadata.annotations?.[MIRROR_POD] !== undefined) {
    return [forbiddenField('', 'static pods do not support ephemeral containers')];
  }
  const path = Path.root('spec', 'ephemeralContainers');
  const now = new Map((pod.spec!.ephemeralContainers ?? []).map((c) => [c.name, c]));
  for (const before of old.spec!.ephemeralContainers ?? []) {
    const container = now.get(before.name);
    const name = JSON.stringify(before.name);
    if (!container) out.push(forbiddenField(path, `existing ephemeral containers ${name} may not be removed\n`));
    else if (!semanticEqual(before, container)) {
      const diff = specDiff(before, container);
      out.push(forbiddenField(path, `existing ephemeral containers ${name} may not be changed\n${diff}`));
    }
  }
  return out;
}

type Amounts = Record<string, string> | undefined;

const removed = (now: Amounts, old: Amounts): boolean =>
  Object.keys(old ?? {}).some((name) => now?.[name] === undefined);

/** Requests or limits with cpu and memory as they were. */
function restoreComputeList(now: Amounts, old: Amounts): Amounts {
  if (!now && !old) return undefined;
  const list: Record<string, string> = { ...now };
  for (const name of ['cpu', 'memory']) {
    delete list[name];
    if (old?.[name] !== undefined) list[name] = old[name];
  }
  return list;
}

function restoreCompute(
  now: ResourceRequirements | undefined,
  old: ResourceRequirements | undefined,
): ResourceRequirements {
  const limits = restoreComputeList(now?.limits, old?.limits);
  const requests = restoreComputeList(now?.requests, old?.requests);
  return { ...(limits && { limits }), ...(requests && { requests }) };
}

export function validatePodResize(pod: Pod, old: Pod, options: PodValidationOptions): Errors {
  const out: Errors = [];
  validatePodMetadataAndSpec(pod, options, out);
  if (old.metadata.annotations?.[MIRROR_POD] !== undefined)
    return [forbiddenField('', 'static pods cannot be resized')];
  if (old.spec!.os?.name === 'windows') return [forbiddenField('', 'windows pods cannot be resized')];
  const path = Path.root('spec');
  const spec = pod.spec!;
  const before = old.spec!;
  if ((old.status?.qosClass || qosClass(before)) !== qosClass(spec)) {
    out.push(invalidField(path, pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  }
  const running = old.status?.containerStatuses?.find((s) => s.state?.running);
  if (running && !running.resources) out.push(forbiddenField(path, 'Pod running on node without support for resize'));
  const rest: PodSpec = { ...spec };
  validatePodLevelResize(rest, spec, before, path, out);
  const order = validateResizeOrder(spec, before, path);
  if (order.length > 0) return [...out, ...order];
  for (const list of ['initContainers', 'containers'] as const) {
    before[list]?.forEach((container, i) => {
      const at = path.child(list).index(i).child('resources');
      const now = spec[list]![i]!.resources;
      if (removed(now?.requests, container.resources?.requests)) {
        out.push(forbiddenField(at.child('requests'), 'resource requests cannot be removed'));
      }
      if (removed(now?.limits, container.resources?.limits)) {
        out.push(forbiddenField(at.child('limits'), 'resource limits cannot be removed'));
      }
    });
  }
  rest.containers = (spec.containers ?? []).map((container, i) => {
    const munged = { ...container, resources: restoreCompute(container.resources, before.containers[i]!.resources) };
    if (!semanticEqual(munged, before.containers[i]))
      out.push(forbiddenField(path, 'only cpu and memory resources are mutable'));
    return munged;
  });
  if (spec.initContainers) {
    rest.initContainers = spec.initContainers.map((container, i) => {
      const was = before.initContainers![i]!;
      const at = path.child('initContainers').index(i);
      const munged = { ...container, resources: restoreCompute(container.resources, was.resources) };
      if (!semanticEqual(munged, was)) {
        out.push(forbiddenField(at, 'only cpu and memory resources for init or sidecar containers are mutable'));
      }
      if (!isSidecar(container) && !semanticEqual(container, was)) {
        for (const policy of container.resizePolicy ?? []) {
          if (policy.restartPolicy !== 'RestartContainer') continue;
          const detail = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized';
          out.push(forbiddenField(at, detail));
        }
      }
      return munged;
    });
  }
  if (out.length > 0) return out;
  if (!semanticEqual(rest, before)) out.push(forbiddenField(path, 'only cpu and memory resources are mutable'));
  return out;
}

function validatePodLevelResize(rest: PodSpec, spec: PodSpec, old: PodSpec, path: Path, out: Errors): void {
  if (!spec.resources && !old.resources) return;
  if (old.resources && !spec.resources) {
    out.push(forbiddenField(path.child('resources'), 'pod-level resources cannot be removed'));
    return;
  }
  for (const what of ['requests', 'limits'] as const) {
    if (removed(spec.resources?.[what], old.resources?.[what])) {
      const detail = `pod-level resource ${what} cannot be removed`;
      out.push(forbiddenField(path.child('resources', what), detail));
    }
  }
  rest.resources = restoreCompute(spec.resources, old.resources);
  if (!old.resources && Object.keys(rest.resources).length === 0) delete rest.resources;
  if (!semanticEqual(rest.resources, old.resources, 'resources')) {
    out.push(forbiddenField(path, 'only cpu and memory resources are mutable at pod-level'));
  }
}

function validateResizeOrder(spec: PodSpec, old: PodSpec, path: Path): Errors {
  const out: Errors = [];
  for (const list of ['containers', 'initContainers'] as const) {
    const now = spec[list] ?? [];
    const before = old[list] ?? [];
    if (now.length !== before.length) {
      out.push(forbiddenField(path.child(list), `${list} may not be added or removed on resize`));
      continue;
    }
    before.forEach((container, i) => {
      if (now[i]!.name === container.name) return;
      const at = path.child(list).index(i).child('name');
      out.push(forbiddenField(at, `${list} may not be renamed or reordered on resize`));
    });
  }
  return out;
}

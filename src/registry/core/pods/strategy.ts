/**
 * Pods: doors for the pod, its status, ephemeral containers and resize. Upstream: pkg/registry/core/pod/strategy.go
 */
import type { Container, Pod, PodAffinityTerm } from '../../../api/core-v1.ts';
import type { LabelSelector } from '../../../api/meta-v1.ts';
import { formatTime } from '../../../machinery/meta/time.ts';
import { qosClass } from '../../../machinery/pods/pod-resources.ts';
import { isDNS1123Label } from '../../../machinery/validation/names.ts';
import type { DeleteOptions, Strategy, StrategyContext } from '../../generic/strategy.ts';
import { keep, resetMetaForStatus } from '../../spec-status.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { defaultPod } from './defaults.ts';
import { podOptions } from './options.ts';
import { validatePodStatusUpdate } from './status.ts';
import { validateEphemeralUpdate, validatePodResize, validatePodUpdate } from './updates.ts';

import { APPARMOR_PREFIX, validatePodCreate } from './validation.ts';
import { podWarnings } from './warnings.ts';

const optionsFor = (old: Pod) => podOptions(old.spec, old.metadata, true);

export const podStrategy: Strategy<Pod> = {
  sharesUnchanged: true,
  default: defaultPod,
  prepareForCreate(pod, context) {
    const spec = pod.spec!;
    pod.metadata.generation = 1;
    pod.status = { phase: 'Pending', qosClass: qosClass(spec) };
    if (spec.schedulingGates?.length) {
      const lastTransitionTime = formatTime(context.clock.now());
      const message = 'Scheduling is blocked due to non-empty scheduling gates';
      pod.status.conditions = [
        {
          type: 'PodScheduled',
          status: 'False',
          lastProbeTime: null as never,
          lastTransitionTime,
          reason: 'SchedulingGated',
          message,
        },
      ];
    }
    mergeLabelKeys(pod);
    applyAppArmorAnnotations(pod, context);
  },
  validate(pod, context) {
    const errors = validatePodCreate(pod, podOptions(undefined, undefined, true));
    if (errors.length === 0) warn(pod, context);
    return errors;
  },
  resetFields: [['status']],
  prepareForUpdate(pod, old) {
    keep(pod, old, 'status');
    bump(pod, old);
  },
  validateUpdate: (pod, old) => validatePodUpdate(pod, old, optionsFor(old)),
  allowUnconditionalUpdate: true,
  gracePeriod,
  fields,
  subresources: {
    status: {
      resetFields: [['spec'], ['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences']],
      prepareForUpdate(pod, old) {
        keep(pod, old, 'spec');
        delete pod.metadata.deletionTimestamp;
        keep(pod.metadata, old.metadata, 'ownerReferences');
        pod.status ??= {};
        if (!pod.status.qosClass) keep(pod.status, old.status ?? {}, 'qosClass');
        keepObservedGenerations(pod, old);
      },
      validateUpdate: (pod, old) => validatePodStatusUpdate(pod, old, optionsFor(old)),
    },
    ephemeralcontainers: {
      prepareForUpdate(pod, old) {
        const ephemeral = pod.spec?.ephemeralContainers;
        keepAllBut(pod, old);
        const { ephemeralContainers: _, ...rest } = old.spec!;
        pod.spec = ephemeral ? { ...rest, ephemeralContainers: ephemeral } : rest;
        bump(pod, old);
      },
      validateUpdate: (pod, old) => validateEphemeralUpdate(pod, old, optionsFor(old)),
    },
    resize: {
      prepareForUpdate(pod, old) {
        const now = pod.spec!;
        const before = old.spec!;
        const sameCount =
          now.containers?.length === before.containers.length &&
          (now.initContainers?.length ?? 0) === (before.initContainers?.length ?? 0);
        if (sameCount) {
          keepAllBut(pod, old);
          const { resources: _, ...rest } = before;
          pod.spec = { ...rest, containers: resized(now.containers, before.containers) };
          if (now.resources) pod.spec.resources = now.resources;
          if (now.initContainers) pod.spec.initContainers = resized(now.initContainers, before.initContainers!);
        }
        bump(pod, old);
      },
      validateUpdate: (pod, old) => validatePodResize(pod, old, optionsFor(old)),
    },
  },
};

function warn(pod: Pod, context: StrategyContext): void {
  const messages = isDNS1123Label(pod.metadata.name ?? '');
  if (messages.length > 0) {
    context.warn(
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
    );
  }
  for (const text of podWarnings(undefined, pod.spec!, pod.metadata)) context.warn(text);
}

function bump(pod: Pod, old: Pod): void {
  if (!semanticEqual(pod.spec, old.spec)) pod.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

function keepAllBut(pod: Pod, old: Pod): void {
  keep(pod, old, 'status');
  resetMetaForStatus(pod.metadata, old.metadata);
}

/** The stored containers with the new resources; the new ones as they are when their names moved, for validation to refuse. */
function resized(now: Container[], old: Container[]): Container[] {
  if (now.some((c, i) => c.name !== old[i]!.name)) return now;
  return now.map(({ resources, resizePolicy }, i) => {
    const { resources: _, resizePolicy: __, ...rest } = old[i]!;
    return { ...rest, ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) };
  });
}

function keepObservedGenerations(pod: Pod, old: Pod): void {
  const status = pod.status!;
  if (!status.observedGeneration) keep(status, old.status ?? {}, 'observedGeneration');
  for (const condition of status.conditions ?? []) {
    const before = old.status?.conditions?.find((c) => c.type === condition.type);
    if (!condition.observedGeneration && before !== undefined && before !== condition)
      keep(condition, before, 'observedGeneration');
  }
}

function gracePeriod(pod: Pod, options: DeleteOptions): number {
  const { phase } = pod.status ?? {};
  if (!pod.spec?.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
  const period = Number(options.gracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 0);
  return period < 0 ? 1 : period;
}

function fields(pod: Pod): Record<string, string> {
  const { spec, status } = pod;
  return {
    'spec.nodeName': spec?.nodeName ?? '',
    'spec.restartPolicy': spec?.restartPolicy ?? '',
    'spec.schedulerName': spec?.schedulerName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec?.hostNetwork ?? false),
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIPs?.[0]?.ip ?? status?.podIP ?? '',
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  };
}

/** KEP-3633, KEP-3243: keys become requirements with the pod's own values. */
function mergeLabelKeys(pod: Pod): void {
  const labels = pod.metadata.labels ?? {};
  const merge = (selector: LabelSelector | undefined, keys: readonly string[] | undefined, operator: string) => {
    if (!selector) return;
    for (const key of keys ?? []) {
      if (labels[key] === undefined) continue;
      selector.matchExpressions ??= [];
      selector.matchExpressions.push({ key, operator, values: [labels[key]] });
    }
  };
  const term = (t: PodAffinityTerm) => {
    merge(t.labelSelector, t.matchLabelKeys, 'In');
    merge(t.labelSelector, t.mismatchLabelKeys, 'NotIn');
  };
  const affinity = pod.spec!.affinity;
  for (const terms of [affinity?.podAffinity, affinity?.podAntiAffinity]) {
    for (const t of terms?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      if (t.podAffinityTerm) term(t.podAffinityTerm);
    for (const t of terms?.requiredDuringSchedulingIgnoredDuringExecution ?? []) term(t);
  }
  for (const c of pod.spec!.topologySpreadConstraints ?? []) merge(c.labelSelector, c.matchLabelKeys, 'In');
}

/** The old annotation sets the field. Upstream: applyAppArmorVersionSkew */
function applyAppArmorAnnotations(pod: Pod, context: StrategyContext): void {
  const annotations = pod.metadata.annotations;
  if (!annotations || pod.spec!.os?.name === 'windows') return;
  const own = pod.spec!.securityContext?.appArmorProfile;
  for (const container of [...(pod.spec!.initContainers ?? []), ...(pod.spec!.containers ?? [])]) {
    const key = APPARMOR_PREFIX + container.name;
    const text = annotations[key];
    if (text === undefined || container.securityContext?.appArmorProfile) continue;
    const profile =
      text === 'runtime/default'
        ? { type: 'RuntimeDefault' }
        : text === 'unconfined'
          ? { type: 'Unconfined' }
          : text.startsWith('localhost/') && text.length > 'localhost/'.length
            ? { type: 'Localhost', localhostProfile: text.slice('localhost/'.length) }
            : undefined;
    if (profile && semanticEqual(profile, own)) continue;
    if (profile) container.securityContext = { ...container.securityContext, appArmorProfile: profile };
    context.warn(`metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
  }
}

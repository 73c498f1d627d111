/**
 * What validation of a pod spec tolerates because the stored one already has it.
 * Upstream: pkg/api/pod/util.go GetValidationOptionsFromPodSpecAndMeta, with the feature gates of v1.36
 */
import type { PodSpec } from '../../../api/core-v1.ts';
import { validateLabelSelector } from '../../../machinery/labels/validate.ts';
import type { ObjectMeta } from '../../../machinery/meta/object.ts';
import { Path } from '../../../machinery/validation/field-error.ts';
import { isLabelValue } from '../../../machinery/validation/names.ts';
import { hugePagesDivisible, isHugePages } from '../../validation/resource-names.ts';
import { forEachContainer } from './visit-containers.ts';

export interface PodValidationOptions {
  /** A pod itself, not a template: host ports must be there with host networking, images be named. */
  isPod?: boolean;
  allowInvalidDeletionCost?: boolean;
  allowInvalidSelectorValues?: boolean;
  allowInvalidSpreadSelectors?: boolean;
  allowInvalidNodeAffinityValues?: boolean;
  allowIndivisibleHugePages?: boolean;
  allowUserNamespacesHostNetwork?: boolean;
  allowUserNamespacesVolumeDevices?: boolean;
  allowTaintComparison?: boolean;
  allowAnySELinuxChangePolicy?: boolean;
  allowRestartContainerOnInit?: boolean;
}

export function podOptions(
  old: PodSpec | undefined,
  oldMeta: ObjectMeta | undefined,
  isPod: boolean,
): PodValidationOptions {
  const options: PodValidationOptions = { isPod };
  if (oldMeta) options.allowInvalidDeletionCost = !validDeletionCost(oldMeta.annotations?.[DELETION_COST]);
  if (!old) return options;
  const affinity = old.affinity;
  const terms = [
    ...(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => t.podAffinityTerm),
    ...(affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => t.podAffinityTerm),
  ];
  const badValues = (values: readonly string[] | undefined) => values?.some((v) => isLabelValue(v).length > 0) ?? false;
  options.allowInvalidSelectorValues = terms.some((t) =>
    [t.labelSelector, t.namespaceSelector].some((s) => s?.matchExpressions?.some((e) => badValues(e.values))),
  );
  options.allowInvalidNodeAffinityValues =
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.some((t) =>
      t.matchExpressions?.some((e) => badValues(e.values)),
    ) ?? false;
  options.allowInvalidSpreadSelectors =
    old.topologySpreadConstraints?.some((c) => validateLabelSelector(c.labelSelector, {}, Path.root('')).length > 0) ??
    false;
  options.allowUserNamespacesHostNetwork = old.hostUsers === false && old.hostNetwork === true;
  options.allowAnySELinuxChangePolicy = old.securityContext?.seLinuxChangePolicy !== undefined;
  options.allowTaintComparison = old.tolerations?.some((t) => t.operator === 'Lt' || t.operator === 'Gt') ?? false;
  forEachContainer(old, Path.root(''), (c) => {
    for (const list of [c.resources?.limits, c.resources?.requests]) {
      for (const name in list) {
        if (isHugePages(name) && !hugePagesDivisible(name, list[name]!)) options.allowIndivisibleHugePages = true;
      }
    }
    if (old.hostUsers === false && c.volumeDevices?.length) options.allowUserNamespacesVolumeDevices = true;
  });
  options.allowRestartContainerOnInit =
    old.initContainers?.some(
      (c) => c.restartPolicy !== 'Always' && c.resizePolicy?.some((p) => p.restartPolicy === 'RestartContainer'),
    ) ?? false;
  return options;
}

export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

export function validDeletionCost(value: string | undefined): boolean {
  if (value === undefined) return true;
  return /^(-\d+|0|[1-9]\d*)$/.test(value) && Math.abs(Number(value) + 0.5) <= 2 ** 31;
}

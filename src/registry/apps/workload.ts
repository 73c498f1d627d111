/** Rules that deployments, replica sets, daemon sets and stateful sets share. Upstream: pkg/apis/apps/validation/validation.go */
import type { PodTemplateSpec } from '../../api/core-v1.ts';
import type { LabelSelector } from '../../api/meta-v1.ts';
import { type Selector, selectorFromLabelSelector } from '../../machinery/labels/selector.ts';
import { validateLabelSelector } from '../../machinery/labels/validate.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import { type PodValidationOptions, podOptions } from '../core/pods/options.ts';
import { type Errors, sortedMap } from '../validation/values.ts';

export const SPEC = Path.root('spec');
export const STATUS = Path.root('status');

export function templateOptions(old: PodTemplateSpec | undefined): PodValidationOptions {
  return podOptions(old?.spec, old?.metadata, false);
}

/** A selector as messages print it. */
export function shownSelector(selector: LabelSelector | undefined): unknown {
  if (!selector) return null;
  return {
    ...(selector.matchLabels && { matchLabels: sortedMap(selector.matchLabels) }),
    ...(selector.matchExpressions && { matchExpressions: selector.matchExpressions }),
  };
}

/** The selector as it selects; undefined when it cannot be used. */
export function usableSelector(selector: LabelSelector | undefined): Selector | undefined {
  try {
    return selectorFromLabelSelector(selector);
  } catch {
    return undefined;
  }
}

export function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0;
}

/** `emptyFor`: whose message an empty selector gets. */
export function validateSelector(selector: LabelSelector | undefined, emptyFor: string, out: Errors): void {
  const at = SPEC.child('selector');
  if (!selector) {
    out.push(requiredField(at));
    return;
  }
  out.push(...validateLabelSelector(selector, {}, at));
  if (isEmptySelector(selector))
    out.push(invalidField(at, shownSelector(selector), `empty selector is invalid for ${emptyFor}`));
}

export function validateTemplateLabels(selector: Selector, template: PodTemplateSpec, path: Path, out: Errors): void {
  const labels = template.metadata?.labels;
  if (selector.empty || selector.matches(labels)) return;
  out.push(
    invalidField(path.child('metadata', 'labels'), sortedMap(labels), '`selector` does not match template `labels`'),
  );
}

/** Pods of a workload run for ever. */
export function validateRunsForever(template: PodTemplateSpec, kind: string, path: Path, out: Errors): void {
  const policy = template.spec?.restartPolicy ?? '';
  if (policy !== 'Always') out.push(notSupported(path.child('spec', 'restartPolicy'), policy, ['Always']));
  if (template.spec?.activeDeadlineSeconds != null) {
    const at = path.child('spec', 'activeDeadlineSeconds');
    out.push(forbiddenField(at, `activeDeadlineSeconds in ${kind} is not Supported`));
  }
}

export function validateCollisionCount(now: number | undefined, old: number | undefined, out: Errors): void {
  if (old != null && (now == null || now < old)) {
    out.push(invalidField(STATUS.child('collisionCount'), now ?? 0, 'cannot be decremented'));
  }
}

/** The selector of a scale subresource, as text. */
export function selectorText(selector: LabelSelector | undefined): string {
  return usableSelector(selector)?.toString() ?? '';
}

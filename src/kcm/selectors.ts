/** Label selectors of controllers' specs, parsed once for each selector object of a cache. */
import type { LabelSelector } from '../api/meta-v1.ts';
import type { Selector } from '../machinery/labels/selector.ts';
import { selectorFromLabelSelector } from '../machinery/labels/selector.ts';
import type { KubeObject } from '../machinery/meta/object.ts';

const parsed = new WeakMap<LabelSelector, Selector>();

/** The selector; undefined when there is none. @throws Error when it is not valid */
export function selectorOf(selector: LabelSelector | undefined): Selector | undefined {
  if (!selector) return undefined;
  let s = parsed.get(selector);
  if (!s) {
    s = selectorFromLabelSelector(selector);
    parsed.set(selector, s);
  }
  return s;
}

/** True when `selector` is there, selects not everything, and matches the labels of `object`. */
export function selects(selector: LabelSelector | undefined, object: KubeObject): boolean {
  if (!selector || isEmptySelector(selector)) return false;
  try {
    return selectorOf(selector)!.matches(object.metadata.labels ?? {});
  } catch {
    return false;
  }
}

export function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}

/** True when every pair of `wanted` is in `labels`; an empty `wanted` matches. */
export function hasLabels(
  wanted: Record<string, string> | undefined,
  labels: Record<string, string> | undefined,
): boolean {
  for (const [k, v] of Object.entries(wanted ?? {})) if (labels?.[k] !== v) return false;
  return true;
}

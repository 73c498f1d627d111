/** A quota's usage, counted from the objects of its namespace. Pure. Upstream: pkg/controller/resourcequota, apiserver/pkg/quota/v1 CalculateUsage */
import type { KubeObject } from '../../machinery/meta/object.ts';
import { newQuantity } from '../../machinery/quantity/quantity.ts';
import type { Evaluator, ResourceQuota } from '../../machinery/quota/evaluator.ts';
import { quotaMatches } from '../../machinery/quota/evaluators.ts';
import type { Quantities } from '../../machinery/quota/quantities.ts';
import { add, formatQuantities, isEqual, mask, parseQuantities } from '../../machinery/quota/quantities.ts';

export interface Counted {
  evaluator: Evaluator;
  objects: readonly KubeObject[];
}

export interface QuotaStatus {
  hard: Record<string, string>;
  used: Record<string, string>;
}

/** The status to write; undefined when the quota has it. `counted`: what its names concern. */
export function quotaStatus(quota: ResourceQuota, counted: readonly Counted[], now: number): QuotaStatus | undefined {
  const hard = parseQuantities(quota.spec?.hard);
  const names = Object.keys(hard);
  let total: Quantities = {};
  for (const { evaluator, objects } of counted) {
    const matching = evaluator.matchingResources(names);
    if (matching.length === 0) continue;
    // What nothing uses is used 0 times, not unknown.
    let usage: Quantities = Object.fromEntries(matching.map((n) => [n, newQuantity(0, 'DecimalSI')]));
    for (const object of objects)
      if (quotaMatches(evaluator, quota, names, object)) usage = add(usage, evaluator.usage(object, now));
    total = { ...total, ...mask(usage, matching) };
  }
  const used = mask({ ...parseQuantities(quota.status?.used), ...total }, names);
  const current = quota.status;
  if (
    current?.hard &&
    current.used &&
    isEqual(parseQuantities(current.hard), hard) &&
    isEqual(parseQuantities(current.used), used)
  )
    return undefined;
  return { hard: quota.spec?.hard ?? {}, used: formatQuantities(used) };
}

/** Amounts of resources as upstream stores them: in canonical text. */
import type { ResourceRequirements } from '../../api/core-v1.ts';
import { canonicalQuantity } from '../../machinery/quantity/quantity.ts';

export type Quantities = Record<string, string>;

/** Canonical text of each amount. Text that is no quantity stays for validation to report. */
export function defaultResourceList(list: Quantities | undefined | null): void {
  if (!list) return;
  for (const name in list) {
    const amount = canonical(list[name]!);
    if (amount !== list[name]) list[name] = amount;
  }
}

export function defaultResources(resources: ResourceRequirements | undefined | null): void {
  defaultResourceList(resources?.limits);
  defaultResourceList(resources?.requests);
}

export function canonical(value: string): string {
  try {
    return canonicalQuantity(value);
  } catch {
    return value;
  }
}

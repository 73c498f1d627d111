/**
 * What all containers of a pod ask for together: the sum of the ordinary and sidecar containers or, where larger, the peak
 * while init containers run. Upstream: component-helpers/resource/helpers.go AggregateContainerRequests
 */
import type { Container, PodSpec } from '../../../api/core-v1.ts';
import { addQuantity, cmpQuantity, formatQuantity, type Quantity } from '../../../machinery/quantity/quantity.ts';
import { quantityOf } from '../../validation/values.ts';

type Amounts = Map<string, Quantity>;

function add(into: Amounts, list: Record<string, string> | undefined): void {
  for (const name in list) {
    const amount = quantityOf(list[name]);
    const sum = into.get(name);
    into.set(name, sum ? addQuantity(sum, amount) : amount);
  }
}

function raise(into: Amounts, other: Amounts): void {
  for (const [name, amount] of other) {
    const now = into.get(name);
    if (!now || cmpQuantity(amount, now) > 0) into.set(name, amount);
  }
}

export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

export function aggregateContainers(spec: PodSpec, what: 'requests' | 'limits'): Record<string, string> {
  const total: Amounts = new Map();
  for (const container of spec.containers ?? []) add(total, container.resources?.[what]);
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const list = container.resources?.[what];
    if (isSidecar(container)) {
      add(total, list);
      add(sidecars, list);
      raise(peak, sidecars);
    } else {
      const now: Amounts = new Map(sidecars);
      add(now, list);
      raise(peak, now);
    }
  }
  raise(total, peak);
  return Object.fromEntries([...total].map(([name, amount]) => [name, formatQuantity(amount)]));
}

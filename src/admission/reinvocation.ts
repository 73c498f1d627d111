/** A mutating webhook's word to the chain that the object changed after the built-in plugins had seen it. */
import type { Attributes } from './admission.ts';

const changed = new WeakSet<Attributes>();

export function requestReinvocation(attributes: Attributes): void {
  changed.add(attributes);
}

/** True once for each request. */
export function takeReinvocation(attributes: Attributes): boolean {
  return changed.delete(attributes);
}

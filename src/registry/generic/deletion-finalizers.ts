/**
 * Which garbage-collection finalizers a delete leaves on the object. Upstream: store.go deletionFinalizersForGarbageCollection
 */
import type { ObjectMeta } from '../../machinery/meta/object.ts';
import type { DeleteOptions } from './strategy.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

/** The new list, or undefined when it stays as it is. */
export function deletionFinalizers(
  metadata: ObjectMeta,
  options: DeleteOptions,
  defaultPropagation: 'Orphan' | 'Background',
): string[] | undefined {
  const before = metadata.finalizers ?? [];
  const after = before.filter((f) => f !== ORPHAN && f !== FOREGROUND);
  if (shouldOrphan(before, options, defaultPropagation)) after.push(ORPHAN);
  if (shouldDeleteInForeground(before, options)) after.push(FOREGROUND);
  const same = new Set(before).size === new Set(after).size && after.every((f) => before.includes(f));
  return same ? undefined : after;
}

function shouldOrphan(
  finalizers: readonly string[],
  options: DeleteOptions,
  fallback: 'Orphan' | 'Background',
): boolean {
  if (options.orphanDependents !== undefined) return options.orphanDependents;
  if (options.propagationPolicy !== undefined) return options.propagationPolicy === 'Orphan';
  const set = finalizers.find((f) => f === ORPHAN || f === FOREGROUND);
  return set === undefined ? fallback === 'Orphan' : set === ORPHAN;
}

function shouldDeleteInForeground(finalizers: readonly string[], options: DeleteOptions): boolean {
  if (options.orphanDependents !== undefined) return false;
  if (options.propagationPolicy !== undefined) return options.propagationPolicy === 'Foreground';
  return finalizers.find((f) => f === ORPHAN || f === FOREGROUND) === FOREGROUND;
}

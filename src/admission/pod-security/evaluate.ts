/** Runs the checks of a level and version over a pod. Upstream: pod-security-admission/policy/registry.go */

import type { PodSpec } from '../../api/core-v1.ts';
import type { ObjectMeta } from '../../machinery/meta/object.ts';
import { BASELINE } from './baseline.ts';
import type { Check, Violation } from './check.ts';
import type { LevelVersion } from './levels.ts';
import { RESTRICTED } from './restricted.ts';

/** What the pod violates, in upstream's order: baseline's checks by name, then restricted's; those that another one sharpens are left out. */
export function violations(
  { level, minor = Number.POSITIVE_INFINITY }: LevelVersion,
  metadata: ObjectMeta,
  spec: PodSpec,
): Violation[] {
  if (level === 'privileged') return [];
  const inForce = (c: Check) => minor >= (c.since ?? 0);
  const restricted = level === 'restricted' ? RESTRICTED.filter(inForce) : [];
  const overridden = new Set(restricted.flatMap((c) => c.overrides ?? []));
  const baseline = BASELINE.filter((c) => inForce(c) && !overridden.has(c.id));
  return [...baseline, ...restricted].flatMap((c) => c.check(spec, { metadata, minor }) ?? []);
}

/** `privileged (container "c" must not set ...), hostPort (...)` */
export function detailText(found: readonly Violation[]): string {
  return found.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
}

export function reasonText(found: readonly Violation[]): string {
  return found.map((v) => v.reason).join(', ');
}

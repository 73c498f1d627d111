/**
 * The arithmetic of a rollout: how many replicas each ReplicaSet of a Deployment should have, under surge and
 * unavailability limits. Pure. Upstream: pkg/controller/deployment/util, rolling.go, sync.go
 */
import type { Deployment, ReplicaSet } from '../../api/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/core-v1.ts';
import type { IntOrString } from '../../api/meta-v1.ts';
import { scaledValueFromIntOrPercent } from '../../machinery/meta/int-or-string.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { DESIRED_REPLICAS, MAX_REPLICAS, nonNegativeAnnotation, revisionOf } from './annotations.ts';

export const POD_TEMPLATE_HASH = 'pod-template-hash';
const NO_LIMIT = 2147483647;

export const replicasOf = (o: Deployment | ReplicaSet): number => o.spec?.replicas ?? 1;
export const isRollingUpdate = (d: Deployment): boolean => d.spec?.strategy?.type === 'RollingUpdate';
export const hasProgressDeadline = (d: Deployment): boolean =>
  d.spec?.progressDeadlineSeconds !== undefined && d.spec.progressDeadlineSeconds !== NO_LIMIT;
export const hasRevisionHistoryLimit = (d: Deployment): boolean =>
  d.spec?.revisionHistoryLimit !== undefined && d.spec.revisionHistoryLimit !== NO_LIMIT;

/** Surge and unavailability in pods; never both 0, or nothing could ever be replaced. */
export function resolveFenceposts(
  maxSurge: IntOrString | undefined,
  maxUnavailable: IntOrString | undefined,
  desired: number,
): { surge: number; unavailable: number } {
  const surge = scaledValueFromIntOrPercent(maxSurge ?? 0, desired, { roundUp: true });
  const unavailable = scaledValueFromIntOrPercent(maxUnavailable ?? 0, desired, { roundUp: false });
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}
export function maxSurge(d: Deployment): number {
  if (!isRollingUpdate(d)) return 0;
  const r = d.spec?.strategy?.rollingUpdate;
  return resolveFenceposts(r?.maxSurge, r?.maxUnavailable, replicasOf(d)).surge;
}
export function maxUnavailable(d: Deployment): number {
  if (!isRollingUpdate(d) || replicasOf(d) === 0) return 0;
  const r = d.spec?.strategy?.rollingUpdate;
  return Math.min(resolveFenceposts(r?.maxSurge, r?.maxUnavailable, replicasOf(d)).unavailable, replicasOf(d));
}

export function equalIgnoreHash(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return semanticEqual(withoutHash(a), withoutHash(b));
}
export function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec {
  const { [POD_TEMPLATE_HASH]: _, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}

export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const x = Date.parse(a.metadata.creationTimestamp ?? '') || 0;
  const y = Date.parse(b.metadata.creationTimestamp ?? '') || 0;
  return x - y || (a.metadata.name! < b.metadata.name! ? -1 : 1);
}
export function byRevision(a: ReplicaSet, b: ReplicaSet): number {
  const [ra, rb] = [revisionOf(a) ?? 0n, revisionOf(b) ?? 0n];
  return ra === rb ? byCreation(a, b) : ra < rb ? -1 : 1;
}
function bySizeOlder(a: ReplicaSet, b: ReplicaSet): number {
  return replicasOf(b) - replicasOf(a) || byCreation(a, b);
}
function bySizeNewer(a: ReplicaSet, b: ReplicaSet): number {
  return replicasOf(b) - replicasOf(a) || byCreation(b, a);
}

/** The ReplicaSet of the current template (the oldest, should there be two) and all the others. */
export function splitReplicaSets(
  d: Deployment,
  sets: readonly ReplicaSet[],
): { current: ReplicaSet | undefined; old: ReplicaSet[] } {
  const sorted = [...sets].sort(byCreation);
  const current = sorted.find((rs) => equalIgnoreHash(rs.spec?.template, d.spec?.template));
  return { current, old: sorted.filter((rs) => rs !== current) };
}

export const activeOf = (sets: readonly ReplicaSet[]): ReplicaSet[] => sets.filter((rs) => replicasOf(rs) > 0);
export const sumReplicas = (sets: readonly ReplicaSet[]): number => sets.reduce((n, rs) => n + replicasOf(rs), 0);
export const sumAvailable = (sets: readonly ReplicaSet[]): number =>
  sets.reduce((n, rs) => n + (rs.status?.availableReplicas ?? 0), 0);

/** Replicas the ReplicaSet of the current template should have next. */
export function newReplicas(d: Deployment, all: readonly ReplicaSet[], current: ReplicaSet): number {
  const desired = replicasOf(d);
  if (!isRollingUpdate(d)) return desired;
  const total = sumReplicas(all);
  const limit =
    desired + scaledValueFromIntOrPercent(d.spec?.strategy?.rollingUpdate?.maxSurge ?? 0, desired, { roundUp: true });
  if (total >= limit) return replicasOf(current);
  return replicasOf(current) + Math.min(limit - total, desired - replicasOf(current));
}

export interface Scaling {
  set: ReplicaSet;
  to: number;
}

/**
 * How old ReplicaSets shrink in a rolling update: first replicas that are not available anyway, then available ones as far
 * as the Deployment stays above its minimum. The same set may come twice; later entries count on the earlier ones.
 */
export function scaleDownOld(
  d: Deployment,
  all: readonly ReplicaSet[],
  old: readonly ReplicaSet[],
  current: ReplicaSet,
): Scaling[] {
  if (sumReplicas(old) === 0) return [];
  const minAvailable = replicasOf(d) - maxUnavailable(d);
  const unavailableNew = replicasOf(current) - (current.status?.availableReplicas ?? 0);
  const maxScaledDown = sumReplicas(all) - minAvailable - unavailableNew;
  if (maxScaledDown <= 0) return [];

  const sorted = [...old].sort(byCreation);
  const size = new Map(sorted.map((rs) => [rs, replicasOf(rs)]));
  const scalings: Scaling[] = [];
  const scale = (set: ReplicaSet, by: number) => {
    size.set(set, size.get(set)! - by);
    scalings.push({ set, to: size.get(set)! });
  };

  let budget = maxScaledDown;
  for (const set of sorted) {
    const unhealthy = size.get(set)! - (set.status?.availableReplicas ?? 0);
    if (budget <= 0 || size.get(set) === 0 || unhealthy === 0) continue;
    const by = Math.min(budget, unhealthy);
    if (by <= 0) continue;
    scale(set, by);
    budget -= by;
  }

  let spare = sumAvailable([...sorted, current]) - minAvailable;
  for (const set of sorted) {
    if (spare <= 0) break;
    const by = Math.min(size.get(set)!, spare);
    if (by === 0) continue;
    scale(set, by);
    spare -= by;
  }
  return scalings;
}

/** The one ReplicaSet that a plain change of `spec.replicas` concerns; undefined when several are in use. */
export function activeOrLatest(current: ReplicaSet | undefined, old: readonly ReplicaSet[]): ReplicaSet | undefined {
  const newestFirst = [...old].sort((a, b) => byCreation(b, a));
  const active = activeOf(current ? [...newestFirst, current] : newestFirst);
  if (active.length === 0) return current ?? newestFirst[0];
  return active.length === 1 ? active[0] : undefined;
}

/** The rollout is over: the current ReplicaSet has everything, and it is available. */
export function isSaturated(d: Deployment, current: ReplicaSet | undefined): boolean {
  if (!current) return false;
  return (
    replicasOf(current) === replicasOf(d) &&
    current.metadata.annotations?.[DESIRED_REPLICAS] === String(replicasOf(d)) &&
    (current.status?.availableReplicas ?? 0) === replicasOf(d)
  );
}

/** Proportional scaling in the middle of a rollout: every active ReplicaSet takes its share of the change. */
export function scaleProportionally(d: Deployment, all: readonly ReplicaSet[]): Scaling[] {
  const desired = replicasOf(d);
  const active = activeOf(all);
  const allowed = desired > 0 ? desired + maxSurge(d) : 0;
  const toAdd = allowed - sumReplicas(active);
  const sorted = toAdd > 0 ? active.sort(bySizeNewer) : toAdd < 0 ? active.sort(bySizeOlder) : active;
  let added = 0;
  const scalings = sorted.map((set) => {
    const share = toAdd === 0 ? 0 : proportion(d, set, toAdd, added);
    added += share;
    return { set, to: replicasOf(set) + share };
  });
  // Rounding leaves something over; the largest takes it.
  if (toAdd !== 0 && scalings[0]) scalings[0].to = Math.max(0, scalings[0].to + toAdd - added);
  return scalings;
}

function proportion(d: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  if (replicasOf(set) === 0 || toAdd === added) return 0;
  const share = fraction(d, set);
  return toAdd > 0 ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added);
}

function fraction(d: Deployment, set: ReplicaSet): number {
  const size = replicasOf(set);
  if (replicasOf(d) === 0) return -size;
  const before = nonNegativeAnnotation(set, MAX_REPLICAS) || (d.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((size * (replicasOf(d) + maxSurge(d))) / before) - size;
}

/** Old ReplicaSets beyond the history limit that hold no pods, oldest revision first. */
export function toCleanUp(d: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  if (!hasRevisionHistoryLimit(d)) return [];
  const alive = old.filter((rs) => rs.metadata.deletionTimestamp === undefined);
  const excess = alive.length - d.spec!.revisionHistoryLimit!;
  if (excess <= 0) return [];
  return alive
    .sort(byRevision)
    .slice(0, excess)
    .filter(
      (rs) =>
        (rs.status?.replicas ?? 0) === 0 &&
        replicasOf(rs) === 0 &&
        (rs.metadata.generation ?? 0) <= (rs.status?.observedGeneration ?? 0),
    );
}

/** `spec.replicas` was changed since the ReplicaSets were last scaled. */
export function isScalingEvent(d: Deployment, all: readonly ReplicaSet[]): boolean {
  return activeOf(all).some((rs) => {
    const desired = nonNegativeAnnotation(rs, DESIRED_REPLICAS);
    return desired !== undefined && desired !== replicasOf(d);
  });
}

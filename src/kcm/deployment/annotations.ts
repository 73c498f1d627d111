/** What the deployment controller writes on ReplicaSets: revision, its history, and sizes. Pure; returns new annotations. */
import type { Deployment, ReplicaSet } from '../../api/apps-v1.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
export const ROLLBACK_TO = 'deprecated.deployment.rollback.to';
const MAX_HISTORY_CHARACTERS = 2000;

/** Annotations that are the controller's own or kubectl's, and are not copied between Deployment and ReplicaSet. */
const SKIPPED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  ROLLBACK_TO,
]);

type Annotations = Record<string, string>;

/** 0 when there is none; undefined when it is no number. */
export function revisionOf(object: KubeObject): number | undefined {
  const text = object.metadata.annotations?.[REVISION];
  if (text === undefined) return 0;
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

export function maxRevision(sets: readonly ReplicaSet[]): number {
  return Math.max(0, ...sets.map((rs) => revisionOf(rs) ?? 0));
}

/** The second largest revision: what an undo without a number goes back to. */
export function lastRevision(sets: readonly ReplicaSet[]): number {
  const sorted = sets.map((rs) => revisionOf(rs) ?? 0).sort((a, b) => b - a);
  return sorted[1] ?? 0;
}

export function nonNegativeAnnotation(object: KubeObject, key: string): number | undefined {
  const text = object.metadata.annotations?.[key];
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 2147483647 ? value : undefined;
}

export function withReplicas(annotations: Annotations | undefined, desired: number, max: number): Annotations {
  return { ...annotations, [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(max) };
}

export function replicasAnnotationsCurrent(set: ReplicaSet, desired: number, max: number): boolean {
  const a = set.metadata.annotations;
  return a?.[DESIRED_REPLICAS] === String(desired) && a[MAX_REPLICAS] === String(max);
}

/** Annotations of the ReplicaSet of the current template, which is to be `revision` now. */
export function currentSetAnnotations(d: Deployment, of: Annotations | undefined, revision: number): Annotations {
  const next: Annotations = { ...of };
  for (const [k, v] of Object.entries(d.metadata.annotations ?? {})) if (!SKIPPED.has(k)) next[k] = v;
  const oldText = of?.[REVISION];
  const old = oldText === undefined || oldText === '' ? 0 : Number(oldText);
  if (!Number.isInteger(old) || old >= revision) return next;
  next[REVISION] = String(revision);
  if (oldText !== undefined) {
    const history = appendHistory(next[REVISION_HISTORY] ?? '', oldText);
    if (history !== undefined) next[REVISION_HISTORY] = history;
  }
  return next;
}

/** Drops the oldest revisions when the history grows too long; undefined when even that does not help. */
function appendHistory(history: string, revision: string): string | undefined {
  if (history === '') return revision;
  const revisions = history.split(',');
  let length = history.length + revision.length + 1;
  let start = 0;
  while (length > MAX_HISTORY_CHARACTERS && start < revisions.length) length -= revisions[start++]!.length + 1;
  return length <= MAX_HISTORY_CHARACTERS ? [...revisions.slice(start), revision].join(',') : undefined;
}

/** The Deployment's annotations after rolling back to `set`: its own kept ones and the set's others. */
export function rolledBackAnnotations(d: Deployment, set: ReplicaSet): Annotations {
  const next: Annotations = {};
  for (const [k, v] of Object.entries(d.metadata.annotations ?? {})) if (SKIPPED.has(k)) next[k] = v;
  for (const [k, v] of Object.entries(set.metadata.annotations ?? {})) if (!SKIPPED.has(k)) next[k] = v;
  return next;
}

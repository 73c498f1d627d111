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

/** 0 when there is none; undefined when it is no number. Upstream's are int64, and some sets come with numbers beyond 2^53. */
export function revisionOf(object: KubeObject): bigint | undefined {
  const text = object.metadata.annotations?.[REVISION];
  return text === undefined ? 0n : parseRevision(text);
}

export function parseRevision(text: string): bigint | undefined {
  return /^[+-]?\d+$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;
}

export function maxRevision(sets: readonly ReplicaSet[]): bigint {
  let max = 0n;
  for (const set of sets) {
    const revision = revisionOf(set) ?? 0n;
    if (revision > max) max = revision;
  }
  return max;
}

/** The second largest revision: what an undo without a number goes back to. */
export function lastRevision(sets: readonly ReplicaSet[]): bigint {
  const sorted = sets.map((rs) => revisionOf(rs) ?? 0n).sort((a, b) => (a === b ? 0 : a > b ? -1 : 1));
  return sorted[1] ?? 0n;
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
export function currentSetAnnotations(d: Deployment, of: Annotations | undefined, revision: bigint): Annotations {
  const next: Annotations = { ...of };
  for (const [k, v] of Object.entries(d.metadata.annotations ?? {})) if (!SKIPPED.has(k)) next[k] = v;
  const oldText = of?.[REVISION];
  const old = oldText === undefined || oldText === '' ? 0n : parseRevision(oldText);
  if (old === undefined || old >= revision) return next;
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

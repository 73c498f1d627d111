/** The history of a DaemonSet's templates: finds or makes the current revision, and forgets old ones. Upstream: pkg/controller/daemon/update.go constructHistory */
import type { ControllerRevision, DaemonSet } from '../../api/apps-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { CONTROLLERREVISIONS, DAEMONSETS, PODS } from '../../client/resources.ts';
import { isAlreadyExists } from '../../machinery/errors/status-error.ts';
import { CONTROLLER_REVISION_HASH, sortRevisions, templatePatch } from '../history.ts';
import { BY_CONTROLLER, claim, controllerRefTo, orphansOf } from '../owners.ts';
import { selects } from '../selectors.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { computeHash } from '../template-hash.ts';

export interface DaemonHistory {
  current: ControllerRevision;
  /** Sorted, the oldest first. */
  old: ControllerRevision[];
}

export interface RevisionsOptions {
  client: Client;
  revisions: Informer<ControllerRevision>;
  /** All pods of the set. */
  pods: readonly Pod[];
  signal: AbortSignal;
}

export function hashOf(revision: ControllerRevision): string {
  return revision.metadata.labels?.[CONTROLLER_REVISION_HASH] ?? '';
}
function isOf(set: DaemonSet, revision: ControllerRevision): boolean {
  return semanticEqual(revision.data, templatePatch(set.spec!.template));
}

export async function daemonHistory(set: DaemonSet, options: RevisionsOptions): Promise<DaemonHistory> {
  const { client, revisions, signal } = options;
  const known = [
    ...revisions.lister.byIndex(BY_CONTROLLER, set.metadata.uid!),
    ...revisions.lister.byIndex(BY_CONTROLLER, orphansOf(set.metadata.namespace)),
  ];
  const claimed = await claim(known, {
    client,
    owner: set,
    ownerRef: DAEMONSETS,
    ref: CONTROLLERREVISIONS,
    matches: (r) => selects(set.spec?.selector, r),
    signal,
  });
  const labelled = await Promise.all(sortRevisions(claimed).map((r) => withHashLabel(r, client, signal)));
  const old = labelled.filter((r) => !isOf(set, r));
  const equal = labelled.filter((r) => isOf(set, r));
  const number = Math.max(0, ...old.map((r) => r.revision)) + 1;
  if (equal.length === 0) return { current: await snapshot(set, number, options), old };
  const kept = await keepOne(equal, options);
  if (kept.revision < number) await client.update(CONTROLLERREVISIONS, { ...kept, revision: number }, { signal });
  return { current: kept, old };
}

/** Its name serves where the label is missing, so that no hash can collide. */
async function withHashLabel(r: ControllerRevision, client: Client, signal: AbortSignal): Promise<ControllerRevision> {
  if (r.metadata.labels && CONTROLLER_REVISION_HASH in r.metadata.labels) return r;
  const labels = { ...r.metadata.labels, [CONTROLLER_REVISION_HASH]: r.metadata.name! };
  return client.update(CONTROLLERREVISIONS, { ...r, metadata: { ...r.metadata, labels } }, { signal });
}

/** Of several of the same template the latest stays; pods are told that they are of it. */
async function keepOne(
  equal: readonly ControllerRevision[],
  { client, pods, signal }: RevisionsOptions,
): Promise<ControllerRevision> {
  const kept = equal.at(-1)!;
  if (equal.length === 1) return kept;
  const hash = hashOf(kept);
  for (const pod of pods) {
    if (pod.metadata.labels?.[CONTROLLER_REVISION_HASH] === hash) continue;
    const patch = { metadata: { labels: { [CONTROLLER_REVISION_HASH]: hash } } };
    await client.patch(PODS, pod.metadata.name!, 'merge', patch, { namespace: pod.metadata.namespace!, signal });
  }
  for (const r of equal.slice(0, -1))
    await client.delete(CONTROLLERREVISIONS, r.metadata.name!, { namespace: r.metadata.namespace!, signal });
  return kept;
}

async function snapshot(
  set: DaemonSet,
  revision: number,
  { client, signal }: RevisionsOptions,
): Promise<ControllerRevision> {
  const { template } = set.spec!;
  const { namespace, annotations } = set.metadata;
  const collisions = set.status?.collisionCount;
  const hash = computeHash(template, collisions);
  const name = `${set.metadata.name}-${hash}`;
  const object: ControllerRevision = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name,
      namespace: namespace!,
      labels: { ...template.metadata?.labels, [CONTROLLER_REVISION_HASH]: hash },
      ...(annotations ? { annotations } : {}),
      ownerReferences: [controllerRefTo(set, DAEMONSETS)],
    },
    data: templatePatch(template),
    revision,
  };
  try {
    return await client.create(CONTROLLERREVISIONS, object, { signal });
  } catch (err) {
    if (!isAlreadyExists(err)) throw err;
    const existing = await client.get<ControllerRevision>(CONTROLLERREVISIONS, name, { namespace: namespace!, signal });
    if (isOf(set, existing)) return existing;
    const fresh = await client.get<DaemonSet>(DAEMONSETS, set.metadata.name!, { namespace: namespace!, signal });
    if (fresh.status?.collisionCount !== collisions)
      throw new Error(
        `found a stale collision count (${collisions}, expected ${fresh.status?.collisionCount}) of DaemonSet "${set.metadata.name}" while processing; will retry until it is updated`,
      );
    const status = { ...fresh.status!, collisionCount: (collisions ?? 0) + 1 };
    await client.update(DAEMONSETS, { ...fresh, status }, { subresource: 'status', signal });
    throw err;
  }
}

/** Old revisions beyond the limit that no pod is of. */
export function revisionsToDelete(set: DaemonSet, old: readonly ControllerRevision[], pods: readonly Pod[]) {
  const live = new Set(pods.map((p) => p.metadata.labels?.[CONTROLLER_REVISION_HASH]));
  const excess = old.length - (set.spec?.revisionHistoryLimit ?? 10);
  return old.filter((r) => !live.has(hashOf(r))).slice(0, Math.max(0, excess));
}

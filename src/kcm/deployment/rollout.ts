/**
 * One sync of one Deployment: works on a private copy of it, writes what the plan says, and stops after each step that
 * others must react to first (a scaling). Upstream: pkg/controller/deployment/{sync,rolling,recreate,rollback}.go
 */
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/apps-v1.ts';
import type { Pod } from '../../api/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { DEPLOYMENTS, REPLICASETS } from '../../client/resources.ts';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../machinery/errors/status-error.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { SyncResult } from '../controller.ts';
import { controllerOf, controllerRefTo } from '../owners.ts';
import { withKind } from '../pod-control.ts';
import { isPodTerminal } from '../pods.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { computeHash } from '../template-hash.ts';
import {
  currentSetAnnotations,
  lastRevision,
  maxRevision,
  parseRevision,
  REVISION,
  ROLLBACK_TO,
  replicasAnnotationsCurrent,
  revisionOf,
  rolledBackAnnotations,
  withReplicas,
} from './annotations.ts';
import {
  activeOf,
  activeOrLatest,
  equalIgnoreHash,
  hasProgressDeadline,
  isRollingUpdate,
  isSaturated,
  isScalingEvent,
  maxSurge,
  newReplicas,
  POD_TEMPLATE_HASH,
  replicasOf,
  scaleDownOld,
  scaleProportionally,
  splitReplicaSets,
  toCleanUp,
  withoutHash,
} from './plan.ts';
import {
  calculateStatus,
  conditionOf,
  isComplete,
  newCondition,
  nextProgressCheck,
  rolloutStatus,
  TIMED_OUT,
  withCondition,
} from './status.ts';

export interface RolloutTools {
  client: Client;
  clock: Clock;
  log: Logger;
  recorder: EventRecorder;
  signal: AbortSignal;
}

interface Sets {
  current: ReplicaSet | undefined;
  old: ReplicaSet[];
}

const MAX_NAME = 253;
const allOf = (s: Sets): ReplicaSet[] => (s.current ? [...s.old, s.current] : s.old);

export class Rollout {
  readonly #t: RolloutTools;
  readonly #findSet: (namespace: string | undefined, name: string) => ReplicaSet | undefined;
  /** The Deployment as last written or read; replaced, never changed in place. */
  #d: Deployment;

  constructor(
    tools: RolloutTools,
    deployment: Deployment,
    findSet: (namespace: string | undefined, name: string) => ReplicaSet | undefined,
  ) {
    this.#t = tools;
    this.#d = withKind(deployment, DEPLOYMENTS);
    this.#findSet = findSet;
  }

  async refuseEmptySelector(): Promise<void> {
    this.#event('Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
    const { generation = 0 } = this.#d.metadata;
    if ((this.#d.status?.observedGeneration ?? 0) < generation)
      await this.#writeStatus({ ...this.#d.status, observedGeneration: generation });
  }

  async sync(list: readonly ReplicaSet[], podsOf: (set: ReplicaSet) => Pod[]): Promise<SyncResult> {
    if (this.#d.metadata.deletionTimestamp !== undefined)
      return this.#syncStatus(await this.#syncRevision(list, false));
    await this.#checkPaused();
    if (this.#d.spec?.paused) return this.#syncScale(list);
    if (
      this.#d.metadata.annotations?.[ROLLBACK_TO] !== undefined &&
      /^-?\d+$/.test(this.#d.metadata.annotations[ROLLBACK_TO])
    )
      return this.#rollback(list);
    const sets = await this.#syncRevision(list, false);
    if (isScalingEvent(this.#d, allOf(sets))) return this.#syncScale(list);
    return isRollingUpdate(this.#d) ? this.#roll(list) : this.#recreate(list, podsOf);
  }

  // --- strategies

  async #roll(list: readonly ReplicaSet[]): Promise<SyncResult> {
    const sets = await this.#syncRevision(list, true);
    const current = sets.current!;
    if (replicasOf(current) !== replicasOf(this.#d)) {
      const to =
        replicasOf(current) > replicasOf(this.#d) ? replicasOf(this.#d) : newReplicas(this.#d, allOf(sets), current);
      const scaled = await this.#scale(current, to);
      if (scaled !== current) return this.#syncRollout({ ...sets, current: scaled });
    }
    const down = scaleDownOld(this.#d, allOf(sets), activeOf(sets.old), current);
    if (down.length > 0) {
      const latest = new Map(sets.old.map((rs) => [rs, rs]));
      for (const { set, to } of down) latest.set(set, await this.#scale(latest.get(set)!, to));
      return this.#syncRollout({ ...sets, old: [...latest.values()] });
    }
    if (isComplete(this.#d, this.#d.status)) await this.#cleanUp(sets.old);
    return this.#syncRollout(sets);
  }

  async #recreate(list: readonly ReplicaSet[], podsOf: (set: ReplicaSet) => Pod[]): Promise<SyncResult> {
    let sets = await this.#syncRevision(list, false);
    const active = activeOf(sets.old);
    if (active.length > 0) {
      const latest = new Map(sets.old.map((rs) => [rs, rs]));
      for (const set of active) latest.set(set, await this.#scale(set, 0));
      return this.#syncRollout({ ...sets, old: [...latest.values()] });
    }
    const running = sets.old.some((rs) => (rs.status?.replicas ?? 0) > 0 || podsOf(rs).some((p) => !isPodTerminal(p)));
    if (running) return this.#syncRollout(sets);
    if (!sets.current) sets = await this.#syncRevision(list, true);
    sets = { ...sets, current: await this.#scale(sets.current!, replicasOf(this.#d)) };
    if (isComplete(this.#d, this.#d.status)) await this.#cleanUp(sets.old);
    return this.#syncRollout(sets);
  }

  /** Paused, or `spec.replicas` changed: sizes only, nothing is rolled. */
  async #syncScale(list: readonly ReplicaSet[]): Promise<void> {
    const sets = await this.#syncRevision(list, false);
    const latest = new Map(allOf(sets).map((rs) => [rs, rs]));
    const scale = async (set: ReplicaSet, to: number) => {
      latest.set(set, await this.#scale(set, to));
    };
    const one = activeOrLatest(sets.current, sets.old);
    if (one) {
      if (replicasOf(one) !== replicasOf(this.#d)) await scale(one, replicasOf(this.#d));
    } else if (isSaturated(this.#d, sets.current)) {
      for (const set of activeOf(sets.old)) await scale(set, 0);
    } else if (isRollingUpdate(this.#d)) {
      for (const { set, to } of scaleProportionally(this.#d, allOf(sets))) await scale(set, to);
    }
    if (this.#d.spec?.paused && this.#d.metadata.annotations?.[ROLLBACK_TO] === undefined)
      await this.#cleanUp(sets.old);
    await this.#syncStatus({
      current: sets.current && latest.get(sets.current),
      old: sets.old.map((rs) => latest.get(rs)!),
    });
  }

  /** For clients that still ask through the old annotation; kubectl undo patches the template itself. */
  async #rollback(list: readonly ReplicaSet[]): Promise<void> {
    const sets = await this.#syncRevision(list, true);
    const all = allOf(sets);
    const revision = parseRevision(this.#d.metadata.annotations![ROLLBACK_TO] ?? '') || lastRevision(all);
    const target = revision === 0n ? undefined : all.find((rs) => revisionOf(rs) === revision);
    let next = this.#d;
    if (!target) {
      const message = revision === 0n ? 'Unable to find last revision.' : 'Unable to find the revision to rollback to.';
      this.#event('Warning', 'DeploymentRollbackRevisionNotFound', message);
    } else if (equalIgnoreHash(this.#d.spec?.template, target.spec?.template)) {
      const message = `The rollback revision contains the same template as current deployment "${this.#d.metadata.name}"`;
      this.#event('Warning', 'DeploymentRollbackTemplateUnchanged', message);
    } else {
      next = {
        ...next,
        metadata: { ...next.metadata, annotations: rolledBackAnnotations(next, target) },
        spec: { ...next.spec!, template: withoutHash(target.spec?.template) },
      };
    }
    const { [ROLLBACK_TO]: _, ...annotations } = next.metadata.annotations ?? {};
    await this.#t.client.update(
      DEPLOYMENTS,
      { ...next, metadata: { ...next.metadata, annotations } },
      { signal: this.#t.signal },
    );
    if (next !== this.#d)
      this.#event(
        'Normal',
        'DeploymentRollback',
        `Rolled back deployment "${this.#d.metadata.name}" to revision ${revision}`,
      );
  }

  // --- ReplicaSets

  /** Splits the sets, brings revision annotations up to date, and makes the set of the current template when `create`. */
  async #syncRevision(list: readonly ReplicaSet[], create: boolean): Promise<Sets> {
    const { current, old } = splitReplicaSets(this.#d, list);
    const revision = maxRevision(old) + 1n;
    if (current) return { current: await this.#syncCurrent(current, revision), old };
    return { current: create ? await this.#create(old, revision) : undefined, old };
  }

  async #syncCurrent(set: ReplicaSet, revision: bigint): Promise<ReplicaSet> {
    const annotations = currentSetAnnotations(this.#d, set.metadata.annotations, revision);
    const minReadySeconds = this.#d.spec?.minReadySeconds ?? 0;
    if (!semanticEqual(annotations, set.metadata.annotations) || (set.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
      const next = { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec!, minReadySeconds } };
      return this.#t.client.update<ReplicaSet>(REPLICASETS, next, { signal: this.#t.signal });
    }
    const before = this.#d;
    this.#setRevision(set.metadata.annotations?.[REVISION] ?? '');
    if (hasProgressDeadline(this.#d) && !conditionOf(this.#d.status, 'Progressing')) {
      this.#setCondition('True', 'FoundNewReplicaSet', `Found new replica set "${set.metadata.name}"`);
    }
    if (this.#d !== before) await this.#writeStatus(this.#d.status ?? {});
    return set;
  }

  async #create(old: readonly ReplicaSet[], revision: bigint): Promise<ReplicaSet> {
    const set = this.#newSet(old, revision);
    let created: ReplicaSet;
    let existed = false;
    try {
      created = await this.#t.client.create<ReplicaSet>(REPLICASETS, set, { signal: this.#t.signal });
    } catch (err) {
      if (!isAlreadyExists(err)) throw await this.#creationFailed(set, err);
      const found = this.#findSet(this.#d.metadata.namespace, set.metadata.name!);
      if (!found) throw err;
      if (
        controllerOf(found)?.uid !== this.#d.metadata.uid ||
        !equalIgnoreHash(this.#d.spec?.template, found.spec?.template)
      ) {
        await this.#writeStatus({ ...this.#d.status, collisionCount: (this.#d.status?.collisionCount ?? 0) + 1 });
        throw err;
      }
      created = found;
      existed = true;
    }
    if (!existed && replicasOf(created) > 0) {
      this.#event(
        'Normal',
        'ScalingReplicaSet',
        `Scaled up replica set ${created.metadata.name} from 0 to ${replicasOf(created)}`,
      );
    }
    const before = this.#d;
    this.#setRevision(String(revision));
    if (!existed && hasProgressDeadline(this.#d))
      this.#setCondition('True', 'NewReplicaSetCreated', `Created new replica set "${created.metadata.name}"`);
    if (this.#d !== before) await this.#writeStatus(this.#d.status ?? {});
    return created;
  }

  async #creationFailed(set: ReplicaSet, err: unknown): Promise<unknown> {
    if (isNamespaceTerminating(err)) return err;
    const message = `Failed to create new replica set "${set.metadata.name}": ${(err as Error).message}`;
    if (hasProgressDeadline(this.#d)) {
      this.#setCondition('False', 'ReplicaSetCreateError', message);
      // What is to be told is why the set could not be made; the retry it causes writes the condition again.
      await this.#writeStatus(this.#d.status ?? {}).catch(() => {});
    }
    this.#event('Warning', 'ReplicaSetCreateError', message);
    return err;
  }

  #newSet(old: readonly ReplicaSet[], revision: bigint): ReplicaSet {
    const d = this.#d;
    const hash = computeHash(d.spec!.template, d.status?.collisionCount);
    const labels = { ...d.spec!.template.metadata?.labels, [POD_TEMPLATE_HASH]: hash };
    const selector = d.spec!.selector;
    const set: ReplicaSet = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${d.metadata.name!.slice(0, MAX_NAME - 1 - hash.length)}-${hash}`,
        namespace: d.metadata.namespace!,
        labels,
        ownerReferences: [controllerRefTo(d, DEPLOYMENTS)],
      },
      spec: {
        replicas: 0,
        ...(d.spec!.minReadySeconds ? { minReadySeconds: d.spec!.minReadySeconds } : {}),
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [POD_TEMPLATE_HASH]: hash } },
        template: { ...d.spec!.template, metadata: { ...d.spec!.template.metadata, labels } },
      },
    };
    set.spec!.replicas = newReplicas(d, [...old, set], set);
    set.metadata.annotations = withReplicas(
      currentSetAnnotations(d, undefined, revision),
      replicasOf(d),
      replicasOf(d) + maxSurge(d),
    );
    return set;
  }

  /** Writes size and size annotations where they differ. The answer is the set as it is then; the same one when its size was right. */
  async #scale(set: ReplicaSet, to: number): Promise<ReplicaSet> {
    const desired = replicasOf(this.#d);
    const max = desired + maxSurge(this.#d);
    const from = replicasOf(set);
    if (from === to && replicasAnnotationsCurrent(set, desired, max)) return set;
    const next = {
      ...set,
      metadata: { ...set.metadata, annotations: withReplicas(set.metadata.annotations, desired, max) },
      spec: { ...set.spec!, replicas: to },
    };
    const written = await this.#t.client.update<ReplicaSet>(REPLICASETS, next, { signal: this.#t.signal });
    if (from !== to) {
      this.#event(
        'Normal',
        'ScalingReplicaSet',
        `Scaled ${from < to ? 'up' : 'down'} replica set ${set.metadata.name} from ${from} to ${to}`,
      );
    }
    return written;
  }

  async #cleanUp(old: readonly ReplicaSet[]): Promise<void> {
    for (const set of toCleanUp(this.#d, old)) {
      try {
        await this.#t.client.delete(REPLICASETS, set.metadata.name!, {
          namespace: set.metadata.namespace!,
          signal: this.#t.signal,
        });
      } catch (err) {
        if (!isNotFound(err)) throw err;
      }
    }
  }

  // --- status

  async #checkPaused(): Promise<void> {
    if (!hasProgressDeadline(this.#d)) return;
    const condition = conditionOf(this.#d.status, 'Progressing');
    if (condition?.reason === TIMED_OUT) return;
    const marked = condition?.reason === 'DeploymentPaused';
    if (!!this.#d.spec?.paused === marked) return;
    if (marked) this.#setCondition('Unknown', 'DeploymentResumed', 'Deployment is resumed');
    else this.#setCondition('Unknown', 'DeploymentPaused', 'Deployment is paused');
    await this.#writeStatus(this.#d.status ?? {});
  }

  async #syncStatus(sets: Sets): Promise<void> {
    const status = calculateStatus(this.#d, allOf(sets), sets.current, this.#timestamp());
    if (!semanticEqual(status, this.#d.status)) await this.#writeStatus(status);
  }

  async #syncRollout(sets: Sets): Promise<SyncResult> {
    const now = this.#t.clock.now();
    const status = rolloutStatus(this.#d, allOf(sets), sets.current, now, this.#timestamp());
    if (!semanticEqual(status, this.#d.status)) {
      await this.#writeStatus(status);
      return;
    }
    const next = nextProgressCheck(this.#d, status, now);
    return next === undefined ? undefined : { requeueAfter: Math.max(next, 1000) };
  }

  #timestamp(): string {
    return formatTime(this.#t.clock.now());
  }

  #setRevision(revision: string): void {
    if (revision === '' || this.#d.metadata.annotations?.[REVISION] === revision) return;
    this.#d = {
      ...this.#d,
      metadata: { ...this.#d.metadata, annotations: { ...this.#d.metadata.annotations, [REVISION]: revision } },
    };
  }

  #setCondition(status: string, reason: string, message: string): void {
    const conditions = withCondition(
      this.#d.status?.conditions,
      newCondition('Progressing', status, reason, message, this.#timestamp()),
    );
    this.#d = { ...this.#d, status: { ...this.#d.status, conditions } };
  }

  /** Writes status, and with it the revision annotation. */
  async #writeStatus(status: DeploymentStatus): Promise<void> {
    const written = await this.#t.client.update<Deployment>(
      DEPLOYMENTS,
      { ...this.#d, status },
      { subresource: 'status', signal: this.#t.signal },
    );
    this.#d = withKind(written, DEPLOYMENTS);
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#t.recorder.event(this.#d, type, reason, message);
  }
}

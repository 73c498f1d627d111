/** Creates, mends and deletes the pods of a StatefulSet, their claims before them. Upstream: stateful_pod_control.go */
import type { StatefulSet } from '../../api/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { keyOf } from '../../client/indexer.ts';
import type { Informer } from '../../client/informer.ts';
import { PERSISTENTVOLUMECLAIMS, PODS } from '../../client/resources.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../machinery/errors/status-error.ts';
import type { Consistency } from '../consistency.ts';
import {
  claimOwners,
  hasStaleOwner,
  hasUnexpectedController,
  isClaimOwnerUpToDate,
  retentionPolicy,
} from './claims.ts';
import { claimsOf, identityMatches, ordinalOf, storageMatches, withIdentity, withStorage } from './identity.ts';

export interface StatefulPodControlOptions {
  client: Client;
  recorder: EventRecorder;
  pods: Informer<Pod>;
  claims: Informer<PersistentVolumeClaim>;
  consistency: Consistency;
}

type Verb = 'Create' | 'Update' | 'Delete';
const UPDATE_TRIES = 5;

export class StatefulPodControl {
  readonly #o: StatefulPodControlOptions;
  constructor(options: StatefulPodControlOptions) {
    this.#o = options;
  }

  async create(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    const { client, pods, consistency } = this.#o;
    try {
      await this.#createClaims(set, pod, signal);
    } catch (err) {
      this.#podEvent('Create', set, pod, err);
      throw err;
    }
    let failure: unknown;
    try {
      consistency.wrote(keyOf(set), pods, await client.create<Pod>(PODS, pod, { signal }));
    } catch (err) {
      if (isAlreadyExists(err)) throw err;
      failure = err;
    }
    await this.#retain(set, pod, signal);
    this.#podEvent('Create', set, pod, failure);
    if (failure !== undefined) throw failure;
  }

  /** Creates what a waiting pod lacks. */
  async createMissingClaims(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#createClaims(set, pod, signal);
    await this.#retain(set, pod, signal);
  }

  async delete(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    const { name, namespace } = pod.metadata;
    try {
      await this.#o.client.delete(PODS, name!, { namespace: namespace!, signal });
    } catch (err) {
      if (!isNotFound(err)) {
        this.#podEvent('Delete', set, pod, err);
        throw err;
      }
    }
    this.#podEvent('Delete', set, pod);
  }

  /** Name labels, volumes and owners of claims as the set wants them. */
  async mend(set: StatefulSet, original: Pod, signal: AbortSignal): Promise<void> {
    const { client, pods, consistency } = this.#o;
    let pod = original;
    for (let tries = 1; ; tries++) {
      let wanted = identityMatches(set, pod) ? pod : withIdentity(set, pod);
      if (!storageMatches(set, pod)) {
        wanted = withStorage(set, wanted);
        await this.#createClaims(set, pod, signal);
      }
      const claimsMatch = this.claimsMatch(set, pod);
      if (!claimsMatch) await this.retainClaims(set, pod, signal);
      if (wanted === pod && claimsMatch) return;
      try {
        consistency.wrote(keyOf(set), pods, await client.update<Pod>(PODS, wanted, { signal }));
        this.#podEvent('Update', set, pod);
        return;
      } catch (err) {
        if (!isConflict(err) || tries >= UPDATE_TRIES) {
          this.#podEvent('Update', set, pod, err);
          throw err;
        }
        pod = await client.get<Pod>(PODS, pod.metadata.name!, { namespace: pod.metadata.namespace!, signal });
      }
    }
  }

  /** The owners of the pod's claims are as the retention policy says. */
  claimsMatch(set: StatefulSet, pod: Pod): boolean {
    return this.#existingClaims(set, pod).every((claim) => isClaimOwnerUpToDate(claim, set, pod));
  }

  /** Makes them so. */
  async retainClaims(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    const { client, claims, recorder, consistency } = this.#o;
    for (const claim of this.#existingClaims(set, pod)) {
      const name = claim.metadata!.name!;
      if (hasUnexpectedController(claim, set, pod)) {
        const message = `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
        recorder.event(set, 'Warning', 'ConflictingController', message);
      }
      if (isClaimOwnerUpToDate(claim, set, pod)) continue;
      const metadata = { ...claim.metadata, ownerReferences: claimOwners(claim, set, pod) };
      const updated = await client.update<PersistentVolumeClaim>(
        PERSISTENTVOLUMECLAIMS,
        { ...claim, metadata },
        { signal },
      );
      consistency.wrote(keyOf(set), claims, updated);
    }
  }

  /** A claim still belongs to the pod's predecessor and goes away with it: the pod must not be created before. */
  hasStaleClaim(set: StatefulSet, pod: Pod): boolean {
    if (!retentionPolicy(set).deletedWhenScaled) return false;
    return this.#existingClaims(set, pod).some((claim) => hasStaleOwner(claim, pod, PODS));
  }

  async #retain(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    try {
      await this.retainClaims(set, pod, signal);
    } catch (err) {
      this.#podEvent('Update', set, pod, err);
      throw err;
    }
  }

  #existingClaims(set: StatefulSet, pod: Pod): PersistentVolumeClaim[] {
    const { lister } = this.#o.claims;
    return [...claimsOf(set, ordinalOf(pod)).values()].flatMap(
      (c) => lister.get(set.metadata.namespace, c.metadata!.name!) ?? [],
    );
  }

  async #createClaims(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    const { client, claims, consistency } = this.#o;
    const failures: string[] = [];
    for (const claim of claimsOf(set, ordinalOf(pod)).values()) {
      const name = claim.metadata!.name!;
      const existing = claims.lister.get(set.metadata.namespace, name);
      if (existing) {
        if (existing.metadata?.deletionTimestamp !== undefined) failures.push(`pvc ${name} is being deleted`);
        continue;
      }
      try {
        const object = { ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
        const created = await client.create<PersistentVolumeClaim>(PERSISTENTVOLUMECLAIMS, object, { signal });
        consistency.wrote(keyOf(set), claims, created);
        this.#claimEvent(set, pod, name);
      } catch (err) {
        failures.push(`failed to create PVC ${name}: ${(err as Error).message}`);
        if (!isAlreadyExists(err)) this.#claimEvent(set, pod, name, err);
      }
    }
    if (failures.length === 1) throw new Error(failures[0]);
    if (failures.length > 1) throw new Error(`[${failures.join(', ')}]`);
  }

  #podEvent(verb: Verb, set: StatefulSet, pod: Pod, err?: unknown): void {
    const what = `${verb} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    this.#event(verb, set, `${what} successful`, `${what} failed error: `, err);
  }

  #claimEvent(set: StatefulSet, pod: Pod, claim: string, err?: unknown): void {
    const where = `Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    this.#event(
      'Create',
      set,
      `Create Claim ${claim} ${where} success`,
      `Create Claim ${claim} for ${where} failed error: `,
      err,
    );
  }

  #event(verb: Verb, set: StatefulSet, success: string, failure: string, err: unknown): void {
    const { recorder } = this.#o;
    if (err === undefined) recorder.event(set, 'Normal', `Successful${verb}`, success);
    else recorder.event(set, 'Warning', `Failed${verb}`, failure + (err as Error).message);
  }
}

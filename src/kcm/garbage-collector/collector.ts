/**
 * Decides on one object of the graph with live reads: delete it, let it be, or only take references off it.
 * Upstream: pkg/controller/garbagecollector/garbagecollector.go, operations.go
 */
import type { Client, ResourceRef } from '../../client/client.ts';
import { LruMap } from '../../client/lru.ts';
import { isConflict, isNotFound, statusErrorOf } from '../../machinery/errors/status-error.ts';
import type { KubeObject, OwnerReference } from '../../machinery/meta/object.ts';
import { semanticEqual } from '../semantic-equal.ts';
import type { DependencyGraph, GraphNode, Identity } from './graph.ts';
import { blockingDependents, FOREGROUND_FINALIZER, hasFinalizer, ORPHAN_FINALIZER } from './graph.ts';

const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
const ABSENT_OWNERS = 500;
const FINALIZER_TRIES = 5;

export interface CollectorOptions {
  client: Client;
  graph: DependencyGraph;
  /** The resource of a kind, if the server serves it. */
  resourceOf(apiVersion: string, kind: string): ResourceRef | undefined;
  attemptToDelete(uid: string): void;
}

type Policy = 'Orphan' | 'Background' | 'Foreground';
type Reference = OwnerReference;

const keyOf = (i: Identity): string => [i.apiVersion, i.kind, i.namespace, i.name, i.uid].join('|');

export class Collector {
  readonly #o: CollectorOptions;
  readonly #metadata: Client;
  readonly #absent = new LruMap<string, true>(ABSENT_OWNERS);

  constructor(options: CollectorOptions) {
    this.#o = options;
    this.#metadata = options.client.as({ accept: METADATA });
  }

  rememberAbsent(identity: Identity): void {
    this.#absent.set(keyOf(identity), true);
  }

  /** Deletes the object when nothing holds it. The answer is true when it must be looked at again. */
  async attemptToDelete(node: GraphNode, signal: AbortSignal): Promise<boolean> {
    const { graph } = this.#o;
    if (node.beingDeleted && !node.deletingDependents) return false;
    const latest = await this.#get(node.identity, signal);
    if (latest?.metadata.uid !== node.identity.uid) {
      graph.removeVirtually(node.identity);
      return false;
    }
    if (node.deletingDependents) {
      await this.#awaitDependents(node, signal);
      return false;
    }
    const references = latest!.metadata.ownerReferences ?? [];
    if (references.length > 0) await this.#judge(node, latest!, references, signal);
    return node.virtual;
  }

  /** Takes the reference to `node` off its dependents, then lets it go. */
  async orphan(node: GraphNode, signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    await Promise.all(
      [...node.dependents].map(async (dependent) => {
        try {
          await this.#removeReferences(dependent, [node.identity.uid], signal);
        } catch (err) {
          if (!isNotFound(err)) failures.push(err);
        }
      }),
    );
    if (failures.length > 0) throw failures[0];
    await this.#removeFinalizer(node, ORPHAN_FINALIZER, signal);
  }

  async #awaitDependents(node: GraphNode, signal: AbortSignal): Promise<void> {
    const blocking = blockingDependents(node);
    if (blocking.length === 0) {
      await this.#removeFinalizer(node, FOREGROUND_FINALIZER, signal);
      return;
    }
    for (const dep of blocking) if (!dep.deletingDependents) this.#o.attemptToDelete(dep.identity.uid);
  }

  async #judge(
    node: GraphNode,
    latest: KubeObject,
    references: readonly Reference[],
    signal: AbortSignal,
  ): Promise<void> {
    const { solid, dangling, waiting } = await this.#classify(node, references, signal);
    if (solid.length > 0) {
      const loose = [...dangling, ...waiting].map((r) => r.uid);
      if (loose.length > 0) await this.#removeReferences(node, loose, signal);
      return;
    }
    if (waiting.length > 0 && node.dependents.size > 0) {
      // A circle of foreground deletions would wait for itself for ever: this link of it no longer blocks.
      if ([...node.dependents].some((d) => d.deletingDependents)) await this.#unblock(node, signal);
      await this.#delete(node, latest, 'Foreground', signal);
      return;
    }
    const policy = hasFinalizer(latest, ORPHAN_FINALIZER)
      ? 'Orphan'
      : hasFinalizer(latest, FOREGROUND_FINALIZER)
        ? 'Foreground'
        : 'Background';
    await this.#delete(node, latest, policy, signal);
  }

  async #classify(node: GraphNode, references: readonly Reference[], signal: AbortSignal) {
    const solid: Reference[] = [];
    const dangling: Reference[] = [];
    const waiting: Reference[] = [];
    for (const ref of references) {
      const owner = await this.#owner(ref, node, signal);
      if (!owner) dangling.push(ref);
      else if (owner.metadata.deletionTimestamp !== undefined && hasFinalizer(owner, FOREGROUND_FINALIZER))
        waiting.push(ref);
      else solid.push(ref);
    }
    return { solid, dangling, waiting };
  }

  /** The owner as the server has it; undefined when there is none. */
  async #owner(ref: Reference, node: GraphNode, signal: AbortSignal): Promise<KubeObject | undefined> {
    const { namespace } = node.identity;
    const identity = { apiVersion: ref.apiVersion, kind: ref.kind, name: ref.name, uid: ref.uid, namespace };
    if (this.#absent.get(keyOf(identity)) || this.#absent.get(keyOf({ ...identity, namespace: '' }))) return undefined;
    const resource = this.#resource(identity);
    if (resource.namespaced && namespace === '') throw new NamespacedOwnerError();
    const scoped = { ...identity, namespace: resource.namespaced ? namespace : '' };
    const owner = await this.#get(scoped, signal);
    if (owner?.metadata.uid === ref.uid) return owner;
    this.rememberAbsent(scoped);
    return undefined;
  }

  #resource(identity: Identity): ResourceRef {
    const resource = this.#o.resourceOf(identity.apiVersion, identity.kind);
    if (!resource) throw new Error(`unable to get REST mapping for ${identity.apiVersion}/${identity.kind}.`);
    return resource;
  }

  async #get(identity: Identity, signal: AbortSignal): Promise<KubeObject | undefined> {
    try {
      return await this.#metadata.get(this.#resource(identity), identity.name, at(identity, signal));
    } catch (err) {
      if (isNotFound(err)) return undefined;
      throw err;
    }
  }

  async #delete(node: GraphNode, latest: KubeObject, propagationPolicy: Policy, signal: AbortSignal): Promise<void> {
    const { identity } = node;
    const resource = this.#resource(identity);
    const options = { ...at(identity, signal), propagationPolicy };
    const { resourceVersion } = latest.metadata;
    try {
      // The decision was made on this version: owners may have been added since.
      const preconditions = { uid: identity.uid, ...(resourceVersion ? { resourceVersion } : {}) };
      await this.#o.client.delete(resource, identity.name, { ...options, preconditions });
    } catch (err) {
      if (isNotFound(err)) return this.#o.graph.removeVirtually(identity);
      if (!isConflict(err)) throw err;
      const now = await this.#get(identity, signal);
      if (now?.metadata.uid !== identity.uid) return this.#o.graph.removeVirtually(identity);
      if (!semanticEqual(now!.metadata.ownerReferences, latest.metadata.ownerReferences)) throw err;
      await this.#o.client.delete(resource, identity.name, { ...options, preconditions: { uid: identity.uid } });
    }
  }

  async #removeReferences(node: GraphNode, uids: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#patch(
      node,
      { metadata: { ownerReferences: uids.map((uid) => ({ $patch: 'delete', uid })), uid: node.identity.uid } },
      (latest) => (latest.metadata.ownerReferences ?? []).filter((r) => !uids.includes(r.uid)),
      signal,
    );
  }

  async #unblock(node: GraphNode, signal: AbortSignal): Promise<void> {
    const ownerReferences = node.owners
      .filter((o) => o.blockOwnerDeletion === true)
      .map((o) => ({ ...o, blockOwnerDeletion: false }));
    await this.#patch(
      node,
      { metadata: { ownerReferences, uid: node.identity.uid } },
      () => node.owners.map((o) => ({ ...o, blockOwnerDeletion: false })),
      signal,
    );
  }

  /** Strategic merge where the kind has it, else (custom resources) a merge patch on the latest version. */
  async #patch(
    node: GraphNode,
    strategic: unknown,
    merged: (latest: KubeObject) => Reference[],
    signal: AbortSignal,
  ): Promise<void> {
    const { identity } = node;
    const resource = this.#resource(identity);
    try {
      await this.#metadata.patch(resource, identity.name, 'strategic', strategic, at(identity, signal));
    } catch (err) {
      if (statusErrorOf(err)?.code !== 415) throw err;
      const latest = await this.#get(identity, signal);
      if (!latest) return;
      const patch = { metadata: { resourceVersion: latest.metadata.resourceVersion, ownerReferences: merged(latest) } };
      await this.#metadata.patch(resource, identity.name, 'merge', patch, at(identity, signal));
    }
  }

  async #removeFinalizer(node: GraphNode, finalizer: string, signal: AbortSignal): Promise<void> {
    const { identity } = node;
    for (let tries = 1; ; tries++) {
      const latest = await this.#get(identity, signal);
      if (!latest || !hasFinalizer(latest, finalizer)) return;
      const finalizers = latest.metadata.finalizers!.filter((f) => f !== finalizer);
      const patch = { metadata: { resourceVersion: latest.metadata.resourceVersion, finalizers } };
      try {
        await this.#metadata.patch(this.#resource(identity), identity.name, 'merge', patch, at(identity, signal));
        return;
      } catch (err) {
        if (isNotFound(err)) return;
        if (!isConflict(err) || tries >= FINALIZER_TRIES) throw err;
      }
    }
  }
}

/** A cluster-scoped object names a namespaced owner: nothing can be decided, and trying again does not help. */
export class NamespacedOwnerError extends Error {
  constructor() {
    super('cluster-scoped objects cannot refer to namespaced owners');
  }
}

function at(identity: Identity, signal: AbortSignal) {
  return { ...(identity.namespace ? { namespace: identity.namespace } : {}), signal };
}

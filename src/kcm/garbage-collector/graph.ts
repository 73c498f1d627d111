/**
 * The graph of who owns whom, over everything that can be deleted. Events of informers change it; what has to be looked
 * at afterwards is handed to the sink. Pure. A node may be virtual: somebody names it as owner, but no event has shown it.
 * Upstream: pkg/controller/garbagecollector/graph_builder.go
 */
import type { KubeObject, OwnerReference } from '../../machinery/meta/object.ts';

export interface Identity {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  /** '' for cluster-scoped objects. */
  namespace: string;
}

export interface GraphNode {
  identity: Identity;
  /** True until an event has shown the object. */
  virtual: boolean;
  owners: readonly OwnerReference[];
  readonly dependents: Set<GraphNode>;
  beingDeleted: boolean;
  /** Deleted in the foreground: it goes after its dependents. */
  deletingDependents: boolean;
}

export interface GraphSink {
  attemptToDelete(uid: string): void;
  /** As attemptToDelete, but with back-off. */
  attemptToDeleteLater(uid: string): void;
  attemptToOrphan(uid: string): void;
  /** An owner that certainly does not exist. */
  absent(identity: Identity): void;
  /** A dependent names an owner of another namespace. */
  invalidNamespace(dependent: GraphNode, owner: OwnerReference): void;
}

export const FOREGROUND_FINALIZER = 'foregroundDeletion';
export const ORPHAN_FINALIZER = 'orphan';

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}
export function sameIdentity(a: Identity, b: Identity): boolean {
  return (
    a.uid === b.uid &&
    a.name === b.name &&
    a.kind === b.kind &&
    a.apiVersion === b.apiVersion &&
    a.namespace === b.namespace
  );
}
function matchesCoordinates(ref: OwnerReference, i: Identity): boolean {
  return ref.uid === i.uid && ref.name === i.name && ref.kind === i.kind && ref.apiVersion === i.apiVersion;
}
export function blockingDependents(node: GraphNode): GraphNode[] {
  return [...node.dependents].filter((d) =>
    d.owners.some((o) => o.uid === node.identity.uid && o.blockOwnerDeletion === true),
  );
}

export class DependencyGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #sink: GraphSink;

  constructor(sink: GraphSink) {
    this.#sink = sink;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }
  get size(): number {
    return this.#nodes.size;
  }

  /** An informer has shown `object`, new or changed. */
  upsert(object: KubeObject, old: KubeObject | undefined, identity: Identity): void {
    const known = this.#observe(identity);
    const owners = object.metadata.ownerReferences ?? [];
    const deleting = object.metadata.deletionTimestamp !== undefined;
    if (!known) {
      const node: GraphNode = {
        identity,
        virtual: false,
        owners,
        dependents: new Set(),
        beingDeleted: deleting,
        deletingDependents: deleting && hasFinalizer(object, FOREGROUND_FINALIZER),
      };
      this.#nodes.set(identity.uid, node);
      this.#addToOwners(node, owners);
      this.#transitions(object, old, node);
      return;
    }
    const { added, removed, changed } = diff(known.owners, owners);
    if (added.length + removed.length + changed.length > 0) {
      this.#unblocked(removed, changed);
      known.owners = owners;
      this.#addToOwners(known, added);
      for (const ref of removed) this.#nodes.get(ref.uid)?.dependents.delete(known);
    }
    if (deleting) known.beingDeleted = true;
    this.#transitions(object, old, known);
  }

  /** An informer has shown that the object is gone. */
  remove(identity: Identity): void {
    const node = this.#observe(identity);
    if (node) this.#removeNode(node, identity);
  }

  /** A live lookup has shown that there is no object of that identity (there may be one of the same uid elsewhere). */
  removeVirtually(identity: Identity): void {
    const node = this.#nodes.get(identity.uid);
    if (!node) return;
    if (node.virtual) {
      const [matching, others] = partition([...node.dependents], identity);
      if (others.length > 0) {
        this.#reportAbsent(matching, identity);
        if (sameIdentity(node.identity, identity)) {
          const alternate = alternateIdentity(others, identity);
          if (alternate) {
            node.identity = alternate;
            this.#sink.attemptToDeleteLater(alternate.uid);
          }
        }
        return;
      }
    } else if (!sameIdentity(node.identity, identity)) {
      this.#reportAbsent(partition([...node.dependents], identity)[0], identity);
      return;
    }
    this.#removeNode(node, identity);
  }

  #reportAbsent(dependents: readonly GraphNode[], identity: Identity): void {
    if (dependents.length === 0) return;
    this.#sink.absent(identity);
    for (const d of dependents) this.#sink.attemptToDelete(d.identity.uid);
  }

  /** The known node; one that was virtual becomes observed, under the identity the event shows. */
  #observe(identity: Identity): GraphNode | undefined {
    const node = this.#nodes.get(identity.uid);
    if (!node?.virtual) return node;
    if (!sameIdentity(node.identity, identity)) {
      for (const dep of partition([...node.dependents], identity)[1]) {
        if (identity.namespace !== '' && dep.identity.namespace !== identity.namespace)
          this.#reportInvalid(dep, identity.uid);
        this.#sink.attemptToDelete(dep.identity.uid);
      }
      node.identity = identity;
    }
    node.virtual = false;
    return node;
  }

  #addToOwners(node: GraphNode, owners: readonly OwnerReference[]): void {
    let suspicious = false;
    for (const ref of owners) {
      const owner = this.#nodes.get(ref.uid);
      if (!owner) {
        const identity = {
          apiVersion: ref.apiVersion,
          kind: ref.kind,
          name: ref.name,
          uid: ref.uid,
          namespace: node.identity.namespace,
        };
        this.#nodes.set(ref.uid, {
          identity,
          virtual: true,
          owners: [],
          dependents: new Set([node]),
          beingDeleted: false,
          deletingDependents: false,
        });
        this.#sink.attemptToDelete(ref.uid);
        continue;
      }
      owner.dependents.add(node);
      const namespaced = owner.identity.namespace !== '';
      const elsewhere = owner.identity.namespace !== node.identity.namespace;
      if (suspicious) continue;
      if (namespaced && elsewhere) {
        if (!owner.virtual) this.#reportInvalid(node, ref.uid);
        suspicious = true;
      } else if (!matchesCoordinates(ref, owner.identity) || (elsewhere && owner.virtual)) suspicious = true;
    }
    if (suspicious) this.#sink.attemptToDelete(node.identity.uid);
  }

  #reportInvalid(node: GraphNode, ownerUid: string): void {
    const ref = node.owners.find((o) => o.uid === ownerUid);
    if (ref) this.#sink.invalidNamespace(node, ref);
  }

  #unblocked(
    removed: readonly OwnerReference[],
    changed: readonly { from: OwnerReference; to: OwnerReference }[],
  ): void {
    const uids = [
      ...removed.filter((r) => r.blockOwnerDeletion === true).map((r) => r.uid),
      ...changed
        .filter((c) => c.from.blockOwnerDeletion === true && c.to.blockOwnerDeletion !== true)
        .map((c) => c.to.uid),
    ];
    for (const uid of uids) if (this.#nodes.has(uid)) this.#sink.attemptToDelete(uid);
  }

  #transitions(object: KubeObject, old: KubeObject | undefined, node: GraphNode): void {
    const starts = (finalizer: string) => {
      const waits = (o: KubeObject) => o.metadata.deletionTimestamp !== undefined && hasFinalizer(o, finalizer);
      return waits(object) && !(old && waits(old));
    };
    if (starts(ORPHAN_FINALIZER)) {
      this.#sink.attemptToOrphan(node.identity.uid);
    } else if (starts(FOREGROUND_FINALIZER)) {
      node.deletingDependents = true;
      for (const dep of node.dependents) this.#sink.attemptToDelete(dep.identity.uid);
      this.#sink.attemptToDelete(node.identity.uid);
    }
  }

  #removeNode(node: GraphNode, identity: Identity): void {
    this.#nodes.delete(node.identity.uid);
    for (const ref of node.owners) this.#nodes.get(ref.uid)?.dependents.delete(node);
    if (node.dependents.size > 0) this.#sink.absent(identity);
    for (const dep of node.dependents) this.#sink.attemptToDelete(dep.identity.uid);
    for (const ref of node.owners)
      if (this.#nodes.get(ref.uid)?.deletingDependents) this.#sink.attemptToDelete(ref.uid);
  }
}

function diff(old: readonly OwnerReference[], next: readonly OwnerReference[]) {
  const before = new Map(old.map((r) => [r.uid, r]));
  const added: OwnerReference[] = [];
  const changed: { from: OwnerReference; to: OwnerReference }[] = [];
  for (const ref of next) {
    const from = before.get(ref.uid);
    before.delete(ref.uid);
    if (!from) added.push(ref);
    else if (!sameReference(from, ref)) changed.push({ from, to: ref });
  }
  return { added, removed: [...before.values()], changed };
}

function sameReference(a: OwnerReference, b: OwnerReference): boolean {
  return (
    a.apiVersion === b.apiVersion &&
    a.kind === b.kind &&
    a.name === b.name &&
    !!a.controller === !!b.controller &&
    !!a.blockOwnerDeletion === !!b.blockOwnerDeletion
  );
}

/** Dependents whose reference means this very identity, and those whose reference to the uid means another. */
function partition(dependents: readonly GraphNode[], owner: Identity): [GraphNode[], GraphNode[]] {
  const matching: GraphNode[] = [];
  const others: GraphNode[] = [];
  for (const dep of dependents) {
    if (owner.namespace !== '' && owner.namespace !== dep.identity.namespace) {
      others.push(dep);
      continue;
    }
    const refs = dep.owners.filter((r) => r.uid === owner.uid);
    if (refs.some((r) => matchesCoordinates(r, owner))) matching.push(dep);
    if (refs.some((r) => !matchesCoordinates(r, owner))) others.push(dep);
  }
  return [matching, others];
}

/** Another identity that dependents give for the uid: the next one in order after the absent one, else the first. */
function alternateIdentity(dependents: readonly GraphNode[], absent: Identity): Identity | undefined {
  const alternates = new Map<string, Identity>();
  const text = (i: Identity) => [i.kind, i.apiVersion, i.namespace, i.name, i.uid].join('\0');
  for (const dep of dependents) {
    for (const ref of dep.owners) {
      if (ref.uid !== absent.uid) continue;
      if (matchesCoordinates(ref, absent) && (absent.namespace === '' || absent.namespace === dep.identity.namespace))
        continue;
      const clusterScoped = absent.namespace === '' && ref.apiVersion === absent.apiVersion && ref.kind === absent.kind;
      const identity = {
        apiVersion: ref.apiVersion,
        kind: ref.kind,
        name: ref.name,
        uid: ref.uid,
        namespace: clusterScoped ? '' : dep.identity.namespace,
      };
      if (!sameIdentity(identity, absent)) alternates.set(text(identity), identity);
    }
  }
  const keys = [...alternates.keys()].sort();
  const key = keys.find((k) => k > text(absent)) ?? keys[0];
  return key === undefined ? undefined : alternates.get(key);
}

/**
 * Which objects each node may see because something on it needs them. The API server feeds it pods, persistent volumes,
 * volume attachments, resource slices and pod certificate requests from its caches. Upstream: plugin/pkg/auth/authorizer/node/graph.go
 */
import { podReferences } from '../../admission/pod-references.ts';
import type { Pod } from '../../api/core-v1.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';

export const GRAPH_RESOURCES = [
  { group: '', version: 'v1', resource: 'pods' },
  { group: '', version: 'v1', resource: 'persistentvolumes' },
  { group: 'storage.k8s.io', version: 'v1', resource: 'volumeattachments' },
  { group: 'resource.k8s.io', version: 'v1', resource: 'resourceslices' },
] as const;

export type VertexType =
  | 'pods'
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'persistentvolumes'
  | 'serviceaccounts'
  | 'resourceclaims'
  | 'volumeattachments'
  | 'resourceslices'
  | 'podcertificaterequests';

interface PersistentVolume extends KubeObject {
  spec: { claimRef?: { namespace?: string; name?: string } } & Record<string, unknown>;
}

const vertex = (type: VertexType, namespace: string, name: string): string => `${type}/${namespace}/${name}`;

/** How often each end is needed. Nearly always there is one end, so that one needs no map. */
class Ends {
  readonly #from: string;
  readonly #index: Map<string, Ends>;
  #first = '';
  #times = 0;
  #others: Map<string, number> | undefined;

  constructor(from: string, index: Map<string, Ends>) {
    this.#from = from;
    this.#index = index;
  }

  has(end: string): boolean {
    return (this.#times > 0 && this.#first === end) || this.#others?.has(end) === true;
  }

  *all(): Iterable<string> {
    if (this.#times > 0) yield this.#first;
    if (this.#others !== undefined) yield* this.#others.keys();
  }

  add(end: string): void {
    if (this.#times > 0 && this.#first === end) this.#times++;
    else if (this.#times === 0 && this.#others === undefined) {
      this.#first = end;
      this.#times = 1;
    } else {
      this.#others ??= new Map();
      this.#others.set(end, (this.#others.get(end) ?? 0) + 1);
    }
  }

  remove(end: string): void {
    if (this.#times > 0 && this.#first === end) this.#times--;
    else {
      const left = (this.#others?.get(end) ?? 0) - 1;
      if (left > 0) this.#others!.set(end, left);
      else this.#others?.delete(end);
      if (this.#others?.size === 0) this.#others = undefined;
    }
    if (this.#times === 0 && this.#others === undefined) this.#index.delete(this.#from);
  }
}

interface Owned {
  state: string;
  edges: Ends[];
  /** Of each edge. */
  ends: string[];
}

export class NodeGraph {
  /** vertex → nodes on which things need it. */
  readonly #nodes = new Map<string, Ends>();
  /** vertex → vertices whose reach it shares (secret → volume → claim). */
  readonly #via = new Map<string, Ends>();
  /** What each fed object added, to take it back. There is one of these for each pod: it is kept small. */
  readonly #owned = new Map<string, Owned>();

  /** Added or changed. Cheap when nothing that matters changed (pod status updates). */
  put(resource: string, object: KubeObject): void {
    const key = `${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    const state = stateOf(resource, object);
    if (this.#owned.get(key)?.state === state) return;
    this.#drop(key);
    const owned: Owned = { state, edges: [], ends: [] };
    const reach = (v: string, node: string) => connect(this.#nodes, v, node, owned);
    const via = (v: string, to: string) => connect(this.#via, v, to, owned);
    switch (resource) {
      case 'pods':
        addPod(object as Pod, reach);
        break;
      case 'persistentvolumes':
        addVolume(object as PersistentVolume, via);
        break;
      case 'volumeattachments':
      case 'resourceslices':
      case 'podcertificaterequests': {
        const node = (object as KubeObject & { spec?: { nodeName?: string } }).spec?.nodeName;
        if (node) reach(vertex(resource, object.metadata.namespace ?? '', object.metadata.name!), node);
      }
    }
    // A list that grew has room for many more.
    this.#owned.set(key, { state, edges: owned.edges.slice(), ends: owned.ends.slice() });
  }

  delete(resource: string, object: { metadata: { name?: string; namespace?: string } }): void {
    this.#drop(`${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`);
  }

  /** Does something on `node` need this object? */
  reaches(node: string, type: VertexType, namespace: string, name: string): boolean {
    return this.#reaches(node, vertex(type, namespace, name), new Set());
  }

  #reaches(node: string, v: string, seen: Set<string>): boolean {
    if (this.#nodes.get(v)?.has(node)) return true;
    seen.add(v);
    for (const next of this.#via.get(v)?.all() ?? [])
      if (!seen.has(next) && this.#reaches(node, next, seen)) return true;
    return false;
  }

  #drop(key: string): void {
    const owned = this.#owned.get(key);
    if (owned === undefined) return;
    for (let i = 0; i < owned.edges.length; i++) owned.edges[i]!.remove(owned.ends[i]!);
    this.#owned.delete(key);
  }
}

function connect(index: Map<string, Ends>, from: string, to: string, owned: Owned): void {
  let ends = index.get(from);
  if (ends === undefined) {
    ends = new Ends(from, index);
    index.set(from, ends);
  }
  ends.add(to);
  owned.edges.push(ends);
  owned.ends.push(to);
}

/** What of the object decides its edges; equal strings mean equal edges. */
function stateOf(resource: string, object: KubeObject): string {
  if (resource !== 'pods') return object.metadata.resourceVersion ?? '';
  const { spec, status, metadata } = object as Pod;
  return JSON.stringify([
    metadata.uid,
    spec?.nodeName,
    spec?.ephemeralContainers?.length ?? 0,
    status?.resourceClaimStatuses,
    status?.extendedResourceClaimStatus?.resourceClaimName,
  ]);
}

function addPod(pod: Pod, reach: (v: string, node: string) => void): void {
  const node = pod.spec?.nodeName;
  if (!node) return;
  const namespace = pod.metadata.namespace ?? '';
  reach(vertex('pods', namespace, pod.metadata.name!), node);
  // A node must not gain access to anything by creating a mirror pod.
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return;
  const refs = podReferences(pod);
  if (refs.serviceAccount !== '') reach(vertex('serviceaccounts', namespace, refs.serviceAccount), node);
  for (const name of refs.secrets) reach(vertex('secrets', namespace, name), node);
  for (const name of refs.configMaps) reach(vertex('configmaps', namespace, name), node);
  for (const name of refs.claims) reach(vertex('persistentvolumeclaims', namespace, name), node);
  for (const name of refs.resourceClaims) reach(vertex('resourceclaims', namespace, name), node);
}

function addVolume(pv: PersistentVolume, via: (v: string, to: string) => void): void {
  const claim = pv.spec.claimRef;
  if (!claim?.name) return;
  const self = vertex('persistentvolumes', '', pv.metadata.name!);
  via(self, vertex('persistentvolumeclaims', claim.namespace ?? '', claim.name));
  for (const { namespace, name } of volumeSecrets(pv, claim.namespace ?? ''))
    via(vertex('secrets', namespace, name), self);
}

/** Secrets of a volume that the kubelet needs. Upstream: pkg/api/v1/persistentvolume VisitPVSecretNames (kubeletVisible) */
function volumeSecrets(pv: PersistentVolume, claimNamespace: string): { namespace: string; name: string }[] {
  interface Ref {
    name?: string;
    namespace?: string;
  }
  const spec = pv.spec as Record<string, Record<string, Ref> | undefined>;
  const out: { namespace: string; name: string }[] = [];
  const add = (ref: Ref | undefined) => {
    if (ref?.name) out.push({ namespace: ref.namespace || claimNamespace, name: ref.name });
  };
  const azure = pv.spec.azureFile as { secretName?: string; secretNamespace?: string } | undefined;
  if (azure?.secretName) out.push({ namespace: azure.secretNamespace || claimNamespace, name: azure.secretName });
  for (const source of ['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'])
    add(spec[source]?.secretRef);
  for (const ref of ['nodePublishSecretRef', 'nodeStageSecretRef', 'nodeExpandSecretRef']) add(spec.csi?.[ref]);
  return out;
}

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

export class NodeGraph {
  /** vertex → node → how many things on the node need it. */
  readonly #nodes = new Map<string, Map<string, number>>();
  /** vertex → vertices whose reach it shares (secret → volume → claim). */
  readonly #via = new Map<string, Map<string, number>>();
  /** What each fed object added, to take it back. */
  readonly #owned = new Map<string, { state: string; undo: (() => void)[] }>();

  /** Added or changed. Cheap when nothing that matters changed (pod status updates). */
  put(resource: string, object: KubeObject): void {
    const key = `${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    const state = stateOf(resource, object);
    if (this.#owned.get(key)?.state === state) return;
    this.#drop(key);
    const undo: (() => void)[] = [];
    this.#owned.set(key, { state, undo });
    const reach = (v: string, node: string) => undo.push(count(this.#nodes, v, node));
    const via = (v: string, to: string) => undo.push(count(this.#via, v, to));
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
    for (const next of this.#via.get(v)?.keys() ?? [])
      if (!seen.has(next) && this.#reaches(node, next, seen)) return true;
    return false;
  }

  #drop(key: string): void {
    for (const undo of this.#owned.get(key)?.undo ?? []) undo();
    this.#owned.delete(key);
  }
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

/** Adds one to a two-level count; the result takes it back. */
function count(map: Map<string, Map<string, number>>, from: string, to: string): () => void {
  let inner = map.get(from);
  if (inner === undefined) {
    inner = new Map();
    map.set(from, inner);
  }
  inner.set(to, (inner.get(to) ?? 0) + 1);
  return () => {
    const there = map.get(from);
    const left = (there?.get(to) ?? 0) - 1;
    if (left > 0) there!.set(to, left);
    else {
      there?.delete(to);
      if (there?.size === 0) map.delete(from);
    }
  };
}

/**
 * NodeRestriction: a kubelet changes its own node, its lease and the pods bound to it, and nothing that would draw more work or rights to it.
 * Works together with the Node authorizer. Upstream: plugin/pkg/admission/noderestriction
 */
import { isDeepStrictEqual } from 'node:util';
import type { TokenRequest } from '../../api/authentication-v1.ts';
import type { CertificateSigningRequest } from '../../api/certificates-v1.ts';
import type { Node, PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import { notFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { parseSigningRequest } from '../../machinery/x509/request.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { errorText, refuse } from '../refuse.ts';
import { checkAudience } from './node-audience.ts';
import { forbiddenLabels } from './node-labels.ts';
import { apiReference } from './node-mirror-pods.ts';

const PREFIX = 'system:node:';
const MIRROR = 'kubernetes.io/config.mirror';
const NODE_SIGNERS = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];
const PODS = { group: '', resource: 'pods' };

const q = JSON.stringify;

export function nodeRestriction(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    handles: (operation) => operation !== 'CONNECT',
    // No async function: it would make every write of everybody else wait a turn.
    admit(a) {
      if (!a.user.username.startsWith(PREFIX) || !a.user.groups.includes('system:nodes')) return;
      const node = a.user.username.slice(PREFIX.length);
      if (node === '') throw refuse(a, `could not determine node from user ${q(a.user.username)}`);
      return admitNode(data, node, a);
    },
  };
}

async function admitNode(data: AdmissionData, node: string, a: Attributes): Promise<void> {
  const why = await check(data, node, a);
  if (why !== undefined) throw refuse(a, why);
}

/** The reason to refuse, if there is one. */
async function check(data: AdmissionData, node: string, a: Attributes): Promise<string | undefined> {
  const { group, resource } = a.resource;
  switch (group === '' ? resource : `${resource}.${group}`) {
    case 'pods':
      return checkPods(data, node, a);
    case 'nodes':
      return checkNode(node, a);
    case 'persistentvolumeclaims':
      return a.subresource === 'status' ? checkClaimStatus(node, a) : 'may only update PVC status';
    case 'serviceaccounts':
      return checkToken(data, node, a);
    case 'leases.coordination.k8s.io':
      if (a.namespace !== 'kube-node-lease') return 'can only access leases in the "kube-node-lease" system namespace';
      return nameOf(a) === node ? undefined : 'can only access node lease with the same name as the requesting node';
    case 'csinodes.storage.k8s.io':
      return nameOf(a) === node ? undefined : 'can only access CSINode with the same name as the requesting node';
    case 'resourceslices.resource.k8s.io':
      return checkSlice(node, a);
    case 'certificatesigningrequests.certificates.k8s.io':
      return checkSigningRequest(node, a);
    default:
      return undefined;
  }
}

/** The object's own name on create, when the request does not carry it. */
function nameOf(a: Attributes): string | undefined {
  return a.operation === 'CREATE' ? a.object?.metadata.name : a.name;
}

async function checkPods(data: AdmissionData, node: string, a: Attributes): Promise<string | undefined> {
  switch (a.subresource) {
    case '':
      if (a.operation === 'CREATE') return checkPodCreate(data, node, a, a.object as Pod);
      if (a.operation !== 'DELETE')
        return `unexpected operation ${q(a.operation)}, node ${q(node)} can only create and delete mirror pods`;
      if ((await existingPod(data, a, a.name)).spec?.nodeName !== node)
        return `node ${q(node)} can only delete pods with spec.nodeName set to itself`;
      return undefined;
    case 'status':
      return checkPodStatus(node, a);
    case 'eviction': {
      if (a.operation !== 'CREATE') return `unexpected operation ${a.operation}`;
      const name = a.name || a.object?.metadata?.name;
      if (!name) return 'could not determine pod from request data';
      if ((await existingPod(data, a, name)).spec?.nodeName !== node)
        return `node ${node} can only evict pods with spec.nodeName set to itself`;
      return undefined;
    }
    default:
      return `unexpected pod subresource ${q(a.subresource)}, only 'status' and 'eviction' are allowed`;
  }
}

async function existingPod(data: AdmissionData, a: Attributes, name: string): Promise<Pod> {
  const pod = (await data.get<Pod>(PODS, a.namespace, name)) ?? (await data.getLive<Pod>(PODS, a.namespace, name));
  if (pod === undefined) throw notFound(PODS, name);
  return pod;
}

async function checkPodCreate(
  data: AdmissionData,
  node: string,
  _a: Attributes,
  pod: Pod,
): Promise<string | undefined> {
  if (pod.metadata.annotations?.[MIRROR] === undefined)
    return `pod does not have ${q(MIRROR)} annotation, node ${q(node)} can only create mirror pods`;
  if (pod.spec?.nodeName !== node) return `node ${q(node)} can only create pods with spec.nodeName set to itself`;
  const owners = pod.metadata.ownerReferences ?? [];
  if (owners.length > 1) return `node ${q(node)} can only create pods with a single owner reference set to itself`;
  const owner = owners[0];
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    return `node ${q(node)} can only create pods with an owner reference set to itself`;
  if (!owner.controller) return `node ${q(node)} can only create pods with a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion) return `node ${q(node)} must not set blockOwnerDeletion on an owner reference`;
  const nodes = { group: '', resource: 'nodes' };
  const object = (await data.get<Node>(nodes, '', node)) ?? (await data.getLive<Node>(nodes, '', node));
  if (object === undefined) throw notFound(nodes, node);
  if (owner.uid !== object.metadata.uid)
    return `node ${node} UID mismatch: expected ${owner.uid} got ${object.metadata.uid}`;
  const reference = apiReference(pod);
  return reference === undefined ? undefined : `node ${q(node)} can not create pods that reference ${reference}`;
}

function checkPodStatus(node: string, a: Attributes): string | undefined {
  if (a.operation !== 'UPDATE') return `unexpected operation ${q(a.operation)}`;
  const old = a.oldObject as Pod;
  const next = a.object as Pod;
  if (old.spec?.nodeName !== node)
    return `node ${q(node)} can only update pod status for pods with spec.nodeName set to itself`;
  if (!isDeepStrictEqual(old.metadata.labels ?? {}, next.metadata.labels ?? {}))
    return `node ${q(node)} cannot update labels through pod status`;
  if (!isDeepStrictEqual(old.status?.resourceClaimStatuses ?? [], next.status?.resourceClaimStatuses ?? []))
    return `node ${q(node)} cannot update resource claim statues`;
  if (!isDeepStrictEqual(old.status?.extendedResourceClaimStatus, next.status?.extendedResourceClaimStatus))
    return `node ${q(node)} cannot update extended resource claim status`;
  return undefined;
}

function checkNode(node: string, a: Attributes): string | undefined {
  const requested = a.name || a.object?.metadata.name || '';
  if (requested !== node) return `node ${q(node)} is not allowed to modify node ${q(requested)}`;
  const next = a.object as Node | undefined;
  if (a.operation === 'CREATE') {
    if (next?.spec?.configSource) return `node ${q(node)} is not allowed to create pods with a non-nil configSource`;
    const labels = forbiddenLabels(next?.metadata.labels, undefined);
    return labels.length
      ? `node ${q(node)} is not allowed to set the following labels: ${labels.join(', ')}`
      : undefined;
  }
  if (a.operation !== 'UPDATE') return undefined;
  const old = a.oldObject as Node;
  if (next?.spec?.configSource && !isDeepStrictEqual(next.spec.configSource, old.spec?.configSource))
    return `node ${q(node)} is not allowed to update configSource to a new non-nil configSource`;
  if (!isDeepStrictEqual(next?.spec?.taints ?? [], old.spec?.taints ?? []))
    return `node ${q(node)} is not allowed to modify taints`;
  if (!isDeepStrictEqual(next?.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? []))
    return `node ${q(node)} is not allowed to modify ownerReferences`;
  const labels = forbiddenLabels(next?.metadata.labels, old.metadata.labels);
  return labels.length ? `is not allowed to modify labels: ${labels.join(', ')}` : undefined;
}

function checkClaimStatus(node: string, a: Attributes): string | undefined {
  if (a.operation !== 'UPDATE') return `unexpected operation ${q(a.operation)}`;
  const strip = (object: KubeObject) => {
    const {
      metadata: { resourceVersion, managedFields, ...metadata },
      ...rest
    } = object as PersistentVolumeClaim;
    const { capacity, conditions, allocatedResourceStatuses, allocatedResources, ...status } = rest.status ?? {};
    return JSON.parse(JSON.stringify({ ...rest, metadata, status })) as unknown;
  };
  if (isDeepStrictEqual(strip(a.oldObject!), strip(a.object!))) return undefined;
  return `node ${q(node)} is not allowed to update fields other than status.quantity and status.conditions`;
}

async function checkToken(data: AdmissionData, node: string, a: Attributes): Promise<string | undefined> {
  if (a.operation !== 'CREATE' || a.subresource !== 'token') return undefined;
  const request = a.object as TokenRequest;
  const ref = request.spec?.boundObjectRef;
  if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name) return 'node requested token not bound to a pod';
  if (!ref.uid) return 'node requested token with a pod binding without a uid';
  const pod = await existingPod(data, a, ref.name);
  if (ref.uid !== pod.metadata.uid)
    return `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
  if (pod.spec?.nodeName !== node) return 'node requested token bound to a pod scheduled on a different node';
  return checkAudience(data, a, request, pod);
}

function checkSlice(node: string, a: Attributes): string | undefined {
  const nodeName = (object: KubeObject | undefined) =>
    (object as (KubeObject & { spec?: { nodeName?: string } }) | undefined)?.spec?.nodeName;
  if (a.operation === 'CREATE' && nodeName(a.object) !== node)
    return 'can only create ResourceSlice with the same NodeName as the requesting node';
  if (a.operation === 'DELETE' && nodeName(a.oldObject) !== node)
    return 'can only delete ResourceSlice with the same NodeName as the requesting node';
  return undefined;
}

function checkSigningRequest(node: string, a: Attributes): string | undefined {
  if (a.operation !== 'CREATE') return undefined;
  const { spec } = a.object as CertificateSigningRequest;
  if (!NODE_SIGNERS.includes(spec?.signerName ?? '')) return undefined;
  try {
    const { commonName } = parseSigningRequest(Buffer.from(spec?.request ?? '', 'base64').toString('utf8'));
    return commonName === PREFIX + node ? undefined : `can only create a node CSR with CN=${PREFIX}${node}`;
  } catch (err) {
    return `unable to parse csr: ${errorText(err)}`;
  }
}

/**
 * What kubelets may do: their own node, lease and CSINode, pods bound to them, and what those pods need (node-graph.ts); the rest
 * by the fixed rules of the ClusterRole system:node. Upstream: plugin/pkg/auth/authorizer/node/node_authorizer.go
 */
import type {
  AuthorizationAttributes,
  AuthorizationResult,
  Authorizer,
  RuleResolver,
  User,
} from '../../machinery/authorization/authorizer.ts';
import { type PolicyRule, ruleAllows } from '../../machinery/authorization/policy-rules.ts';
import { parseFieldSelector } from '../../machinery/fields/selector.ts';
import type { NodeGraph, VertexType } from './node-graph.ts';

const PREFIX = 'system:node:';
const ALLOW: AuthorizationResult = { decision: 'Allow', reason: '' };
const NO_NODE: AuthorizationResult = { decision: 'NoOpinion', reason: '' };
const pass = (reason = ''): AuthorizationResult => (reason === '' ? NO_NODE : { decision: 'NoOpinion', reason });

/** The node a kubelet's user stands for; undefined when the user is no node. */
export function nodeOf(user: User): string | undefined {
  return user.username.startsWith(PREFIX) && user.groups.includes('system:nodes')
    ? user.username.slice(PREFIX.length)
    : undefined;
}

export function nodeAuthorizer(graph: NodeGraph, nodeRules: readonly PolicyRule[]): Authorizer & RuleResolver {
  return {
    authorize(a) {
      const node = nodeOf(a.user);
      if (node === undefined) return pass();
      if (node === '') return pass(`unknown node for user ${JSON.stringify(a.user.username)}`);
      const special = a.resourceRequest ? authorizeResource(graph, node, a) : undefined;
      return special ?? (nodeRules.some((r) => ruleAllows(r, a)) ? ALLOW : pass());
    },
    async rulesFor(user) {
      const incomplete = nodeOf(user) !== undefined;
      return {
        resourceRules: [],
        nonResourceRules: [],
        incomplete,
        ...(incomplete ? { evaluationError: 'node authorizer does not support user rule resolution' } : {}),
      };
    },
  };
}

function authorizeResource(
  graph: NodeGraph,
  node: string,
  a: AuthorizationAttributes,
): AuthorizationResult | undefined {
  switch (a.apiGroup === '' ? a.resource : `${a.resource}.${a.apiGroup}`) {
    case 'secrets':
      return readNamespaced(graph, node, 'secrets', a);
    case 'configmaps':
      return readNamespaced(graph, node, 'configmaps', a);
    case 'persistentvolumeclaims':
      return a.subresource === 'status'
        ? updateStatus(graph, node, a)
        : getOne(graph, node, 'persistentvolumeclaims', a);
    case 'persistentvolumes':
      return getOne(graph, node, 'persistentvolumes', a);
    case 'resourceclaims.resource.k8s.io':
      return getOne(graph, node, 'resourceclaims', a);
    case 'volumeattachments.storage.k8s.io':
      return getOne(graph, node, 'volumeattachments', a);
    case 'serviceaccounts':
      return serviceAccount(graph, node, a);
    case 'leases.coordination.k8s.io':
      return lease(node, a);
    case 'csinodes.storage.k8s.io':
      return csiNode(node, a);
    case 'resourceslices.resource.k8s.io':
      return resourceSlice(graph, node, a);
    case 'podcertificaterequests.certificates.k8s.io':
      return podCertificateRequest(graph, node, a);
    case 'nodes':
      return nodeObject(node, a);
    case 'pods':
      return pod(graph, node, a);
    default:
      return undefined;
  }
}

function related(graph: NodeGraph, node: string, type: VertexType, a: AuthorizationAttributes): AuthorizationResult {
  if (a.name === '') return pass('No Object name found');
  if (graph.reaches(node, type, a.namespace, a.name)) return ALLOW;
  return pass(`no relationship found between node '${node}' and this object`);
}

function updateStatus(graph: NodeGraph, node: string, a: AuthorizationAttributes): AuthorizationResult {
  if (a.verb !== 'update' && a.verb !== 'patch') return pass('can only get/update/patch this type');
  return related(graph, node, 'persistentvolumeclaims', a);
}

function getOne(graph: NodeGraph, node: string, type: VertexType, a: AuthorizationAttributes): AuthorizationResult {
  if (a.verb !== 'get') return pass('can only get individual resources of this type');
  if (a.subresource !== '') return pass('cannot get subresource');
  return related(graph, node, type, a);
}

function readNamespaced(
  graph: NodeGraph,
  node: string,
  type: VertexType,
  a: AuthorizationAttributes,
): AuthorizationResult {
  if (!['get', 'list', 'watch'].includes(a.verb)) return pass('can only read resources of this type');
  if (a.subresource !== '') return pass('cannot read subresource');
  if (a.namespace === '') return pass('can only read namespaced object of this type');
  return related(graph, node, type, a);
}

function serviceAccount(graph: NodeGraph, node: string, a: AuthorizationAttributes): AuthorizationResult {
  if (a.verb === 'get' && a.subresource === '') return readNamespaced(graph, node, 'serviceaccounts', a);
  if (a.verb !== 'create' || a.name === '') return pass('can only create tokens for individual service accounts');
  if (a.subresource !== 'token') return pass('can only create token subresource of serviceaccount');
  return related(graph, node, 'serviceaccounts', a);
}

const OWN_VERBS = ['get', 'create', 'update', 'patch', 'delete'];

function lease(node: string, a: AuthorizationAttributes): AuthorizationResult {
  if (!OWN_VERBS.includes(a.verb)) return pass('can only get, create, update, patch, or delete a node lease');
  if (a.namespace !== 'kube-node-lease')
    return pass('can only access leases in the "kube-node-lease" system namespace');
  // The name is not known at create; NodeRestriction checks it there.
  if (a.verb !== 'create' && a.name !== node)
    return pass('can only access node lease with the same name as the requesting node');
  return ALLOW;
}

function csiNode(node: string, a: AuthorizationAttributes): AuthorizationResult {
  if (!OWN_VERBS.includes(a.verb)) return pass('can only get, create, update, patch, or delete a CSINode');
  if (a.subresource !== '') return pass('cannot authorize CSINode subresources');
  if (a.verb !== 'create' && a.name !== node)
    return pass('can only access CSINode with the same name as the requesting node');
  return ALLOW;
}

function resourceSlice(graph: NodeGraph, node: string, a: AuthorizationAttributes): AuthorizationResult {
  if (a.subresource !== '') return pass('cannot authorize ResourceSlice subresources');
  switch (a.verb) {
    case 'create':
      return ALLOW;
    case 'get':
    case 'update':
    case 'patch':
    case 'delete':
      return related(graph, node, 'resourceslices', a);
    case 'watch':
    case 'list':
    case 'deletecollection':
      return selectsNode(a, 'spec.nodeName', node)
        ? ALLOW
        : pass('can only list/watch/deletecollection resourceslices with nodeName field selector');
    default:
      return pass(
        'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
      );
  }
}

function podCertificateRequest(graph: NodeGraph, node: string, a: AuthorizationAttributes): AuthorizationResult {
  if (a.subresource !== '') return pass('nodes may not access the status subresource of PodCertificateRequests');
  switch (a.verb) {
    case 'create':
      return ALLOW;
    case 'get':
      return related(graph, node, 'podcertificaterequests', a);
    case 'list':
    case 'watch':
      return selectsNode(a, 'spec.nodeName', node)
        ? ALLOW
        : pass('can only list/watch podcertificaterequests with nodeName field selector');
    default:
      return pass(`nodes may not ${a.verb} podcertificaterequests`);
  }
}

function nodeObject(node: string, a: AuthorizationAttributes): AuthorizationResult {
  if (a.subresource === 'status') return a.verb === 'update' || a.verb === 'patch' ? ALLOW : pass();
  if (a.subresource !== '') return pass();
  switch (a.verb) {
    case 'create':
    case 'update':
    case 'patch':
      return ALLOW;
    case 'get':
    case 'list':
    case 'watch':
      if (a.name === node) return ALLOW;
      if (a.name === '') return pass(`node '${node}' cannot read all nodes, only its own Node object`);
      return pass(`node '${node}' cannot read '${a.name}', only its own Node object`);
    default:
      return pass();
  }
}

function pod(graph: NodeGraph, node: string, a: AuthorizationAttributes): AuthorizationResult {
  switch (`${a.verb} ${a.subresource}`) {
    case 'get ':
      return related(graph, node, 'pods', a);
    case 'list ':
    case 'watch ':
      if (selectsNode(a, 'spec.nodeName', node)) return ALLOW;
      if (a.name !== '') return related(graph, node, 'pods', a);
      return pass('can only list/watch pods with spec.nodeName field selector');
    // NodeRestriction narrows these to mirror pods and pods bound to the node.
    case 'create ':
    case 'delete ':
    case 'update status':
    case 'patch status':
    case 'create eviction':
      return ALLOW;
    default:
      return pass();
  }
}

function selectsNode(a: AuthorizationAttributes, field: string, node: string): boolean {
  if (!a.fieldSelector) return false;
  try {
    return parseFieldSelector(a.fieldSelector).requirements.some(
      (r) => r.field === field && r.operator === '=' && r.value === node,
    );
  } catch {
    return false; // the handler answers 400
  }
}

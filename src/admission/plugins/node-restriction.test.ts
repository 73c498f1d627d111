/** A kubelet writes what is its own, and nothing else. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { Operation } from '../admission.ts';
import { AdmissionWorld, pod, request, run } from '../testing/admission-world.ts';
import { nodeRestriction } from './node-restriction.ts';

describe('NodeRestriction', () => {
  const kubelet = { username: 'system:node:n1', groups: ['system:nodes'] };
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u1', controller: true };
  const mirror = (spec: object, metadata: object = {}) =>
    pod(
      { nodeName: 'n1', ...spec },
      { annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner], ...metadata },
    );
  const world = new AdmissionWorld()
    .add('nodes', { metadata: { name: 'n1', uid: 'u1' } })
    .add(
      'pods',
      pod(
        {
          nodeName: 'n1',
          volumes: [
            {
              name: 't',
              projected: {
                sources: [
                  { serviceAccountToken: { path: 'token', audience: 'vault' } },
                  { serviceAccountToken: { path: 'token' } },
                ],
              },
            },
          ],
        },
        { name: 'mine', uid: 'm' },
      ),
    )
    .add('pods', pod({ nodeName: 'n2' }, { name: 'other', uid: 'o' }));
  const node = (metadata: object, spec: object = {}): KubeObject =>
    ({ metadata: { name: 'n1', ...metadata }, spec }) as KubeObject;
  const token = (name: string, uid: string, audiences: string[] = []) => ({
    metadata: {},
    spec: { audiences, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
  });
  const cases: {
    title: string;
    operation?: Operation;
    resource: string;
    object?: object;
    old?: object;
    name?: string;
    namespace?: string;
    user?: { username: string; groups: string[] };
    want: string | undefined;
  }[] = [
    {
      title: 'others are not concerned',
      resource: 'pods',
      object: pod(),
      user: { username: 'jane', groups: [] },
      want: undefined,
    },
    { title: 'mirror pods may be made', resource: 'pods', object: mirror({}), want: undefined },
    {
      title: 'other pods may not',
      resource: 'pods',
      object: pod({ nodeName: 'n1' }),
      want: 'pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    },
    {
      title: 'nor on other nodes',
      resource: 'pods',
      object: mirror({ nodeName: 'n2' }),
      want: 'pods "p" is forbidden: node "n1" can only create pods with spec.nodeName set to itself',
    },
    {
      title: 'nor without owner',
      resource: 'pods',
      object: mirror({}, { ownerReferences: [] }),
      want: 'pods "p" is forbidden: node "n1" can only create pods with an owner reference set to itself',
    },
    {
      title: 'nor with secrets',
      resource: 'pods',
      object: mirror({ volumes: [{ name: 'v', secret: { secretName: 's' } }] }),
      want: 'pods "p" is forbidden: node "n1" can not create pods that reference secrets',
    },
    {
      title: 'own pods may be deleted',
      operation: 'DELETE',
      resource: 'pods',
      name: 'mine',
      namespace: 'dev',
      want: undefined,
    },
    {
      title: "others' pods may not",
      operation: 'DELETE',
      resource: 'pods',
      name: 'other',
      namespace: 'dev',
      want: 'pods "other" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    },
    {
      title: "status of others' pods",
      operation: 'UPDATE',
      resource: 'pods/status',
      old: pod({ nodeName: 'n2' }),
      object: pod({ nodeName: 'n2' }),
      want: 'pods "p" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
    },
    {
      title: 'its own node',
      operation: 'UPDATE',
      resource: 'nodes',
      old: node({}),
      object: node({ labels: { 'kubernetes.io/hostname': 'n1', mine: 'x' } }),
      want: undefined,
    },
    {
      title: 'not another',
      operation: 'UPDATE',
      resource: 'nodes',
      name: 'n2',
      old: node({}),
      object: node({}),
      want: 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    },
    {
      title: 'not its taints',
      operation: 'UPDATE',
      resource: 'nodes',
      old: node({}, { taints: [{ key: 'a', effect: 'NoSchedule' }] }),
      object: node({}),
      want: 'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
    },
    {
      title: 'not restricted labels',
      operation: 'UPDATE',
      resource: 'nodes',
      old: node({}),
      object: node({ labels: { 'x.node-restriction.kubernetes.io/a': 'b' } }),
      want: 'nodes "n1" is forbidden: is not allowed to modify labels: x.node-restriction.kubernetes.io/a',
    },
    {
      title: 'its own lease',
      resource: 'leases.coordination.k8s.io',
      object: { metadata: { name: 'n1', namespace: 'kube-node-lease' } },
      want: undefined,
    },
    {
      title: "not another's",
      resource: 'leases.coordination.k8s.io',
      object: { metadata: { name: 'n2', namespace: 'kube-node-lease' } },
      want: 'leases.coordination.k8s.io "n2" is forbidden: can only access node lease with the same name as the requesting node',
    },
    {
      title: 'tokens of its pods',
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: token('mine', 'm'),
      want: undefined,
    },
    {
      title: 'for audiences the pod names',
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: token('mine', 'm', ['vault']),
      want: undefined,
    },
    {
      title: 'not for others',
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: token('mine', 'm', ['bank']),
      want: 'serviceaccounts "bot" is forbidden: audience "bank" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
    },
    {
      title: "not of others' pods",
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: token('other', 'o'),
      want: 'serviceaccounts "bot" is forbidden: node requested token bound to a pod scheduled on a different node',
    },
    {
      title: 'not unbound',
      resource: 'serviceaccounts/token',
      name: 'bot',
      namespace: 'dev',
      object: { metadata: {}, spec: {} },
      want: 'serviceaccounts "bot" is forbidden: node requested token not bound to a pod',
    },
  ];
  for (const c of cases)
    it(c.title, async () => assert.equal(await run(nodeRestriction(world), request({ user: kubelet, ...c })), c.want));
});

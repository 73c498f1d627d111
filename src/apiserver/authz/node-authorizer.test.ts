/** What a kubelet may see: its own objects and what its pods need, for as long as they need it. */
import assert from 'node:assert/strict';
import { type AuthorizationAttributes, attributesOf } from '../../machinery/authorization/authorizer.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { newAuthorization } from './authorization.ts';
import { NodeGraph } from './node-graph.ts';
import { PolicyIndex } from './rbac.ts';

const pod = (name: string, nodeName: string, spec: object = {}, metadata: object = {}): KubeObject =>
  ({
    metadata: { namespace: 'dev', name, uid: name, ...metadata },
    spec: { nodeName, serviceAccountName: 'bot', containers: [], ...spec },
  }) as KubeObject;

function graph(): NodeGraph {
  const g = new NodeGraph();
  g.put(
    'pods',
    pod('p', 'n1', {
      imagePullSecrets: [{ name: 'pull' }],
      containers: [
        {
          name: 'c',
          env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'env', key: 'k' } } }],
          envFrom: [{ configMapRef: { name: 'all' } }],
        },
      ],
      volumes: [
        { name: 'a', secret: { secretName: 'vol' } },
        { name: 'b', projected: { sources: [{ configMap: { name: 'root' } }] } },
        { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
      ],
    }),
  );
  g.put(
    'pods',
    pod(
      'mirror',
      'n1',
      { volumes: [{ name: 'a', secret: { secretName: 'stolen' } }] },
      { annotations: { 'kubernetes.io/config.mirror': 'x' } },
    ),
  );
  g.put('persistentvolumes', {
    metadata: { name: 'pv' },
    spec: {
      claimRef: { namespace: 'dev', name: 'data' },
      csi: { nodePublishSecretRef: { namespace: 'sys', name: 'csi' } },
    },
  } as KubeObject);
  g.put('volumeattachments', { metadata: { name: 'va' }, spec: { nodeName: 'n1' } } as KubeObject);
  return g;
}

const node = (name: string) => ({ username: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] });
type Words = Partial<AuthorizationAttributes> & { verb: string };

describe('node authorizer', () => {
  const g = graph();
  const authorizer = newAuthorization({ modes: ['Node'], policy: new PolicyIndex(), graph: g });
  const ask = async (a: Words) => {
    const { decision, reason } = await authorizer.authorize(attributesOf({ user: node('n1'), ...a }));
    return decision === 'Allow' ? true : reason;
  };
  const none = "no relationship found between node 'n1' and this object";
  const dev = { namespace: 'dev' };
  const cases: { title: string; a: Words; want: true | string }[] = [
    ...['pull', 'env', 'vol'].map((name) => ({
      title: `secret ${name}`,
      a: { verb: 'get', resource: 'secrets', name, ...dev },
      want: true as const,
    })),
    ...['all', 'root'].map((name) => ({
      title: `configmap ${name}`,
      a: { verb: 'watch', resource: 'configmaps', name, ...dev },
      want: true as const,
    })),
    { title: 'a secret of nobody', a: { verb: 'get', resource: 'secrets', name: 'x', ...dev }, want: none },
    {
      title: 'a secret for another node',
      a: { user: node('n2'), verb: 'get', resource: 'secrets', name: 'env', ...dev },
      want: "no relationship found between node 'n2' and this object",
    },
    { title: 'what a mirror pod names', a: { verb: 'get', resource: 'secrets', name: 'stolen', ...dev }, want: none },
    { title: 'all secrets', a: { verb: 'list', resource: 'secrets', ...dev }, want: 'No Object name found' },
    {
      title: 'writing secrets',
      a: { verb: 'update', resource: 'secrets', name: 'env', ...dev },
      want: 'can only read resources of this type',
    },
    { title: 'its claim', a: { verb: 'get', resource: 'persistentvolumeclaims', name: 'data', ...dev }, want: true },
    { title: "the claim's volume", a: { verb: 'get', resource: 'persistentvolumes', name: 'pv' }, want: true },
    {
      title: "the volume's secret",
      a: { verb: 'get', resource: 'secrets', name: 'csi', namespace: 'sys' },
      want: true,
    },
    {
      title: 'its attachment',
      a: { verb: 'get', apiGroup: 'storage.k8s.io', resource: 'volumeattachments', name: 'va' },
      want: true,
    },
    {
      title: 'a token of its account',
      a: { verb: 'create', resource: 'serviceaccounts', subresource: 'token', name: 'bot', ...dev },
      want: true,
    },
    {
      title: 'a token of another',
      a: { verb: 'create', resource: 'serviceaccounts', subresource: 'token', name: 'root', ...dev },
      want: none,
    },
    { title: 'pods by node', a: { verb: 'list', resource: 'pods', fieldSelector: 'spec.nodeName=n1' }, want: true },
    {
      title: 'pods of another node',
      a: { verb: 'watch', resource: 'pods', fieldSelector: 'spec.nodeName=n2' },
      want: 'can only list/watch pods with spec.nodeName field selector',
    },
    { title: 'one of its pods', a: { verb: 'get', resource: 'pods', name: 'p', ...dev }, want: true },
    { title: 'its node', a: { verb: 'get', resource: 'nodes', name: 'n1' }, want: true },
    {
      title: 'all nodes',
      a: { verb: 'list', resource: 'nodes' },
      want: "node 'n1' cannot read all nodes, only its own Node object",
    },
    {
      title: 'its lease',
      a: {
        verb: 'update',
        apiGroup: 'coordination.k8s.io',
        resource: 'leases',
        name: 'n1',
        namespace: 'kube-node-lease',
      },
      want: true,
    },
    {
      title: 'leases elsewhere',
      a: { verb: 'get', apiGroup: 'coordination.k8s.io', resource: 'leases', name: 'n1', namespace: 'dev' },
      want: 'can only access leases in the "kube-node-lease" system namespace',
    },
    { title: 'services', a: { verb: 'watch', resource: 'services' }, want: true },
    { title: 'deployments', a: { verb: 'list', apiGroup: 'apps', resource: 'deployments' }, want: '' },
    {
      title: 'anything, being no node',
      a: { user: { username: 'system:node:n1', groups: [] }, verb: 'get', resource: 'nodes', name: 'n1' },
      want: '',
    },
  ];
  for (const c of cases)
    it(`${c.title}: ${c.want === true ? 'yes' : 'no'}`, async () => assert.equal(await ask(c.a), c.want));

  it('ends with the pod, unless another one needs the same', async () => {
    const env = { verb: 'get', resource: 'secrets', name: 'env', ...dev };
    g.put('pods', pod('twin', 'n1', { volumes: [{ name: 'a', secret: { secretName: 'env' } }] }));
    g.delete('pods', { metadata: { namespace: 'dev', name: 'p' } });
    assert.equal(await ask(env), true);
    g.delete('pods', { metadata: { namespace: 'dev', name: 'twin' } });
    assert.equal(await ask(env), none);
    assert.equal(await ask({ verb: 'get', resource: 'persistentvolumes', name: 'pv' }), none);
  });
});

describe('NodeGraph', () => {
  const pod = (name: string, node: string, secret: string) => ({
    metadata: { name, namespace: 'ns', uid: name },
    spec: { nodeName: node, containers: [], volumes: [{ name: 's', secret: { secretName: secret } }] },
  });
  const put = (graph: NodeGraph, ...args: Parameters<typeof pod>) => graph.put('pods', pod(...args) as never);

  it('knows a secret as long as any pod of the node needs it, in whatever order they go', () => {
    for (const order of [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
      ['b', 'a', 'c'],
    ]) {
      const graph = new NodeGraph();
      put(graph, 'a', 'n1', 's');
      put(graph, 'b', 'n2', 's');
      put(graph, 'c', 'n1', 's');
      const nodes = new Map([
        ['a', 'n1'],
        ['b', 'n2'],
        ['c', 'n1'],
      ]);
      for (const name of order) {
        assert.ok(graph.reaches(nodes.get(name)!, 'secrets', 'ns', 's'));
        graph.delete('pods', { metadata: { name, namespace: 'ns' } });
        nodes.delete(name);
        const left = new Set(nodes.values());
        for (const node of ['n1', 'n2']) assert.equal(graph.reaches(node, 'secrets', 'ns', 's'), left.has(node));
      }
      put(graph, 'd', 'n2', 's');
      assert.ok(graph.reaches('n2', 'secrets', 'ns', 's'));
    }
  });

  it('forgets what a pod needed before it changed', () => {
    const graph = new NodeGraph();
    put(graph, 'a', 'n1', 's');
    put(graph, 'a', 'n2', 's');
    assert.equal(graph.reaches('n1', 'secrets', 'ns', 's'), false);
    assert.ok(graph.reaches('n2', 'secrets', 'ns', 's'));
  });
});

/**
 * Who may come in and what they may do, through the real server: TLS with client certificates, tokens, impersonation, RBAC, the Node
 * authorizer and the admission chain in upstream's order.
 */
import assert from 'node:assert/strict';
import type { Node, Pod } from '../../src/api/core-v1.ts';
import type { ApiServer } from '../../src/apiserver/create-api-server.ts';
import { standardApiServer } from '../../src/apiserver/standard-api-server.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Client } from '../../src/client/client.ts';
import { httpTransport } from '../../src/client/http-transport.ts';
import { CLUSTERROLES, NAMESPACES, NODES, PODS, SECRETS, SERVICEACCOUNTS } from '../../src/client/resources.ts';
import { createClient } from '../../src/client/rest-client.ts';
import type { Transport } from '../../src/client/transport.ts';
import { ensurePki, type KeyPair, type Pki } from '../../src/cluster/pki/pki.ts';
import { type StatusError, statusErrorOf } from '../../src/machinery/errors/status-error.ts';
import type { KubeObject } from '../../src/machinery/meta/object.ts';
import { openMemoryStorage } from '../../src/storage/memory/memory-storage.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const REVIEW = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

describe('identity and admission, end to end', () => {
  let server: ApiServer;
  let pki: Pki;
  let url: string;
  const transports: Transport[] = [];

  const connect = (credentials: KeyPair | { token: string } | undefined): Client => {
    const by =
      credentials === undefined
        ? {}
        : 'token' in credentials
          ? credentials
          : { cert: credentials.certificate, key: credentials.key };
    const transport = httpTransport({ server: url, ca: pki.ca.certificate, ...by });
    transports.push(transport);
    return createClient(transport);
  };
  const refused = async (work: Promise<unknown>): Promise<string> => {
    const err = await work.then(
      () => assert.fail('accepted'),
      (e: unknown) => statusErrorOf(e) as StatusError,
    );
    return `${err.code} ${err.status.message}`;
  };
  const whoami = async (client: Client) => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} };
    const review = await client.raw<{ status: { userInfo: { username: string; groups: string[] } } }>(
      'POST',
      REVIEW,
      body,
    );
    return review.status.userInfo;
  };
  const pod = (name: string, spec: object = {}): KubeObject =>
    ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { containers: [{ name: 'c', image: 'x' }], ...spec },
    }) as KubeObject;

  before(async () => {
    pki = await ensurePki(undefined, {
      clock: systemClock,
      random: systemRandom,
      serviceIP: '10.96.0.1',
      nodes: ['n1'],
    });
    const storage = await openMemoryStorage({ clock: systemClock });
    // What was there before the server began.
    const stored = pod('early', { nodeName: 'n1', volumes: [{ name: 'v', secret: { secretName: 'of-early' } }] });
    const managedFields = [{ manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:spec': {} } }];
    Object.assign(stored.metadata, { namespace: 'default', uid: 'u', managedFields });
    await storage.create('/registry/pods/default/early', Buffer.from(JSON.stringify(stored)));
    server = await standardApiServer({
      storage,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      pki: { clientCA: pki.ca.certificate },
      serviceAccount: { issuer: ISSUER, signingKey: pki.serviceAccountKey },
      authorizationModes: ['Node', 'RBAC'],
    });
    const listening = await server.listen({
      port: 0,
      host: '127.0.0.1',
      tls: { cert: pki.apiServer.certificate, key: pki.apiServer.key },
    });
    url = `https://127.0.0.1:${listening.port}`;
    const admin = connect(pki.admin);
    for (const name of ['default', 'bot'])
      await admin.create(
        SERVICEACCOUNTS,
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } },
        { namespace: 'default' },
      );
  });
  after(async () => {
    for (const t of transports) await t[Symbol.asyncDispose]();
    await server.close();
  });

  it('a client certificate is who it says', async () => {
    const user = await whoami(connect(pki.admin));
    assert.deepEqual([user.username, user.groups], ['kubernetes-admin', ['system:masters', 'system:authenticated']]);
  });
  it('nobody is anonymous, and may see health but not pods', async () => {
    const nobody = connect(undefined);
    assert.equal(
      await refused(nobody.list(PODS, { namespace: 'default' })),
      '403 pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"',
    );
  });
  it('a wrong token is refused', async () =>
    assert.equal(await refused(connect({ token: 'x' }).list(PODS, { namespace: 'default' })), '401 Unauthorized'));

  it('a token is issued, believed, and ends with its account', async () => {
    const admin = connect(pki.admin);
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: {} };
    const { status } = await admin.createSubresource<{ status: { token: string } }>(
      SERVICEACCOUNTS,
      'bot',
      'token',
      request,
      { namespace: 'default' },
    );
    const bot = connect({ token: status.token });
    assert.equal((await whoami(bot)).username, 'system:serviceaccount:default:bot');
    assert.equal(
      await refused(bot.list(SECRETS, { namespace: 'default' })),
      '403 secrets is forbidden: User "system:serviceaccount:default:bot" cannot list resource "secrets" in API group "" in the namespace "default"',
    );
    await admin.delete(SERVICEACCOUNTS, 'bot', { namespace: 'default' });
    assert.equal(await refused(whoami(bot)), '401 Unauthorized');
  });

  it('a role grants at once, and impersonation shows it', async () => {
    const admin = connect(pki.admin);
    const jane = admin.as({ 'impersonate-user': 'jane' });
    assert.equal((await whoami(jane)).username, 'jane');
    assert.match(await refused(jane.list(NODES)), /^403 nodes is forbidden: User "jane" cannot list/);
    const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' };
    await admin.create(CLUSTERROLES, {
      ...rbac,
      kind: 'ClusterRole',
      metadata: { name: 'nodes' },
      rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }],
    } as KubeObject);
    await admin.create({ ...CLUSTERROLES, resource: 'clusterrolebindings', kind: 'ClusterRoleBinding' }, {
      ...rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'nodes' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'nodes' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'jane' }],
    } as KubeObject);
    for (let i = 0; i < 50; i++) {
      const done = await jane.list(NODES).then(
        () => true,
        () => false,
      );
      if (done) return;
      await systemClock.sleep(10);
    }
    assert.fail('the role never took effect');
  });

  it('a kubelet registers its own node and no other', async () => {
    const kubelet = connect(pki.kubelets.get('n1')!);
    const node = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
    const created = (await kubelet.create(NODES, node('n1'))) as Node;
    assert.deepEqual(created.spec?.taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
    assert.equal(
      await refused(kubelet.create(NODES, node('n2'))),
      '403 nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    );
    assert.match(await refused(kubelet.list(SECRETS, { namespace: 'default' })), /No Object name found$/);
  });

  it('a kubelet may read what a pod needs that was there before the server began', async () => {
    const admin = connect(pki.admin);
    for (const name of ['of-early', 'of-nobody']) {
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name } };
      await admin.create(SECRETS, secret, { namespace: 'default' });
    }
    const kubelet = connect(pki.kubelets.get('n1')!);
    const read = (name: string) => kubelet.get(SECRETS, name, { namespace: 'default' });
    assert.equal((await read('of-early')).metadata.name, 'of-early');
    assert.match(await refused(read('of-nobody')), /^403 .*no relationship found between node 'n1' and this object$/);
  });

  it('a pod passes the whole chain', async () => {
    const admin = connect(pki.admin);
    const made = (await admin.create(PODS, pod('p'), { namespace: 'default' })) as Pod;
    const spec = made.spec!;
    assert.equal(spec.serviceAccountName, 'default');
    assert.equal(spec.priority, 0);
    assert.match(spec.volumes![0]!.name, /^kube-api-access-/);
    assert.equal(spec.tolerations!.length, 2);
    assert.equal(
      await refused(admin.create(PODS, pod('q', { serviceAccountName: 'no' }), { namespace: 'default' })),
      '403 pods "q" is forbidden: error looking up service account default/no: serviceaccount "no" not found',
    );
    assert.equal(
      await refused(admin.create(PODS, pod('q'), { namespace: 'nowhere' })),
      '404 namespaces "nowhere" not found',
    );
  });

  it('labels of a namespace hold its pods to a level', async () => {
    const admin = connect(pki.admin);
    await admin.create(NAMESPACES, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'safe', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
    });
    await admin.create(
      SERVICEACCOUNTS,
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } },
      { namespace: 'safe' },
    );
    assert.equal(
      await refused(admin.create(PODS, pod('q', { hostPID: true }), { namespace: 'safe' })),
      '403 pods "q" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)',
    );
  });
});

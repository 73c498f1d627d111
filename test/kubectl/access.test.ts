/** Who may do what, under kubectl: auth can-i, whoami, impersonation, tokens, certificates, namespaced roles. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { needs } from '../harness/needs.ts';
import { openSession, type Session, table, withEachKubectl } from './session.ts';

withEachKubectl('access', (version) => {
  let session: Session;
  before(async function () {
    needs(this, 'kubectl');
    session = await openSession({ nodes: 1, version });
    const { k } = session;
    await k`create sa robot`;
    await k`create role reader --verb=get,list --resource=pods`;
    await k`create rolebinding readers --role=reader --serviceaccount=default:robot --user=jane`;
  });
  after(() => session?.[Symbol.asyncDispose]());

  it('asks what is allowed', async () => {
    const { k, run } = session;
    assert.equal(await k`auth can-i create pods`, 'yes');
    assert.deepEqual(await run`auth can-i create pods --as=jane`, { code: 1, stdout: 'no\n', stderr: '' });
    assert.equal(await k`auth can-i list pods --as=jane`, 'yes');
    assert.equal(await k`auth can-i get pods --as=system:serviceaccount:default:robot`, 'yes');
    const unknown = await run`auth can-i nope nopes`;
    assert.match(unknown.stderr, /^Warning: the server doesn't have a resource type 'nopes'$/m);
    const list = table(await k`auth can-i --list --as=jane`);
    assert.ok(
      list.some((r) => r.join(' ') === 'pods [] [] [get list]'),
      list.join('\n'),
    );
  });

  it('knows who asks', async () => {
    const { k } = session;
    const rows = table(await k`auth whoami`);
    assert.deepEqual(rows[0], ['ATTRIBUTE', 'VALUE']);
    assert.deepEqual(rows[1], ['Username', 'kubernetes-admin']);
    assert.match(await k`auth whoami -o yaml`, /kind: SelfSubjectReview\nmetadata:\n {2}creationTimestamp: "/);
    assert.match(
      await k`auth whoami --as=jane --as-group=devs`,
      /Username +jane\nGroups +\[devs system:authenticated\]/,
    );
  });

  it('refuses by name', async () => {
    const { refused } = session;
    assert.equal(
      await refused`delete pod x --as=bob`,
      'Error from server (Forbidden): pods "x" is forbidden: User "bob" cannot delete resource "pods" in API group "" in the namespace "default"',
    );
    assert.equal(
      await refused`get nodes --as=bob`,
      'Error from server (Forbidden): nodes is forbidden: User "bob" cannot list resource "nodes" in API group "" at the cluster scope',
    );
    assert.match(
      await refused`create clusterrolebinding mine --clusterrole=cluster-admin --user=jane --as=jane`,
      /User "jane" cannot create resource "clusterrolebindings" in API group "rbac\.authorization\.k8s\.io" at the cluster scope$/,
    );
  });

  it('makes tokens that work, and none for others', async () => {
    const { k, refused } = session;
    const token = await k`create token robot --duration=10m`;
    assert.match(
      await k`--token=${token} --kubeconfig=${await anonymous()} auth whoami`,
      /Username +system:serviceaccount:default:robot/,
    );
    assert.equal(await k`--token=${token} --kubeconfig=${await anonymous()} get pods -o name`, '');
    assert.match(
      await refused`--token=${token} --kubeconfig=${await anonymous()} get secrets`,
      /User "system:serviceaccount:default:robot" cannot list resource "secrets"/,
    );
    assert.equal(
      await refused`--token=wrong --kubeconfig=${await anonymous()} get pods`,
      'error: You must be logged in to the server (Unauthorized)',
    );
    assert.equal(await refused`create token nope`, 'error: failed to create token: serviceaccounts "nope" not found');
    assert.match(
      await refused`create token robot --duration=1m`,
      /spec\.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes$/,
    );
  });

  it('approves and denies certificates', async () => {
    const { k, dir, with: other } = session;
    execFileSync(
      'openssl',
      ['req', '-new', '-newkey', 'ed25519', '-nodes', '-keyout', `${dir}/k`, '-subj', '/CN=jane', '-out', `${dir}/csr`],
      { stdio: 'ignore' },
    );
    const request = readFileSync(`${dir}/csr`).toString('base64');
    const csr = (name: string) =>
      `apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: ${name}}\nspec: {request: ${request}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}\n`;
    await other({ stdin: `${csr('a')}---\n${csr('b')}` }).k`apply -f -`;
    assert.deepEqual(table(await k`get csr a`)[1]?.slice(2), [
      'kubernetes.io/kube-apiserver-client',
      'kubernetes-admin',
      '<none>',
      'Pending',
    ]);
    assert.equal(await k`certificate approve a`, 'certificatesigningrequest.certificates.k8s.io/a approved');
    assert.equal(await k`certificate deny b`, 'certificatesigningrequest.certificates.k8s.io/b denied');
    assert.match(await k`get csr a -o jsonpath={.status.conditions[0].reason}`, /KubectlApprove/);
    assert.equal(table(await k`get csr b`)[1]?.at(-1), 'Denied');
  });

  /** A kubeconfig with the server and no credentials. */
  async function anonymous(): Promise<string> {
    const text = readFileSync(`${session.dir}/kubeconfig`, 'utf8')
      .replace(/^ +client-.*\n/gm, '')
      .replace(/^( +)user:\n(?! )/m, '$1user: {}\n');
    return session.file('anonymous', text);
  }
});

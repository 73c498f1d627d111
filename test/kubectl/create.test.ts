/** kubectl create of every kind it knows, and how the results look in get and describe. */
import assert from 'node:assert/strict';
import { needs } from '../harness/needs.ts';
import { openSession, type Session, table, withEachKubectl } from './session.ts';

withEachKubectl('create', (version) => {
  let session: Session;
  before(async function () {
    needs(this, 'kubectl');
    session = await openSession({ nodes: 1, version });
  });
  after(() => session?.[Symbol.asyncDispose]());

  const cases: [command: string, says: string][] = [
    ['deployment d1 --image=nginx --replicas=2 --port=80', 'deployment.apps/d1 created'],
    ['job j1 --image=busybox -- echo hi', 'job.batch/j1 created'],
    ["cronjob c1 --image=busybox --schedule='0 0 29 2 *' -- date", 'cronjob.batch/c1 created'],
    ['job j2 --from=cronjob/c1', 'job.batch/j2 created'],
    ['configmap m1 --from-literal=a=b', 'configmap/m1 created'],
    ['secret generic s1 --from-literal=a=b', 'secret/s1 created'],
    ['secret docker-registry s2 --docker-username=u --docker-password=p', 'secret/s2 created'],
    ['quota q1 --hard=cpu=10,pods=20', 'resourcequota/q1 created'],
    ['serviceaccount sa1', 'serviceaccount/sa1 created'],
    ['role r1 --verb=get,list --resource=pods,deployments.apps', 'role.rbac.authorization.k8s.io/r1 created'],
    ['rolebinding rb1 --role=r1 --user=jane', 'rolebinding.rbac.authorization.k8s.io/rb1 created'],
    ['clusterrole cr1 --verb=get --resource=nodes', 'clusterrole.rbac.authorization.k8s.io/cr1 created'],
    ['clusterrole cr2 --verb=get --non-resource-url=/logs/*', 'clusterrole.rbac.authorization.k8s.io/cr2 created'],
    ['clusterrole cr3 --aggregation-rule=x=true', 'clusterrole.rbac.authorization.k8s.io/cr3 created'],
    [
      'clusterrolebinding crb1 --clusterrole=cr1 --group=devs',
      'clusterrolebinding.rbac.authorization.k8s.io/crb1 created',
    ],
    ['namespace ns1', 'namespace/ns1 created'],
    ['pdb p1 --selector=app=d1 --min-available=1', 'poddisruptionbudget.policy/p1 created'],
    ['priorityclass pc1 --value=1000 --description=x', 'priorityclass.scheduling.k8s.io/pc1 created'],
    ['ingress i1 --rule=foo.com/bar=svc1:8080,tls=cert --annotation=a=b', 'ingress.networking.k8s.io/i1 created'],
    ['ingress i2 --class=c --rule=foo.com/*=svc:http --default-backend=d:80', 'ingress.networking.k8s.io/i2 created'],
    ['service clusterip v1 --tcp=5678:8080', 'service/v1 created'],
    ['service nodeport v2 --tcp=5678:8080', 'service/v2 created'],
    ['service loadbalancer v3 --tcp=5678:8080', 'service/v3 created'],
    ['service externalname v4 --external-name=bar.com', 'service/v4 created'],
    ['service clusterip v5 --clusterip=None', 'service/v5 created'],
  ];
  for (const [command, says] of cases) {
    it(command, async () => {
      const { stdout, stderr } = await session.line(`create ${command}`);
      assert.equal(stdout + stderr, `${says}\n`);
    });
  }

  it('refuses what is there, what is wrong, and an address outside the range', async () => {
    const { refused } = session;
    assert.equal(
      await refused`create deployment d1 --image=x`,
      'error: failed to create deployment: deployments.apps "d1" already exists',
    );
    assert.equal(
      await refused`create deployment Bad_Name --image=x`,
      `error: failed to create deployment: Deployment.apps "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    );
    assert.match(
      await refused`create service clusterip v6 --clusterip=1.2.3.4 --tcp=80`,
      /Service "v6" is invalid: spec\.clusterIPs: Invalid value: \["1\.2\.3\.4"\]: failed to allocate IP 1\.2\.3\.4: the provided network does not match the current range/,
    );
    assert.equal(
      await refused`delete priorityclass system-node-critical`,
      'Error from server (Forbidden): priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: this is a system priority class and cannot be deleted',
    );
  });

  it('shows them in get', async () => {
    const { k } = session;
    const rows = async (what: string, skipAge = true) =>
      table((await session.line(`get ${what}`)).stdout.trimEnd()).map((r) => (skipAge ? r.slice(0, -1) : r));
    assert.deepEqual(await rows('svc v2 v4 v5'), [
      ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)'],
      ['v2', 'NodePort', await k`get svc v2 -o jsonpath={.spec.clusterIP}`, '<none>', await nodePort()],
      ['v4', 'ExternalName', '<none>', 'bar.com', '<none>'],
      ['v5', 'ClusterIP', 'None', '<none>', '<none>'],
    ]);
    assert.deepEqual(await rows('cronjob c1'), [
      ['NAME', 'SCHEDULE', 'TIMEZONE', 'SUSPEND', 'ACTIVE', 'LAST SCHEDULE'],
      ['c1', '0 0 29 2 *', '<none>', 'False', '0', '<none>'],
    ]);
    assert.deepEqual(await rows('ing'), [
      ['NAME', 'CLASS', 'HOSTS', 'ADDRESS', 'PORTS'],
      ['i1', '<none>', 'foo.com', '80, 443'],
      ['i2', 'c', 'foo.com', '80'],
    ]);
    assert.deepEqual((await rows('secret s1 s2')).slice(1), [
      ['s1', 'Opaque', '1'],
      ['s2', 'kubernetes.io/dockerconfigjson', '1'],
    ]);
    assert.deepEqual(await rows('priorityclass pc1', false).then((r) => r.map((c) => c.toSpliced(3, 1))), [
      ['NAME', 'VALUE', 'GLOBAL-DEFAULT', 'PREEMPTIONPOLICY'],
      ['pc1', '1000', 'false', 'PreemptLowerPriority'],
    ]);
    await k`wait job/j1 --for=condition=complete --timeout=20s`;
    assert.deepEqual((await rows('job j1'))[1]?.slice(0, 3), ['j1', 'Complete', '1/1']);
    assert.equal(await k`logs job/j1`, 'hi');

    async function nodePort() {
      return `5678:${await k`get svc v2 -o jsonpath={.spec.ports[0].nodePort}`}/TCP`;
    }
  });

  const described: [what: string, shows: RegExp][] = [
    ['quota q1', /Name: +q1\nNamespace: +default\nResource +Used +Hard\n-+ +-+ +-+\ncpu +0 +10\npods +\d+ +20/],
    [
      'ingress i1',
      /TLS:\n +cert terminates foo\.com\nRules:\n[\s\S]*foo\.com +\n +\/bar +svc1:8080 \(<error: services "svc1" not found>\)/,
    ],
    ['secret s2', /Type: +kubernetes\.io\/dockerconfigjson\n\nData\n====\n\.dockerconfigjson: +\d+ bytes/],
    ['role r1', /pods +\[\] +\[\] +\[get list\]/],
    ['rolebinding rb1', /Role:\n +Kind: +Role\n +Name: +r1\nSubjects:\n +Kind +Name +Namespace\n[\s\S]*User +jane/],
    ['clusterrole cr2', /\[\/logs\/\*\] +\[\] +\[get\]/],
    ['pdb p1', /Min available: +1\nSelector: +app=d1\nStatus:\n +Allowed disruptions: +\d/],
    ['sa sa1', /Name: +sa1\nNamespace: +default\nLabels: +<none>/],
    ['ns ns1', /Status: +Active\n\nNo resource quota\.\n\nNo LimitRange resource\./],
    ['cronjob c1', /Schedule: +0 0 29 2 \*\nConcurrency Policy: +Allow/],
    [
      'job j1',
      /Completed At: [\s\S]*Pods Statuses: +0 Active \(0 Ready\) \/ 1 Succeeded \/ 0 Failed[\s\S]*Normal +Completed .*job-controller +Job completed/,
    ],
    ['priorityclass pc1', /Value: +1000\nGlobalDefault: +false/],
    ['lease -n kube-node-lease node-1', /Holder Identity: +node-1\n +Lease Duration Seconds: +40/],
    ['clusterrolebinding cluster-admin', /Group +system:masters/],
  ];
  for (const [what, shows] of described) {
    it(`describe ${what}`, async () => {
      const { stdout, stderr } = await session.line(`describe ${what}`);
      assert.match(stdout + stderr, shows);
    });
  }

  it('deletes a namespace with everything in it', async () => {
    const { k, refused } = session;
    await k`create cm inside -n ns1 --from-literal=a=b`;
    await k`create service clusterip inside -n ns1 --tcp=80`;
    assert.equal(await k`delete ns ns1 --timeout=30s`, 'namespace "ns1" deleted');
    assert.equal(await refused`get ns ns1`, 'Error from server (NotFound): namespaces "ns1" not found');
    assert.equal(
      await refused`delete ns default`,
      'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted',
    );
  });

  it('deletes all there is', async () => {
    const { k } = session;
    const said = await k`delete deploy,job,cronjob,svc,ing,pdb,quota --all --timeout=30s`;
    assert.match(said, /deployment\.apps "d1" deleted from default namespace/);
    await k`wait --for=delete pod --all --timeout=20s`;
  });
});

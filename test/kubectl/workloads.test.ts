/** A deployment's life under kubectl: apply, rollouts, scaling, waiting, deleting. */
import assert from 'node:assert/strict';
import { needs } from '../harness/needs.ts';
import { DEPLOYMENT, openSession, type Session, table, withEachKubectl } from './session.ts';

withEachKubectl('workloads', (version) => {
  let session: Session;
  before(async function () {
    needs(this, 'kubectl');
    session = await openSession({ version });
  });
  after(() => session?.[Symbol.asyncDispose]());
  const apply = (text: string) => session.with({ stdin: text }).k`apply -f -`;

  it('applies, again, and with a change', async () => {
    const { k } = session;
    assert.equal(await apply(DEPLOYMENT), 'deployment.apps/web created');
    assert.equal(await apply(DEPLOYMENT), 'deployment.apps/web unchanged');
    assert.match(await k`rollout status deploy/web --timeout=20s`, /deployment "web" successfully rolled out$/);
    assert.equal(await apply(DEPLOYMENT.replace('1.27', '1.28')), 'deployment.apps/web configured');
    assert.match(await k`rollout status deploy/web --timeout=20s`, /successfully rolled out$/);
    const pods =
      await k`get pods -l app=web --field-selector=status.phase=Running -o jsonpath='{.items[*].spec.containers[*].image}'`;
    assert.ok(pods.includes('nginx:1.28'), pods);
  });

  it('keeps a history and goes back in it', async () => {
    const { k, refused } = session;
    const history = () => k`rollout history deploy/web`;
    assert.equal(await history(), 'deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>');
    assert.match(await k`rollout history deploy/web --revision=2`, /Image:\tnginx:1\.28/);
    assert.equal(await k`rollout undo deploy/web`, 'deployment.apps/web rolled back');
    await k`rollout status deploy/web --timeout=20s`;
    assert.match(await history(), /^2 .*\n3 /m);
    assert.equal(await k`get deploy web -o jsonpath={.spec.template.spec.containers[0].image}`, 'nginx:1.27');
    assert.match(
      await refused`rollout undo deploy/web --to-revision=9`,
      /^error: unable to find specified revision 9 in history$/m,
    );
  });

  it('pauses, resumes and restarts', async () => {
    const { k, refused } = session;
    assert.equal(await k`rollout pause deploy/web`, 'deployment.apps/web paused');
    assert.equal(await refused`rollout pause deploy/web`, 'error: deployments.apps "web" is already paused');
    assert.equal(await k`rollout resume deploy/web`, 'deployment.apps/web resumed');
    assert.equal(await k`rollout restart deploy/web`, 'deployment.apps/web restarted');
    await k`rollout status deploy/web --timeout=20s`;
  });

  it('scales, also by condition', async () => {
    const { k, refused } = session;
    assert.equal(await k`scale deploy web --replicas=3`, 'deployment.apps/web scaled');
    await k`wait deploy/web --for=jsonpath={.status.readyReplicas}=3 --timeout=20s`;
    assert.equal(
      await refused`scale deploy web --replicas=1 --current-replicas=9`,
      'error: Expected replicas to be 9, was 3',
    );
    assert.equal(
      await refused`scale rs nope --replicas=1`,
      'Error from server (NotFound): replicasets.apps "nope" not found',
    );
    const [head, row] = table(await k`get deploy web`);
    assert.deepEqual(head, ['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE']);
    assert.deepEqual(row?.slice(0, 4), ['web', '3/3', '3', '3']);
    assert.match(
      await k`get deploy web --subresource=scale -o yaml`,
      /kind: Scale[\s\S]*\nspec:\n {2}replicas: 3\nstatus:\n {2}replicas: 3\n {2}selector: app=web$/,
    );
  });

  it('sets image, environment, resources, account, selector and subject', async () => {
    const { k, refused } = session;
    assert.equal(await k`set image deploy/web nginx=nginx:1.29`, 'deployment.apps/web image updated');
    assert.equal(await refused`set image deploy/web nope=x`, 'error: unable to find container named "nope"');
    assert.equal(await k`set env deploy/web B=c`, 'deployment.apps/web env updated');
    assert.equal(await k`set env deploy/web --list`, '# Deployment web, container nginx\nB=c');
    assert.equal(
      await k`set resources deploy web --limits=cpu=200m,memory=512Mi`,
      'deployment.apps/web resource requirements updated',
    );
    assert.equal(await k`set serviceaccount deploy web default`, 'deployment.apps/web serviceaccount updated');
    await k`rollout status deploy/web --timeout=20s`;
  });

  it('exposes, and describes what stands behind', async () => {
    const { k, refused } = session;
    assert.equal(await k`expose deploy web --port=8080 --target-port=80`, 'service/web exposed');
    assert.equal(
      await refused`expose deploy nope --port=80`,
      'Error from server (NotFound): deployments.apps "nope" not found',
    );
    await k`wait endpointslice -l kubernetes.io/service-name=web --for=jsonpath={.endpoints[0].conditions.ready}=true --timeout=20s`;
    const service = await k`describe svc web`;
    assert.match(service, /Port: +<unset> +8080\/TCP\nTargetPort: +80\/TCP\nEndpoints: +10\.244\.\d+\.\d+:80/);
    const deployment = await k`describe deploy web`;
    assert.match(deployment, /Replicas: +3 desired \| 3 updated \| 3 total \| 3 available \| 0 unavailable/);
    assert.match(deployment, /Available +True +MinimumReplicasAvailable\n +Progressing +True +NewReplicaSetAvailable/);
    assert.match(
      deployment,
      /Normal +ScalingReplicaSet +\S+ .*deployment-controller +Scaled up replica set web-\w+ from 0 to 2/,
    );
  });

  it('orphans, collects and waits for the end', async () => {
    const { k, refused } = session;
    assert.equal(await k`delete deploy web --cascade=orphan`, 'deployment.apps "web" deleted from default namespace');
    const set = await k`get rs -l app=web -o jsonpath={.items[?(@.spec.replicas==3)].metadata.name}`;
    assert.equal(await k`get rs ${set} -o jsonpath={.metadata.ownerReferences}`, '');
    assert.equal(
      await k`delete rs ${set} --cascade=foreground --timeout=20s`,
      `replicaset.apps "${set}" deleted from default namespace`,
    );
    assert.equal(await k`get pods -l app=web -o name`, '');
    assert.equal(
      await refused`wait --for=condition=Ready pod -l app=web --timeout=1s`,
      'error: no matching resources found',
    );
    assert.equal(await refused`delete deploy web`, 'Error from server (NotFound): deployments.apps "web" not found');
    assert.equal(await k`delete deploy web --ignore-not-found`, '');
  });
});

/** Pods, nodes and logs under kubectl: run, wait, logs, delete, cordon, drain, taint, events. */
import assert from 'node:assert/strict';
import { needs } from '../harness/needs.ts';
import { openSession, type Session, table, withEachKubectl } from './session.ts';

const SOLO = `
apiVersion: v1
kind: Pod
metadata: { name: solo, labels: { app: solo } }
spec:
  initContainers: [{ name: init, image: busybox, command: [echo, from init] }]
  containers:
    - { name: main, image: busybox, command: [sh, -c, "echo one; echo two; sleep 3600"], volumeMounts: [{ name: e, mountPath: /e }] }
  volumes: [{ name: e, emptyDir: {} }]
`;

withEachKubectl('pods and nodes', (version) => {
  let session: Session;
  before(async function () {
    needs(this, 'kubectl');
    session = await openSession({ version });
  });
  after(() => session?.[Symbol.asyncDispose]());

  it('runs pods and waits for them', async () => {
    const { k, refused } = session;
    assert.equal(await k`run r1 --image=nginx --labels=a=b --env=X=y --port=80`, 'pod/r1 created');
    assert.equal(await refused`run r1 --image=nginx`, 'Error from server (AlreadyExists): pods "r1" already exists');
    assert.equal(await k`wait --for=condition=Ready pod/r1 --timeout=10s`, 'pod/r1 condition met');
    assert.equal(await k`wait --for=jsonpath={.status.phase}=Running pod/r1 --timeout=5s`, 'pod/r1 condition met');
    assert.equal(
      await refused`wait --for=condition=Nope pod/r1 --timeout=1s`,
      'error: timed out waiting for the condition on pods/r1',
    );
    assert.match(
      await refused`run R3 --image=nginx`,
      /^The Pod "R3" is invalid: \n\* metadata\.name: Invalid value: "R3": a lowercase RFC 1123 subdomain must .*\n\* spec\.containers\[0\]\.name: Invalid value: "R3": a lowercase RFC 1123 label must /,
    );
    assert.match(await k`run r2 --image=nginx --dry-run=server -o yaml`, /serviceAccountName: default/);
    assert.equal(await k`get pod r2 --ignore-not-found`, '');
  });

  it('prints logs', async () => {
    const { k, refused, with: other } = session;
    assert.equal(await other({ stdin: SOLO }).k`apply -f -`, 'pod/solo created');
    await k`wait --for=condition=Ready pod/solo --timeout=10s`;
    assert.equal(await k`logs solo`, 'one\ntwo');
    assert.equal(await k`logs solo -c init`, 'from init');
    const all = (await k`logs solo --all-containers --prefix`).split('\n').sort();
    assert.deepEqual(all, ['[pod/solo/init] from init', '[pod/solo/main] one', '[pod/solo/main] two']);
    assert.match(await k`logs solo --tail=1 --timestamps`, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z two$/);
    assert.equal(await k`logs -l app=solo --tail=1`, 'two');
    assert.equal(
      await refused`logs solo -c nope`,
      `error: container nope is not valid for pod solo${version === '1.35' ? '' : ' out of: main, init (init)'}`,
    );
    assert.equal(
      await refused`logs none`,
      'error: error from server (NotFound): pods "none" not found in namespace "default"',
    );
  });

  it('says that a simulated container runs no processes', async () => {
    const { stderr } = await session.run`exec solo -c main -- true`;
    assert.equal(
      stderr,
      'error: Internal error occurred: unable to upgrade connection: a simulated container runs no processes: exec needs --runtime containerd\n',
    );
  });

  it('describes a pod', async () => {
    const text = await session.k`describe pod solo`;
    assert.match(
      text,
      /^Name: +solo\nNamespace: +default\nPriority: +0\nService Account: +default\nNode: +node-\d\/172\.30\.0\.\d\n/,
    );
    assert.match(text, /Init Containers:\n {2}init:[\s\S]*State: +Terminated\n +Reason: +Completed\n +Exit Code: +0/);
    assert.match(
      text,
      /Conditions:\n +Type +Status\n +PodReadyToStartContainers +True \n +Initialized +True \n +Ready +True/,
    );
    assert.match(text, /Normal +Scheduled +\S+ +default-scheduler +Successfully assigned default\/solo to node-\d\n/);
    assert.match(text, /Normal +Started +.*kubelet +spec\.containers\{main\}: Container started/);
  });

  it('lists events of an object', async () => {
    const { k } = session;
    const lines = table(await k`events --for pod/solo --types=Normal`);
    assert.deepEqual(lines[0], ['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']);
    assert.ok(lines.some((l) => l[2] === 'Scheduled' && l[3] === 'Pod/solo'));
    assert.equal(
      await k`get events --field-selector=involvedObject.name=solo,reason=Scheduled -o custom-columns=R:.reason,C:.reportingComponent --no-headers`,
      'Scheduled   default-scheduler',
    );
  });

  it('deletes with grace, at once and by force', async () => {
    const { k, run, refused } = session;
    assert.equal(await k`delete pod r1 --grace-period=1 --timeout=20s`, 'pod "r1" deleted from default namespace');
    const forced = await run`delete pod solo --grace-period=0 --force`;
    assert.equal(forced.stdout, 'pod "solo" force deleted from default namespace\n');
    assert.equal(
      forced.stderr,
      'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
    );
    assert.equal(await refused`delete pod solo`, 'Error from server (NotFound): pods "solo" not found');
    assert.equal(await k`wait --for=delete pod/solo --timeout=5s`, '');
  });

  it('cordons, taints and drains', async () => {
    const { k, refused, with: other } = session;
    await k`create deployment web --image=nginx --replicas=4`;
    await k`rollout status deploy/web --timeout=20s`;
    assert.equal(await k`cordon node-1`, 'node/node-1 cordoned');
    assert.equal(await k`cordon node-1`, 'node/node-1 already cordoned');
    assert.equal(
      await k`get nodes --no-headers -o custom-columns=N:.metadata.name,U:.spec.unschedulable`,
      'node-1   true\nnode-2   <none>',
    );
    assert.match(await k`get node node-1`, /Ready,SchedulingDisabled/);
    assert.equal(await k`uncordon node-1`, 'node/node-1 uncordoned');
    assert.equal(await k`taint nodes node-1 a=b:NoSchedule`, 'node/node-1 tainted');
    assert.equal(
      await refused`taint nodes node-1 a=b:NoSchedule`,
      'error: node node-1 already has a taint(s) with same effect(s) and --overwrite is false',
    );
    assert.equal(await k`taint nodes node-1 a-`, 'node/node-1 untainted');
    await other({ stdin: SOLO.replace('spec:', 'spec:\n  nodeName: node-2') }).k`apply -f -`;
    await k`wait --for=condition=Ready pod/solo --timeout=10s`;
    const kept = await refused`drain node-2`;
    assert.match(
      kept,
      /cannot delete Pods with local storage \(use --delete-emptydir-data to override\): default\/solo|cannot delete Pods that declare no controller \(use --force to override\): default\/solo/,
    );
    const drained =
      await k`drain node-2 --force --delete-emptydir-data --ignore-daemonsets --grace-period=1 --timeout=30s`;
    assert.match(drained, /pod\/solo evicted/);
    assert.match(drained, /node\/node-2 drained$/);
    assert.equal(await k`get pods --field-selector=spec.nodeName=node-2 -o name`, '');
    await k`rollout status deploy/web --timeout=20s`;
    assert.match(await k`describe node node-2`, /Unschedulable: +true[\s\S]*Non-terminated Pods: +\(0 in total\)/);
    await k`uncordon node-2`;
  });

  it('shows why a pod does not run', async () => {
    const { k } = session;
    await k`run big --image=nginx --overrides='{"spec":{"containers":[{"name":"big","image":"nginx","resources":{"requests":{"cpu":"900"}}}]}}'`;
    await k`wait pod/big --for=jsonpath={.status.conditions[0].reason}=Unschedulable --timeout=10s`;
    assert.match(
      await k`describe pod big`,
      /Warning +FailedScheduling .*default-scheduler +0\/2 nodes are available: (2 Insufficient cpu|1 Insufficient cpu, 1 node\(s\) were unschedulable)\./,
    );
    await k`delete pod big --now`;
  });

  it('has no metrics, politely', async () => {
    assert.equal(await session.refused`top pods`, 'error: Metrics API not available');
    assert.equal(await session.refused`top nodes`, 'error: Metrics API not available');
  });
});

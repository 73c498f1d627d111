/**
 * The components as processes of their own, over HTTPS with certificates and kubeconfigs, with the flags that test environments and
 * installers give them; and what leader election is for.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { writeKubeconfig } from '../../src/cluster/pki/kubeconfig.ts';
import { ensurePki, type KeyPair, type Pki } from '../../src/cluster/pki/pki.ts';
import { freePort, getInsecure, keelson, type Running, soon, startKeelson } from '../harness/keelson.ts';
import { kubectl } from '../harness/kubectl.ts';
import { needs } from '../harness/needs.ts';

describe('components as processes', function () {
  this.timeout(60_000);
  let dir: string;
  let pki: Pki;
  let port: number;
  let server: Running;
  const running: Running[] = [];
  const file = (name: string) => join(dir, name);
  const admin = () => ({ kubeconfig: file('admin.kubeconfig') });

  before(async () => {
    dir = await mkdtemp('/tmp/keelson-components-');
    pki = await ensurePki(file('pki'), { clock: systemClock, random: systemRandom, serviceIP: '10.0.0.1' });
    port = await freePort();
    const ca = pki.ca.certificate;
    const write = (name: string, user: string, credentials: KeyPair) =>
      writeKubeconfig(file(`${name}.kubeconfig`), { server: `https://127.0.0.1:${port}`, ca, user, credentials });
    await Promise.all([
      write('admin', 'kubernetes-admin', pki.admin),
      write('kcm', 'system:kube-controller-manager', pki.controllerManager),
      write('scheduler', 'system:kube-scheduler', pki.scheduler),
    ]);
    server = startKeelson(['kube-apiserver', ...apiServerFlags(), '--storage=memory']);
    running.push(server);
    await server.wrote('Serving securely');
  });
  after(async () => {
    for (const process of running.reverse()) await process.stop();
    await rm(dir, { recursive: true, force: true });
  });

  function apiServerFlags(more: Partial<Record<string, string>> = {}): string[] {
    const flags: Record<string, string> = {
      'bind-address': '127.0.0.1',
      'secure-port': `${port}`,
      'tls-cert-file': file('pki/apiserver.crt'),
      'tls-private-key-file': file('pki/apiserver.key'),
      'client-ca-file': file('pki/ca.crt'),
      'authorization-mode': 'Node,RBAC',
      'service-account-issuer': 'https://kubernetes.default.svc',
      'service-account-signing-key-file': file('pki/sa.key'),
      'service-account-key-file': file('pki/sa.key'),
      'service-cluster-ip-range': '10.0.0.0/24',
      'enable-admission-plugins': 'NodeRestriction',
    };
    return Object.entries({ ...flags, ...more }).map(([k, v]) => `--${k}=${v}`);
  }

  it('the API server alone serves kubectl', async () => {
    assert.equal((await getInsecure(`https://127.0.0.1:${port}/readyz`)).text, 'ok');
    const { stdout } = await kubectl(['get', 'namespaces', '-o', 'name'], admin());
    assert.deepEqual(
      stdout.trim().split('\n').sort(),
      ['default', 'kube-node-lease', 'kube-public', 'kube-system'].map((n) => `namespace/${n}`),
    );
  });

  it('controllers and scheduler do their part, each elected', async () => {
    const ports = [await freePort(), await freePort()];
    const kcm = startKeelson([
      'kube-controller-manager',
      `--kubeconfig=${file('kcm.kubeconfig')}`,
      `--root-ca-file=${file('pki/ca.crt')}`,
      '--use-service-account-credentials=true',
      '--bind-address=127.0.0.1',
      `--secure-port=${ports[0]}`,
    ]);
    const scheduler = startKeelson([
      'kube-scheduler',
      `--kubeconfig=${file('scheduler.kubeconfig')}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${ports[1]}`,
    ]);
    running.push(kcm, scheduler);
    await Promise.all([kcm.wrote('successfully acquired lease'), scheduler.wrote('successfully acquired lease')]);
    const leases = await kubectl(['get', 'leases', '-n', 'kube-system', '-o', 'name'], admin());
    assert.match(leases.stdout, /kube-controller-manager\n/);
    assert.match(leases.stdout, /kube-scheduler\n/);

    const created = await kubectl(['create', 'deployment', 'web', '--image=nginx', '--replicas=2'], admin());
    assert.equal(created.code, 0, created.stderr);
    const reason = await soon('the pods are found to fit nowhere', async () => {
      const { stdout } = await kubectl(
        [
          'get',
          'pods',
          '-l',
          'app=web',
          '-o',
          'jsonpath={.items[*].status.conditions[?(@.type=="PodScheduled")].message}',
        ],
        admin(),
      );
      return stdout.split('no nodes available').length === 3 && stdout;
    });
    assert.match(reason, /no nodes available to schedule pods/);

    for (const p of ports) {
      assert.equal((await getInsecure(`https://127.0.0.1:${p}/healthz`)).text, 'ok');
      assert.match((await getInsecure(`https://127.0.0.1:${p}/readyz?verbose`)).text, /\[\+\]leaderElection ok/);
      assert.equal((await getInsecure(`https://127.0.0.1:${p}/metrics`)).status, 403);
    }
    await kubectl(['create', 'serviceaccount', 'scraper'], admin());
    await kubectl(['create', 'clusterrole', 'scraper', '--verb=get', '--non-resource-url=/metrics'], admin());
    await kubectl(
      ['create', 'clusterrolebinding', 's', '--clusterrole=scraper', '--serviceaccount=default:scraper'],
      admin(),
    );
    const token = (await kubectl(['create', 'token', 'scraper'], admin())).stdout.trim();
    const metrics = await getInsecure(`https://127.0.0.1:${ports[0]}/metrics`, { authorization: `Bearer ${token}` });
    assert.match(metrics.text, /^workqueue_adds_total\{name="deployment"\} \d+$/m);
    assert.match(metrics.text, /^leader_election_master_status\{name="kube-controller-manager"\} 1$/m);
  });

  it('a second controller manager waits, and takes over when the first ends', async () => {
    const [first] = running.slice(1);
    const second = startKeelson([
      'kube-controller-manager',
      `--kubeconfig=${file('kcm.kubeconfig')}`,
      '--secure-port=0',
      '--leader-elect-retry-period=200ms',
    ]);
    running.push(second);
    await second.wrote('attempting to acquire leader lease');
    await systemClock.sleep(500);
    assert.ok(!second.stderr.includes('successfully acquired lease'));
    assert.equal((await first!.stop()).code, 0);
    // The Lease was let go: the next one does not wait it out.
    await second.wrote('successfully acquired lease');
  });

  it('SIGTERM ends the API server in order, with watches open', async () => {
    const watch = kubectl(['get', 'pods', '--watch', '-o', 'name'], admin());
    await systemClock.sleep(300);
    for (const process of running.slice(1)) await process.stop();
    const { code, stderr } = await server.stop();
    assert.equal(code, 0, stderr);
    await watch;
  });

  it('starts as a test environment starts it: etcd, --cert-dir, no certificate given', async function () {
    needs(this, 'etcd');
    const [etcdPort, peerPort] = [await freePort(), await freePort()];
    const etcdUrl = `http://127.0.0.1:${etcdPort}`;
    const etcd = spawn(
      'etcd',
      [
        `--data-dir=${file('etcd')}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
        '--unsafe-no-fsync',
      ],
      { stdio: 'ignore' },
    );
    try {
      const apiServer = startKeelson([
        'kube-apiserver',
        '--advertise-address=127.0.0.1',
        '--allow-privileged=true',
        '--authorization-mode=RBAC',
        '--bind-address=127.0.0.1',
        `--cert-dir=${file('certs')}`,
        `--client-ca-file=${file('pki/ca.crt')}`,
        '--disable-admission-plugins=ServiceAccount',
        `--etcd-servers=${etcdUrl}`,
        `--secure-port=${port}`,
        `--service-account-issuer=https://127.0.0.1:${port}/`,
        `--service-account-key-file=${file('pki/sa.key')}`,
        `--service-account-signing-key-file=${file('pki/sa.key')}`,
        '--service-cluster-ip-range=10.0.0.0/24',
        '--feature-gates=WatchList=true',
      ]);
      running.push(apiServer);
      await apiServer.wrote('Serving securely');
      await writeFile(file('certs/ca.crt'), '');
      const health = await getInsecure(`https://127.0.0.1:${port}/healthz`);
      assert.deepEqual(health, { status: 200, text: 'ok' });
      const insecure = ['--insecure-skip-tls-verify'];
      const made = await kubectl([...insecure, 'create', 'configmap', 'c', '--from-literal=a=b'], admin());
      assert.equal(made.code, 0, made.stderr);
      // Plugins that need controllers are off: a pod needs no service account.
      const pod = await kubectl([...insecure, 'run', 'p', '--image=nginx'], admin());
      assert.equal(pod.code, 0, pod.stderr);
      assert.equal((await apiServer.stop()).code, 0);
    } finally {
      etcd.kill();
    }
  });

  const refused = [
    { args: ['kube-apiserver', '--nope'], want: 'keelson: unknown flag: --nope\n' },
    { args: ['kube-apiserver'], want: 'keelson: --etcd-servers must be specified\n' },
    {
      args: ['kube-apiserver', '--storage=memory'],
      want: 'keelson: --service-account-signing-key-file and --service-account-issuer are required flags\n',
    },
    {
      args: ['kube-controller-manager', '--controllers=*,-nope'],
      want: 'keelson: "nope" is not in the list of known controllers\n',
    },
    {
      args: ['kube-scheduler', '--feature-gates=Nope=true'],
      want: 'keelson: invalid argument "Nope=true" for "--feature-gates" flag: unrecognized feature gate: Nope\n',
    },
    { args: ['kube-scheduler', 'extra'], want: 'keelson: kube-scheduler takes no arguments, got "extra"\n' },
  ];
  for (const { args, want } of refused) {
    it(`${args.join(' ')} is a usage error`, async () => {
      const { code, stderr } = await keelson(args);
      assert.deepEqual({ code, stderr }, { code: 2, stderr: want });
    });
  }
});

/**
 * A whole cluster with a real node: containers of this machine's busybox in a network namespace of their own. Whoever calls a pod or
 * service address here lives in that namespace too; nothing reaches the host's network.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deployment } from '../../src/api/apps-v1.ts';
import type { Job } from '../../src/api/batch-v1.ts';
import type { Container, Event, Pod, PodSpec, Service } from '../../src/api/core-v1.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { CONFIGMAPS, DEPLOYMENTS, EVENTS, JOBS, PODS, SECRETS, SERVICES } from '../../src/client/resources.ts';
import { type Cluster, startCluster } from '../../src/cluster/cluster.ts';
import { systemEnv } from '../../src/cluster/real-node/binaries.ts';
import { netnsName, netnsPath } from '../../src/cluster/real-node/netns.ts';
import { containerdSocket, nodeDirs } from '../../src/cluster/real-node/node-config.ts';
import { CriRuntime } from '../../src/kubelet/runtime/cri/cri-runtime.ts';
import { mountsBelow } from '../../src/kubelet/volumes/mounts.ts';
import { kubectl, type ToolVersion, toolPath } from '../harness/kubectl.ts';
import { needs } from '../harness/needs.ts';

const namespace = 'default';
const IN = { namespace };
const SERVE = 'mkdir -p /tmp/w; echo "$WHAT" > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w';

describe('a real node', function () {
  this.timeout(90_000);
  let dataDir = '';
  let netns = '';
  let cluster: Cluster;
  let runtime: CriRuntime;

  before(async function () {
    needs(this, 'root', 'containerd', 'netns', 'nftables', 'busybox');
    dataDir = await mkdtemp('/tmp/keelson-node-');
    netns = netnsName(dataDir, 'node-1');
    await mkdir(join(dataDir, 'shared'));
    await up();
    await client().create(
      CONFIGMAPS,
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'settings' },
        data: { colour: 'red', deep: 'd' },
      } as never,
      IN,
    );
    await client().create(
      SECRETS,
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'secrets' }, stringData: { password: 'geheim' } } as never,
      IN,
    );
    await Promise.all([
      create(
        'web',
        { containers: [container({ command: ['sh', '-c', SERVE], env: [{ name: 'WHAT', value: 'hello' }] })] },
        { app: 'web' },
      ),
      create('caller', { containers: [container({ command: ['sleep', '100000'] })] }),
      service('web', 80, 30_080),
    ]);
  });
  after(async () => {
    if (dataDir === '') return;
    await down();
    assert.deepEqual(await mountsBelow(dataDir), []);
    await rm(dataDir, { recursive: true, force: true });
  });

  const client = () => cluster.client;
  async function up(): Promise<void> {
    cluster = await startCluster({
      runtime: 'containerd',
      dataDir,
      storage: 'sqlite',
      syncPeriod: 1000,
      listen: { port: 0 },
      kubeconfig: join(dataDir, 'kubeconfig'),
    });
    runtime = new CriRuntime({
      socket: containerdSocket(nodeDirs(dataDir, 'node-1')),
      clock: systemClock,
      log: silentLogger,
      podLogsDir: nodeDirs(dataDir, 'node-1').podLogs,
    });
  }
  async function down(): Promise<void> {
    await runtime?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  }

  function container(extra: Partial<Container>): Container {
    return { name: 'main', image: 'busybox', imagePullPolicy: 'IfNotPresent', ...extra };
  }
  function create(name: string, spec: PodSpec, labels: Record<string, string> = {}): Promise<Pod> {
    const quick = { terminationGracePeriodSeconds: 2, ...spec };
    return client().create<Pod>(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: quick }, IN);
  }
  function service(name: string, port: number, nodePort?: number): Promise<Service> {
    const ports = [{ port, targetPort: 8080, ...(nodePort === undefined ? {} : { nodePort }) }];
    const type = nodePort === undefined ? 'ClusterIP' : 'NodePort';
    const spec = { type, selector: { app: name }, ports };
    return client().create<Service>(
      SERVICES,
      { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec } as Service,
      IN,
    );
  }
  const pod = (name: string) => client().get<Pod>(PODS, name, IN);
  async function eventually<T>(what: string, ask: () => Promise<T | undefined | false>, seconds = 30): Promise<T> {
    let last: unknown;
    for (const end = systemClock.now() + seconds * 1000; systemClock.now() < end; await systemClock.sleep(100)) {
      try {
        const answer = await ask();
        if (answer) return answer;
      } catch (err) {
        last = err;
      }
    }
    throw new Error(`not seen within ${seconds} s: ${what}`, { cause: last });
  }
  const isReady = (p: Pod) => p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
  const ready = (name: string) =>
    eventually(`${name} is ready`, async () => {
      const p = await pod(name);
      return isReady(p) && p;
    });
  /** Runs a script in a pod's container and returns what it prints. */
  async function inside(name: string, script: string, containerName = 'main'): Promise<string> {
    const uid = (await pod(name)).metadata.uid ?? '';
    const record = (await runtime.pod(uid))?.containers.find((c) => c.name === containerName && c.state === 'running');
    assert.ok(record, `${name} runs`);
    const { exitCode, stdout, stderr } = await runtime.execSync(record.id, ['sh', '-c', script], 20_000);
    if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr.toString()}`);
    return stdout.toString();
  }
  const status = (p: Pod, name = 'main') =>
    [...(p.status?.containerStatuses ?? []), ...(p.status?.initContainerStatuses ?? [])].find((s) => s.name === name);
  const ask = (url: string) => eventually(url, async () => (await inside('caller', `wget -q -O - ${url}`)).trim(), 15);

  it('a pod that serves HTTP is reached by pod IP, ClusterIP, NodePort and DNS name from another pod', async () => {
    await ready('caller');
    const ip = (await ready('web')).status?.podIP;
    const { spec } = await client().get<Service>(SERVICES, 'web', IN);
    for (const host of [
      `${ip}:8080`,
      `${spec?.clusterIP}`,
      '172.30.0.1:30080',
      'web',
      'web.default',
      'web.default.svc.cluster.local',
    ])
      assert.equal(await ask(`http://${host}/`), 'hello');
    // A pod that calls the service it is behind gets back to itself.
    assert.equal((await inside('web', 'wget -q -O - http://web.default.svc.cluster.local/')).trim(), 'hello');
    assert.match(await inside('caller', 'cat /etc/resolv.conf'), /nameserver 10\.96\.0\.10\n/);
  });

  it('the API server is reached from pods', async () => {
    assert.match(await inside('caller', 'nc -w 2 10.96.0.1 443 < /dev/null && echo open'), /open/);
  });

  it('the node has no way out, and the host none in', () => {
    const routes = execFileSync('ip', ['-n', netns, 'route'], { env: systemEnv, encoding: 'utf8' });
    assert.doesNotMatch(routes, /^default/m);
    const links = execFileSync('ip', ['-n', netns, '-o', 'link'], { env: systemEnv, encoding: 'utf8' });
    for (const link of links.trim().split('\n')) assert.match(link, /^\d+: (lo|cni0|veth)/);
    const host = execFileSync('ip', ['route'], { env: systemEnv, encoding: 'utf8' });
    assert.doesNotMatch(host, /^10\.(96|244)\./m);
  });

  it('a process that is killed runs again, and again only after a back-off', async () => {
    // From outside its namespace: the kernel shields the first process of a container from signals of its own.
    const kill = async (): Promise<void> => {
      const id = (status(await pod('web'))?.containerID ?? '').replace('containerd://', '');
      const [pid = ''] = processesOf(netns, id);
      process.kill(Number(pid), 'SIGKILL');
    };
    await kill();
    const again = await eventually('a restart', async () => {
      const p = await pod('web');
      return status(p)?.restartCount === 1 && status(p)?.state?.running !== undefined && p;
    });
    assert.deepEqual(
      [status(again)?.lastState?.terminated?.exitCode, status(again)?.lastState?.terminated?.reason],
      [137, 'Error'],
    );
    assert.equal(await ask('http://web/'), 'hello');
    await kill();
    const waiting = await eventually('CrashLoopBackOff', async () => status(await pod('web'))?.state?.waiting);
    assert.equal(waiting.reason, 'CrashLoopBackOff');
    assert.match(waiting.message ?? '', /^back-off 10s restarting failed container=main pod=web_default\(/);
  });

  it('environment and volumes carry configuration, and files follow its changes', async () => {
    await create(
      'configured',
      {
        hostAliases: [{ ip: '1.2.3.4', hostnames: ['far.example'] }],
        securityContext: { fsGroup: 4321 },
        containers: [
          container({
            command: ['sleep', '100000'],
            env: [
              { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
              { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'secrets', key: 'password' } } },
              { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              { name: 'BOTH', value: '$(COLOUR)-$(IP)' },
            ],
            resources: { limits: { memory: '32Mi', cpu: '100m' } },
            volumeMounts: [
              { name: 'settings', mountPath: '/settings' },
              { name: 'all', mountPath: '/all' },
              { name: 'scratch', mountPath: '/scratch' },
              { name: 'scratch', mountPath: '/part', subPath: 'a/b' },
              { name: 'memory', mountPath: '/memory' },
              { name: 'settings', mountPath: '/colour', subPath: 'colour' },
            ],
          }),
        ],
        volumes: [
          { name: 'settings', configMap: { name: 'settings' } },
          {
            name: 'all',
            projected: {
              defaultMode: 0o440,
              sources: [
                { serviceAccountToken: { path: 'token', audience: 'someone', expirationSeconds: 600 } },
                { secret: { name: 'secrets', items: [{ key: 'password', path: 'deep/password' }] } },
                { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
                { configMap: { name: 'missing', optional: true } },
              ],
            },
          },
          { name: 'scratch', emptyDir: {} },
          { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
        ],
      } as PodSpec,
      { tier: 'one' },
    );
    const ip = (await ready('configured')).status?.podIP;
    assert.equal(await inside('configured', 'echo $COLOUR $PASSWORD $IP $BOTH'), `red geheim ${ip} red-${ip}\n`);
    assert.equal(
      await inside('configured', 'cat /settings/colour /all/deep/password /all/labels /colour'),
      'redgeheimtier="one"red',
    );
    const claims = (await inside('configured', 'cat /all/token')).split('.')[1] ?? '';
    const token = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { aud: string[]; sub: string };
    assert.deepEqual([token.aud, token.sub], [['someone'], 'system:serviceaccount:default:default']);
    assert.equal(await inside('configured', 'stat -L -c "%a %g" /all/labels /scratch'), '440 4321\n2777 4321\n');
    await inside('configured', 'echo x > /part/file');
    assert.equal(await inside('configured', 'cat /scratch/a/b/file'), 'x\n');
    assert.match(await inside('configured', 'df -k /memory | tail -1'), /^tmpfs +1024 /);
    assert.match(
      await inside('configured', 'cat /etc/hosts'),
      new RegExp(`${ip}\tconfigured\n\n# Entries added by HostAliases.\n1.2.3.4\tfar.example\n`),
    );
    assert.equal(
      await inside(
        'configured',
        'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max',
      ),
      `${32 * 1024 * 1024}\n`,
    );

    await client().patch(CONFIGMAPS, 'settings', 'merge', { data: { colour: 'blue', deep: null } }, IN);
    await eventually('the new colour', async () => (await inside('configured', 'cat /settings/colour')) === 'blue');
    assert.equal(await inside('configured', 'ls /settings'), 'colour\n');
    // What is mounted by subPath stays as it was.
    assert.equal(await inside('configured', 'cat /colour'), 'red');
  });

  it('init containers run in order, sidecars beside, hooks and signals end them in order', async () => {
    const shared = { name: 'shared', hostPath: { path: join(dataDir, 'shared'), type: 'Directory' } };
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    const say = (word: string) => `echo ${word} >> /shared/said`;
    await create('ordered', {
      terminationGracePeriodSeconds: 10,
      initContainers: [
        container({ name: 'first', command: ['sh', '-c', say('first')], volumeMounts }),
        container({
          name: 'side',
          restartPolicy: 'Always',
          command: ['sh', '-c', `${say('side')}; trap "${say('side-ends')}; exit 0" TERM; while :; do sleep 0.1; done`],
          startupProbe: { exec: { command: ['grep', 'side', '/shared/said'] }, periodSeconds: 1 },
          volumeMounts,
        }),
        container({ name: 'second', command: ['sh', '-c', say('second')], volumeMounts }),
      ],
      containers: [
        container({
          command: ['sh', '-c', `${say('main')}; trap "${say('main-ends')}; exit 0" TERM; while :; do sleep 0.1; done`],
          lifecycle: { preStop: { exec: { command: ['sh', '-c', `sleep 0.5; ${say('hook')}`] } } },
          volumeMounts,
        }),
      ],
      volumes: [shared],
    } as PodSpec);
    await ready('ordered');
    await eventually('main has said so', async () =>
      readFileSync(join(dataDir, 'shared/said'), 'utf8').includes('main'),
    );
    await client().delete(PODS, 'ordered', IN);
    await eventually('it is gone', () =>
      pod('ordered').then(
        () => false,
        () => true,
      ),
    );
    const said = readFileSync(join(dataDir, 'shared/said'), 'utf8').trim().split('\n');
    assert.deepEqual(said, ['first', 'side', 'second', 'main', 'hook', 'main-ends', 'side-ends']);
  });

  it('a failing liveness probe restarts, a failing readiness probe takes out of the service', async () => {
    const exec = (file: string) => ({
      exec: { command: ['test', '!', '-e', file] },
      periodSeconds: 1,
      failureThreshold: 1,
    });
    await create('probed', {
      containers: [
        container({
          command: ['sh', '-c', SERVE],
          startupProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
          livenessProbe: exec('/tmp/dead'),
          readinessProbe: exec('/tmp/busy'),
        }),
      ],
    } as PodSpec);
    await ready('probed');
    await inside('probed', 'touch /tmp/busy');
    await eventually('it is not ready', async () => !isReady(await pod('probed')));
    await inside('probed', 'rm /tmp/busy');
    await ready('probed');
    await inside('probed', 'touch /tmp/dead');
    await eventually('a restart', async () => status(await pod('probed'))?.restartCount === 1);
    await ready('probed');
    const events = await client().list<Event>(EVENTS, { ...IN, fieldSelector: 'involvedObject.name=probed' });
    const said = events.items.map((e) => `${e.reason}: ${e.message}`);
    assert.ok(said.includes('Killing: Container main failed liveness probe, will be restarted'), said.join('\n'));
    assert.ok(
      said.some((s) => s.startsWith('Unhealthy: Readiness probe failed: ')),
      said.join('\n'),
    );
  });

  it('a job runs to its end; exit codes and last words are in the status', async () => {
    const template = {
      spec: { restartPolicy: 'Never', containers: [container({ command: ['sh', '-c', 'echo done'] })] },
    };
    await client().create<Job>(
      JOBS,
      { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'job' }, spec: { template } } as Job,
      IN,
    );
    await create('failing', {
      restartPolicy: 'Never',
      containers: [container({ command: ['sh', '-c', 'echo "no disk" > /dev/termination-log; exit 3'] })],
    });
    await create('absent', { containers: [container({ image: 'registry.invalid/none:1' })] });
    await eventually('the job is complete', async () =>
      (await client().get<Job>(JOBS, 'job', IN)).status?.conditions?.some((c) => c.type === 'Complete'),
    );
    const failed = await eventually('it has failed', async () => {
      const p = await pod('failing');
      return p.status?.phase === 'Failed' && p;
    });
    const { exitCode, reason, message } = status(failed)?.state?.terminated ?? {};
    assert.deepEqual([exitCode, reason, message], [3, 'Error', 'no disk\n']);
    await eventually('no image', async () =>
      ['ErrImagePull', 'ImagePullBackOff'].includes(status(await pod('absent'))?.state?.waiting?.reason ?? ''),
    );
  });

  /** What the pod's port 8080 answers through kubectl port-forward. */
  async function forwarded(name: string, version: ToolVersion): Promise<string> {
    const args = ['--kubeconfig', join(dataDir, 'kubeconfig'), 'port-forward', name, ':8080'];
    const child = spawn(await toolPath('kubectl', version), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const port = /127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1];
      return await (await fetch(`http://127.0.0.1:${port}/`)).text();
    } finally {
      child.kill();
    }
  }

  for (const version of ['1.36', '1.35'] as const) {
    it(`kubectl ${version} execs, attaches, copies, reads logs and forwards ports`, async () => {
      const run = async (args: string[], stdin?: string) =>
        kubectl(args, {
          kubeconfig: join(dataDir, 'kubeconfig'),
          version,
          ...(stdin === undefined ? {} : { stdin }),
        });
      await ready('caller');
      assert.equal((await run(['exec', '-i', 'caller', '--', 'cat'], 'said\n')).stdout, 'said\n');
      const failed = await run(['exec', 'caller', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
      assert.deepEqual([failed.code, failed.stdout], [7, 'out\n']);
      assert.match(failed.stderr, /^err\n/);
      const attached = ['run', 'one', '-i', '--rm', '--quiet', '--restart=Never', '--image=busybox', '--'];
      const { stdout } = await run([...attached, 'sh', '-c', 'read x; echo got $x'], 'this\n');
      assert.match(stdout, /got this/);
      const copied = `/tmp/copied-${version}`;
      assert.equal((await run(['cp', '/etc/hostname', `caller:${copied}`])).code, 0);
      assert.equal(await inside('caller', `cat ${copied}`), readFileSync('/etc/hostname', 'utf8'));
      const talker = `talker-${version.replace('.', '-')}`;
      await create(talker, { containers: [container({ command: ['sh', '-c', 'echo life; exit 1'] })] });
      await eventually('a second life', async () => (status(await pod(talker))?.restartCount ?? 0) > 0);
      assert.equal((await run(['logs', talker, '--previous'])).stdout, 'life\n');
      await ready('web');
      assert.equal(await forwarded('web', version), 'hello\n');
      const proxied = await run(['get', '--raw', '/api/v1/namespaces/default/services/web/proxy/']);
      assert.equal(proxied.stdout, 'hello\n');
    });
  }

  it('host network, host ports and privilege are as asked', async () => {
    const serve = (port: number) => `echo here > /tmp/index.html; exec httpd -f -p ${port} -h /tmp`;
    await create('on-the-node', {
      hostNetwork: true,
      dnsPolicy: 'ClusterFirstWithHostNet',
      containers: [container({ command: ['sh', '-c', serve(8077)], securityContext: { privileged: true } })],
    } as PodSpec);
    await create('at-a-port', {
      containers: [container({ command: ['sh', '-c', serve(8080)], ports: [{ containerPort: 8080, hostPort: 8099 }] })],
    });
    assert.equal((await ready('on-the-node')).status?.podIP, '172.30.0.1');
    await ready('at-a-port');
    assert.equal(await ask('http://172.30.0.1:8077/'), 'here');
    assert.equal(await ask('http://172.30.0.1:8099/'), 'here');
    assert.match(
      await inside('on-the-node', 'ip link; mkdir /m; mount -t tmpfs none /m && echo mounted'),
      /cni0[\s\S]*mounted/,
    );
  });

  it('a container that cannot be made is not tried again at once', async () => {
    const seccompProfile = { type: 'Localhost', localhostProfile: 'none.json' };
    await create('unmakeable', { containers: [container({ securityContext: { seccompProfile } })] });
    await eventually(
      'CreateContainerError',
      async () => status(await pod('unmakeable'))?.state?.waiting?.reason === 'CreateContainerError',
    );
    const version = (await pod('unmakeable')).metadata.resourceVersion;
    await systemClock.sleep(1500);
    assert.equal((await pod('unmakeable')).metadata.resourceVersion, version);
    await client().delete(PODS, 'unmakeable', IN);
  });

  it('a rolling update of three replicas under a running client loses no request', async () => {
    const deployment = (what: string): Deployment =>
      ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'roll' },
        spec: {
          replicas: 3,
          selector: { matchLabels: { app: 'roll' } },
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          template: {
            metadata: { labels: { app: 'roll' } },
            spec: {
              terminationGracePeriodSeconds: 4,
              containers: [
                container({
                  command: ['sh', '-c', SERVE],
                  env: [{ name: 'WHAT', value: what }],
                  readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
                  lifecycle: { preStop: { sleep: { seconds: 2 } } },
                }),
              ],
            },
          },
        },
      }) as Deployment;
    const rolledOut = (what: string) =>
      eventually(
        `${what} is rolled out`,
        async () => {
          const { metadata, status: s } = await client().get<Deployment>(DEPLOYMENTS, 'roll', IN);
          return (
            s?.observedGeneration === metadata.generation &&
            s?.updatedReplicas === 3 &&
            s?.replicas === 3 &&
            s?.availableReplicas === 3
          );
        },
        60,
      );
    await client().create<Deployment>(DEPLOYMENTS, deployment('one'), IN);
    await service('roll', 80);
    await rolledOut('one');
    assert.equal(await ask('http://roll/'), 'one');
    const loop =
      'n=0; while [ ! -e /tmp/stop ]; do if wget -q -O - http://roll/ >> /tmp/seen 2>> /tmp/errors; then n=$((n+1)); else echo "request $n failed" >> /tmp/lost; fi; done; echo $n > /tmp/count';
    const clients = ['a', 'b'];
    await create('clients', {
      containers: clients.map((name) => container({ name, command: ['sh', '-c', `${loop}; sleep 1000`] })),
    });
    await ready('clients');
    await client().patch(DEPLOYMENTS, 'roll', 'merge', { spec: { template: deployment('two').spec?.template } }, IN);
    await rolledOut('two');
    await eventually('the old pods are gone', async () => {
      const { items } = await client().list<Pod>(PODS, { ...IN, labelSelector: 'app=roll' });
      return items.length === 3;
    });
    for (const name of clients) {
      await inside('clients', 'touch /tmp/stop', name);
      const count = await eventually('the count', async () => Number(await inside('clients', 'cat /tmp/count', name)));
      assert.equal(await inside('clients', 'cat /tmp/lost /tmp/errors 2>/dev/null || true', name), '');
      assert.equal(await inside('clients', 'sort -u /tmp/seen', name), 'one\ntwo\n');
      assert.ok(count > 100, `${count} requests`);
    }
  });

  it('when the process of the node is killed, another one takes its containers over', async () => {
    const before = status(await ready('caller'));
    const { pid } = JSON.parse(readFileSync(join(nodeDirs(dataDir, 'node-1').run, 'node.pid.json'), 'utf8')) as {
      pid: number;
    };
    process.kill(pid, 'SIGKILL');
    await create('later', { containers: [container({ command: ['sh', '-c', SERVE] })] });
    await ready('later');
    const after = status(await ready('caller'));
    assert.deepEqual([after?.containerID, after?.restartCount], [before?.containerID, before?.restartCount]);
    assert.equal(await ask('http://roll/'), 'two');
  });

  it('after an orderly end nothing is left in the kernel, and a new start runs the pods again', async () => {
    const before = status(await pod('caller'))?.restartCount ?? 0;
    await down();
    assert.ok(!existsSync(netnsPath(netns)), 'the network namespace is gone');
    assert.deepEqual(await mountsBelow(dataDir), []);
    assert.deepEqual(processesOf(netns), []);
    assert.deepEqual(commandsOf(dataDir), []);
    await up();
    await eventually('it runs again', async () => (status(await pod('caller'))?.restartCount ?? 0) === before + 1);
    await ready('caller');
    assert.match(await inside('caller', 'cat /var/run/secrets/kubernetes.io/serviceaccount/namespace'), /^default$/);
  });
});

/** Pids in a node's cgroup, in any hierarchy; those of one container when its id is given. */
function processesOf(cgroup: string, containerId = ''): string[] {
  const found = execFileSync(
    'find',
    ['/sys/fs/cgroup', '-path', `*/${cgroup}/*${containerId}*`, '-name', 'cgroup.procs'],
    {
      encoding: 'utf8',
    },
  );
  const files = found.split('\n').filter((f) => f !== '');
  return [...new Set(files.flatMap((f) => readFileSync(f, 'utf8').split('\n')))].filter((pid) => pid !== '');
}

/** Command lines that name the directory. */
function commandsOf(dir: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return [];
      }
    })
    .filter((line) => line.includes(`${dir}/`));
}

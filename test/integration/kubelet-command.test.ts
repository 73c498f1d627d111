/** `keelson kubelet` as a process of its own: against an API server over TLS and a containerd it did not start. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Node, Pod } from '../../src/api/core-v1.ts';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { NODES, PODS } from '../../src/client/resources.ts';
import { type Cluster, startCluster } from '../../src/cluster/cluster.ts';
import { writeKubeconfig } from '../../src/cluster/pki/kubeconfig.ts';
import { ensurePki } from '../../src/cluster/pki/pki.ts';
import { needs } from '../harness/needs.ts';
import { startTestContainerd, TEST_IMAGE, type TestContainerd } from '../harness/start-containerd.ts';

const PORT = 21_850;
const KEELSON = fileURLToPath(new URL('../../bin/keelson.js', import.meta.url));
const IN = { namespace: 'default' };

function keelson(...args: string[]): { child: ChildProcess; said(): string } {
  const child = spawn(process.execPath, [KEELSON, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  return { child, said: () => text };
}

describe('keelson kubelet', function () {
  this.timeout(60_000);
  let machine: TestContainerd | undefined;
  let cluster: Cluster | undefined;
  let kubelet: ChildProcess | undefined;

  before(async function () {
    needs(this, 'root', 'containerd', 'netns', 'busybox');
    machine = await startTestContainerd();
    const { dir } = machine;
    cluster = await startCluster({ nodes: 0, dataDir: dir, storage: 'memory', listen: { port: 0 } });
    const pki = await ensurePki(join(dir, 'pki'), { clock: systemClock, random: systemRandom, serviceIP: '10.96.0.1' });
    await writeKubeconfig(join(dir, 'kubelet.conf'), {
      server: cluster.url ?? '',
      ca: pki.ca.certificate,
      user: 'system:node:worker',
      credentials: await pki.kubelet('worker'),
    });
    const started = keelson(
      'kubelet',
      ...['--kubeconfig', join(dir, 'kubelet.conf'), '--root-dir', join(dir, 'kubelet')],
      ...['--container-runtime-endpoint', `unix://${machine.containerd.socket}`, '--cgroup-root', `/${machine.cgroup}`],
      ...['--hostname-override', 'worker', '--node-ip', '127.0.0.1', '--node-labels', 'kind=real', '--max-pods', '7'],
      ...['--address', '127.0.0.1', '--port', `${PORT}`, '--healthz-port', `${PORT + 1}`],
      ...['--client-ca-file', join(dir, 'pki/ca.crt'), '--anonymous-auth=false', '--authorization-mode', 'Webhook'],
    );
    kubelet = started.child;
    await eventually(`it runs: ${started.said()}`, async () => started.said().includes('running'));
  });
  after(async () => {
    if (kubelet !== undefined && kubelet.exitCode === null) {
      kubelet.kill('SIGTERM');
      await once(kubelet, 'exit');
    }
    await cluster?.[Symbol.asyncDispose]();
    await machine?.close();
  });
  async function eventually(what: string, ask: () => Promise<boolean | undefined>): Promise<void> {
    for (let i = 0; i < 200; i++) {
      if (await ask()) return;
      await systemClock.sleep(100);
    }
    throw new Error(`not seen: ${what}`);
  }

  it('registers its node and runs pods bound to it; the API server reads their logs over TLS', async () => {
    const client = cluster!.client;
    const node = await client.get<Node>(NODES, 'worker');
    assert.equal(node.metadata.labels?.kind, 'real');
    assert.equal(node.status?.capacity?.pods, '7');
    assert.match(node.status?.nodeInfo?.containerRuntimeVersion ?? '', /^containerd:\/\/\d/);
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'one' },
      spec: {
        nodeName: 'worker',
        restartPolicy: 'Never',
        containers: [{ name: 'c', image: TEST_IMAGE, imagePullPolicy: 'Never', command: ['echo', 'hello there'] }],
      },
    };
    await client.create(PODS, pod, IN);
    await eventually('it has succeeded', async () => {
      return (await client.get<Pod>(PODS, 'one', IN)).status?.phase === 'Succeeded';
    });
    const response = await cluster!.apiServer.transport().send({
      method: 'GET',
      url: '/api/v1/namespaces/default/pods/one/log',
    });
    let text = '';
    for await (const chunk of response.body) text += chunk.toString();
    assert.equal(text, 'hello there\n');
    await client.delete(PODS, 'one', IN);
    await eventually('it is gone', () =>
      client.get(PODS, 'one', IN).then(
        () => false,
        () => true,
      ),
    );
  });

  it('lets nobody in without credentials, and answers for its health', async () => {
    const health = await fetch(`http://127.0.0.1:${PORT + 1}/healthz`);
    assert.equal(await health.text(), 'ok');
    const { request } = await import('node:https');
    const status = await new Promise((resolve, reject) => {
      const r = request({ host: '127.0.0.1', port: PORT, path: '/pods', rejectUnauthorized: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      r.on('error', reject);
      r.end();
    });
    assert.equal(status, 401);
  });

  it('knows its flags', async () => {
    for (const [args, want] of [
      [['kubelet', '--nope'], 'keelson: unknown flag: --nope\n'],
      [['kube-proxy', '--proxy-mode=ipvs'], 'keelson: --proxy-mode must be nftables, got "ipvs"\n'],
    ] as const) {
      const { child, said } = keelson(...args);
      const [code] = await once(child, 'exit');
      assert.deepEqual([code, said()], [2, want]);
    }
  });
});

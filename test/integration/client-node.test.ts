/** The official JavaScript client as a black box: typed clients, watch, an informer over a restart of the server, exec, cp and port-forward. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  Cp,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  Log,
  makeInformer,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Pod,
  type V1Status,
  Watch,
} from '@kubernetes/client-node';
import { systemClock } from '../../src/base/clock.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../../src/cluster/cluster.ts';
import { packBusyboxImage } from '../../src/cluster/real-node/busybox-image.ts';
import { freePort, soon } from '../harness/keelson.ts';
import { needs } from '../harness/needs.ts';

const namespace = 'default';
const map = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({ metadata: { name }, data });

function configOf(kubeconfig: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return config;
}

describe('the official JavaScript client', function () {
  this.timeout(60_000);
  let dir: string;
  let cluster: Cluster | undefined;
  let config: KubeConfig;

  async function start(options: ClusterOptions = {}): Promise<void> {
    const kubeconfig = join(dir, 'kubeconfig');
    cluster = await startCluster({ listen: { port: 0 }, kubeconfig, ...options });
    config = configOf(kubeconfig);
  }
  async function stop(): Promise<void> {
    await cluster?.[Symbol.asyncDispose]();
    cluster = undefined;
  }
  beforeEach(async () => {
    dir = await mkdtemp('/tmp/keelson-client-node-');
  });
  afterEach(async () => {
    await stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('creates, reads, lists, replaces, patches and deletes', async () => {
    await start();
    const core = config.makeApiClient(CoreV1Api);
    const made = await core.createNamespacedConfigMap({ namespace, body: map('a', { k: '1' }) });
    made.data = { k: '2' };
    const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'a', body: made });
    assert.equal(replaced.data?.k, '2');
    const patched = await core.patchNamespacedConfigMap(
      { namespace, name: 'a', body: { data: { l: '3' } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    assert.deepEqual(patched.data, { k: '2', l: '3' });
    const { items } = await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=a' });
    assert.deepEqual(
      items.map((m) => m.metadata?.name),
      ['a'],
    );
    await core.deleteNamespacedConfigMap({ namespace, name: 'a' });
    await assert.rejects(
      core.readNamespacedConfigMap({ namespace, name: 'a' }),
      (err) => err instanceof ApiException && err.code === 404 && /configmaps \\"a\\" not found/.test(err.body),
    );
    const custom = config.makeApiClient(CustomObjectsApi);
    await assert.rejects(
      custom.listClusterCustomObject({ group: 'example.com', version: 'v1', plural: 'things' }),
      (err) => err instanceof ApiException && err.code === 404,
    );
  });

  it('runs a deployment and reads its status', async () => {
    await start({ nodes: 2 });
    const apps = config.makeApiClient(AppsV1Api);
    const labels = { app: 'web' };
    const body = {
      metadata: { name: 'web' },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'nginx' }] } },
      },
    };
    await apps.createNamespacedDeployment({ namespace, body });
    await soon('both replicas are available', async () => {
      const { status } = await apps.readNamespacedDeployment({ namespace, name: 'web' });
      return status?.availableReplicas === 2;
    });
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'web' });
    assert.equal(scale.status?.selector, 'app=web');
  });

  it('watches', async () => {
    await start();
    const core = config.makeApiClient(CoreV1Api);
    const seen: string[] = [];
    const ended = Promise.withResolvers<unknown>();
    const request = await new Watch(config).watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      { labelSelector: 'watched=yes', allowWatchBookmarks: true },
      (type, object: V1ConfigMap) => {
        // The end of what was there is told by a bookmark.
        if (type !== 'BOOKMARK') seen.push(`${type} ${object.metadata?.name} ${object.data?.k}`);
      },
      ended.resolve,
    );
    const body = { ...map('w', { k: '1' }), metadata: { name: 'w', labels: { watched: 'yes' } } };
    const made = await core.createNamespacedConfigMap({ namespace, body });
    await core.createNamespacedConfigMap({ namespace, body: map('other') });
    await core.replaceNamespacedConfigMap({ namespace, name: 'w', body: { ...made, data: { k: '2' } } });
    await core.deleteNamespacedConfigMap({ namespace, name: 'w' });
    await soon('three events', async () => seen.length >= 3);
    request.abort();
    await ended.promise;
    assert.deepEqual(seen, ['ADDED w 1', 'MODIFIED w 2', 'DELETED w 2']);
  });

  it('keeps an informer over a restart of the server', async () => {
    const port = await freePort();
    const durable: ClusterOptions = { listen: { port }, dataDir: join(dir, 'data'), storage: 'sqlite' };
    await start(durable);
    const core = config.makeApiClient(CoreV1Api);
    const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: 'seen=yes' });
    const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list, 'seen=yes');
    const events: string[] = [];
    for (const verb of ['add', 'update', 'delete'] as const)
      informer.on(verb, (object) => events.push(`${verb} ${object.metadata?.name}`));
    let broke = 0;
    // What every program with this informer does: begin anew, a little later, when it broke.
    informer.on('error', () => {
      broke++;
      void systemClock.sleep(100).then(() => informer.start());
    });
    const create = (name: string) =>
      core.createNamespacedConfigMap({
        namespace,
        body: { ...map(name), metadata: { name, labels: { seen: 'yes' } } },
      });
    await create('before');
    await informer.start();
    await soon('the first object', async () => events.includes('add before'));

    await stop();
    await start(durable);
    await create('after');
    await soon('the second object, after the restart', async () => events.includes('add after'));
    await core.deleteNamespacedConfigMap({ namespace, name: 'before' });
    await soon('the deletion', async () => events.includes('delete before'));
    assert.deepEqual(
      informer.list(namespace).map((m) => m.metadata?.name),
      ['after'],
    );
    await informer.stop();
    assert.ok(broke > 0);
  });

  describe('with real containers', () => {
    const pod: V1Pod = {
      metadata: { name: 'box' },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'main',
            image: 'docker.io/library/busybox:test',
            imagePullPolicy: 'IfNotPresent',
            command: [
              'sh',
              '-c',
              'mkdir -p /www && echo hello > /www/index.html && echo started && exec httpd -f -p 8080 -h /www',
            ],
          },
        ],
      },
    };

    beforeEach(async function () {
      this.timeout(120_000);
      needs(this, 'root', 'containerd', 'nftables', 'netns', 'busybox');
      const images = join(dir, 'data/images');
      await mkdir(images, { recursive: true });
      await writeFile(join(images, 'busybox.tar'), await packBusyboxImage({ name: 'docker.io/library/busybox:test' }));
      await start({ runtime: 'containerd', dataDir: join(dir, 'data') });
      const core = config.makeApiClient(CoreV1Api);
      await soon('the default service account', () =>
        core.readNamespacedServiceAccount({ namespace, name: 'default' }).then(
          () => true,
          () => false,
        ),
      );
      await core.createNamespacedPod({ namespace, body: pod });
      await soon(
        'the pod runs',
        async () => (await core.readNamespacedPod({ namespace, name: 'box' })).status?.phase === 'Running',
        60_000,
      );
    });

    it('logs, exec, cp and port-forward', async function () {
      this.timeout(120_000);
      const collector = () => {
        let text = '';
        const stream = new Writable({
          write(chunk, _encoding, done) {
            text += chunk;
            done();
          },
        });
        return { stream, text: () => text };
      };
      const logs = collector();
      await new Log(config).log(namespace, 'box', 'main', logs.stream, { tailLines: 1 });
      await soon('the log', async () => logs.text() === 'started\n');

      const [out, err] = [collector(), collector()];
      const input = new PassThrough();
      const status = await new Promise<V1Status>((resolve, reject) => {
        const command = ['sh', '-c', 'cat; echo oops >&2; exit 3'];
        new Exec(config)
          .exec(namespace, 'box', 'main', command, out.stream, err.stream, input, false, resolve)
          .catch(reject);
        input.end('typed\n');
      });
      assert.deepEqual([out.text(), err.text()], ['typed\n', 'oops\n']);
      assert.equal(status.reason, 'NonZeroExitCode');
      assert.equal(status.details?.causes?.[0]?.message, '3');

      await mkdir(join(dir, 'from'));
      await writeFile(join(dir, 'from/file'), 'copied');
      const cp = new Cp(config);
      await cp.cpToPod(namespace, 'box', 'main', join(dir, 'from/file'), '/tmp');
      await cp.cpFromPod(namespace, 'box', 'main', 'index.html', join(dir, 'from'), '/www');
      await soon(
        'the copy',
        async () => (await readFile(join(dir, 'from/index.html'), 'utf8').catch(() => '')) === 'hello\n',
      );

      const forward = new PortForward(config);
      const server = createServer((socket: Socket) => {
        void forward.portForward(namespace, 'box', [8080], socket, null, socket);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = server.address() as { port: number };
        const answer = await new Promise<string>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
          let text = '';
          socket.on('data', (chunk) => {
            text += chunk;
            if (text.endsWith('hello\n')) {
              socket.destroy();
              resolve(text);
            }
          });
          socket.on('error', reject);
        });
        assert.match(answer, /^HTTP\/1\.\d 200 OK/);
      } finally {
        server.close();
      }
    });
  });
});

/** Volumes on a real file system: what is written, with which modes and owners, what changes and what stays. */
import assert from 'node:assert/strict';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needs } from '../../../test/harness/needs.ts';
import type { ConfigMap, Container, Pod, PodSpec, Secret, Volume } from '../../api/core-v1.ts';
import { VirtualClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import type { ConfigSource } from '../env.ts';
import { writeAtomically } from './atomic-writer.ts';
import { containerFiles } from './container-files.ts';
import { mountsBelow } from './mounts.ts';
import { podDirs } from './pod-dirs.ts';
import { Volumes } from './volumes.ts';

const SYNC = 60_000;

describe('volumes', () => {
  let root = '';
  let configMaps: Record<string, Partial<ConfigMap>> = {};
  let secrets: Record<string, Partial<Secret>> = {};
  let clock = new VirtualClock();
  let volumes: Volumes;
  const source: ConfigSource = {
    configMap: async (_, name) => configMaps[name] as ConfigMap | undefined,
    secret: async (_, name) => secrets[name] as Secret | undefined,
    services: () => [],
    token: async (_pod, audiences, seconds) => `token for ${audiences.join()} ${seconds}`,
  };

  beforeEach(async () => {
    root = await mkdtemp('/tmp/keelson-volumes-');
    configMaps = { settings: { data: { a: '1', b: '2' }, binaryData: { c: 'AAE=' } } };
    secrets = { keys: { data: { k: Buffer.from('geheim').toString('base64') } } };
    clock = new VirtualClock();
    volumes = new Volumes({
      dirs: podDirs(root),
      source,
      clock,
      log: silentLogger,
      hostIPs: ['1.2.3.4'],
      allocatable: () => ({ memory: '64Mi', cpu: '2' }),
      claim: async () => ({ path: join(root, 'claimed'), readOnly: false }),
      syncPeriod: SYNC,
      podLogsDir: join(root, 'logs'),
    });
  });
  afterEach(async () => {
    for (const uid of await readdir(join(root, 'pods')).catch(() => []))
      await volumes.forget({ metadata: { uid } } as Pod);
    assert.deepEqual(await mountsBelow(root), []);
    await rm(root, { recursive: true });
  });

  function podOf(list: Volume[], spec: Partial<PodSpec> = {}): Pod {
    return {
      metadata: { name: 'p', namespace: 'ns', uid: 'u1', labels: { tier: 'x' } },
      spec: { containers: [{ name: 'c', resources: { limits: { memory: '32Mi' } } }], volumes: list, ...spec },
    } as Pod;
  }
  const pathOf = async (pod: Pod, name = 'v') => (await volumes.mount(pod)).get(name) ?? '';
  const text = (path: string) => readFile(path, 'utf8');
  const mode = async (path: string) => ((await lstat(path)).mode & 0o7777).toString(8);

  it('a configMap: every key, through links, under one that is replaced at once', async () => {
    const dir = await pathOf(podOf([{ name: 'v', configMap: { name: 'settings' } }]));
    assert.equal(dir, join(root, 'pods/u1/volumes/kubernetes.io~configmap/v'));
    assert.deepEqual((await readdir(dir)).filter((n) => !n.startsWith('..')).sort(), ['a', 'b', 'c']);
    assert.equal(await readlink(join(dir, 'a')), '..data/a');
    assert.match(await readlink(join(dir, '..data')), /^\.\.2026_01_01_00_00_00\./);
    assert.deepEqual([await text(join(dir, 'a')), await mode(join(dir, '..data/a'))], ['1', '644']);
    assert.deepEqual(await readFile(join(dir, 'c')), Buffer.from([0, 1]));
  });

  it('items choose keys, paths and modes', async () => {
    const items = [
      { key: 'a', path: 'deep/er/file', mode: 0o400 },
      { key: 'b', path: 'b' },
    ];
    const dir = await pathOf(podOf([{ name: 'v', configMap: { name: 'settings', items, defaultMode: 0o600 } }]));
    assert.equal(await text(join(dir, 'deep/er/file')), '1');
    assert.deepEqual([await mode(join(dir, '..data/deep/er/file')), await mode(join(dir, '..data/b'))], ['400', '600']);
  });

  it('changes are seen after the sync period, or at once when labels change; what cannot be read stays', async () => {
    const pod = podOf([
      { name: 'v', configMap: { name: 'settings' } },
      { name: 'd', downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ]);
    const dir = await pathOf(pod);
    configMaps.settings = { data: { a: 'new' } };
    await volumes.mount(pod);
    assert.equal(await text(join(dir, 'a')), '1');
    await clock.advance(SYNC);
    await volumes.mount(pod);
    assert.equal(await text(join(dir, 'a')), 'new');
    assert.deepEqual(
      (await readdir(dir)).filter((n) => !n.startsWith('..')),
      ['a'],
    );
    assert.equal((await readdir(dir)).filter((n) => /^\.\.\d/.test(n)).length, 1, 'the old files are gone');
    const relabelled = { ...pod, metadata: { ...pod.metadata, labels: { tier: 'y' } } };
    assert.equal(await text(join(await pathOf(relabelled, 'd'), 'l')), 'tier="y"');
    configMaps = {};
    await clock.advance(SYNC);
    await volumes.mount(relabelled);
    assert.equal(await text(join(dir, 'a')), 'new');
  });

  it('secrets and projections are kept in memory; tokens are only for the pod’s user', async function () {
    needs(this, 'root');
    const sources = [
      { serviceAccountToken: { path: 'token', audience: 'me', expirationSeconds: 600 } },
      { secret: { name: 'keys' } },
      { configMap: { name: 'settings', items: [{ key: 'a', path: 'sub/a' }] } },
      {
        downwardAPI: {
          items: [{ path: 'mem', resourceFieldRef: { containerName: 'c', resource: 'limits.memory', divisor: '1Mi' } }],
        },
      },
      { secret: { name: 'missing', optional: true } },
    ];
    const pod = podOf([{ name: 'v', projected: { sources } }], { securityContext: { runAsUser: 1234, fsGroup: 77 } });
    const dir = await pathOf(pod);
    assert.deepEqual(await mountsBelow(join(root, 'pods/u1/volumes')), [dir]);
    const read = await Promise.all(['token', 'k', 'sub/a', 'mem'].map((f) => text(join(dir, f))));
    assert.deepEqual(read, ['token for me 600', 'geheim', '1', '32']);
    const { uid, gid } = await lstat(join(dir, '..data/token'));
    assert.deepEqual([uid, gid, await mode(join(dir, '..data/token'))], [1234, 77, '640']);
  });

  it('emptyDir: open to all, the group’s when there is one, in memory with a size', async function () {
    needs(this, 'root');
    const pod = podOf(
      [
        { name: 'v', emptyDir: {} },
        { name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      ],
      { securityContext: { fsGroup: 77 } },
    );
    const dir = await pathOf(pod);
    assert.deepEqual([await mode(dir), (await lstat(dir)).gid], ['2777', 77]);
    await writeFile(join(dir, 'kept'), 'x');
    assert.equal(await text(join(await pathOf(pod), 'kept')), 'x');
    const info = await text('/proc/self/mountinfo');
    assert.match(info, /u1\/volumes\/kubernetes\.io~empty-dir\/m .* tmpfs .*size=1024k/);
    await volumes.unmount(pod);
    assert.deepEqual(await readdir(join(root, 'pods/u1')), []);
  });

  const failures: { name: string; volume: Partial<Volume>; want: string }[] = [
    { name: 'a missing configMap', volume: { configMap: { name: 'x' } }, want: 'configmap "x" not found' },
    { name: 'a missing secret', volume: { secret: { secretName: 'x' } }, want: 'secret "x" not found' },
    {
      name: 'a missing key',
      volume: { configMap: { name: 'settings', items: [{ key: 'z', path: 'z' }] } },
      want: 'configmap references non-existent config key: z',
    },
    {
      name: 'a missing key of a secret',
      volume: { secret: { secretName: 'keys', items: [{ key: 'z', path: 'z' }] } },
      want: 'references non-existent secret key: z',
    },
    {
      name: 'two missing sources',
      volume: { projected: { sources: [{ configMap: { name: 'x' } }, { secret: { name: 'y' } }] } },
      want: '[configmap "x" not found, secret "y" not found]',
    },
    {
      name: 'a hostPath that is no directory',
      volume: { hostPath: { path: '/etc/passwd', type: 'Directory' } },
      want: 'hostPath type check failed: /etc/passwd is not a directory',
    },
    {
      name: 'a hostPath that is no file',
      volume: { hostPath: { path: '/etc', type: 'File' } },
      want: 'hostPath type check failed: /etc is not a file',
    },
    {
      name: 'a hostPath that is no socket',
      volume: { hostPath: { path: '/etc', type: 'Socket' } },
      want: 'hostPath type check failed: /etc is not a socket file',
    },
  ];
  for (const { name, volume, want } of failures) {
    it(`${name} is an error of the volume`, async () => {
      const mounting = volumes.mount(podOf([{ name: 'v', ...volume }]));
      await assert.rejects(mounting, { name: 'VolumeError', volume: 'v', message: want });
    });
  }

  it('hostPath makes what it is told to make', async () => {
    const pod = podOf([
      { name: 'd', hostPath: { path: join(root, 'made/dir'), type: 'DirectoryOrCreate' } },
      { name: 'f', hostPath: { path: join(root, 'made/file'), type: 'FileOrCreate' } },
    ]);
    await volumes.mount(pod);
    assert.ok((await lstat(join(root, 'made/dir'))).isDirectory());
    assert.ok((await lstat(join(root, 'made/file'))).isFile());
    await volumes.forget(pod);
    assert.ok((await lstat(join(root, 'made/file'))).isFile(), 'what is the node’s stays');
  });

  it('subPath: made in the volume, bound, and never outside of it', async function () {
    needs(this, 'root');
    const pod = podOf([{ name: 'v', emptyDir: {} }]);
    const dir = await pathOf(pod);
    const container = { name: 'c', volumeMounts: [{ name: 'v', mountPath: '/x' }] } as Container;
    const bound = await volumes.subPath(pod, container, 0, dir, 'a/b');
    await writeFile(join(bound, 'file'), 'x');
    assert.equal(await text(join(dir, 'a/b/file')), 'x');
    await symlink('/etc', join(dir, 'out'));
    await symlink('a', join(dir, 'in'));
    assert.equal(await text(join(await volumes.subPath(pod, container, 0, dir, 'in/b'), 'file')), 'x');
    for (const path of ['out', 'out/made'])
      await assert.rejects(volumes.subPath(pod, container, 0, dir, path), {
        message: 'failed to prepare subPath for volumeMount "v" of container "c"',
      });
  });

  it('pods that nobody knows any more are cleared away, those that are known stay', async () => {
    await volumes.mount(podOf([{ name: 'v', emptyDir: {} }]));
    await mkdir(join(root, 'pods/u2/volumes'), { recursive: true });
    await mkdir(join(root, 'logs/ns_q_u2'), { recursive: true });
    await volumes.forgetOthers(new Set(['u1']));
    assert.deepEqual([await readdir(join(root, 'pods')), await readdir(join(root, 'logs'))], [['u1'], []]);
  });

  it('containers get a hosts file and a fresh file for their last words', async () => {
    const mounts = containerFiles({
      dirs: podDirs(root),
      random: seededRandom(1),
      nodeName: 'n',
      clusterDomain: 'cluster.local',
    });
    const pod = podOf([], {
      hostAliases: [{ ip: '9.9.9.9', hostnames: ['a', 'b'] }],
      hostname: 'h',
      subdomain: 'sub',
    } as Partial<PodSpec>);
    const [hosts, words] = await mounts(pod, { name: 'c' } as Container, ['10.0.0.7']);
    assert.equal(
      await text(hosts?.hostPath ?? ''),
      '# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n10.0.0.7\th.sub.ns.svc.cluster.local\th\n\n# Entries added by HostAliases.\n9.9.9.9\ta\tb\n',
    );
    assert.deepEqual([words?.containerPath, await mode(words?.hostPath ?? '')], ['/dev/termination-log', '666']);
    const again = await mounts(pod, { name: 'c' } as Container, ['10.0.0.7']);
    assert.notEqual(again[1]?.hostPath, words?.hostPath);
  });

  it('paths that would leave the volume are refused', async () => {
    for (const path of ['../x', '/x', 'a/../../x', '..data/x', ''])
      await assert.rejects(
        writeAtomically(root, new Map([[path, { data: Buffer.from(''), mode: 0o644 }]]), { now: 0 }),
      );
  });
});

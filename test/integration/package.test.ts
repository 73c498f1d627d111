/**
 * The package as people get it: packed, installed into an empty folder, its command run there, its library imported. npm takes what the
 * package depends on from its cache.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startKeelson } from '../harness/keelson.ts';
import { kubectl } from '../harness/kubectl.ts';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;

/** npm and its children without what the `npm test` around us has set, in which Node 24 comes first on PATH. */
function npmEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') && name !== 'NODE_OPTIONS');
  const path = (process.env.PATH ?? '').split(':').filter((dir) => !dir.includes('node_modules'));
  return { ...Object.fromEntries(kept), PATH: path.join(':') };
}

describe('the npm package', function () {
  this.timeout(240_000);
  let dir: string;
  const env = npmEnvironment();
  const npx = (...args: string[]) => startKeelson(args, { cwd: dir, env, command: ['npx', 'keelson'] });

  before(async () => {
    dir = await mkdtemp('/tmp/keelson-package-');
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', dir], { cwd: root, env });
    const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as { filename: string }[];
    await writeFile(join(dir, 'package.json'), '{ "private": true, "type": "module" }\n');
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
    await run('npm', ['install', ...quiet, join(dir, packed?.filename ?? '')], { cwd: dir, env });
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('holds compiled code, types and the OpenAPI data, and neither sources nor tests', async () => {
    const own = join(dir, 'node_modules/keelson');
    assert.deepEqual((await readdir(own)).sort(), ['LICENSE', 'README.md', 'bin', 'dist', 'openapi', 'package.json']);
    assert.deepEqual(await readdir(join(own, 'openapi')), ['dist']);
    const files = await readdir(join(own, 'dist'), { recursive: true });
    assert.ok(files.includes('index.d.ts'));
    assert.ok(files.includes('kubelet/runtime/cri/cri-v1.json'));
    assert.deepEqual(
      files.filter((f) => /\.test\.|testing/.test(f) || (f.endsWith('.ts') && !f.endsWith('.d.ts'))),
      [],
    );
  });

  it('npx keelson version, whatever Node runs npx', async () => {
    const { code, stdout, stderr } = await npx('version').exit;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^v1\.36\.\d+\+keelson\n$/);
  });

  it('npx keelson up serves kubectl, and down ends it', async () => {
    const flags = ['--storage', 'memory', '--runtime', 'simulated', '--port', '0'];
    const up = npx('up', ...flags);
    await up.wrote('Ready in');
    const kubeconfig = join(dir, '.keelson/kubeconfig');
    assert.equal((await kubectl(['get', '--raw', '/readyz'], { kubeconfig })).stdout, 'ok');
    assert.match((await kubectl(['get', 'nodes'], { kubeconfig })).stdout, /node-1 +Ready/);
    assert.match((await npx('status').exit).stdout, /nodes +1 of 1 ready/);
    assert.equal((await npx('down').exit).code, 0);
    assert.equal((await up.exit).code, 0);
  });

  it('keeps what it stores in sqlite over a restart', async () => {
    const flags = ['--storage', 'sqlite', '--runtime', 'simulated', '--port', '0'];
    const kubeconfig = join(dir, '.keelson/kubeconfig');
    for (const verb of ['create', 'get']) {
      const up = npx('up', ...flags);
      await up.wrote('Ready in');
      const from = verb === 'create' ? ['--from-literal=a=b'] : ['-o', 'jsonpath={.data.a}'];
      const { stdout } = await kubectl([verb, 'configmap', 'kept', ...from], { kubeconfig });
      assert.match(stdout, verb === 'create' ? /kept created/ : /^b$/);
      assert.equal((await npx('down').exit).code, 0);
      assert.equal((await up.exit).code, 0);
    }
  });

  it('the library runs a cluster in another program', async () => {
    await writeFile(
      join(dir, 'program.js'),
      `import { resources, startCluster, VirtualClock } from 'keelson';
       await using cluster = await startCluster({ clock: new VirtualClock(), nodes: 2, storage: 'memory' });
       const { items } = await cluster.client.list(resources.NODES);
       console.log(items.map((n) => n.metadata.name).join(' '));\n`,
    );
    const { stdout } = await run(process.execPath, ['program.js'], { cwd: dir });
    assert.equal(stdout, 'node-1 node-2\n');
  });
});

/** The command line as people and scripts use it: what it writes, how it ends, what it leaves behind. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { keelson, type Running, startKeelson } from '../harness/keelson.ts';
import { kubectl } from '../harness/kubectl.ts';

const ESCAPE = '\x1b';

describe('the command line', function () {
  this.timeout(60_000);
  let dir: string;
  const running: Running[] = [];
  const simulated = ['--runtime', 'simulated', '--port', '0'];
  const up = (dataDir: string, ...flags: string[]): Running => {
    const process = startKeelson(['up', '--data-dir', dataDir, ...simulated, ...flags]);
    running.push(process);
    return process;
  };

  beforeEach(async () => {
    dir = await mkdtemp('/tmp/keelson-cli-');
  });
  afterEach(async () => {
    for (const process of running.splice(0)) await process.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const usage = [
    { args: [], code: 2, stdout: /^Keelson: a Kubernetes v1\.36/, stderr: /^$/ },
    { args: ['--help'], code: 0, stdout: /Commands:\n {2}up /, stderr: /^$/ },
    { args: ['up', '--help'], code: 0, stdout: /--data-dir string .*default \.\/\.keelson/, stderr: /^$/ },
    { args: ['nope'], code: 2, stdout: /^$/, stderr: /^keelson: unknown command "nope"; see keelson --help\n$/ },
    { args: ['up', '--nope'], code: 2, stdout: /^$/, stderr: /^keelson: unknown flag: --nope\n$/ },
    ...['up', 'down', 'status', 'version'].map((command) => ({
      args: [command, 'here'],
      code: 2,
      stdout: /^$/,
      stderr: new RegExp(`^keelson: keelson ${command} takes no arguments, got "here"\n$`),
    })),
    { args: ['help', 'up'], code: 0, stdout: /--data-dir string .*default \.\/\.keelson/, stderr: /^$/ },
    {
      args: ['help', 'nope'],
      code: 2,
      stdout: /^$/,
      stderr: /^keelson: unknown command "nope"; see keelson --help\n$/,
    },
    { args: ['version'], code: 0, stdout: /^v1\.36\.\d+\+keelson\n$/, stderr: /^$/ },
    ...['kube-apiserver', 'kubelet'].map((command) => ({
      args: [command, '--version'],
      code: 0,
      stdout: /^Kubernetes v1\.36\.\d+\+keelson\n$/,
      stderr: /^$/,
    })),
    { args: ['--version'], code: 0, stdout: /^v1\.36\.\d+\+keelson\n$/, stderr: /^$/ },
    {
      args: ['up', '--runtime=containerd', '--nodes=2'],
      code: 2,
      stdout: /^$/,
      stderr: /^keelson: --runtime containerd has one node, got --nodes 2\n$/,
    },
    ...['up', 'status', 'down'].map((command) => ({
      args: [command, '--data-dir', ''],
      code: 2,
      stdout: /^$/,
      stderr: /^keelson: --data-dir must not be empty\n$/,
    })),
    {
      args: ['up', '--nodes', 'many'],
      code: 2,
      stdout: /^$/,
      stderr:
        /^keelson: invalid argument "many" for "--nodes" flag: strconv.ParseInt: parsing "many": invalid syntax\n$/,
    },
    {
      args: ['up', '--storage', 'paper'],
      code: 2,
      stdout: /^$/,
      stderr: /^keelson: --storage must be one of sqlite, memory, etcd, got "paper"\n$/,
    },
    {
      args: ['up', '--storage', 'etcd'],
      code: 2,
      stdout: /^$/,
      stderr: /^keelson: --storage etcd needs --etcd-servers\n$/,
    },
  ];
  it('keeps what it compiled, the code of the storage worker too', async () => {
    // Node's own account of its compile cache. A worker that does not use it strips types at every start: 30 MB and 100 ms.
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      XDG_CACHE_HOME: join(dir, 'cache'),
      NODE_DEBUG_NATIVE: 'COMPILE_CACHE',
    };
    delete env.NODE_COMPILE_CACHE;
    delete env.NODE_DISABLE_COMPILE_CACHE;
    const started = startKeelson(['up', '--data-dir', join(dir, 'data'), ...simulated], { env });
    running.push(started);
    await started.wrote('Ready in');
    const { stdout, stderr } = await started.stop();
    assert.match(stdout + stderr, /keelson\/compile\/\S+ for \S+ file:\S+\/src\/cmd\/main\.ts/);
    assert.match(stdout + stderr, /keelson\/compile\/\S+ for \S+ file:\S+\/src\/storage\/sqlite\/worker\.ts/);
  });

  for (const { args, code, stdout, stderr } of usage) {
    it(`keelson ${args.join(' ')} exits with ${code}`, async () => {
      const exit = await keelson(args);
      assert.equal(exit.code, code);
      assert.match(exit.stdout, stdout);
      assert.match(exit.stderr, stderr);
    });
  }

  it('says in one line that the port is in use, and leaves nothing running', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    try {
      const { code, stderr } = await startKeelson(['up', '--data-dir', dir, '--runtime=simulated', `--port=${port}`])
        .exit;
      assert.equal(code, 1);
      assert.equal(stderr, `keelson: 127.0.0.1:${port} is in use by another process; choose another port\n`);
      assert.match((await keelson(['status', '--data-dir', dir])).stdout, /^no cluster is running on /);
    } finally {
      taken.close();
    }
  });

  it('says in one line that the data directory cannot be used', async () => {
    await writeFile(join(dir, 'file'), '');
    const { code, stderr } = await up(join(dir, 'file/data')).exit;
    assert.equal(code, 1);
    assert.equal(stderr, `keelson: cannot use data directory ${dir}/file/data: not a directory\n`);
    const nowhere = await up('/proc/none/data').exit;
    assert.deepEqual(
      [nowhere.code, nowhere.stderr],
      [1, 'keelson: cannot use data directory /proc/none/data: no such file or directory\n'],
    );
    const file = await up(join(dir, 'file')).exit;
    assert.deepEqual(
      [file.code, file.stderr],
      [1, `keelson: cannot use data directory ${dir}/file: not a directory\n`],
    );
  });

  it('says in one line that the kubeconfig cannot be written, before anything starts', async () => {
    const { code, stdout, stderr } = await up(join(dir, 'data'), '--kubeconfig', dir).exit;
    assert.deepEqual([code, stdout, stderr], [1, '', `keelson: cannot use kubeconfig ${dir}: it is a directory\n`]);
  });

  it('writes its kubeconfig over its own, not over that of other clusters', async () => {
    const file = join(dir, 'config');
    const others = 'apiVersion: v1\nkind: Config\nclusters:\n- {name: work, cluster: {server: https://work.example}}\n';
    await writeFile(file, others);
    const refused = await up(join(dir, 'data'), '--kubeconfig', file).exit;
    assert.deepEqual(
      [refused.code, refused.stderr],
      [1, `keelson: kubeconfig ${file} holds something else and would be lost; choose another file\n`],
    );
    assert.equal(await readFile(file, 'utf8'), others);
    await writeFile(file, '');
    for (let i = 0; i < 2; i++) {
      const started = up(join(dir, 'data'), '--kubeconfig', file);
      await started.wrote('Ready in');
      assert.match(await readFile(file, 'utf8'), /server: "https:/);
      await started.stop();
    }
  });

  it('says in one line that an address to listen on is no address', async () => {
    const { code, stderr } = await up(dir, '--bind-address=no.such.host.invalid').exit;
    assert.equal(code, 1);
    assert.match(stderr, /^keelson: no\.such\.host\.invalid cannot be resolved: E\w+\n$/);
  });

  it('says in one line that another process has the data directory', async () => {
    const first = up(dir);
    await first.wrote('Ready in');
    const { code, stderr } = await up(dir).exit;
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^keelson: a cluster is already running on \S+ \(pid \d+, https:\S+\); end it with: keelson down/,
    );
    assert.equal(stderr.split('\n').length, 2);
  });

  it('says in one line that etcd does not answer', async () => {
    const { code, stderr } = await up(dir, '--storage=etcd', '--etcd-servers=http://127.0.0.1:9').exit;
    assert.equal(code, 1);
    assert.match(stderr, /^keelson: etcd at http:\/\/127\.0\.0\.1:9 does not answer: [^\n]*\n$/);
  });

  it('keeps its data over a restart; keys and kubeconfig are for the owner only', async () => {
    const first = up(dir);
    await first.wrote('Ready in');
    const kubeconfig = join(dir, 'kubeconfig');
    const made = await kubectl(['create', 'configmap', 'kept', '--from-literal=a=b'], { kubeconfig });
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await first.stop()).code, 0);

    const second = up(dir, '--nodes=2');
    await second.wrote('Ready in');
    const { stdout } = await kubectl(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'], { kubeconfig });
    assert.equal(stdout, 'b');
    for (const name of ['kubeconfig', 'keelson.json', ...(await readdir(join(dir, 'pki'))).map((n) => `pki/${n}`)]) {
      assert.equal((await stat(join(dir, name))).mode & 0o777, 0o600, name);
    }
  });

  it('writes plain lines where there is no terminal, and no log unless something is wrong', async () => {
    const process = up(dir, '--storage=memory');
    await process.wrote('Ready in');
    process.signal('SIGINT');
    const { code, stdout, stderr } = await process.exit;
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.ok(!stdout.includes(ESCAPE) && !stdout.includes('\r'));
    assert.match(stdout, /^certificates \(\d+ ms\)\nstorage: memory /);
    assert.match(stdout, / {2}Ready in \d+\.\d\d s at https:\/\/127\.0\.0\.1:\d+\n\n {4}export KUBECONFIG=/);
    assert.match(stdout, /\nstopping\n$/);
  });

  const ends = [
    ['Ctrl-C', 'SIGINT'],
    ['the end of its terminal', 'SIGHUP'],
  ] as const;
  for (const [what, signal] of ends)
    it(`ends in order under ${what} while kubectl watches`, async () => {
      const process = up(dir, '--storage=memory');
      await process.wrote('Ready in');
      const watching = kubectl(['get', 'nodes', '--watch'], { kubeconfig: join(dir, 'kubeconfig') });
      process.signal(signal);
      const { code, stderr } = await process.exit;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      await watching;
      assert.match((await keelson(['status', '--data-dir', dir])).stdout, /^no cluster is running on /);
    });

  it('detaches; status and down find it', async () => {
    const detached = await keelson(['up', '--detach', '--data-dir', dir, ...simulated, '--storage=memory']);
    assert.equal(detached.code, 0, detached.stderr);
    assert.match(detached.stdout, /^Ready at https:\/\/127\.0\.0\.1:\d+ \(pid \d+\)\n\n {2}export KUBECONFIG=/);
    const status = await keelson(['status', '--data-dir', dir]);
    assert.equal(status.code, 0);
    assert.match(status.stdout, /^server +https:\/\/127\.0\.0\.1:\d+$/m);
    assert.match(status.stdout, /^nodes +1 of 1 ready$/m);
    const down = await keelson(['down', '--data-dir', dir]);
    assert.deepEqual([down.code, down.stdout], [0, `The cluster on ${dir} has ended.\n`]);
    const after = await keelson(['status', '--data-dir', dir]);
    assert.deepEqual([after.code, after.stdout], [1, `no cluster is running on ${dir}\n`]);
    const again = await keelson(['down', '--data-dir', dir]);
    assert.deepEqual([again.code, again.stderr], [1, `keelson: no cluster is running on ${dir}\n`]);
  });

  it('tells what went wrong when a detached cluster does not start, and nothing of what ran before', async () => {
    await writeFile(join(dir, 'keelson.log'), 'stopping\n');
    const args = [
      'up',
      '--detach',
      '--data-dir',
      dir,
      '--runtime=simulated',
      '--storage=etcd',
      '--etcd-servers=http://127.0.0.1:9',
    ];
    const { code, stderr } = await keelson(args);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^keelson: the cluster did not start; the end of \S+ says:\n(?:.*\n)*keelson: etcd at .* does not answer/,
    );
    assert.doesNotMatch(stderr, /stopping/);
  });

  it('does not take a directory that it may not read for one without a cluster', async () => {
    const data = join(dir, 'data');
    await mkdir(data, { mode: 0 });
    const entry = new URL('../../bin/keelson.js', import.meta.url).pathname;
    // Root reads everything, unless it is told not to.
    const asAnyone = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];
    for (const command of ['status', 'down', 'up']) {
      const { code, stdout, stderr } = await keelson([command, '--data-dir', data], {
        command: [...asAnyone, process.execPath, entry],
      });
      assert.deepEqual(
        [code, stdout, stderr],
        [1, '', `keelson: cannot use data directory ${data}: permission denied\n`],
      );
    }
  });
});

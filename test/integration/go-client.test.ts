/**
 * A Go program with client-go's typed clients over protobuf and its shared informers, against a cluster in this process. A first build
 * downloads and compiles client-go (a minute or two); later ones come from Go's cache.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startCluster } from '../../src/cluster/cluster.ts';
import { lacks, needs } from '../harness/needs.ts';

const run = promisify(execFile);
const source = new URL('go-client', import.meta.url).pathname;

describe('client-go', function () {
  this.timeout(300_000);
  let dir: string;
  before(async function () {
    needs(this, 'go');
    dir = await mkdtemp('/tmp/keelson-go-');
    try {
      await run('go', ['build', '-mod=readonly', '-o', join(dir, 'go-client'), '.'], { cwd: source });
    } catch (err) {
      if (/dial tcp|no such host|i\/o timeout/.test(`${(err as { stderr?: string }).stderr}`))
        lacks(this, "client-go in Go's cache, or a network to fetch it", true);
      throw err;
    }
  });
  after(async () => {
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  it('typed clients over protobuf and shared informers see every change once and in order', async () => {
    const kubeconfig = join(dir, 'kubeconfig');
    await using _cluster = await startCluster({ nodes: 2, listen: { port: 0 }, kubeconfig });
    const { stdout } = await run(join(dir, 'go-client'), [kubeconfig]).catch(
      (err: { stdout: string; stderr: string }) => ({
        stdout: `${err.stdout}${err.stderr}`,
      }),
    );
    assert.match(stdout, /\nok\n$/, stdout);
  });
});

/** A containerd in a network namespace of the test's own, with a busybox image; all of it goes with `close`, whatever happened. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { packBusyboxImage, packPauseImage } from '../../src/cluster/real-node/busybox-image.ts';
import { type Containerd, startContainerd } from '../../src/cluster/real-node/containerd.ts';
import { removeLeftovers } from '../../src/cluster/real-node/leftovers.ts';
import { ensureNetns, inNetns, netnsName, removeNetns } from '../../src/cluster/real-node/netns.ts';
import { closed, opened } from './root-hooks.ts';

export const TEST_IMAGE = 'docker.io/library/busybox:test';

export interface TestContainerd {
  containerd: Containerd;
  dir: string;
  /** Words that put a command into the node's network. */
  prefix: string[];
  cgroup: string;
  close(): Promise<void>;
}

export async function startTestContainerd(): Promise<TestContainerd> {
  const dir = await mkdtemp('/tmp/keelson-test-');
  const netns = netnsName(dir, 'test');
  const socket = join(dir, 'run', 'containerd.sock');
  let containerd: Containerd | undefined;
  const clean = async () => {
    await containerd?.stop();
    await removeLeftovers({ socket, directories: [dir], cgroup: netns, clock: systemClock });
    await removeNetns(netns);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await ensureNetns(netns, {
      nodeIP: '172.30.0.1',
      bridgeAddress: '10.244.0.1/24',
      serviceCIDR: '10.96.0.0/12',
    });
    containerd = await startContainerd({
      dir: join(dir, 'containerd'),
      runDir: join(dir, 'run'),
      network: { podCIDR: '10.244.0.0/24', gateway: '10.244.0.1' },
      clock: systemClock,
      prefix: inNetns(netns),
    });
    const archives = { pause: await packPauseImage(), busybox: await packBusyboxImage({ name: TEST_IMAGE }) };
    for (const [name, bytes] of Object.entries(archives)) {
      await writeFile(join(dir, `${name}.tar`), bytes);
      await containerd.importArchive(join(dir, `${name}.tar`));
    }
  } catch (err) {
    await clean();
    throw err;
  }
  const started: TestContainerd = {
    containerd,
    dir,
    prefix: inNetns(netns),
    cgroup: netns,
    async close() {
      closed(started);
      await clean();
    },
  };
  opened(started, 'a containerd');
  return started;
}

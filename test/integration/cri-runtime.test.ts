/** containerd by CRI passes the suite of all runtimes. Needs root; real containers in a network namespace of the test's own. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { CriRuntime } from '../../src/kubelet/runtime/cri/cri-runtime.ts';
import { type RuntimeSubject, runtimeSuite } from '../../src/kubelet/runtime/testing/runtime-suite.ts';
import { needs } from '../harness/needs.ts';
import { startTestContainerd, TEST_IMAGE, type TestContainerd } from '../harness/start-containerd.ts';

describe('containerd', () => {
  let machine: TestContainerd | undefined;
  let subject: RuntimeSubject | undefined;
  before(async function () {
    this.timeout(60_000);
    needs(this, 'root', 'containerd', 'netns', 'busybox');
    machine = await startTestContainerd();
    const podLogsDir = join(machine.dir, 'pods');
    await mkdir(podLogsDir);
    const { socket } = machine.containerd;
    const open = () =>
      new CriRuntime({
        socket,
        clock: systemClock,
        log: silentLogger,
        podLogsDir,
        bringImages: async () => {},
      });
    subject = {
      runtime: open(),
      image: TEST_IMAGE,
      missingImage: 'registry.invalid/none:1',
      advance: (ms) => systemClock.sleep(ms),
      logsDir: podLogsDir,
      reopen: async () => open(),
    };
  });
  after(async function () {
    this.timeout(60_000);
    await subject?.runtime[Symbol.asyncDispose]();
    await machine?.close();
  });
  runtimeSuite('containerd', { processes: true }, () => {
    if (subject === undefined) throw new Error('not started');
    return subject;
  });
});

/**
 * What every container runtime does, as mocha tests: run on the simulated one and on containerd by CRI. Commands are simple enough for
 * a runtime that only plays them.
 */
import assert from 'node:assert/strict';
import type {
  ContainerConfig,
  ContainerRecord,
  ContainerRuntime,
  LogOptions,
  SandboxConfig,
} from '../container-runtime.ts';

export interface RuntimeSubject {
  runtime: ContainerRuntime;
  /** An image that is there or can be pulled. */
  image: string;
  /** One that cannot. */
  missingImage: string;
  /** Lets this much of the runtime's time go by. */
  advance(ms: number): Promise<void>;
  /** Where logs of pods go. */
  logsDir: string;
  /** A runtime that knows only what the old one left on the machine; absent when nothing is kept outside the process. */
  reopen?(): Promise<ContainerRuntime>;
}

let serial = 0;

export function sandboxOf(subject: { logsDir: string }, name = `pod-${++serial}`): SandboxConfig {
  const pod = { uid: `uid-${name}-${process.pid}`, name, namespace: 'test' };
  return {
    pod,
    attempt: 0,
    hostname: name,
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    shareProcessNamespace: false,
    dns: { servers: ['10.96.0.10'], searches: ['test.svc.cluster.local'], options: ['ndots:5'] },
    portMappings: [],
    labels: {},
    annotations: {},
    logDirectory: `${subject.logsDir}/${pod.namespace}_${name}_${pod.uid}`,
    sysctls: {},
    cgroupParent: '',
    runtimeHandler: '',
    securityContext: { privileged: false, supplementalGroups: [] },
  };
}

export function containerOf(sandbox: SandboxConfig, extra: Partial<ContainerConfig>): ContainerConfig {
  const name = extra.name ?? 'main';
  const attempt = extra.attempt ?? 0;
  return {
    pod: sandbox.pod,
    name,
    attempt,
    image: '',
    imageRef: '',
    command: [],
    args: [],
    workingDir: '',
    env: [],
    mounts: [],
    tty: false,
    stdin: false,
    stdinOnce: false,
    logPath: `${name}/${attempt}.log`,
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    hash: 'abcd',
    resources: { oomScoreAdj: 1000 },
    securityContext: {
      privileged: false,
      supplementalGroups: [],
      readOnlyRootFilesystem: false,
      allowPrivilegeEscalation: true,
      capabilities: { add: [], drop: [] },
    },
    restartPolicy: 'Never',
    isInit: false,
    ownerKind: '',
    ...extra,
  };
}

/** `processes`: containers are real ones, which can be looked into. */
export function runtimeSuite(
  name: string,
  { processes }: { processes: boolean },
  subjectOf: () => RuntimeSubject,
): void {
  describe(`container runtime: ${name}`, function () {
    this.timeout(30_000);
    const never = new AbortController().signal;
    const made: string[] = [];
    const subject = () => subjectOf();
    const runtime = () => subjectOf().runtime;

    afterEach(async () => {
      for (const id of made.splice(0)) await runtime().removeSandbox(id);
    });

    async function sandbox(change: Partial<SandboxConfig> = {}): Promise<{ id: string; config: SandboxConfig }> {
      const config = { ...sandboxOf(subject()), ...change };
      const id = await runtime().runSandbox(config);
      made.push(id);
      return { id, config };
    }
    async function start(
      s: { id: string; config: SandboxConfig },
      script: string,
      extra: Partial<ContainerConfig> = {},
    ): Promise<string> {
      const imageRef = await runtime().pullImage(subject().image, [], never);
      const config = containerOf(s.config, {
        image: subject().image,
        imageRef,
        command: ['sh', '-c', script],
        ...extra,
      });
      const id = await runtime().createContainer(s.id, config);
      await runtime().startContainer(id);
      return id;
    }
    async function record(s: { config: SandboxConfig }, id: string): Promise<ContainerRecord> {
      const found = (await runtime().pod(s.config.pod.uid))?.containers.find((c) => c.id === id);
      assert.ok(found, `container ${id} is known`);
      return found;
    }
    async function until<T>(ask: () => Promise<T | undefined | false>): Promise<T> {
      for (let i = 0; i < 400; i++) {
        const answer = await ask();
        if (answer) return answer;
        await subject().advance(50);
      }
      throw new Error('it did not happen');
    }
    const exited = (s: { config: SandboxConfig }, id: string) =>
      until(async () => {
        const r = await record(s, id);
        return r.state === 'exited' && r;
      });
    async function logs(id: string, options: Partial<LogOptions> = {}): Promise<string> {
      const chunks: Buffer[] = [];
      const all: LogOptions = { follow: false, timestamps: false, stream: 'All', signal: never, ...options };
      for await (const chunk of runtime().logs(id, all)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    }

    it('says what it is and that it is ready', async () => {
      assert.match(await runtime().version(), /\d+\.\d+/);
      assert.deepEqual(await runtime().status(), { runtimeReady: true, networkReady: true, message: '' });
    });

    it('a sandbox has an address, is found by its pod, and is gone when removed', async () => {
      const s = await sandbox();
      const pod = await runtime().pod(s.config.pod.uid);
      assert.deepEqual(pod?.pod, s.config.pod);
      const [only, ...rest] = pod?.sandboxes ?? [];
      assert.equal(rest.length, 0);
      assert.match(only?.ips[0] ?? '', /^10\.\d+\.\d+\.\d+$/);
      assert.deepEqual([only?.id, only?.ready, only?.attempt, only?.hostNetwork], [s.id, true, 0, false]);
      await runtime().stopSandbox(s.id);
      assert.equal((await runtime().pod(s.config.pod.uid))?.sandboxes[0]?.ready, false);
      await runtime().removeSandbox(s.id);
      assert.equal(await runtime().pod(s.config.pod.uid), undefined);
      assert.ok(!(await runtime().pods()).some((p) => p.pod.uid === s.config.pod.uid));
    });

    it('stopping and removing what is gone succeed', async () => {
      const s = await sandbox();
      const id = await start(s, 'sleep 1000');
      for (let i = 0; i < 2; i++) await runtime().stopContainer(id, 0);
      for (let i = 0; i < 2; i++) await runtime().removeContainer(id);
      for (let i = 0; i < 2; i++) await runtime().stopSandbox(s.id);
      for (let i = 0; i < 2; i++) await runtime().removeSandbox(s.id);
    });

    it('two pods have two addresses', async () => {
      const a = await sandbox();
      const b = await sandbox();
      const ips = await Promise.all(
        [a, b].map(async (s) => (await runtime().pod(s.config.pod.uid))?.sandboxes[0]?.ips[0]),
      );
      assert.notEqual(ips[0], ips[1]);
    });

    it('a container goes from created to running to exited, with its times', async () => {
      const s = await sandbox();
      const imageRef = await runtime().pullImage(subject().image, [], never);
      const config = containerOf(s.config, {
        image: subject().image,
        imageRef,
        command: ['sh', '-c', 'sleep 0.5'],
        attempt: 3,
        hash: 'beef',
      });
      const id = await runtime().createContainer(s.id, config);
      const created = await record(s, id);
      assert.equal(created.state, 'created');
      assert.equal(created.startedAt, 0);
      await runtime().startContainer(id);
      const running = await record(s, id);
      assert.equal(running.state, 'running');
      assert.ok(running.startedAt >= running.createdAt);
      const done = await exited(s, id);
      assert.deepEqual(
        [done.exitCode, done.reason, done.name, done.attempt, done.hash, done.image, done.sandboxId],
        [0, 'Completed', 'main', 3, 'beef', subject().image, s.id],
      );
      assert.ok(done.finishedAt >= done.startedAt + 400, `${done.finishedAt} is after ${done.startedAt}`);
    });

    it('reports the exit code', async () => {
      const s = await sandbox();
      const done = await exited(s, await start(s, 'exit 7'));
      assert.deepEqual([done.exitCode, done.reason], [7, 'Error']);
    });

    it('calls back when a container ends by itself', async () => {
      const s = await sandbox();
      const heard: string[] = [];
      const listener = runtime().onChange((uid) => heard.push(uid));
      try {
        // Longer than the time between two looks of a runtime that has no events.
        await start(s, 'sleep 1.5');
        await until(async () => heard.length > 0);
        heard.length = 0;
        await until(async () => heard.includes(s.config.pod.uid));
      } finally {
        listener.remove();
      }
    });

    it('a stop without grace kills', async () => {
      const s = await sandbox();
      const id = await start(s, 'sleep 1000');
      await runtime().stopContainer(id, 0);
      const done = await record(s, id);
      assert.deepEqual([done.state, done.exitCode], ['exited', 137]);
    });

    it('stopping the sandbox ends its containers', async () => {
      const s = await sandbox();
      const id = await start(s, 'sleep 1000');
      await runtime().stopSandbox(s.id);
      assert.equal((await exited(s, id)).exitCode, 137);
    });

    it('keeps containers of a pod newest first', async () => {
      const s = await sandbox();
      const ids: string[] = [];
      for (const attempt of [0, 1]) {
        ids.unshift(await start(s, 'exit 1', { attempt }));
        await exited(s, ids[0]!);
      }
      const pod = await runtime().pod(s.config.pod.uid);
      assert.deepEqual(
        pod?.containers.map((c) => [c.id, c.attempt]),
        [
          [ids[0], 1],
          [ids[1], 0],
        ],
      );
      await runtime().removeContainer(ids[1]!);
      assert.equal((await runtime().pod(s.config.pod.uid))?.containers.length, 1);
    });

    it('logs: all, the tail, with times, of the time since, of an ended container', async () => {
      const s = await sandbox();
      const id = await start(s, 'echo one; sleep 1.2; echo two; echo three');
      const done = await exited(s, id);
      assert.equal(await logs(id), 'one\ntwo\nthree\n');
      assert.equal(await logs(id, { tailLines: 2 }), 'two\nthree\n');
      assert.equal(await logs(id, { tailLines: 0 }), '');
      assert.equal(await logs(id, { since: done.startedAt + 700 }), 'two\nthree\n');
      assert.match(
        await logs(id, { timestamps: true, tailLines: 1 }),
        /^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+\d\d:\d\d) three\n$/,
      );
    });

    it('following logs goes on until the container ends', async () => {
      const s = await sandbox();
      const id = await start(s, 'echo one; sleep 0.6; echo two');
      let text = '';
      const reading = (async () => {
        for await (const chunk of runtime().logs(id, {
          follow: true,
          timestamps: false,
          stream: 'All',
          signal: never,
        }))
          text += chunk.toString();
        return true;
      })();
      let over = false;
      reading.then(() => {
        over = true;
      });
      await until(async () => over);
      assert.equal(text, 'one\ntwo\n');
    });

    it('logs of a container that is not there are refused', async () => {
      await assert.rejects(logs('0000'), { name: 'RuntimeError', reason: 'NotFound' });
    });

    it('knows images by name and says when there is none', async () => {
      const ref = await runtime().pullImage(subject().image, [], never);
      const image = await runtime().imageStatus(subject().image);
      assert.equal(image?.id, ref);
      assert.ok((image?.sizeBytes ?? 0) > 0);
      assert.ok((await runtime().images()).some((i) => i.id === ref));
      assert.equal(await runtime().imageStatus(subject().missingImage), undefined);
    });

    it('a pull that cannot be is ErrImagePull, a name that is none InvalidImageName', async () => {
      await assert.rejects(runtime().pullImage(subject().missingImage, [], never), { reason: 'ErrImagePull' });
      await assert.rejects(runtime().pullImage('Not A Name', [], never), { reason: 'InvalidImageName' });
    });

    it('a sandbox that is not there takes no containers', async () => {
      const s = await sandbox();
      await runtime().removeSandbox(s.id);
      const config = containerOf(s.config, { imageRef: await runtime().pullImage(subject().image, [], never) });
      await assert.rejects(runtime().createContainer(s.id, config), { reason: 'NotFound' });
    });

    if (!processes) return;
    describe('with processes', () => {
      it('runs a command inside and returns what it says', async () => {
        const s = await sandbox();
        const id = await start(s, 'sleep 1000', { env: [['WHO', 'wörld']] });
        const r = await runtime().execSync(id, ['sh', '-c', 'echo "hello $WHO"; echo bad >&2; exit 3'], 5000);
        assert.deepEqual([r.exitCode, r.stdout.toString(), r.stderr.toString()], [3, 'hello wörld\n', 'bad\n']);
        assert.equal((await runtime().execSync(id, ['hostname'], 5000)).stdout.toString(), `${s.config.hostname}\n`);
        assert.match(
          (await runtime().execSync(id, ['cat', '/etc/resolv.conf'], 5000)).stdout.toString(),
          /nameserver 10\.96\.0\.10/,
        );
      });

      it('a command inside that takes too long is a Timeout', async () => {
        const s = await sandbox();
        const id = await start(s, 'sleep 1000');
        await assert.rejects(runtime().execSync(id, ['sleep', '30'], 1000), { reason: 'Timeout' });
      });

      it('a stop with grace asks first', async () => {
        const s = await sandbox();
        const id = await start(s, 'trap "echo bye; exit 4" TERM; while :; do sleep 0.1; done');
        await until(async () => (await record(s, id)).state === 'running');
        await runtime().stopContainer(id, 5000);
        assert.equal((await record(s, id)).exitCode, 4);
        assert.equal(await logs(id), 'bye\n');
      });

      it('the two streams of a log are told apart', async () => {
        const s = await sandbox();
        const id = await start(s, 'echo out; echo err >&2');
        await exited(s, id);
        assert.equal(await logs(id, { stream: 'Stdout' }), 'out\n');
        assert.equal(await logs(id, { stream: 'Stderr' }), 'err\n');
        assert.equal(await logs(id, { limitBytes: 2 }).then((t) => t.length), 2);
      });

      it('last words come from the file, or from the log when the policy says so', async () => {
        const { mkdtemp, writeFile, rm } = await import('node:fs/promises');
        const dir = await mkdtemp(`${subject().logsDir}/words-`);
        const file = `${dir}/termination-log`;
        await writeFile(file, '');
        const s = await sandbox();
        const mounts = [
          { hostPath: file, containerPath: '/dev/termination-log', readOnly: false, propagation: 'None' as const },
        ];
        const spoken = await start(s, 'echo "no disk" > /dev/termination-log; exit 1', { mounts, name: 'a' });
        assert.equal((await exited(s, spoken)).message.trim(), 'no disk');
        const silent = await start(s, 'echo from the log; exit 1', {
          name: 'b',
          terminationMessagePolicy: 'FallbackToLogsOnError',
        });
        assert.equal((await exited(s, silent)).message.trim(), 'from the log');
        await rm(dir, { recursive: true });
      });

      it('user, groups, capabilities and a read-only root are as asked', async () => {
        const s = await sandbox();
        const id = await start(s, 'sleep 1000', {
          securityContext: {
            privileged: false,
            runAsUser: 1234,
            runAsGroup: 2345,
            supplementalGroups: [3456],
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { add: ['NET_ADMIN'], drop: ['CHOWN'] },
          },
        });
        const sh = async (script: string) =>
          (await runtime().execSync(id, ['sh', '-c', script], 5000)).stdout.toString().trim();
        assert.equal(await sh('id -u; id -g; id -G'), '1234\n2345\n2345 3456');
        assert.equal(await sh('touch /x 2>/dev/null || echo no'), 'no');
        assert.equal(await sh('grep NoNewPrivs /proc/1/status | tr -d "\\t"'), 'NoNewPrivs:1');
      });

      it('a privileged container of a privileged sandbox may do anything', async () => {
        const s = await sandbox({ securityContext: { privileged: true, supplementalGroups: [] } });
        const { securityContext } = containerOf(s.config, {});
        const id = await start(s, 'sleep 1000', { securityContext: { ...securityContext, privileged: true } });
        const r = await runtime().execSync(id, ['sh', '-c', 'mkdir /m; mount -t tmpfs none /m && echo yes'], 5000);
        assert.equal(r.stdout.toString(), 'yes\n');
      });

      it('a container that takes more memory than it may is OOMKilled', async () => {
        const s = await sandbox();
        const id = await start(s, 'x=a; while :; do x=$x$x$x$x; done', {
          resources: { memoryLimit: 16 * 1024 * 1024, oomScoreAdj: 1000 },
        });
        const done = await exited(s, id);
        assert.deepEqual([done.reason, done.exitCode], ['OOMKilled', 137]);
      });

      it('a command that is not there is a RunContainerError with its name', async () => {
        const s = await sandbox();
        const imageRef = await runtime().pullImage(subject().image, [], never);
        const config = containerOf(s.config, { image: subject().image, imageRef, command: ['/no/such'] });
        const id = await runtime().createContainer(s.id, config);
        await assert.rejects(runtime().startContainer(id), /\/no\/such/);
      });

      it('containers of a pod share its network and, when asked, its processes', async () => {
        const s = await sandbox({ shareProcessNamespace: true });
        const a = await start(s, 'httpd -f -p 8080 -h /etc', { name: 'a' });
        const b = await start(s, 'sleep 1000', { name: 'b' });
        await until(
          async () =>
            (await runtime().execSync(b, ['wget', '-q', '-O', '-', 'http://127.0.0.1:8080/group'], 5000)).exitCode ===
            0,
        );
        const ps = (await runtime().execSync(b, ['ps'], 5000)).stdout.toString();
        assert.match(ps, /httpd/);
        assert.equal((await record(s, a)).state, 'running');
      });

      it('a container that targets another is among its processes', async () => {
        const s = await sandbox();
        const target = await start(s, 'httpd -f -p 8080 -h /etc', { name: 'a' });
        const processesFrom = async (extra: Partial<ContainerConfig>) => {
          const id = await start(s, 'sleep 1000', extra);
          return (await runtime().execSync(id, ['ps'], 5000)).stdout.toString();
        };
        assert.match(await processesFrom({ name: 'b', targetId: target }), /httpd/);
        assert.doesNotMatch(await processesFrom({ name: 'c' }), /httpd/);
      });

      it('whoever comes later finds everything', async () => {
        const { reopen } = subject();
        assert.ok(reopen);
        const s = await sandbox();
        const id = await start(s, 'sleep 1000', { attempt: 2, hash: 'cafe' });
        const later = await reopen();
        try {
          const pod = (await later.pods()).find((p) => p.pod.uid === s.config.pod.uid);
          assert.deepEqual(pod?.pod, s.config.pod);
          const [c] = pod?.containers ?? [];
          assert.deepEqual(
            [c?.id, c?.name, c?.attempt, c?.hash, c?.state, c?.sandboxId],
            [id, 'main', 2, 'cafe', 'running', s.id],
          );
          const imageRef = await later.pullImage(subject().image, [], never);
          const second = containerOf(s.config, {
            image: subject().image,
            imageRef,
            name: 'second',
            command: ['echo', 'hi'],
          });
          const added = await later.createContainer(s.id, second);
          await later.startContainer(added);
          await exited(s, added);
          assert.equal(await logs(added), 'hi\n');
          assert.ok((await record(s, added)).logPath.startsWith(s.config.logDirectory));
        } finally {
          await later[Symbol.asyncDispose]();
        }
      });
    });
  });
}

/**
 * B15: what a person at a terminal waits for. The kubectl that the tests use, as a process of its own for every command. Where
 * controllers are needed they are ours, beside the peer too.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { kubeconfigText } from '../../src/cluster/pki/kubeconfig.ts';
import { toolPath } from '../../test/harness/kubectl.ts';
import { configMap } from '../fixtures/objects.ts';
import { makeNamespace } from '../harness/identity.ts';
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import { temporaryDirectory } from '../harness/servers.ts';
import type { Target } from '../harness/target.ts';
import { fillPods, pods } from './b5-list.ts';
import { fill, isQuick } from './load.ts';

const run_ = promisify(execFile);
const COMMAND_MS = 300_000;
const PROGRAM = new URL('../../bin/keelson.js', import.meta.url).pathname;
const PORT_OF_CONTROLLERS = 3;
const CONTROLLERS_MS = 5000;

export const b15: Scenario = {
  id: 'B15',
  title: 'kubectl: get 10 000 pods, apply 500 objects, wait, delete a namespace of 1000 pods (a tenth with --quick)',
  prepare: fillPods,
  cases(context: Context): Case[] {
    const tenth = isQuick(context) ? 10 : 1;
    const [applied, waited, deleted] = [500 / tenth, 100 / tenth, 1000 / tenth];
    const common = { unit: 'ms', better: 'lower', withoutFloor: true } as const;
    return [
      {
        ...common,
        name: `get pods -A of ${pods(context)}`,
        measure: (target) => getPods(context, target),
      },
      {
        ...common,
        name: `apply of ${applied} ConfigMaps`,
        measure: (target, run) => apply(context, target, run, applied),
      },
      {
        ...common,
        name: `wait for ${waited} pods that are ready`,
        measure: (target) => wait(context, target, waited),
      },
      {
        ...common,
        name: `delete of a namespace with ${deleted} pods`,
        once: true,
        measure: (target, run) => deleteNamespace(context, target, run, deleted),
      },
    ];
  },
};

/** A kubeconfig file of the administrator's and whatever else a command reads. */
async function desk(target: Target) {
  const { dir, [Symbol.dispose]: dispose } = temporaryDirectory();
  const { server, ca = '', cert, key, token } = target.admin!;
  const credentials =
    cert !== undefined && key !== undefined
      ? { certificate: cert, key }
      : { token: typeof token === 'function' ? token() : (token ?? '') };
  const kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText({ server, ca, user: 'admin', credentials }), { mode: 0o600 });
  const path = await toolPath('kubectl');
  const env = { PATH: process.env.PATH ?? '', HOME: dir, KUBECONFIG: kubeconfig };
  const kubectl = async (...args: string[]) =>
    (await run_(path, args, { env, maxBuffer: 64 << 20, timeout: COMMAND_MS })).stdout;
  // Discovery is cached on disk: the second command of a session is measured, not the first.
  await kubectl('api-resources', '--no-headers');
  return { dir, kubeconfig, kubectl, [Symbol.dispose]: dispose };
}

async function timed(operations: number, command: () => Promise<string>, check: (out: string) => string | undefined) {
  const began = systemClock.monotonic();
  const out = await command();
  const value = systemClock.monotonic() - began;
  const wrong = check(out);
  if (wrong !== undefined) throw new Error(wrong);
  return { value, operations } satisfies Measurement;
}

const lines = (text: string) => text.split('\n').length - 1;

async function getPods(context: Context, target: Target): Promise<Measurement> {
  using at = await desk(target);
  return await timed(
    pods(context),
    () => at.kubectl('get', 'pods', '-A', '--no-headers'),
    (out) => (lines(out) >= pods(context) ? undefined : `${lines(out)} lines`),
  );
}

async function apply({ namespace }: Context, target: Target, run: string, objects: number): Promise<Measurement> {
  using at = await desk(target);
  const file = join(at.dir, 'objects.json');
  const items = Array.from({ length: objects }, (_, i) => configMap(`${run}-${i}`, namespace));
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return await timed(
    objects,
    () => at.kubectl('apply', '-f', file),
    (out) => (lines(out) === objects ? undefined : `${lines(out)} objects applied`),
  );
}

async function wait({ namespace }: Context, target: Target, objects: number): Promise<Measurement> {
  using at = await desk(target);
  const names = Array.from({ length: objects }, (_, i) => `pod/pod-${i}`);
  return await timed(
    objects,
    () => at.kubectl('wait', '-n', namespace, '--for=condition=Ready', '--timeout=60s', ...names),
    (out) => (lines(out) === objects ? undefined : `${lines(out)} pods waited for`),
  );
}

async function deleteNamespace(context: Context, target: Target, run: string, objects: number): Promise<Measurement> {
  using at = await desk(target);
  const namespace = `bench-delete-${run}`;
  await makeNamespace(target.admin!, namespace);
  await fill({ ...context, namespace }, target, 'fillPendingPods', objects);
  const controllers = startControllers(context, at.kubeconfig);
  try {
    await systemClock.sleep(CONTROLLERS_MS);
    return await timed(
      objects,
      () => at.kubectl('delete', 'namespace', namespace, '--timeout=240s'),
      (out) => (out.includes('deleted') ? undefined : out),
    );
  } finally {
    controllers.kill('SIGTERM');
  }
}

function startControllers(context: Context, kubeconfig: string): ChildProcess {
  const args = [
    'kube-controller-manager',
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    `--secure-port=${context.port(PORT_OF_CONTROLLERS)}`,
    '--controllers=namespace-controller,garbage-collector-controller',
  ];
  return spawn(process.execPath, [PROGRAM, ...args], { stdio: 'ignore' });
}

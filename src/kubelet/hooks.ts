/** Lifecycle hooks: exec, HTTP GET and sleep. Upstream: pkg/kubelet/lifecycle/handlers.go */
import type { Container, LifecycleHandler } from '../api/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import { httpGet, httpUrl, resolvePort } from './prober/probe.ts';
import type { ContainerRuntime } from './runtime/container-runtime.ts';

export interface HookTarget {
  runtime: ContainerRuntime;
  clock: Clock;
  containerId: string;
  container: Container;
  podIP: string;
}

/** Runs a hook to its end. @throws Error with what went wrong; the caller decides what follows from it. */
export async function runHook(target: HookTarget, hook: LifecycleHandler, signal: AbortSignal): Promise<void> {
  const { runtime, containerId, container, podIP } = target;
  // A container that runs no process has nothing to call, but a sleep still takes its time.
  const simulated = runtime.answerProbe !== undefined;
  if (hook.sleep) await target.clock.sleep(hook.sleep.seconds * 1000, signal);
  else if (simulated) return;
  else if (hook.exec) {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerId, hook.exec.command ?? [], 0);
    if (exitCode !== 0)
      throw new Error(`command '${(hook.exec.command ?? []).join(' ')}' exited with ${exitCode}: ${stderr}${stdout}`);
  } else if (hook.httpGet) {
    // Any answer will do: only a hook that cannot be called has failed.
    await httpGet(target, httpUrl(target, hook.httpGet), hook.httpGet, 'kube-lifecycle', signal);
  } else if (hook.tcpSocket) {
    (await runtime.dial(hook.tcpSocket.host || podIP, resolvePort(hook.tcpSocket.port, container), signal)).destroy();
  }
}

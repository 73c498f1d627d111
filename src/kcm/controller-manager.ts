/**
 * All controllers of a process over one client and one set of shared informers. Used by src/cmd (with leader election
 * around it) and by src/cluster, on any clock. Upstream: cmd/kube-controller-manager/app
 */
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { InformerFactory } from '../client/informer-factory.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { CONTROLLERS, isControllerEnabled, validateControllerFlags } from './controllers.ts';
import type { ControllerManagerFlags } from './flags.ts';
import { DEFAULT_FLAGS } from './flags.ts';
import { ControllerMetrics } from './metrics.ts';
import { serviceAccountOf } from './service-accounts.ts';

export interface ControllerManagerOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Ends the controllers, as disposing does. */
  signal?: AbortSignal;
  flags?: Partial<ControllerManagerFlags>;
  metrics?: ControllerMetrics;
  /** The client of a controller that acts as a service account of kube-system; caches are filled by `client` all the same. */
  clientAs?(serviceAccount: string): Client;
}

export interface ControllerManager extends AsyncDisposable {
  /** Names of the controllers that run. */
  readonly controllers: readonly string[];
  readonly metrics: ControllerMetrics;
  /** Resolves when the caches are filled and all controllers work. */
  readonly ready: Promise<void>;
  /** Resolves when all have ended. */
  readonly done: Promise<void>;
}

/** Starts the controllers that `flags.controllers` names; disposing ends them and waits for work in progress. */
export async function startControllerManager(options: ControllerManagerOptions): Promise<ControllerManager> {
  const { client, clock, random, log } = options;
  const flags: ControllerManagerFlags = { ...DEFAULT_FLAGS, ...options.flags };
  const problems = validateControllerFlags(flags.controllers);
  if (problems.length > 0) throw new Error(problems.join(', '));
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const metrics = options.metrics ?? new ControllerMetrics();
  const informers = new InformerFactory({ client, clock, random, log });
  const contextFor = (own: Client): ControllerContext => {
    const recorders = new Map<string, EventRecorder>();
    return {
      client: own,
      clock,
      random,
      log,
      metrics,
      flags,
      informers,
      signal,
      recorder(component) {
        let recorder = recorders.get(component);
        if (!recorder) {
          recorder = new EventRecorder({ client: own, clock, random, log, component, signal });
          recorders.set(component, recorder);
        }
        return recorder;
      },
    };
  };
  const shared = contextFor(client);

  const running: { name: string; controller: Controller }[] = [];
  for (const descriptor of CONTROLLERS) {
    if (!isControllerEnabled(descriptor, flags.controllers)) continue;
    const own = options.clientAs?.(serviceAccountOf(descriptor.name));
    const controller = descriptor.start(own === undefined ? shared : contextFor(own));
    if (controller) running.push({ name: descriptor.name, controller });
    else log.info('skipping controller', { controller: descriptor.name });
  }
  informers.start(signal);
  const ready = informers.synced();
  const done = untilSynced(ready, signal).then(async () => {
    if (signal.aborted) return;
    await Promise.all(
      running.map(async ({ name, controller }) => {
        log.debug('starting controller', { controller: name });
        await controller.run(signal);
      }),
    );
  });
  background('controller manager', done, log);
  return {
    controllers: running.map((r) => r.name),
    metrics,
    ready,
    done,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done.catch(() => {});
    },
  };
}

/** Resolves when `ready` does, or the signal aborts. */
function untilSynced(ready: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener('abort', end);
      resolve();
    };
    if (signal.aborted) return end();
    signal.addEventListener('abort', end);
    ready.then(end, end);
  });
}

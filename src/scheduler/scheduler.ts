/**
 * The scheduler as a component: informers feed cache and queue, one loop takes pods and schedules them. Runs against any
 * conformant API server. Upstream: pkg/scheduler/{scheduler,eventhandlers}.go
 */
import type { Node, Pod } from '../api/core-v1.ts';
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { InformerFactory } from '../client/informer-factory.ts';
import { NODES, PODS } from '../client/resources.ts';
import { SchedulerCache } from './cache/scheduler-cache.ts';
import { Framework } from './framework/framework.ts';
import type { EventKind } from './framework/plugin.ts';
import { defaultPlugins } from './plugins/default-plugins.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { ScheduleOne } from './schedule-one.ts';

export interface SchedulerOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Ends the scheduler, besides its own disposal. */
  signal?: AbortSignal;
  /** Pods of other schedulers are left alone. Default: `default-scheduler`. */
  schedulerName?: string;
}

/** At most this long (ms) without letting the event loop turn while pods wait. */
const SLICE = 10;

/** Resolves when the caches are filled and pods are being scheduled. */
export async function startScheduler(options: SchedulerOptions): Promise<AsyncDisposable> {
  const { client, clock, random, log, schedulerName = 'default-scheduler' } = options;
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const recorder = new EventRecorder({ client, clock, random, log, component: schedulerName, signal });
  const cache = new SchedulerCache();
  const framework = new Framework(schedulerName, defaultPlugins(client, cache));
  const frameworks = new Map([[schedulerName, framework]]);
  const queue = new SchedulingQueue({
    clock,
    less: framework.less,
    plugins: framework.plugins,
    preEnqueue: (pod) => framework.preEnqueue(pod),
  });
  signal.addEventListener('abort', () => queue.close(), { once: true });

  const informers = new InformerFactory({ client, clock, random, log });
  const pods = informers.informer<Pod>(PODS, { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' });
  const nodes = informers.informer<Node>(NODES);
  nodes.addHandler(nodeHandler(cache, queue));
  pods.addHandler(podHandler(cache, queue, frameworks));
  informers.start(signal);
  await informers.synced();

  const loop = run(queue, new ScheduleOne({ client, clock, random, log, recorder, cache, queue, frameworks }), clock);
  background('scheduler', loop, log);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await loop;
    },
  };
}

async function run(queue: SchedulingQueue, scheduleOne: ScheduleOne, clock: Clock): Promise<void> {
  let sliceStart = clock.monotonic();
  for (let item = await queue.pop(); item !== undefined; item = await queue.pop()) {
    scheduleOne.run(item);
    // A full queue resolves at once, for ever: without this the binds it started would never leave the process.
    if (clock.monotonic() - sliceStart > SLICE || queue.sizes.inFlight > 256) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      sliceStart = clock.monotonic();
    }
  }
}

function nodeHandler(cache: SchedulerCache, queue: SchedulingQueue) {
  return {
    added(node: Node) {
      cache.setNode(node);
      queue.moveAll({ kind: 'NodeAdd', oldObject: undefined, newObject: node });
    },
    updated(old: Node, node: Node) {
      cache.setNode(node);
      for (const kind of nodeChanges(old, node)) queue.moveAll({ kind, oldObject: old, newObject: node });
    },
    deleted(node: Node) {
      cache.removeNode(node.metadata.name ?? '');
    },
  };
}

/** What of a node changed that scheduling depends on; heartbeats change nothing of it. */
function nodeChanges(old: Node, node: Node): EventKind[] {
  const differs = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  const kinds: EventKind[] = [];
  if (differs(old.status?.allocatable, node.status?.allocatable)) kinds.push('NodeUpdateAllocatable');
  if (differs(old.metadata.labels, node.metadata.labels)) kinds.push('NodeUpdateLabel');
  if (differs(old.spec?.taints, node.spec?.taints)) kinds.push('NodeUpdateTaint');
  if (old.spec?.unschedulable !== node.spec?.unschedulable) kinds.push('NodeUpdateSpec');
  return kinds;
}

function podHandler(cache: SchedulerCache, queue: SchedulingQueue, frameworks: ReadonlyMap<string, Framework>) {
  const isOurs = (pod: Pod) => frameworks.has(pod.spec?.schedulerName ?? 'default-scheduler');
  const keyOf = (pod: Pod) => `${pod.metadata.namespace}/${pod.metadata.name}`;
  const placed = (pod: Pod, kind: EventKind, old: Pod | undefined) => {
    cache.setPod(pod);
    queue.moveAll({ kind, oldObject: old, newObject: pod });
  };
  return {
    added(pod: Pod) {
      if (pod.spec?.nodeName) placed(pod, 'AssignedPodAdd', undefined);
      else if (isOurs(pod)) queue.add(pod);
    },
    updated(old: Pod, pod: Pod) {
      if (pod.spec?.nodeName) {
        if (old.spec?.nodeName) placed(pod, 'AssignedPodUpdate', old);
        else {
          queue.delete(keyOf(pod));
          placed(pod, 'AssignedPodAdd', undefined);
        }
      } else if (isOurs(pod) && !cache.isAssumed(pod.metadata.uid ?? '')) queue.update(pod);
    },
    deleted(pod: Pod) {
      queue.delete(keyOf(pod));
      cache.removePod(pod.metadata.uid ?? '');
      if (pod.spec?.nodeName) queue.moveAll({ kind: 'AssignedPodDelete', oldObject: pod, newObject: undefined });
    },
  };
}

/**
 * One pod from queue to node. The scheduling cycle finds a node and assumes the pod there, synchronously; the binding cycle tells the
 * API server while the next pod is already being scheduled. Every path that fails undoes what was reserved.
 * Upstream: pkg/scheduler/schedule_one.go
 */
import type { Pod, PodCondition } from '../api/core-v1.ts';
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { PODS } from '../client/resources.ts';
import { isNotFound } from '../machinery/errors/status-error.ts';
import { formatTime } from '../machinery/meta/time.ts';
import type { SchedulerCache } from './cache/scheduler-cache.ts';
import { fitErrorMessage } from './framework/fit-error.ts';
import type { Framework } from './framework/framework.ts';
import type { NodeInfo, PodInfo } from './framework/node-info.ts';
import type { CycleState, NodeScore } from './framework/plugin.ts';
import { errorStatus, isRejected, type Status } from './framework/status.ts';
import type { QueuedPod, SchedulingQueue } from './queue/scheduling-queue.ts';

/** Below this many nodes all are looked at. */
const MIN_FEASIBLE_NODES = 100;
const MIN_FEASIBLE_PERCENTAGE = 5;

export interface ScheduleOneOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  recorder: EventRecorder;
  cache: SchedulerCache;
  queue: SchedulingQueue;
  frameworks: ReadonlyMap<string, Framework>;
}

type Placement =
  | { nodeName: string }
  | { status: Status; message: string; rejectedBy: ReadonlySet<string>; nominatedNodeName?: string };

export class ScheduleOne {
  readonly #o: ScheduleOneOptions;
  /** Where the last search for feasible nodes ended: the next begins there, so that all nodes get their turn. */
  #nextStart = 0;

  constructor(options: ScheduleOneOptions) {
    this.#o = options;
  }

  /** Schedules one pod taken from the queue. Returns when the scheduling cycle is over; binding goes on by itself. */
  run(item: QueuedPod): void {
    const { pod } = item.pod;
    const framework = this.#o.frameworks.get(pod.spec?.schedulerName ?? 'default-scheduler');
    if (framework === undefined || this.#skip(item.pod)) return this.#o.queue.done(item.key);
    const state: CycleState = new Map();
    const placement = this.#schedulingCycle(framework, state, item.pod);
    if ('status' in placement) return this.#fail(item, placement);
    background('binding cycle', this.#bindingCycle(framework, state, item, placement.nodeName), this.#o.log);
  }

  /** A pod that is going away, or that was already assumed while this entry waited. */
  #skip(info: PodInfo): boolean {
    const { pod } = info;
    if (pod.metadata.deletionTimestamp) {
      const note = `skip schedule deleting pod: ${pod.metadata.namespace}/${pod.metadata.name}`;
      this.#o.recorder.eventV1(pod, undefined, 'Warning', 'FailedScheduling', 'Scheduling', note);
      return true;
    }
    return this.#o.cache.isAssumed(info.uid);
  }

  #schedulingCycle(framework: Framework, state: CycleState, pod: PodInfo): Placement {
    const nodes = this.#o.cache.nodes();
    if (nodes.length === 0) {
      const message = 'no nodes available to schedule pods';
      return { status: { code: 'Unschedulable', reasons: [message] }, message, rejectedBy: allPlugins(framework) };
    }
    const found = this.#findFeasible(framework, state, pod, nodes);
    if ('status' in found) return found;
    const { feasible } = found;
    let chosen = feasible[0]!;
    if (feasible.length > 1) {
      const { totals, status } = framework.score(state, pod, feasible);
      if (status !== undefined) return failure(status);
      chosen = this.#selectHost(totals);
    }
    this.#o.cache.assume(pod, chosen.name);
    const reserved = framework.reserve(state, pod, chosen.name);
    if (reserved !== undefined) {
      this.#undo(framework, state, pod, chosen.name);
      return failure(reserved);
    }
    return { nodeName: chosen.name };
  }

  #findFeasible(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    nodes: readonly NodeInfo[],
  ): { feasible: NodeInfo[] } | Exclude<Placement, { nodeName: string }> {
    const pre = framework.preFilter(state, pod, nodes);
    const rejected = new Map<string, Status>();
    if (pre.status !== undefined) {
      if (!isRejected(pre.status)) return failure(pre.status);
      return this.#unschedulable(framework, state, pod, nodes.length, rejected, pre.status);
    }
    const named = pre.nodeNames;
    // By name first: a daemon pod looks at its one node instead of at all.
    const candidates = named === undefined ? nodes : [...named].flatMap((n) => this.#o.cache.node(n) ?? []);
    const wanted = feasibleNodesToFind(candidates.length);
    const feasible: NodeInfo[] = [];
    let looked = 0;
    const start = candidates.length === 0 ? 0 : this.#nextStart % candidates.length;
    for (; looked < candidates.length && feasible.length < wanted; looked++) {
      const node = candidates[(start + looked) % candidates.length]!;
      const status = framework.filter(state, pod, node, pre.skipped);
      if (status === undefined) feasible.push(node);
      else if (status.code === 'Error') return failure(status);
      else rejected.set(node.name, status);
    }
    this.#nextStart = candidates.length === 0 ? 0 : (start + looked) % candidates.length;
    if (feasible.length > 0) return { feasible };
    if (named !== undefined) {
      const absent: Status = {
        code: 'UnschedulableAndUnresolvable',
        reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"],
        plugin: 'NodeAffinity',
      };
      for (const n of nodes) if (!named.has(n.name)) rejected.set(n.name, absent);
    }
    return this.#unschedulable(framework, state, pod, nodes.length, rejected, undefined);
  }

  #unschedulable(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    numAllNodes: number,
    rejected: ReadonlyMap<string, Status>,
    preFilter: Status | undefined,
  ): Exclude<Placement, { nodeName: string }> {
    const rejectedBy = new Set(
      [...rejected.values(), ...(preFilter ? [preFilter] : [])].flatMap((s) => s.plugin ?? []),
    );
    const post = framework.postFilter(state, pod, rejected);
    const message = fitErrorMessage({
      numAllNodes,
      rejected,
      unschedulablePlugins: rejectedBy,
      preFilterMessage: preFilter?.reasons.join(', ') ?? '',
      postFilterMessage: post.status?.reasons.join(', ') ?? '',
    });
    return {
      status: { code: 'Unschedulable', reasons: [message] },
      message,
      rejectedBy,
      ...(post.nominatedNodeName === undefined ? {} : { nominatedNodeName: post.nominatedNodeName }),
    };
  }

  /** The highest total; among equals each with the same chance. */
  #selectHost(totals: readonly NodeScore[]): NodeInfo {
    let best = totals[0]!;
    let ties = 1;
    for (const t of totals.slice(1)) {
      if (t.score > best.score) {
        best = t;
        ties = 1;
      } else if (t.score === best.score && this.#o.random.int(++ties) === 0) best = t;
    }
    return best.node;
  }

  async #bindingCycle(framework: Framework, state: CycleState, item: QueuedPod, nodeName: string): Promise<void> {
    const status = await this.#permitAndBind(framework, state, item.pod, nodeName);
    if (status === undefined) {
      this.#o.queue.done(item.key);
      const { pod } = item.pod;
      const note = `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${nodeName}`;
      this.#o.recorder.eventV1(pod, undefined, 'Normal', 'Scheduled', 'Binding', note);
      return;
    }
    this.#undo(framework, state, item.pod, nodeName);
    // The room that the pod held is free again: others may have been turned away because of it.
    this.#o.queue.moveAll({ kind: 'AssignedPodDelete', oldObject: item.pod.pod, newObject: undefined });
    if (isNotFound(status.cause)) return this.#o.queue.done(item.key);
    this.#fail(item, failure(status));
  }

  async #permitAndBind(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    nodeName: string,
  ): Promise<Status | undefined> {
    try {
      return (await framework.permit(state, pod, nodeName)) ?? (await framework.bind(state, pod, nodeName));
    } catch (err) {
      return errorStatus(err);
    }
  }

  #undo(framework: Framework, state: CycleState, pod: PodInfo, nodeName: string): void {
    framework.unreserve(state, pod, nodeName);
    this.#o.cache.forget(pod.uid);
  }

  #fail(item: QueuedPod, why: Exclude<Placement, { nodeName: string }>): void {
    const reason = isRejected(why.status) ? 'Unschedulable' : 'SchedulerError';
    if (reason === 'SchedulerError')
      this.#o.log.error('scheduling failed', { pod: item.key, err: why.status.cause ?? why.message });
    if (!this.#o.queue.failed(item.key, reason === 'Unschedulable' ? why.rejectedBy : new Set())) return;
    const { pod } = item.pod;
    this.#o.recorder.eventV1(pod, undefined, 'Warning', 'FailedScheduling', 'Scheduling', truncate(why.message));
    background('pod condition', this.#report(pod, reason, why.message, why.nominatedNodeName), this.#o.log);
  }

  /** Writes the PodScheduled condition, if it says something new. */
  async #report(pod: Pod, reason: string, message: string, nominatedNodeName: string | undefined): Promise<void> {
    const current = pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
    const nominationChanges = nominatedNodeName !== undefined && nominatedNodeName !== pod.status?.nominatedNodeName;
    const generation = pod.metadata.generation;
    const same =
      current?.status === 'False' &&
      current.reason === reason &&
      current.message === message &&
      current.observedGeneration === generation;
    if (same && !nominationChanges) return;
    const now = formatTime(this.#o.clock.now());
    const condition: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastTransitionTime: current?.status === 'False' ? (current.lastTransitionTime ?? now) : now,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    const patch = {
      metadata: { uid: pod.metadata.uid },
      status: { conditions: [condition], ...(nominationChanges ? { nominatedNodeName } : {}) },
    };
    try {
      await this.#o.client.patch(PODS, pod.metadata.name ?? '', 'strategic', patch, {
        namespace: pod.metadata.namespace ?? '',
        subresource: 'status',
      });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}

function failure(status: Status): Exclude<Placement, { nodeName: string }> {
  return {
    status,
    message: status.reasons.join(', '),
    rejectedBy: new Set(status.plugin === undefined ? [] : [status.plugin]),
  };
}

function allPlugins(framework: Framework): ReadonlySet<string> {
  return new Set(framework.plugins.map((p) => p.name));
}

/** Events hold at most 1024 characters. Upstream: truncateMessage */
function truncate(message: string): string {
  return message.length <= 1024 ? message : `${message.slice(0, 1024 - 4)} ...`;
}

/** How many feasible nodes are enough to choose from. Upstream: numFeasibleNodesToFind */
export function feasibleNodesToFind(numAllNodes: number): number {
  if (numAllNodes < MIN_FEASIBLE_NODES) return numAllNodes;
  const percentage = Math.max(Math.trunc(50 - numAllNodes / 125), MIN_FEASIBLE_PERCENTAGE);
  return Math.max(Math.trunc((numAllNodes * percentage) / 100), MIN_FEASIBLE_NODES);
}

/**
 * The extension points. A plugin is an object with a name and the points it takes part in; the order of the cycle is the order of the
 * members below. Upstream: staging kube-scheduler/framework/interface.go
 *
 * The scheduling cycle (preFilter ... permit) is synchronous and one pod at a time; the binding cycle (preBind ... postBind)
 * is asynchronous, many pods at once. A plugin that reserved something gets `unreserve` whenever the pod is not bound after all.
 */
import type { Pod } from '../../api/core-v1.ts';
import type { NodeInfo, PodInfo } from './node-info.ts';
import type { Status } from './status.ts';

/** Scratch space of one cycle of one pod: plugins keep what preFilter worked out for filter. Keyed by plugin name. */
export type CycleState = Map<string, unknown>;

export interface PreFilterResult {
  status?: Status;
  /** Only these nodes can be feasible. */
  nodeNames?: ReadonlySet<string>;
}

export interface NodeScore {
  node: NodeInfo;
  score: number;
}

export const MAX_NODE_SCORE = 100;

export interface PostFilterResult {
  status?: Status;
  /** Where room is being made for the pod. */
  nominatedNodeName?: string;
}

/** What a change in the cluster was about. */
export type EventKind =
  | 'NodeAdd'
  | 'NodeUpdateAllocatable'
  | 'NodeUpdateLabel'
  | 'NodeUpdateTaint'
  | 'NodeUpdateSpec'
  | 'AssignedPodAdd'
  | 'AssignedPodDelete'
  | 'AssignedPodUpdate'
  | 'PodUpdate';

/** Says whether a change of this kind may make a pod schedulable that the plugin rejected. Absent hint: always. */
export interface EnqueueHint {
  event: EventKind;
  hint?(pod: Pod, oldObject: unknown, newObject: unknown): boolean;
}

export interface Plugin {
  readonly name: string;
  /** Orders the active queue. Exactly one plugin of a profile has it. */
  less?(a: { pod: PodInfo; enqueuedAt: number }, b: { pod: PodInfo; enqueuedAt: number }): boolean;
  /** Keeps a pod out of the active queue. */
  preEnqueue?(pod: Pod): Status | undefined;
  /** Changes that may unblock pods this plugin rejected. */
  events?: readonly EnqueueHint[];
  preFilter?(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): PreFilterResult | undefined;
  filter?(state: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined;
  postFilter?(state: CycleState, pod: PodInfo, rejected: ReadonlyMap<string, Status>): PostFilterResult | undefined;
  preScore?(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): Status | undefined;
  /** 0 to 100 after `normalize`. */
  score?(state: CycleState, pod: PodInfo, node: NodeInfo): number;
  normalize?(state: CycleState, pod: PodInfo, scores: NodeScore[]): void;
  reserve?(state: CycleState, pod: PodInfo, nodeName: string): Status | undefined;
  unreserve?(state: CycleState, pod: PodInfo, nodeName: string): void;
  permit?(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined> | Status | undefined;
  preBind?(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined>;
  /** `Skip` passes on to the next binder. */
  bind?(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined>;
  postBind?(state: CycleState, pod: PodInfo, nodeName: string): void;
}

/** Stretches scores to 0..100 by the highest; `reverse` turns "more is worse" around. Upstream: helper.DefaultNormalizeScore */
export function normalizeToMax(scores: NodeScore[], reverse: boolean): void {
  let max = 0;
  for (const s of scores) max = Math.max(max, s.score);
  for (const s of scores) {
    const score = max === 0 ? 0 : Math.trunc((MAX_NODE_SCORE * s.score) / max);
    s.score = reverse ? MAX_NODE_SCORE - score : score;
  }
}

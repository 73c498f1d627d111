/**
 * Runs the plugins of one profile point by point. Pure of I/O: what talks to the API server is in plugins (bind) and in schedule-one.
 * Upstream: pkg/scheduler/framework/runtime/framework.go
 */
import type { Pod } from '../../api/core-v1.ts';
import type { NodeInfo, PodInfo } from './node-info.ts';
import type { CycleState, NodeScore, Plugin, PostFilterResult } from './plugin.ts';
import { errorStatus, isRejected, type Status, unresolvable } from './status.ts';

export interface WeightedPlugin {
  plugin: Plugin;
  /** Weight of its scores; 1 when absent. */
  weight?: number;
}

export class Framework {
  readonly profileName: string;
  readonly plugins: readonly Plugin[];
  readonly #weights: ReadonlyMap<Plugin, number>;
  readonly #preFilter: Plugin[];
  readonly #filter: Plugin[];
  readonly #score: Plugin[];
  readonly #queueSort: Plugin;

  constructor(profileName: string, plugins: readonly WeightedPlugin[]) {
    this.profileName = profileName;
    this.plugins = plugins.map((p) => p.plugin);
    this.#weights = new Map(plugins.map((p) => [p.plugin, p.weight ?? 1]));
    const names = new Set<string>();
    for (const p of this.plugins) {
      if (names.has(p.name)) throw new Error(`profile ${profileName}: plugin ${p.name} is enabled twice`);
      names.add(p.name);
    }
    this.#preFilter = this.plugins.filter((p) => p.preFilter);
    this.#filter = this.plugins.filter((p) => p.filter);
    this.#score = this.plugins.filter((p) => p.score);
    const sorters = this.plugins.filter((p) => p.less);
    if (sorters.length !== 1)
      throw new Error(`profile ${profileName}: one queue sort plugin required, ${sorters.length} found`);
    this.#queueSort = sorters[0]!;
    if (!this.plugins.some((p) => p.bind))
      throw new Error(`profile ${profileName}: at least one bind plugin is needed`);
  }

  get less(): NonNullable<Plugin['less']> {
    return this.#queueSort.less!.bind(this.#queueSort);
  }

  preEnqueue(pod: Pod): Status | undefined {
    for (const p of this.plugins) {
      const s = p.preEnqueue?.(pod);
      if (s !== undefined) return { ...s, plugin: p.name };
    }
    return undefined;
  }

  /** Narrows the nodes down, or rejects the pod for all of them. `skipped` plugins take no part in `filter`. */
  preFilter(
    state: CycleState,
    pod: PodInfo,
    nodes: readonly NodeInfo[],
  ): { status?: Status; nodeNames?: ReadonlySet<string>; skipped: Set<string> } {
    const skipped = new Set<string>();
    let nodeNames: ReadonlySet<string> | undefined;
    for (const p of this.#preFilter) {
      const r = guard(
        () => p.preFilter?.(state, pod, nodes),
        (err) => ({ status: errorStatus(err) }),
      );
      if (r?.status?.code === 'Skip') skipped.add(p.name);
      else if (r?.status !== undefined) return { status: { ...r.status, plugin: p.name }, skipped };
      if (r?.nodeNames !== undefined) {
        const previous: ReadonlySet<string> | undefined = nodeNames;
        nodeNames = previous === undefined ? r.nodeNames : new Set([...r.nodeNames].filter((n) => previous.has(n)));
        if (nodeNames.size === 0) {
          const status = unresolvable(`node(s) didn't satisfy plugin(s) [${p.name}] simultaneously`);
          return { status: { ...status, plugin: p.name }, skipped };
        }
      }
    }
    return nodeNames === undefined ? { skipped } : { nodeNames, skipped };
  }

  /** The first plugin's refusal, or undefined when the node can take the pod. */
  filter(state: CycleState, pod: PodInfo, node: NodeInfo, skipped: ReadonlySet<string>): Status | undefined {
    for (const p of this.#filter) {
      if (skipped.has(p.name)) continue;
      const s = guard(() => p.filter?.(state, pod, node), errorStatus);
      if (s !== undefined) return { ...s, plugin: p.name };
    }
    return undefined;
  }

  /** Gives every plugin the chance to make room; the first success or final refusal ends it. */
  postFilter(state: CycleState, pod: PodInfo, rejected: ReadonlyMap<string, Status>): PostFilterResult {
    const reasons: string[] = [];
    for (const p of this.plugins) {
      if (p.postFilter === undefined) continue;
      const r = guard(
        () => p.postFilter?.(state, pod, rejected),
        (err) => ({ status: errorStatus(err) }),
      );
      if (r?.status === undefined) return r ?? {};
      if (!isRejected(r.status)) return r;
      reasons.push(...r.status.reasons);
      if (r.nominatedNodeName !== undefined) return r;
    }
    return { status: { code: 'Unschedulable', reasons } };
  }

  /** Total weighted score of each node. */
  score(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): { totals: NodeScore[]; status?: Status } {
    const totals: NodeScore[] = nodes.map((node) => ({ node, score: 0 }));
    for (const p of this.#score) {
      const pre = guard(() => p.preScore?.(state, pod, nodes), errorStatus);
      if (pre?.code === 'Skip') continue;
      if (pre !== undefined) return { totals, status: { ...pre, plugin: p.name } };
      const scores = nodes.map((node) => ({ node, score: p.score?.(state, pod, node) ?? 0 }));
      p.normalize?.(state, pod, scores);
      const weight = this.#weights.get(p) ?? 1;
      for (let i = 0; i < totals.length; i++) totals[i]!.score += scores[i]!.score * weight;
    }
    return { totals };
  }

  reserve(state: CycleState, pod: PodInfo, nodeName: string): Status | undefined {
    for (const p of this.plugins) {
      const s = guard(() => p.reserve?.(state, pod, nodeName), errorStatus);
      if (s !== undefined) return { ...s, plugin: p.name };
    }
    return undefined;
  }

  /** In reverse order; safe to call for plugins that never reserved. */
  unreserve(state: CycleState, pod: PodInfo, nodeName: string): void {
    for (const p of [...this.plugins].reverse()) p.unreserve?.(state, pod, nodeName);
  }

  async permit(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined> {
    for (const p of this.plugins) {
      const s = await p.permit?.(state, pod, nodeName);
      if (s !== undefined) return { ...s, plugin: p.name };
    }
    return undefined;
  }

  async bind(state: CycleState, pod: PodInfo, nodeName: string): Promise<Status | undefined> {
    for (const p of this.plugins) {
      const s = await p.preBind?.(state, pod, nodeName);
      if (s !== undefined && s.code !== 'Skip') return { ...s, plugin: p.name };
    }
    for (const p of this.plugins) {
      if (p.bind === undefined) continue;
      const s = await p.bind(state, pod, nodeName);
      if (s?.code === 'Skip') continue;
      if (s !== undefined) return { ...s, plugin: p.name };
      for (const q of this.plugins) q.postBind?.(state, pod, nodeName);
      return undefined;
    }
    return errorStatus(new Error('no bind plugin took the pod'));
  }
}

/** A plugin that throws must not take the scheduler down with it: the pod fails, others go on. */
function guard<T>(run: () => T, onError: (err: unknown) => T): T {
  try {
    return run();
  } catch (err) {
    return onError(err);
  }
}

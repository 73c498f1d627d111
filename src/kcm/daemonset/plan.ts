/** What one sync of a DaemonSet creates and deletes, and its status. Pure. Upstream: pkg/controller/daemon podsShouldBeOnNode, rollingUpdate */
import type { DaemonSet, DaemonSetStatus } from '../../api/apps-v1.ts';
import type { Node, Pod } from '../../api/core-v1.ts';
import { scaledValueFromIntOrPercent } from '../../machinery/meta/int-or-string.ts';
import { CONTROLLER_REVISION_HASH } from '../history.ts';
import { isPodAvailable, isPodReady, isPodTerminal } from '../pods.ts';
import { isUpdated, placementOn, targetNode } from './nodes.ts';

export interface DaemonView {
  set: DaemonSet;
  nodes: readonly Node[];
  /** By the node they are on or meant for. */
  podsByNode: ReadonlyMap<string, readonly Pod[]>;
  /** Of the current template. */
  hash: string;
  now: number;
}

export interface Changes {
  /** Names of nodes that get a pod. */
  create: string[];
  delete: Pod[];
}

/** What is finished and being deleted is none of our business any more. */
export function groupByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    if (isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined) continue;
    const node = targetNode(pod);
    if (node === undefined) continue;
    const group = groups.get(node);
    if (group) group.push(pod);
    else groups.set(node, [pod]);
  }
  return groups;
}

/** Scheduled before unscheduled, older before younger. */
export function oldestFirst(pods: readonly Pod[]): Pod[] {
  const created = (p: Pod) => Date.parse(p.metadata.creationTimestamp ?? '');
  return [...pods].sort(
    (a, b) =>
      Number(!!b.spec?.nodeName) - Number(!!a.spec?.nodeName) ||
      created(a) - created(b) ||
      (a.metadata.name! < b.metadata.name! ? -1 : 1),
  );
}

function rolling(set: DaemonSet) {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  return type === 'RollingUpdate' ? rollingUpdate : undefined;
}
export function surgeOf(set: DaemonSet, desired: number): number {
  return scaledValueFromIntOrPercent(rolling(set)?.maxSurge ?? 0, desired, { roundUp: true });
}
function unavailableOf(set: DaemonSet, desired: number): number {
  return scaledValueFromIntOrPercent(rolling(set)?.maxUnavailable ?? 0, desired, { roundUp: true });
}

export interface NodeChanges {
  create: boolean;
  delete: Pod[];
  /** Those of `delete` that have ended. */
  failed: Pod[];
  succeeded: Pod[];
  /** A failed pod stays for so many ms yet. */
  backoff?: number;
}

/** What one node needs. `backoff` is asked once for each failed pod: ms that it must wait, undefined when it is to go now. */
export function changesOnNode(
  view: DaemonView,
  node: Node,
  backoff: (node: string) => number | undefined,
): NodeChanges {
  const { set } = view;
  const { shouldRun, shouldContinueRunning } = placementOn(node, set);
  const pods = view.podsByNode.get(node.metadata.name!);
  const out: NodeChanges = { create: false, delete: [], failed: [], succeeded: [] };
  if (shouldRun && !pods) return { ...out, create: true };
  const living = (pods ?? []).filter((p) => p.metadata.deletionTimestamp === undefined);
  if (!shouldContinueRunning) return { ...out, delete: living };

  const running: Pod[] = [];
  for (const pod of living) {
    switch (pod.status?.phase) {
      case 'Failed': {
        const delay = backoff(node.metadata.name!);
        if (delay !== undefined) out.backoff = delay;
        else out.failed.push(pod);
        break;
      }
      case 'Succeeded':
        out.succeeded.push(pod);
        break;
      default:
        running.push(pod);
    }
  }
  out.delete.push(...out.failed, ...out.succeeded);
  if (surgeOf(set, 1) > 0) {
    out.create = running.length === 0 && shouldRun;
    out.delete.push(...excessWithSurge(view, running));
  } else out.delete.push(...oldestFirst(running).slice(1));
  return out;
}

/** Two pods may be on a node while the old one is ready and the new one not yet available. */
function excessWithSurge({ set, hash, now }: DaemonView, running: readonly Pod[]): Pod[] {
  if (running.length <= 1) return [];
  const isNew = (p: Pod) => p.metadata.labels?.[CONTROLLER_REVISION_HASH] === hash;
  const [newest, ...otherNew] = oldestFirst(running.filter(isNew));
  const [old, ...otherOld] = oldestFirst(running.filter((p) => !isNew(p)));
  const replaced =
    newest && old && (!isPodReady(old) || isPodAvailable(newest, set.spec?.minReadySeconds ?? 0, now)) ? [old] : [];
  return [...otherNew, ...otherOld, ...replaced];
}

/** Pods meant for nodes that are gone and never scheduled: nobody else deletes them. */
export function podsWithoutNode({ nodes, podsByNode }: DaemonView): Pod[] {
  const known = new Set(nodes.map((n) => n.metadata.name));
  return [...podsByNode].flatMap(([name, pods]) => (known.has(name) ? [] : pods.filter((p) => !p.spec?.nodeName)));
}

/** The one old and the one new pod of a node; undefined when there are more. */
function oldAndNew(view: DaemonView, pods: readonly Pod[]): { old: Pod | undefined; new: Pod | undefined } | undefined {
  const living = pods.filter((p) => p.metadata.deletionTimestamp === undefined);
  const fresh = living.filter((p) => isUpdated(view.set, p, view.hash));
  const old = living.filter((p) => !isUpdated(view.set, p, view.hash));
  return fresh.length > 1 || old.length > 1 ? undefined : { old: old[0], new: fresh[0] };
}

/** The next step of a rolling update. */
export function rollingUpdate(view: DaemonView): Changes {
  const { set, nodes } = view;
  const wanted = nodes.filter((n) => placementOn(n, set).shouldRun).map((n) => n.metadata.name!);
  const byNode = new Map<string, readonly Pod[]>([
    ...view.podsByNode,
    ...wanted.filter((n) => !view.podsByNode.has(n)).map((n) => [n, []] as const),
  ]);
  const maxSurge = surgeOf(set, wanted.length);
  if (maxSurge > 0) return surge(view, byNode, new Set(wanted), maxSurge);
  return { create: [], delete: replace(view, byNode, Math.max(1, unavailableOf(set, wanted.length))) };
}

/** Old pods to delete: all that are not available, and as many others as may be missing. */
function replace(view: DaemonView, byNode: ReadonlyMap<string, readonly Pod[]>, maxUnavailable: number): Pod[] {
  const isAvailable = (p: Pod) => isPodAvailable(p, view.set.spec?.minReadySeconds ?? 0, view.now);
  let unavailable = 0;
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  for (const pods of byNode.values()) {
    const pair = oldAndNew(view, pods);
    // None, several, or one of each: creating and deleting come first, and until then the node has no daemon.
    if (!pair || (pair.old === undefined) === (pair.new === undefined)) unavailable++;
    else if (pair.new) unavailable += isAvailable(pair.new) ? 0 : 1;
    else if (!isAvailable(pair.old!)) {
      broken.push(pair.old!);
      unavailable++;
    } else candidates.push(pair.old!);
  }
  return [...broken, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable))];
}

function surge(
  view: DaemonView,
  byNode: ReadonlyMap<string, readonly Pod[]>,
  wanted: ReadonlySet<string>,
  maxSurge: number,
): Changes {
  const isAvailable = (p: Pod) => isPodAvailable(p, view.set.spec?.minReadySeconds ?? 0, view.now);
  let surging = 0;
  let available = 0;
  const doomed: Pod[] = [];
  const unwanted: Pod[] = [];
  const create: string[] = [];
  const candidates: string[] = [];
  for (const [node, pods] of byNode) {
    const pair = oldAndNew(view, pods);
    if (!pair) {
      surging++;
      continue;
    }
    const shown = pair.old ?? pair.new;
    if (shown && isAvailable(shown)) available++;
    if (!pair.old) continue;
    if (pair.new) {
      if (isAvailable(pair.new)) doomed.push(pair.old);
      else surging++;
    } else if (!wanted.has(node)) (isAvailable(pair.old) ? unwanted : doomed).push(pair.old);
    else (isAvailable(pair.old) ? candidates : create).push(node);
  }
  // All that is available is wanted until others have taken over.
  doomed.push(...unwanted.slice(0, Math.max(0, available - wanted.size)));
  create.push(...candidates.slice(0, Math.max(0, maxSurge - surging)));
  return { create, delete: doomed };
}

type Counts = Required<
  Pick<
    DaemonSetStatus,
    | 'desiredNumberScheduled'
    | 'currentNumberScheduled'
    | 'numberMisscheduled'
    | 'numberReady'
    | 'updatedNumberScheduled'
    | 'numberAvailable'
    | 'numberUnavailable'
  >
>;

export function countsOf(view: DaemonView): Counts {
  const { set, nodes, podsByNode, now, hash } = view;
  const c: Counts = {
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
    updatedNumberScheduled: 0,
    numberAvailable: 0,
    numberUnavailable: 0,
  };
  for (const node of nodes) {
    const pods = podsByNode.get(node.metadata.name!) ?? [];
    if (!placementOn(node, set).shouldRun) {
      if (pods.length > 0) c.numberMisscheduled++;
      continue;
    }
    c.desiredNumberScheduled++;
    const [pod] = oldestFirst(pods);
    if (!pod) continue;
    c.currentNumberScheduled++;
    if (isPodReady(pod)) c.numberReady++;
    if (isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now)) c.numberAvailable++;
    if (isUpdated(set, pod, hash)) c.updatedNumberScheduled++;
  }
  c.numberUnavailable = c.desiredNumberScheduled - c.numberAvailable;
  return c;
}

/** True when these counts are in the status and it is of the current generation. */
export function isStatusCurrent(set: DaemonSet, counts: Counts): boolean {
  const { status } = set;
  const same = (Object.keys(counts) as (keyof Counts)[]).every((k) => (status?.[k] ?? 0) === counts[k]);
  return same && (status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0);
}

/** The fields that are zero and optional are left out. */
export function statusWith(set: DaemonSet, counts: Counts, observed: boolean): DaemonSetStatus {
  const { updatedNumberScheduled, numberAvailable, numberUnavailable, ...required } = counts;
  const { observedGeneration, collisionCount, conditions } = set.status ?? {};
  const generation = observed ? set.metadata.generation : observedGeneration;
  return {
    ...required,
    ...(generation ? { observedGeneration: generation } : {}),
    ...(updatedNumberScheduled ? { updatedNumberScheduled } : {}),
    ...(numberAvailable ? { numberAvailable } : {}),
    ...(numberUnavailable ? { numberUnavailable } : {}),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions ? { conditions } : {}),
  };
}

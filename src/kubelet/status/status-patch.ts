/**
 * What to tell the API server about a pod: only what differs from what it has, as a strategic merge patch. Such a merge keeps what a
 * patch leaves out: fields that are gone are removed by null, elements of lists that merge by key by a directive. Pure.
 * Upstream: pkg/util/pod/pod.go PatchPodStatus, status_manager.go mergePodStatus
 */
import type { PodCondition, PodStatus } from '../../api/core-v1.ts';
import { jsonEqual } from '../../machinery/patch/json-value.ts';
import { OWNED } from './conditions.ts';

type Fields = Record<string, unknown>;

/** Undefined when there is nothing to tell. */
export function statusPatch(base: PodStatus, status: PodStatus): Fields | undefined {
  const out: Fields = {};
  for (const key in status) {
    const value = (status as Fields)[key];
    // An end that was told is never taken back, whoever told it.
    if (key === 'conditions' || (key === 'phase' && isEnd(base.phase))) continue;
    if (!jsonEqual((base as Fields)[key], value)) out[key] = value;
  }
  for (const key of ['message', 'reason', 'podIP'] as const)
    if (base[key] !== undefined && status[key] === undefined) out[key] = null;
  const conditions = conditionsPatch(base.conditions ?? [], status.conditions ?? []);
  if (conditions.length > 0) out.conditions = conditions;
  for (const name of ['hostIPs', 'podIPs'] as const) {
    const gone = (base[name] ?? []).filter((x) => !status[name]?.some((y) => y.ip === x.ip));
    if (gone.length > 0) out[name] = [...(status[name] ?? []), ...gone.map(({ ip }) => ({ $patch: 'delete', ip }))];
  }
  return Object.keys(out).length === 0 ? undefined : out;
}

const CONDITION_FIELDS = ['status', 'reason', 'message', 'lastTransitionTime', 'observedGeneration'] as const;

function conditionsPatch(base: readonly PodCondition[], conditions: readonly PodCondition[]): Fields[] {
  const patches: Fields[] = conditions.flatMap((c) => {
    const old = base.find((b) => b.type === c.type);
    // What others write may have changed since it was read.
    if (!OWNED.includes(c.type)) return [];
    if (old !== undefined && CONDITION_FIELDS.every((f) => old[f] === c[f])) return [];
    const patch: Fields = { ...c };
    for (const f of ['reason', 'message'] as const) if (old?.[f] !== undefined && c[f] === undefined) patch[f] = null;
    return [patch];
  });
  const resizing = 'PodResizeInProgress';
  if (base.some((b) => b.type === resizing) && !conditions.some((c) => c.type === resizing))
    patches.push({ $patch: 'delete', type: resizing });
  return patches;
}

/** A pod has not ended while something of it may still run: until then it is in the phase the API server knows. */
export function withoutEarlyEnd(base: PodStatus, status: PodStatus): PodStatus {
  if (!isEnd(status.phase) || isEnd(base.phase)) return status;
  const { phase: _, reason: __, message: ___, ...rest } = status;
  return {
    ...rest,
    ...(base.phase === undefined ? {} : { phase: base.phase }),
    ...(base.reason === undefined ? {} : { reason: base.reason }),
    ...(base.message === undefined ? {} : { message: base.message }),
  };
}

function isEnd(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/**
 * ResourceQuota: charges what a write would use to the quotas of its namespace before it is stored, by compare-and-swap on their status, and
 * refuses what does not fit. Writes of one namespace are charged one after the other. Upstream: apiserver/pkg/admission/plugin/resourcequota
 */
import { when } from '../../base/when.ts';
import { RESOURCEQUOTAS } from '../../client/resources.ts';
import { isConflict } from '../../machinery/errors/status-error.ts';
import { signQuantity } from '../../machinery/quantity/quantity.ts';
import type { Evaluator, ResourceQuota } from '../../machinery/quota/evaluator.ts';
import { evaluatorFor, quotaMatches } from '../../machinery/quota/evaluators.ts';
import {
  add,
  exceeding,
  formatQuantities,
  isEqual,
  mask,
  parseQuantities,
  printQuantities,
  type Quantities,
  subtractToZero,
  withoutZeros,
} from '../../machinery/quota/quantities.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { refuse } from '../refuse.ts';

const QUOTAS = { group: '', resource: 'resourcequotas' };
const RETRIES = 3;
const WRITTEN_LIMIT = 256;

interface Charge {
  quota: ResourceQuota;
  used: Quantities;
}

export function resourceQuota(data: AdmissionData): AdmissionPlugin {
  const queues = new Map<string, Promise<unknown>>();
  const written = new Map<string, ResourceQuota>();

  /** The cache's quotas, or what this plugin wrote after that. */
  const current = async (namespace: string): Promise<ResourceQuota[]> =>
    (await data.list<ResourceQuota>(QUOTAS, namespace)).map((quota) => {
      const own = written.get(keyOf(quota));
      if (own === undefined) return quota;
      if (own.metadata.uid === quota.metadata.uid && version(own) > version(quota)) return own;
      written.delete(keyOf(quota));
      return quota;
    });

  const save = async ({ quota, used }: Charge, signal: AbortSignal): Promise<void> => {
    const object: ResourceQuota = {
      ...quota,
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      status: { ...quota.status, used: formatQuantities(used) },
    };
    const saved = await data.client.update(RESOURCEQUOTAS, object, {
      namespace: quota.metadata.namespace!,
      subresource: 'status',
      signal,
    });
    written.set(keyOf(quota), saved);
    if (written.size > WRITTEN_LIMIT) written.delete(written.keys().next().value!);
  };

  const evaluate = async (a: Attributes, evaluator: Evaluator): Promise<void> => {
    let quotas = await current(a.namespace);
    for (let attempt = 0; quotas.length > 0; attempt++) {
      const charges = charge(a, evaluator, quotas, data.clock.now());
      if (charges.length === 0 || a.dryRun) return;
      const failed = new Set<string>();
      let failure: unknown;
      for (const c of charges)
        await save(c, a.signal).catch((err: unknown) => {
          failed.add(c.quota.metadata.name!);
          failure = err;
        });
      if (failed.size === 0) return;
      if (attempt >= RETRIES || !isConflict(failure)) throw failure;
      quotas = await fresh(data, a.namespace, failed);
    }
  };

  const inTurn = async (a: Attributes, evaluator: Evaluator): Promise<void> => {
    const before = queues.get(a.namespace) ?? Promise.resolve();
    const turn = before.then(() => evaluate(a, evaluator));
    const settled = turn.catch(() => undefined);
    queues.set(a.namespace, settled);
    try {
      await turn;
    } finally {
      if (queues.get(a.namespace) === settled) queues.delete(a.namespace);
    }
  };

  return {
    name: 'ResourceQuota',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    validate(a) {
      if (a.namespace === '' || a.object === undefined || (a.kind.group === '' && a.kind.kind === 'Namespace')) return;
      const evaluator = evaluatorFor(a.resource);
      if (evaluator === undefined || !evaluator.handles(a)) return;
      return when(data.list<ResourceQuota>(QUOTAS, a.namespace), (quotas) =>
        quotas.length === 0 ? undefined : inTurn(a, evaluator),
      );
    },
  };
}

function keyOf(quota: ResourceQuota): string {
  return `${quota.metadata.namespace}/${quota.metadata.name}`;
}

function version(quota: ResourceQuota): number {
  return Number(quota.metadata.resourceVersion);
}

/** Quotas that were refused by a conflict, past the cache; those deleted meanwhile limit nothing. */
async function fresh(data: AdmissionData, namespace: string, names: ReadonlySet<string>): Promise<ResourceQuota[]> {
  const found = await Promise.all([...names].map((name) => data.getLive<ResourceQuota>(QUOTAS, namespace, name)));
  return found.filter((q) => q !== undefined);
}

/** The new usage of each quota that the write changes. Throws 403 when one has too little left. */
function charge(a: Attributes, evaluator: Evaluator, quotas: readonly ResourceQuota[], now: number): Charge[] {
  const object = a.object!;
  const interesting = quotas.filter((q) => isInteresting(a, evaluator, q));
  if (interesting.length === 0) return [];
  const usage = evaluator.usage(object, now);
  const negative = Object.keys(usage).filter((n) => signQuantity(usage[n]!) < 0);
  if (negative.length > 0) throw refuse(a, `quota usage is negative for resource(s): ${negative.sort().join(',')}`);
  const charges: Charge[] = [];
  for (const quota of interesting) {
    const hard = parseQuantities(quota.status?.hard);
    const used = parseQuantities(quota.status?.used);
    const delta = mask(withoutZeros(deltaFor(a, evaluator, quota, usage, now)), Object.keys(hard));
    if (Object.keys(delta).length === 0) continue;
    const next = add(used, delta);
    if (a.subresource !== 'status') {
      const over = exceeding(mask(next, Object.keys(delta)), hard);
      if (over.length > 0)
        throw refuse(
          a,
          `exceeded quota: ${quota.metadata.name}, requested: ${printQuantities(mask(delta, over))}, used: ${printQuantities(mask(used, over))}, limited: ${printQuantities(mask(hard, over))}`,
        );
    }
    if (!isEqual(next, used)) charges.push({ quota, used: next });
  }
  return charges;
}

function isInteresting(a: Attributes, evaluator: Evaluator, quota: ResourceQuota): boolean {
  const hard = Object.keys(quota.status?.hard ?? {});
  if (!quotaMatches(evaluator, quota, hard, a.object!)) return false;
  const restricted = evaluator.matchingResources(hard);
  const missing = evaluator.missing(restricted, a.object!);
  if (missing !== undefined) throw refuse(a, `failed quota: ${quota.metadata.name}: ${missing}`);
  if (restricted.some((n) => quota.status?.used?.[n] === undefined))
    throw refuse(a, `status unknown for quota: ${quota.metadata.name}, resources: ${restricted.sort().join(',')}`);
  return true;
}

/** On update only the growth counts, unless the quota did not count the object before. */
function deltaFor(
  a: Attributes,
  evaluator: Evaluator,
  quota: ResourceQuota,
  usage: Quantities,
  now: number,
): Quantities {
  const old = a.oldObject;
  if (a.operation !== 'UPDATE' || old?.metadata.resourceVersion === undefined) return usage;
  const isCounted = quotaMatches(evaluator, quota, Object.keys(quota.status?.hard ?? {}), old);
  return isCounted ? subtractToZero(usage, evaluator.usage(old, now)) : usage;
}

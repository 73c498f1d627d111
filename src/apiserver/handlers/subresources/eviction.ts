/**
 * pods/eviction: a delete that asks the pod's disruption budget first. Upstream: pkg/registry/core/pod/storage/eviction.go
 */
import type { Pod } from '../../../api/core-v1.ts';
import type { PodDisruptionBudget } from '../../../api/policy-v1.ts';
import {
  badRequest,
  conflict,
  forbidden,
  isConflict,
  notFound,
  StatusError,
  timeout,
  tooManyRequests,
} from '../../../machinery/errors/status-error.ts';
import { selectorFromLabelSelector } from '../../../machinery/labels/selector.ts';
import type { KubeObject } from '../../../machinery/meta/object.ts';
import { formatTime } from '../../../machinery/meta/time.ts';
import { builtinSchemas } from '../../../machinery/schema/builtin.ts';
import { getEntry } from '../../../registry/generic/list.ts';
import type { WriteContext } from '../../../registry/generic/store-core.ts';
import type { DeleteOptions } from '../../../registry/generic/strategy.ts';
import { deleteObject } from '../../../registry/generic/write-delete.ts';
import { updateObject } from '../../../registry/generic/write-update.ts';
import type { SubresourceHandlers } from '../../dispatcher.ts';
import { bodyKind, type ResourceRequest } from '../../endpoint.ts';
import {
  type DeleteRequestOptions,
  deleteOptionsOf,
  isDryRun,
  readCreateOptions,
  validateDeleteOptions,
} from '../../request/query-options.ts';
import { attributesFor, writeContextOf } from '../attributes.ts';
import { readObject } from '../decode.ts';
import { setPodCondition } from './binding.ts';
import { OPEN_DOOR, writeSuccess } from './success.ts';

interface Eviction extends KubeObject {
  deleteOptions?: Record<string, unknown>;
}

const KIND = { group: 'policy', version: 'v1', kind: 'Eviction' };
const BUDGETS = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' };
const MAX_DISRUPTED_PODS = 2000;
const ATTEMPTS = 20;
const TOO_MANY = "Cannot evict pod as it would violate the pod's disruption budget.";

export const evictionHandlers: SubresourceHandlers = { post: evict };

async function evict(request: ResourceRequest): Promise<void> {
  const { server, name } = request;
  const options = readCreateOptions(request.query);
  const into = {
    ...bodyKind(KIND, 'io.k8s.api.policy.v1.Eviction', builtinSchemas()),
    accepts: [{ group: 'policy', version: 'v1beta1' }],
  };
  const eviction = (await readObject(request, into, options.fieldValidation)) as Eviction;
  // An Eviction without a name evicts the pod of the URL.
  eviction.metadata.name ||= name;
  if (eviction.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
  const deletion = deletionOf(eviction, options.dryRun);
  const dryRun = isDryRun(deletion);
  const attributes = attributesFor(request, {
    operation: 'CREATE',
    object: eviction,
    oldObject: undefined,
    options,
    dryRun,
    kind: KIND,
  });
  await server.admission.admit(attributes);
  await server.admission.validate(attributes);
  const context = writeContextOf(request, dryRun);
  for (let attempt = 1; ; attempt++) {
    const pod = await podOf(request);
    if (!ignoresBudget(pod)) break;
    const own = { ...deletion };
    // A pending pod may have begun to run meanwhile: then its budget counts after all.
    const pinned =
      pod.status?.phase === 'Pending' &&
      !pod.metadata.deletionTimestamp &&
      deletion.preconditions?.resourceVersion === undefined;
    if (pinned) own.preconditions = { ...deletion.preconditions, resourceVersion: pod.metadata.resourceVersion! };
    try {
      await markAndDelete(request, own, context);
      return writeSuccess(request);
    } catch (err) {
      if (!isConflict(err) || deletion.preconditions?.resourceVersion !== undefined || attempt >= ATTEMPTS) throw err;
    }
  }
  await evictRunning(request, deletion, context);
  await writeSuccess(request);
}

async function evictRunning(
  request: ResourceRequest,
  deletion: DeleteRequestOptions,
  context: WriteContext,
): Promise<void> {
  const pod = await podOf(request);
  const budgets = await budgetsOf(request, pod);
  if (budgets.length > 1) {
    throw new StatusError({
      code: 500,
      message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    });
  }
  const budget = budgets[0];
  const unhealthy = budget !== undefined && !isReady(pod) && mayEvictUnready(budget);
  const own = { ...deletion };
  if (unhealthy) own.preconditions = { ...deletion.preconditions, resourceVersion: pod.metadata.resourceVersion! };
  else if (budget !== undefined) await spend(request, budget.metadata.name!, context);
  try {
    await markAndDelete(request, own, context);
  } catch (err) {
    if (unhealthy && isConflict(err) && deletion.preconditions?.resourceVersion === undefined)
      throw stillProcessing(budget.metadata.name!);
    throw err;
  }
}

function deletionOf(eviction: Eviction, dryRun: string[] | undefined): DeleteRequestOptions {
  const options = deleteOptionsOf(eviction.deleteOptions ?? {});
  if (options.dryRun === undefined || options.dryRun.length === 0) {
    if (dryRun !== undefined) options.dryRun = dryRun;
  } else if (dryRun !== undefined && dryRun.length > 0 && dryRun.join() !== options.dryRun.join()) {
    throw new StatusError({
      code: 500,
      message: `Non-matching dry-run options in request and content: [${dryRun.join(' ')}] and [${options.dryRun.join(' ')}]`,
    });
  }
  validateDeleteOptions(options);
  return options;
}

async function podOf(request: ResourceRequest): Promise<Pod> {
  const { store } = request.endpoint;
  return store.object(await getEntry(store, request.namespace, request.name, '')) as Pod;
}

function ignoresBudget({ status, metadata }: Pod): boolean {
  const phase = status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || metadata.deletionTimestamp !== undefined;
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}

function mayEvictUnready({ spec, status }: PodDisruptionBudget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  return (status?.currentHealthy ?? 0) >= (status?.desiredHealthy ?? 0) && (status?.desiredHealthy ?? 0) > 0;
}

async function budgetsOf(request: ResourceRequest, pod: Pod): Promise<PodDisruptionBudget[]> {
  const endpoint = request.server.endpointOf(BUDGETS);
  if (endpoint === undefined) return [];
  const { store } = endpoint;
  const { entries } = await store.cache.list({ prefix: store.prefix(request.namespace) });
  return entries
    .map((e) => store.object(e) as PodDisruptionBudget)
    .filter((budget) => {
      const { selector } = budget.spec ?? {};
      try {
        return selector !== undefined && selectorFromLabelSelector(selector).matches(pod.metadata.labels ?? {});
      } catch {
        // A selector that cannot be read selects nothing.
        return false;
      }
    });
}

/** Takes one disruption from the budget. @throws StatusError 429 when there is none left */
async function spend(request: ResourceRequest, budgetName: string, context: WriteContext): Promise<void> {
  const { store } = request.server.endpointOf(BUDGETS)!;
  const now = formatTime(request.server.clock.now());
  try {
    await updateObject(store, budgetName, context, {
      door: OPEN_DOOR,
      change(current, copy) {
        if (current === undefined) throw notFound(store.resource, budgetName);
        checkBudget(current as PodDisruptionBudget);
        const budget = copy() as PodDisruptionBudget;
        const status = budget.status!;
        status.disruptionsAllowed = (status.disruptionsAllowed ?? 0) - 1;
        if (status.disruptionsAllowed === 0) disallow(budget, now);
        status.disruptedPods = { ...status.disruptedPods, [request.name]: now };
        return budget;
      },
    });
  } catch (err) {
    if (isConflict(err))
      throw timeout(`couldn't update PodDisruptionBudget ${JSON.stringify(budgetName)} due to conflicts`, 10);
    throw err;
  }
}

function checkBudget(budget: PodDisruptionBudget): void {
  const name = budget.metadata.name!;
  const { status, metadata } = budget;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) throw stillProcessing(name);
  const allowed = status?.disruptionsAllowed ?? 0;
  const resource = { group: 'policy', resource: 'poddisruptionbudget' };
  if (allowed < 0) throw forbidden(resource, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status?.disruptedPods ?? {}).length > MAX_DISRUPTED_PODS) {
    throw forbidden(resource, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (allowed === 0) throw refused(refusal(budget), 0);
}

function refusal({ metadata, status }: PodDisruptionBudget): string {
  const name = metadata.name!;
  const condition = status?.conditions?.find((c) => c.type === 'DisruptionAllowed');
  const says = condition?.status === 'False' && condition.message ? condition : undefined;
  if (says?.reason === 'SyncFailed') {
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${says.message}`;
  }
  const have = status?.currentHealthy ?? 0;
  const need = status?.desiredHealthy ?? 0;
  if (have <= need) return `The disruption budget ${name} needs ${need} healthy pods and has ${have} currently`;
  const why = says === undefined ? '' : ` (${says.reason}): ${says.message}`;
  return `The disruption budget ${name} does not allow evicting pods currently${why}`;
}

function stillProcessing(name: string): StatusError {
  return refused(`The disruption budget ${name} is still being processed by the server.`, 10);
}

function refused(message: string, retryAfterSeconds: number): StatusError {
  const { status } = tooManyRequests(TOO_MANY, retryAfterSeconds);
  const { retryAfterSeconds: _, ...details } = status.details ?? {};
  return new StatusError({
    ...status,
    details: {
      ...details,
      ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
      causes: [{ reason: 'DisruptionBudget', message }],
    },
  });
}

/** Upstream: pkg/apis/policy/helper UpdateDisruptionAllowedCondition */
function disallow(budget: PodDisruptionBudget, now: string): void {
  const status = budget.status!;
  const condition = {
    type: 'DisruptionAllowed',
    status: 'False' as const,
    reason: 'InsufficientPods',
    message: '',
    lastTransitionTime: now,
    observedGeneration: status.observedGeneration ?? 0,
  };
  status.conditions = [...(status.conditions ?? []).filter((c) => c.type !== 'DisruptionAllowed'), condition];
}

async function markAndDelete(
  request: ResourceRequest,
  options: DeleteRequestOptions,
  context: WriteContext,
): Promise<void> {
  const { endpoint, name, server } = request;
  const { store } = endpoint;
  const own: DeleteOptions = { ...options };
  if (!context.dryRun) {
    const written = await updateObject(store, name, context, {
      door: OPEN_DOOR,
      change(current, copy) {
        if (current === undefined) throw notFound(store.resource, name);
        checkPreconditions(current, options);
        const pod = copy() as Pod;
        const condition = {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'EvictionByEvictionAPI',
          message: 'Eviction API: evicting',
        };
        setPodCondition(pod, condition, formatTime(server.clock.now()));
        return pod;
      },
    });
    if (options.preconditions?.resourceVersion !== undefined) {
      own.preconditions = { ...options.preconditions, resourceVersion: written.object.metadata.resourceVersion! };
    }
  }
  await deleteObject(store, name, own, context);
}

function checkPreconditions({ metadata }: KubeObject, { preconditions }: DeleteRequestOptions): void {
  const kind = { group: '', resource: 'Pod' };
  const { uid, resourceVersion } = preconditions ?? {};
  const name = metadata.name ?? '';
  if (uid && uid !== metadata.uid) {
    throw conflict(
      kind,
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion && resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      kind,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

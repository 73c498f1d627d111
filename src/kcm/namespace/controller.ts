/**
 * Empties and finalizes namespaces that are being deleted: pods first, then everything that discovery tells can be
 * deleted, then the `kubernetes` finalizer. Upstream: pkg/controller/namespace
 */
import type { Namespace, Pod } from '../../api/core-v1.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import type { DiscoveredResource } from '../../client/discovery.ts';
import { discover } from '../../client/discovery.ts';
import { keyOf } from '../../client/indexer.ts';
import { ItemExponentialFailureRateLimiter } from '../../client/rate-limiter.ts';
import { NAMESPACES, PODS } from '../../client/resources.ts';
import { isConflict, isNotFound, statusErrorOf } from '../../machinery/errors/status-error.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import type { Controller, ControllerContext, SyncResult } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { isPodTerminal } from '../pods.ts';
import type { DeletionOutcome, Remaining } from './plan.ts';
import { deletionConditions } from './plan.ts';

const FINALIZER = 'kubernetes';
/** Others that watch the namespace (admission of other API servers) are given this long to learn of its deletion. */
const GRACE_PERIOD_MS = 5_000;
const FINALIZER_ESTIMATE_SECONDS = 15;
const METADATA = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

export function startNamespaceController(context: ControllerContext): Controller {
  const namespaces = context.informers.informer<Namespace>(NAMESPACES);
  const pods = context.informers.informer<Pod>(PODS);
  /** Namespaces whose pods were told to go: what comes after them begins with the end of the last one. */
  const emptied = new Set<string>();
  const loop = new ControllerLoop(context, {
    name: 'namespace',
    workers: context.flags.concurrentNamespaceSyncs,
    rateLimiter: new ItemExponentialFailureRateLimiter(5, 60_000),
    async sync(key, signal): Promise<SyncResult> {
      const cached = namespaces.lister.getByKey(key);
      if (!cached) return void emptied.delete(key);
      emptied.add(key);
      const estimate = await new NamespaceDeletion(context, key, signal).run();
      if (estimate > 0) return { requeueAfter: (Math.floor(estimate / 2) + 1) * 1000 };
      emptied.delete(key);
    },
  });
  const enqueue = (ns: Namespace) => {
    if (ns.metadata.deletionTimestamp !== undefined && (ns.spec?.finalizers ?? []).length > 0)
      loop.queue.addAfter(keyOf(ns), GRACE_PERIOD_MS);
  };
  namespaces.addHandler({ added: enqueue, updated: (_, ns) => enqueue(ns) });
  // Deviation: upstream looks again after half of the estimate, however early the pods have ended.
  pods.addHandler({
    deleted({ metadata: { namespace = '' } }) {
      if (emptied.has(namespace) && pods.lister.count(namespace) === 0) loop.queue.add(namespace);
    },
  });
  return loop;
}

class NamespaceDeletion {
  readonly #c: ControllerContext;
  readonly #name: string;
  readonly #signal: AbortSignal;
  readonly #lists: Client;

  constructor(context: ControllerContext, name: string, signal: AbortSignal) {
    this.#c = context;
    this.#name = name;
    this.#signal = signal;
    this.#lists = context.client.as({ accept: METADATA });
  }

  /** Seconds until it is worth looking again; 0 when done. */
  async run(): Promise<number> {
    try {
      let ns = await this.#get();
      if (ns.metadata.deletionTimestamp === undefined) return 0;
      ns = await this.#onConflictAgain(ns, (n) => this.#markTerminating(n));
      if (ns.metadata.deletionTimestamp === undefined || (ns.spec?.finalizers ?? []).length === 0) return 0;
      const estimate = await this.#deleteContent(ns);
      if (estimate > 0) return estimate;
      await this.#onConflictAgain(ns, (n) => this.#finalize(n));
      return 0;
    } catch (err) {
      if (isNotFound(err)) return 0;
      throw err;
    }
  }

  #get(): Promise<Namespace> {
    return this.#c.client.get<Namespace>(NAMESPACES, this.#name, { signal: this.#signal });
  }

  async #onConflictAgain(first: Namespace, write: (ns: Namespace) => Promise<Namespace>): Promise<Namespace> {
    for (let ns = first; ; ) {
      try {
        return await write(ns);
      } catch (err) {
        if (!isConflict(err)) throw err;
        ns = await this.#get();
        if (ns.metadata.uid !== first.metadata.uid) throw new Error('namespace uid has changed across retries');
      }
    }
  }

  async #markTerminating(ns: Namespace): Promise<Namespace> {
    if (ns.metadata.deletionTimestamp === undefined || ns.status?.phase === 'Terminating') return ns;
    return this.#writeStatus({ ...ns, status: { ...ns.status, phase: 'Terminating' } });
  }

  #writeStatus(ns: Namespace): Promise<Namespace> {
    return this.#c.client.update<Namespace>(NAMESPACES, ns, { subresource: 'status', signal: this.#signal });
  }

  #finalize(ns: Namespace): Promise<Namespace> {
    const finalizers = (ns.spec?.finalizers ?? []).filter((f) => f !== FINALIZER);
    return this.#c.client.update<Namespace>(
      NAMESPACES,
      { ...ns, spec: { ...ns.spec, finalizers } },
      { subresource: 'finalize', signal: this.#signal },
    );
  }

  async #deleteContent(ns: Namespace): Promise<number> {
    const found = await discover(this.#c.client, this.#signal);
    const failed = [...found.failed].map(([gv, why]) => `${gv}: ${why}`);
    const discoveryFailure =
      failed.length === 0
        ? {}
        : {
            discoveryFailure: `Discovery failed for some groups, ${failed.length} failing: unable to retrieve the complete list of server APIs: ${failed.join(', ')}`,
          };
    const deletable = found.resources.filter((r) => r.namespaced && r.verbs.includes('delete'));
    const failures: string[] = [];
    const remaining: Remaining[] = [];
    let estimate = 0;
    const empty = async (r: DiscoveredResource) => {
      const left = await this.#emptyResource(r, ns, failures);
      estimate = Math.max(estimate, left.estimate);
      if (left.remaining.count > 0) remaining.push(left.remaining);
    };
    const finish = async (outcome: DeletionOutcome) => {
      await this.#report(ns, outcome);
      if (failures.length > 0) throw new Error(failures.join(', '));
      if (failed.length > 0) throw new Error(failed.join(', '));
      return estimate;
    };

    // Pods first: what they still need while they end (network policies, claims, secrets) goes after them.
    const pods = deletable.find((r) => r.group === '' && r.resource === 'pods');
    if (pods) {
      await empty(pods);
      if (remaining.length > 0) return finish({ ...discoveryFailure, contentFailures: failures, remaining: undefined });
    }
    await Promise.all(deletable.filter((r) => r !== pods).map(empty));
    return finish({ ...discoveryFailure, contentFailures: failures, remaining });
  }

  async #report(ns: Namespace, outcome: DeletionOutcome): Promise<void> {
    const conditions = deletionConditions(ns.status?.conditions ?? [], outcome, formatTime(this.#c.clock.now()));
    if (!conditions) return;
    try {
      await this.#writeStatus({ ...ns, status: { ...ns.status, conditions } });
    } catch (err) {
      this.#c.log.warn('could not update status conditions of namespace', { namespace: this.#name, err });
    }
  }

  async #emptyResource(
    r: DiscoveredResource,
    ns: Namespace,
    failures: string[],
  ): Promise<{ estimate: number; remaining: Remaining }> {
    const remaining: Remaining = { resource: `${r.resource}.${r.group}`, count: 0, finalizers: new Map() };
    let estimate = 0;
    try {
      estimate = r.group === '' && r.resource === 'pods' ? await this.#estimatePods(ns) : 0;
      if (!(r.verbs.includes('deletecollection') && (await this.#deleteCollection(r)))) await this.#deleteEach(r);
      const items = await this.#list(r);
      if (items.length === 0) return { estimate: 0, remaining };
      const finalizers = new Map<string, number>();
      for (const item of items)
        for (const f of item.metadata.finalizers ?? []) finalizers.set(f, (finalizers.get(f) ?? 0) + 1);
      if (estimate === 0) {
        if (finalizers.size === 0) {
          const gvr = `${r.group}/${r.version}, Resource=${r.resource}`;
          failures.push(`unexpected items still remain in namespace: ${this.#name} for gvr: ${gvr}`);
        } else estimate = FINALIZER_ESTIMATE_SECONDS;
      }
      return { estimate, remaining: { ...remaining, count: items.length, finalizers } };
    } catch (err) {
      if (this.#signal.aborted) throw err;
      failures.push((err as Error).message);
      return { estimate, remaining };
    }
  }

  /** Longest termination of the pods still running; 0 once it has passed since the deletion began. */
  async #estimatePods(ns: Namespace): Promise<number> {
    const { items } = await this.#c.client.list<Pod>(PODS, { namespace: this.#name, signal: this.#signal });
    const longest = Math.max(
      0,
      ...items.filter((p) => !isPodTerminal(p)).map((p) => p.spec?.terminationGracePeriodSeconds ?? 0),
    );
    const passed = this.#c.clock.now() - Date.parse(ns.metadata.deletionTimestamp!);
    return passed >= longest * 1000 ? 0 : longest;
  }

  async #list(r: DiscoveredResource) {
    if (!r.verbs.includes('list')) return [];
    try {
      return (await this.#lists.list(r, { namespace: this.#name, signal: this.#signal })).items;
    } catch (err) {
      if (isUnsupported(err)) return [];
      throw err;
    }
  }

  async #deleteCollection(r: ResourceRef): Promise<boolean> {
    try {
      await this.#c.client.deleteCollection(r, {
        namespace: this.#name,
        propagationPolicy: 'Background',
        signal: this.#signal,
      });
      return true;
    } catch (err) {
      if (isUnsupported(err)) return false;
      throw err;
    }
  }

  async #deleteEach(r: DiscoveredResource): Promise<void> {
    for (const item of await this.#list(r)) {
      try {
        const options = { namespace: this.#name, propagationPolicy: 'Background' as const, signal: this.#signal };
        await this.#c.client.delete(r, item.metadata.name!, options);
      } catch (err) {
        if (!isUnsupported(err)) throw err;
      }
    }
  }
}

function isUnsupported(err: unknown): boolean {
  const code = statusErrorOf(err)?.code;
  return code === 404 || code === 405;
}

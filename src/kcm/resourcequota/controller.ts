/**
 * Counts what each quota's namespace uses: completely every 5 minutes, and at once for what was deleted or finished (the
 * admission plugin only ever adds). Upstream: pkg/controller/resourcequota
 */

import type { DiscoveredResource } from '../../client/discovery.ts';
import { discover } from '../../client/discovery.ts';
import { keyOf } from '../../client/indexer.ts';
import type { HandlerRegistration, Informer } from '../../client/informer.ts';
import { RESOURCEQUOTAS } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { Evaluator, ResourceQuota } from '../../machinery/quota/evaluator.ts';
import { evaluatorFor, quotaMatches } from '../../machinery/quota/evaluators.ts';
import { isEqual, parseQuantities } from '../../machinery/quota/quantities.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop, periodically, together } from '../controller.ts';
import type { Counted } from './plan.ts';
import { quotaStatus } from './plan.ts';

const DISCOVERY_MS = 30_000;

export function startResourceQuotaController(context: ControllerContext): Controller {
  return new ResourceQuotaController(context);
}

interface Monitor {
  ref: DiscoveredResource;
  evaluator: Evaluator;
  informer: Informer<KubeObject>;
  handler: HandlerRegistration;
}

/** Evaluators of these look into the objects; the rest are only counted. */
const NEEDS_OBJECTS = new Set(['pods', 'services', 'persistentvolumeclaims']);

class ResourceQuotaController implements Controller {
  readonly #c: ControllerContext;
  readonly #quotas;
  readonly #loop: ControllerLoop;
  readonly #monitors = new Map<string, Monitor>();

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#quotas = context.informers.informer<ResourceQuota>(RESOURCEQUOTAS);
    this.#loop = new ControllerLoop(context, {
      name: 'resourcequota_primary',
      workers: context.flags.concurrentResourceQuotaSyncs,
      sync: (key, signal) => this.#sync(key, signal),
    });
    this.#quotas.addHandler({
      added: (q) => this.#loop.enqueue(q),
      updated: (old, q) => {
        if (!isEqual(parseQuantities(old.spec?.hard), parseQuantities(q.spec?.hard))) this.#loop.enqueue(q);
      },
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { flags } = this.#c;
    // Nothing is counted, and nothing watched, as long as no quota is there.
    const discovery = periodically(this.#c, 'resource-quota', DISCOVERY_MS, async (s) => {
      if (this.#quotas.lister.size > 0) await this.#syncMonitors(s);
    });
    const recount = periodically(this.#c, 'resource-quota', flags.resourceQuotaSyncPeriod, async () => {
      for (const q of this.#quotas.lister.list()) this.#loop.enqueue(q);
    });
    await together(this.#loop, discovery, recount).run(signal);
  }

  async #sync(key: string, signal: AbortSignal): Promise<void> {
    const quota = this.#quotas.lister.getByKey(key);
    if (!quota) return;
    if (this.#monitors.size === 0) await this.#syncMonitors(signal);
    const names = Object.keys(quota.spec?.hard ?? {});
    const concerned = [...this.#monitors.values()].filter((m) => m.evaluator.matchingResources(names).length > 0);
    await Promise.all(concerned.map((m) => m.informer.synced));
    const counted: Counted[] = concerned.map((m) => ({
      evaluator: m.evaluator,
      objects: m.informer.lister.list(quota.metadata.namespace),
    }));
    const status = quotaStatus(quota, counted, this.#c.clock.now());
    if (!status) return;
    try {
      await this.#c.client.update<ResourceQuota>(
        RESOURCEQUOTAS,
        { ...quota, status },
        { subresource: 'status', signal },
      );
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  async #syncMonitors(signal: AbortSignal): Promise<void> {
    const { informers, client } = this.#c;
    const found = await discover(client, signal);
    const wanted = new Map<string, { ref: DiscoveredResource; evaluator: Evaluator }>();
    for (const ref of found.resources) {
      const countable = ref.namespaced && ['create', 'list', 'watch', 'delete'].every((v) => ref.verbs.includes(v));
      const evaluator = countable ? evaluatorFor(ref) : undefined;
      if (evaluator) wanted.set(`${ref.resource}.${ref.group}`, { ref, evaluator });
    }
    for (const [key, m] of this.#monitors) {
      if (wanted.has(key) || found.failed.has(`${m.ref.group}/${m.ref.version}`)) continue;
      this.#monitors.delete(key);
      m.handler.remove();
    }
    for (const [key, { ref, evaluator }] of wanted) {
      if (!this.#monitors.has(key)) this.#monitors.set(key, this.#monitor(ref, evaluator));
    }
    informers.start(signal);
  }

  #monitor(ref: DiscoveredResource, evaluator: Evaluator): Monitor {
    const { informers } = this.#c;
    const shared = informers.existing<KubeObject>(ref);
    const metadataOnly = !(ref.group === '' && NEEDS_OBJECTS.has(ref.resource));
    const informer = shared ?? informers.informer<KubeObject>(ref, { metadataOnly });
    const handler = informer.addHandler({
      updated: (old, object) => {
        if (!metadataOnly) this.#replenish(evaluator, object, old);
      },
      deleted: (object) => this.#replenish(evaluator, object),
    });
    return { ref, evaluator, informer, handler };
  }

  /** The quotas for which it counts are counted again; when it was changed and not deleted, those for which it now counts otherwise. */
  #replenish(evaluator: Evaluator, object: KubeObject, old?: KubeObject): void {
    const quotas = this.#quotas.lister.list(object.metadata.namespace);
    if (quotas.length === 0) return;
    const now = this.#c.clock.now();
    // A pod that finished or shrank, a Service that changed its type; not a pod that got a deadline, which moves to another quota.
    const sameUsage = old !== undefined && isEqual(evaluator.usage(old, now), evaluator.usage(object, now));
    for (const quota of quotas) {
      const names = Object.keys(quota.spec?.hard ?? {});
      const counts = (o: KubeObject) => quotaMatches(evaluator, quota, names, o);
      if (evaluator.matchingResources(names).length === 0 || (sameUsage && counts(old) === counts(object))) continue;
      this.#loop.queue.add(keyOf(quota));
    }
  }
}

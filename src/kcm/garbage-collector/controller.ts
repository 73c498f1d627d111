/**
 * Deletes what has lost its owners, and carries out foreground and orphaning deletions, over all resources that discovery
 * tells of, custom ones included. Upstream: pkg/controller/garbagecollector
 */
import type { Timer } from '../../base/clock.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { DiscoveredResource } from '../../client/discovery.ts';
import { discover } from '../../client/discovery.ts';
import type { HandlerRegistration, Informer } from '../../client/informer.ts';
import { CUSTOMRESOURCEDEFINITIONS } from '../../client/resources.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { apiVersionOf } from '../../machinery/meta/object.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop, periodically, TerminalError, together } from '../controller.ts';
import { Collector, NamespacedOwnerError } from './collector.ts';
import type { Identity } from './graph.ts';
import { DependencyGraph } from './graph.ts';

const RESYNC_MS = 30_000;
const INITIAL_SYNC_TIMEOUT_MS = 30_000;
/** A new CRD is looked for sooner than the resync, once it had time to be established. */
const CRD_DELAY_MS = 1_000;

export function startGarbageCollectorController(context: ControllerContext): Controller | undefined {
  return context.flags.enableGarbageCollector ? new GarbageCollector(context) : undefined;
}

interface Monitor {
  ref: ResourceRef;
  informer: Informer<KubeObject>;
  handler: HandlerRegistration;
  /** The informer is ours alone, and ends with the resource. */
  own: boolean;
}

class GarbageCollector implements Controller {
  readonly #c: ControllerContext;
  readonly #graph: DependencyGraph;
  readonly #collector: Collector;
  readonly #deletions: ControllerLoop;
  readonly #orphans: ControllerLoop;
  readonly #monitors = new Map<string, Monitor>();
  #resources = new Map<string, DiscoveredResource>();
  #soon: Timer | undefined;

  constructor(context: ControllerContext) {
    this.#c = context;
    const recorder = context.recorder('garbage-collector-controller');
    this.#graph = new DependencyGraph({
      attemptToDelete: (uid) => this.#deletions.queue.add(uid),
      attemptToDeleteLater: (uid) => this.#deletions.queue.addRateLimited(uid),
      attemptToOrphan: (uid) => this.#orphans.queue.add(uid),
      absent: (identity) => this.#collector.rememberAbsent(identity),
      invalidNamespace: ({ identity: d }, o) => {
        const owner = `[${o.apiVersion}/${o.kind}, namespace: ${d.namespace}, name: ${o.name}, uid: ${o.uid}]`;
        recorder.event(
          d,
          'Warning',
          'OwnerRefInvalidNamespace',
          `ownerRef ${owner} does not exist in namespace "${d.namespace}"`,
        );
      },
    });
    this.#collector = new Collector({
      client: context.client,
      graph: this.#graph,
      resourceOf: (apiVersion, kind) => this.#resources.get(`${apiVersion}/${kind}`),
      attemptToDelete: (uid) => this.#deletions.queue.add(uid),
    });
    const workers = context.flags.concurrentGcSyncs;
    this.#deletions = new ControllerLoop(context, {
      name: 'garbage_collector_attempt_to_delete',
      workers,
      sync: (uid, signal) => this.#attemptToDelete(uid, signal),
    });
    this.#orphans = new ControllerLoop(context, {
      name: 'garbage_collector_attempt_to_orphan',
      workers,
      sync: async (uid, signal) => {
        const node = this.#graph.get(uid);
        if (node) await this.#collector.orphan(node, signal);
      },
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#syncMonitors(signal).catch((err: unknown) =>
      this.#c.log.warn('garbage collector could not discover resources', { err }),
    );
    const synced = Promise.all([...this.#monitors.values()].map((m) => m.informer.synced));
    const waited = new AbortController();
    await Promise.race([
      synced,
      this.#c.clock.sleep(INITIAL_SYNC_TIMEOUT_MS, AbortSignal.any([signal, waited.signal])).catch(() => {}),
    ]);
    waited.abort();
    this.#watchDefinitions(signal);
    const resync = periodically(this.#c, 'garbage-collector', RESYNC_MS, (s) => this.#syncMonitors(s));
    await together(this.#deletions, this.#orphans, resync).run(signal);
    this.#soon?.cancel();
  }

  async #attemptToDelete(uid: string, signal: AbortSignal): Promise<void> {
    const node = this.#graph.get(uid);
    if (!node) return;
    try {
      const again = await this.#collector.attemptToDelete(node, signal);
      // Seen on the server but by no informer yet: looked at again until one has shown it.
      if (again && this.#graph.get(uid)?.virtual) this.#deletions.queue.addRateLimited(uid);
    } catch (err) {
      if (err instanceof NamespacedOwnerError) throw new TerminalError(err.message, { cause: err });
      throw err;
    }
  }

  #watchDefinitions(signal: AbortSignal): void {
    const changed = () => {
      this.#soon?.cancel();
      this.#soon = this.#c.clock.after(CRD_DELAY_MS, () => {
        void this.#syncMonitors(signal).catch((err: unknown) =>
          this.#c.log.debug('garbage collector could not discover resources', { err }),
        );
      });
    };
    const monitor = this.#monitors.get(keyOf(CUSTOMRESOURCEDEFINITIONS));
    monitor?.informer.addHandler({ added: (_, initial) => initial || changed(), updated: changed, deleted: changed });
  }

  /** One monitor for each resource that can be listed, watched and deleted; monitors of resources that are gone end. */
  async #syncMonitors(signal: AbortSignal): Promise<void> {
    const found = await discover(this.#c.client, signal);
    for (const [gv, why] of found.failed)
      this.#c.log.debug('failed to discover some groups', { groupVersion: gv, why });
    const wanted = found.resources.filter(
      (r) => ['delete', 'list', 'watch'].every((v) => r.verbs.includes(v)) && !isEvents(r),
    );
    this.#resources = new Map(found.resources.map((r) => [`${apiVersionOf(r)}/${r.kind}`, r]));
    const keys = new Set(wanted.map(keyOf));
    for (const [key, monitor] of this.#monitors) {
      // A group that failed is not gone.
      if (keys.has(key) || found.failed.has(apiVersionOf(monitor.ref))) continue;
      this.#monitors.delete(key);
      monitor.handler.remove();
      if (monitor.own) this.#c.informers.stop(monitor.ref, { metadataOnly: true });
    }
    for (const ref of wanted) if (!this.#monitors.has(keyOf(ref))) this.#monitors.set(keyOf(ref), this.#monitor(ref));
    this.#c.informers.start(signal);
  }

  #monitor(ref: DiscoveredResource): Monitor {
    // A resource another controller watches in full is not watched twice.
    const shared = this.#c.informers.existing<KubeObject>(ref);
    const informer = shared ?? this.#c.informers.informer<KubeObject>(ref, { metadataOnly: true });
    const apiVersion = apiVersionOf(ref);
    const identity = ({ metadata: m }: KubeObject): Identity => ({
      apiVersion,
      kind: ref.kind,
      name: m.name!,
      uid: m.uid!,
      namespace: m.namespace ?? '',
    });
    const handler = informer.addHandler({
      added: (o) => this.#graph.upsert(o, undefined, identity(o)),
      updated: (old, o) => {
        if (old.metadata.uid !== o.metadata.uid) {
          this.#graph.remove(identity(old));
          this.#graph.upsert(o, undefined, identity(o));
        } else this.#graph.upsert(o, old, identity(o));
      },
      deleted: (o) => this.#graph.remove(identity(o)),
    });
    return { ref, informer, handler, own: !shared };
  }
}

const keyOf = (r: ResourceRef): string => `${r.group}/${r.version}/${r.resource}`;
/** Events have no owners, and there are many of them. */
const isEvents = (r: ResourceRef): boolean =>
  r.resource === 'events' && (r.group === '' || r.group === 'events.k8s.io');

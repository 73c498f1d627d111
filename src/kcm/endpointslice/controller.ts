/** Keeps the EndpointSlices of Services with a selector equal to the pods behind them. Upstream: pkg/controller/endpointslice */
import type { Node, Pod, Service } from '../../api/core-v1.ts';
import type { EndpointSlice } from '../../api/discovery-v1.ts';
import { splitKey } from '../../client/indexer.ts';
import { ItemExponentialFailureRateLimiter } from '../../client/rate-limiter.ts';
import { ENDPOINTSLICES, NODES, PODS, SERVICES } from '../../client/resources.ts';
import { isNamespaceTerminating, isNotFound } from '../../machinery/errors/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { withKind } from '../pod-control.ts';
import { MAX_RETRIES, podsOf, servicesOfPodChange, TriggerTimeTracker } from '../service-pods.ts';
import type { SlicePlan } from './plan.ts';
import { MANAGED_BY, MANAGER, planSlices, SERVICE_NAME } from './plan.ts';
import { SliceTracker } from './tracker.ts';

/** A change of slices is looked at only after others, still under way, had time to arrive. */
const SLICE_CHANGE_DELAY_MS = 1_000;
const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';
const BY_SERVICE = 'service';

export function startEndpointSliceController(context: ControllerContext): Controller {
  return new EndpointSliceController(context).loop;
}

const serviceKeyOf = (slice: EndpointSlice): string | undefined => {
  const name = slice.metadata.labels?.[SERVICE_NAME];
  return name ? `${slice.metadata.namespace}/${name}` : undefined;
};
const isOurs = (slice: EndpointSlice): boolean => slice.metadata.labels?.[MANAGED_BY] === MANAGER;

class EndpointSliceController {
  readonly loop: ControllerLoop;
  readonly #c: ControllerContext;
  readonly #services;
  readonly #pods;
  readonly #nodes;
  readonly #slices;
  readonly #recorder;
  readonly #tracker = new SliceTracker();
  readonly #times = new TriggerTimeTracker();

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#recorder = context.recorder('endpoint-slice-controller');
    this.#services = context.informers.informer<Service>(SERVICES);
    this.#pods = context.informers.informer<Pod>(PODS);
    this.#nodes = context.informers.informer<Node>(NODES);
    this.#slices = context.informers.informer<EndpointSlice>(ENDPOINTSLICES);
    this.#slices.addIndex(BY_SERVICE, (s) => {
      const key = serviceKeyOf(s);
      return key && isOurs(s) ? [key] : [];
    });
    this.loop = new ControllerLoop(context, {
      name: 'endpoint_slice',
      workers: context.flags.concurrentServiceEndpointSyncs,
      rateLimiter: new ItemExponentialFailureRateLimiter(1000, 1_000_000),
      maxRetries: MAX_RETRIES,
      sync: (key, signal) => this.#sync(key, signal),
    });
    const { queue } = this.loop;
    const batch = context.flags.endpointsliceUpdatesBatchPeriod;
    this.#services.addHandler({
      added: (s) => this.loop.enqueue(s),
      updated: (_, s) => this.loop.enqueue(s),
      deleted: (s) => this.loop.enqueue(s),
    });
    const podChanged = (old: Pod | undefined, pod: Pod | undefined) => {
      for (const key of servicesOfPodChange(this.#services.lister, old, pod)) queue.addAfter(key, batch);
    };
    this.#pods.addHandler({
      added: (pod) => podChanged(undefined, pod),
      updated: podChanged,
      deleted: (pod) => podChanged(pod, undefined),
    });
    // A pod whose node is not known yet was left out; its Services are looked at when the node comes.
    this.#nodes.addHandler({
      added: (node, initial) => {
        if (initial) return;
        for (const pod of this.#pods.lister.list())
          if (pod.spec?.nodeName === node.metadata.name) podChanged(undefined, pod);
      },
    });
    const queueSlice = (slice: EndpointSlice) => {
      const key = serviceKeyOf(slice);
      if (key) queue.addAfter(key, Math.max(SLICE_CHANGE_DELAY_MS, batch));
    };
    this.#slices.addHandler({
      added: (s) => isOurs(s) && this.#tracker.isForeign(serviceKeyOf(s) ?? '', s) && queueSlice(s),
      updated: (old, s) => {
        if (serviceKeyOf(old) !== serviceKeyOf(s)) {
          queueSlice(old);
          queueSlice(s);
        } else if (isOurs(old) !== isOurs(s) || (isOurs(s) && this.#tracker.isForeign(serviceKeyOf(s) ?? '', s)))
          queueSlice(s);
      },
      deleted: (s) => isOurs(s) && !this.#tracker.observeDeletion(serviceKeyOf(s) ?? '', s) && queueSlice(s),
    });
  }

  async #sync(key: string, signal: AbortSignal): Promise<void> {
    const { namespace, name } = splitKey(key);
    const service = this.#services.lister.get(namespace, name);
    if (!service) {
      this.#times.forget(key);
      this.#tracker.forget(key);
      return;
    }
    // Without a selector somebody else keeps the endpoints.
    if (service.spec?.type === 'ExternalName' || !service.spec?.selector) return;
    const existing = this.#slices.lister
      .byIndex(BY_SERVICE, key)
      .filter((s) => s.metadata.deletionTimestamp === undefined);
    if (this.#tracker.isStale(key, existing)) throw new Error('EndpointSlice informer cache is out of date');
    const pods = podsOf(service, this.#pods.lister);
    const plan = planSlices({
      service,
      pods,
      existing,
      node: (n) => this.#nodes.lister.get(undefined, n),
      maxPerSlice: this.#c.flags.maxEndpointsPerSlice,
    });
    try {
      await this.#apply(key, service, plan, this.#times.compute(service, pods), signal);
      if (plan.skipped.length > 0) throw new Error(plan.skipped.join(', '));
    } catch (err) {
      if (signal.aborted) throw err;
      const message = `Error updating Endpoint Slices for Service ${key}: ${(err as Error).message}`;
      this.#recorder.event(withKind(service, SERVICES), 'Warning', 'FailedToUpdateEndpointSlices', message);
      throw err;
    }
  }

  async #apply(
    key: string,
    service: Service,
    plan: SlicePlan,
    triggerTime: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = this.#c;
    const dated = (slice: EndpointSlice): EndpointSlice => {
      const { [TRIGGER_TIME]: _, ...rest } = slice.metadata.annotations ?? {};
      const annotations = triggerTime ? { ...rest, [TRIGGER_TIME]: triggerTime } : rest;
      return { ...slice, metadata: { ...slice.metadata, annotations } };
    };
    if (service.metadata.deletionTimestamp === undefined) {
      for (const slice of plan.create) {
        try {
          this.#tracker.wrote(key, await client.create<EndpointSlice>(ENDPOINTSLICES, dated(slice), { signal }));
        } catch (err) {
          if (isNamespaceTerminating(err)) return;
          throw new Error(`failed to create EndpointSlice for Service ${key}: ${(err as Error).message}`, {
            cause: err,
          });
        }
      }
    }
    for (const slice of plan.update) {
      try {
        this.#tracker.wrote(key, await client.update<EndpointSlice>(ENDPOINTSLICES, dated(slice), { signal }));
      } catch (err) {
        throw new Error(
          `failed to update ${slice.metadata.name} EndpointSlice for Service ${key}: ${(err as Error).message}`,
          { cause: err },
        );
      }
    }
    for (const slice of plan.delete) {
      try {
        await client.delete(ENDPOINTSLICES, slice.metadata.name!, { namespace: slice.metadata.namespace!, signal });
        this.#tracker.deleted(key, slice);
      } catch (err) {
        if (isNotFound(err)) continue;
        throw new Error(
          `failed to delete ${slice.metadata.name} EndpointSlice for Service ${key}: ${(err as Error).message}`,
          { cause: err },
        );
      }
    }
  }
}

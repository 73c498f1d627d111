/**
 * Mirrors Endpoints that people write for Services without a selector into EndpointSlices, which is what proxies read.
 * Upstream: pkg/controller/endpointslicemirroring
 */
import type { Endpoints, Service } from '../../api/core-v1.ts';
import type { EndpointSlice } from '../../api/discovery-v1.ts';
import { splitKey } from '../../client/indexer.ts';
import { ItemExponentialFailureRateLimiter } from '../../client/rate-limiter.ts';
import { ENDPOINTS, ENDPOINTSLICES, SERVICES } from '../../client/resources.ts';
import { isNamespaceTerminating, isNotFound } from '../../machinery/errors/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { MANAGED_BY, SERVICE_NAME } from '../endpointslice/plan.ts';
import { SliceTracker } from '../endpointslice/tracker.ts';
import { withKind } from '../pod-control.ts';
import { MAX_RETRIES } from '../service-pods.ts';
import type { MirrorPlan } from './plan.ts';
import { MIRROR_MANAGER, planMirror, shouldMirror } from './plan.ts';

const BY_ENDPOINTS = 'mirroredEndpoints';

export function startEndpointSliceMirroringController(context: ControllerContext): Controller {
  return new EndpointSliceMirroringController(context).loop;
}

const keyOfSlice = (slice: EndpointSlice): string =>
  `${slice.metadata.namespace}/${slice.metadata.labels?.[SERVICE_NAME] ?? ''}`;
const isOurs = (slice: EndpointSlice): boolean => slice.metadata.labels?.[MANAGED_BY] === MIRROR_MANAGER;

class EndpointSliceMirroringController {
  readonly loop: ControllerLoop;
  readonly #c: ControllerContext;
  readonly #services;
  readonly #endpoints;
  readonly #slices;
  readonly #recorder;
  readonly #tracker = new SliceTracker();

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#recorder = context.recorder('endpoint-slice-mirroring-controller');
    this.#services = context.informers.informer<Service>(SERVICES);
    this.#endpoints = context.informers.informer<Endpoints>(ENDPOINTS);
    this.#slices = context.informers.informer<EndpointSlice>(ENDPOINTSLICES);
    this.#slices.addIndex(BY_ENDPOINTS, (s) => (isOurs(s) ? [keyOfSlice(s)] : []));
    this.loop = new ControllerLoop(context, {
      name: 'endpoint_slice_mirroring',
      workers: context.flags.mirroringConcurrentServiceEndpointSyncs,
      rateLimiter: new ItemExponentialFailureRateLimiter(1_000, 100_000),
      maxRetries: MAX_RETRIES,
      sync: (key, signal) => this.#sync(key, signal),
    });
    this.#watch();
  }

  #watch(): void {
    const { loop } = this;
    const hasSelector = (s: Service): boolean => s.spec?.selector !== undefined;
    this.#services.addHandler({
      added: (s) => !hasSelector(s) && loop.enqueue(s),
      updated: (old, s) => hasSelector(old) !== hasSelector(s) && loop.enqueue(s),
      deleted: (s) => !hasSelector(s) && loop.enqueue(s),
    });
    this.#endpoints.addHandler({
      added: (e) => shouldMirror(e) && loop.enqueue(e),
      updated: (old, e) => (shouldMirror(old) || shouldMirror(e)) && loop.enqueue(e),
      deleted: (e) => shouldMirror(e) && loop.enqueue(e),
    });
    const later = (slice: EndpointSlice): void =>
      loop.queue.addAfter(keyOfSlice(slice), this.#c.flags.mirroringEndpointsliceUpdatesBatchPeriod);
    const isForeign = (s: EndpointSlice): boolean => isOurs(s) && this.#tracker.isForeign(keyOfSlice(s), s);
    this.#slices.addHandler({
      added: (s) => isForeign(s) && later(s),
      updated: (old, s) => {
        if (keyOfSlice(old) !== keyOfSlice(s)) {
          later(old);
          later(s);
        } else if (isOurs(old) !== isOurs(s) || isForeign(s)) later(s);
      },
      deleted: (s) => isOurs(s) && !this.#tracker.observeDeletion(keyOfSlice(s), s) && later(s),
    });
  }

  async #sync(key: string, signal: AbortSignal): Promise<void> {
    const { namespace, name } = splitKey(key);
    const endpoints = this.#endpoints.lister.get(namespace, name);
    const service = this.#services.lister.get(namespace, name);
    const slices = this.#slices.lister.byIndex(BY_ENDPOINTS, key);
    if (!endpoints || !shouldMirror(endpoints) || !service || service.spec?.selector !== undefined) {
      this.#tracker.forget(key);
      for (const slice of slices) await this.#delete(slice, signal);
      return;
    }
    if (this.#tracker.isStale(key, slices)) throw new Error('EndpointSlice informer cache is out of date');
    const max = this.#c.flags.mirroringMaxEndpointsPerSubset;
    const plan = planMirror(endpoints, slices, max);
    this.#report(endpoints, plan, max);
    await this.#apply(key, endpoints, plan, signal);
  }

  #report(endpoints: Endpoints, plan: MirrorPlan, max: number): void {
    const warn = (reason: string, message: string): void =>
      this.#recorder.event(withKind(endpoints, ENDPOINTS), 'Warning', reason, message);
    if (plan.invalid > 0) {
      warn('InvalidIPAddress', `Skipped ${plan.invalid} invalid IP addresses when mirroring to EndpointSlices`);
    }
    if (plan.skipped > plan.invalid) {
      warn(
        'TooManyAddressesToMirror',
        `A max of ${max} addresses can be mirrored to EndpointSlices per Endpoints subset. ${plan.skipped} addresses were skipped`,
      );
    }
  }

  async #apply(key: string, endpoints: Endpoints, plan: MirrorPlan, signal: AbortSignal): Promise<void> {
    const { client } = this.#c;
    if (endpoints.metadata.deletionTimestamp === undefined) {
      for (const slice of plan.create) {
        try {
          this.#tracker.wrote(key, await client.create<EndpointSlice>(ENDPOINTSLICES, slice, { signal }));
        } catch (err) {
          if (isNamespaceTerminating(err)) return;
          throw err;
        }
      }
    }
    for (const slice of plan.update) {
      this.#tracker.wrote(key, await client.update<EndpointSlice>(ENDPOINTSLICES, slice, { signal }));
    }
    for (const slice of plan.delete) {
      await this.#delete(slice, signal);
      this.#tracker.deleted(key, slice);
    }
  }

  async #delete(slice: EndpointSlice, signal: AbortSignal): Promise<void> {
    try {
      const { name, namespace } = slice.metadata;
      await this.#c.client.delete(ENDPOINTSLICES, name!, { namespace: namespace!, signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}

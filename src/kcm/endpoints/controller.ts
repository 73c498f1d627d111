/** Keeps the Endpoints object of each Service with a selector, for clients that do not read slices. Upstream: pkg/controller/endpoint */
import type { Endpoints, Pod, Service } from '../../api/core-v1.ts';
import { keyOf, splitKey } from '../../client/indexer.ts';
import { ENDPOINTS, PODS, SERVICES } from '../../client/resources.ts';
import { isNamespaceTerminating, isNotFound } from '../../machinery/errors/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { withKind } from '../pod-control.ts';
import { semanticEqual } from '../semantic-equal.ts';
import { MAX_RETRIES, podsOf, servicesOfPodChange, TriggerTimeTracker } from '../service-pods.ts';
import { labelsOf, sameSubsets, subsetsOf, truncate } from './plan.ts';

const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';

export function startEndpointsController(context: ControllerContext): Controller {
  return new EndpointsController(context).controller;
}

class EndpointsController {
  readonly controller: Controller;
  readonly #c: ControllerContext;
  readonly #loop: ControllerLoop;
  readonly #services;
  readonly #pods;
  readonly #endpoints;
  readonly #recorder;
  readonly #times = new TriggerTimeTracker();
  /** Versions we have replaced, by key: a cache that still shows one is stale. */
  readonly #replaced = new Map<string, string>();

  constructor(context: ControllerContext) {
    this.#c = context;
    this.#recorder = context.recorder('endpoint-controller');
    this.#services = context.informers.informer<Service>(SERVICES);
    this.#pods = context.informers.informer<Pod>(PODS);
    this.#endpoints = context.informers.informer<Endpoints>(ENDPOINTS);
    this.#loop = new ControllerLoop(context, {
      name: 'endpoint',
      workers: context.flags.concurrentEndpointSyncs,
      maxRetries: MAX_RETRIES,
      sync: (key, signal) => this.#sync(key, signal),
    });
    const enqueue = (s: Service) => this.#loop.enqueue(s);
    this.#services.addHandler({ added: enqueue, updated: (_, s) => enqueue(s), deleted: enqueue });
    const podChanged = (old: Pod | undefined, pod: Pod | undefined) => {
      const keys = servicesOfPodChange(this.#services.lister, old, pod);
      for (const key of keys) this.#loop.queue.addAfter(key, context.flags.endpointUpdatesBatchPeriod);
    };
    this.#pods.addHandler({
      added: (pod) => podChanged(undefined, pod),
      updated: podChanged,
      deleted: (pod) => podChanged(pod, undefined),
    });
    this.#endpoints.addHandler({ deleted: (e) => this.#loop.enqueue(e) });
    this.controller = {
      run: (signal) => {
        // Services deleted while nobody ran have left their Endpoints behind.
        for (const e of this.#endpoints.lister.list()) if (!e.metadata.annotations?.[LEADER]) this.#loop.enqueue(e);
        return this.#loop.run(signal);
      },
    };
  }

  async #sync(key: string, signal: AbortSignal): Promise<void> {
    const { client } = this.#c;
    const { namespace, name } = splitKey(key);
    const service = this.#services.lister.get(namespace, name);
    const current = this.#endpoints.lister.get(namespace, name);
    if (!service) {
      this.#times.forget(key);
      this.#replaced.delete(key);
      try {
        if (current) await client.delete(ENDPOINTS, name, { namespace: namespace!, signal });
      } catch (err) {
        if (!isNotFound(err)) throw err;
      }
      return;
    }
    if (service.spec?.type === 'ExternalName' || !service.spec?.selector) return;
    if (current && this.#replaced.get(key) === current.metadata.resourceVersion) {
      throw new Error(
        `endpoints informer cache is out of date, resource version ${current.metadata.resourceVersion} already processed for endpoints ${key}`,
      );
    }
    const pods = podsOf(service, this.#pods.lister);
    const triggerTime = this.#times.compute(service, pods);
    const { subsets, truncated } = truncate(subsetsOf(service, pods));
    const labels = labelsOf(service);
    const overCapacity = current?.metadata.annotations?.[OVER_CAPACITY] !== undefined;
    if (
      current &&
      sameSubsets(current.subsets ?? [], subsets) &&
      semanticEqual(current.metadata.labels, labels) &&
      overCapacity === truncated
    )
      return;

    const { [TRIGGER_TIME]: _t, [OVER_CAPACITY]: _o, ...kept } = current?.metadata.annotations ?? {};
    const annotations = {
      ...kept,
      ...(triggerTime ? { [TRIGGER_TIME]: triggerTime } : {}),
      ...(truncated ? { [OVER_CAPACITY]: 'truncated' } : {}),
    };
    const metadata = { ...(current?.metadata ?? { name, namespace: namespace! }), labels, annotations };
    await this.#write({ ...current, metadata, subsets }, current, signal);
  }

  async #write(next: Endpoints, current: Endpoints | undefined, signal: AbortSignal): Promise<void> {
    const { client } = this.#c;
    const key = keyOf(next);
    try {
      if (!current) {
        await client.create<Endpoints>(ENDPOINTS, next, { signal });
        return;
      }
      const written = await client.update<Endpoints>(ENDPOINTS, next, { signal });
      if (written.metadata.resourceVersion !== current.metadata.resourceVersion)
        this.#replaced.set(key, current.metadata.resourceVersion!);
    } catch (err) {
      if (signal.aborted || isNamespaceTerminating(err)) return;
      const [reason, message] = current
        ? ['FailedToUpdateEndpoint', `Failed to update endpoint ${key}: ${(err as Error).message}`]
        : ['FailedToCreateEndpoint', `Failed to create endpoint for service ${key}: ${(err as Error).message}`];
      this.#recorder.event(withKind(next, ENDPOINTS), 'Warning', reason!, message!);
      throw err;
    }
  }
}

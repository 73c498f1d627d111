/** Creating and deleting pods on behalf of a controller, with the events that tell of it. Upstream: controller_utils.go RealPodControl */
import type { Pod, PodTemplateSpec } from '../api/core-v1.ts';
import type { Client, ResourceRef } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { PODS } from '../client/resources.ts';
import { isNamespaceTerminating, isNotFound } from '../machinery/errors/status-error.ts';
import type { KubeObject, ObjectMeta } from '../machinery/meta/object.ts';
import { apiVersionOf } from '../machinery/meta/object.ts';
import { controllerRefTo } from './owners.ts';

const MAX_NAME = 253;

/** A new pod made of `template`, controlled by `owner`. `metadata` wins over what the template gives. */
export function podFromTemplate(
  template: PodTemplateSpec,
  owner: KubeObject,
  ownerRef: ResourceRef,
  metadata: Partial<ObjectMeta> = {},
): Pod {
  const t = template.metadata ?? {};
  const prefix = `${owner.metadata.name}-`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefix.length > MAX_NAME ? owner.metadata.name! : prefix,
      namespace: owner.metadata.namespace!,
      ...(t.labels ? { labels: t.labels } : {}),
      ...(t.annotations ? { annotations: t.annotations } : {}),
      ...(t.finalizers ? { finalizers: t.finalizers } : {}),
      ownerReferences: [controllerRefTo(owner, ownerRef)],
      ...metadata,
    },
    ...(template.spec ? { spec: template.spec } : {}),
  };
}

/** The owner as events name it: objects from caches may lack kind and apiVersion. */
export function withKind<T extends KubeObject>(object: T, ref: ResourceRef): T {
  return object.kind && object.apiVersion ? object : { ...object, kind: ref.kind, apiVersion: apiVersionOf(ref) };
}

export interface PodControlOptions {
  client: Client;
  recorder: EventRecorder;
  signal: AbortSignal;
}

export class PodControl {
  readonly #o: PodControlOptions;
  constructor(options: PodControlOptions) {
    this.#o = options;
  }

  async create(pod: Pod, owner: KubeObject): Promise<Pod> {
    const { client, recorder, signal } = this.#o;
    if (!pod.metadata.labels || Object.keys(pod.metadata.labels).length === 0)
      throw new Error('unable to create pods, no labels');
    let created: Pod;
    try {
      created = await client.create<Pod>(PODS, pod, { signal });
    } catch (err) {
      if (!isNamespaceTerminating(err))
        recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(err as Error).message}`);
      throw err;
    }
    recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
    return created;
  }

  async delete(pod: Pod, owner: KubeObject): Promise<void> {
    const { client, recorder, signal } = this.#o;
    try {
      await client.delete(PODS, pod.metadata.name!, { namespace: pod.metadata.namespace!, signal });
    } catch (err) {
      if (!isNotFound(err))
        recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(err as Error).message}`);
      throw err;
    }
    recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
  }
}

/**
 * Calls `work` `count` times in batches of 1, 2, 4, ..., and stops after the first batch with a failure: what cannot work
 * (a quota that is used up) is not tried a thousand times. The answer counts successes.
 */
export async function slowStart(
  count: number,
  work: (index: number) => Promise<void>,
): Promise<{ successes: number; error?: unknown }> {
  let successes = 0;
  let started = 0;
  for (let batch = Math.min(count, 1); batch > 0; batch = Math.min(2 * batch, count - started)) {
    const first = started;
    started += batch;
    const results = await Promise.allSettled(Array.from({ length: batch }, (_, i) => work(first + i)));
    const failed = results.filter((r) => r.status === 'rejected');
    successes += batch - failed.length;
    if (failed.length > 0) return { successes, error: failed[0]!.reason };
  }
  return { successes };
}

/**
 * Opening a watch on a resource: what resourceVersion and sendInitialEvents mean, on top of the watch cache.
 * Upstream: apiserver/pkg/storage/cacher/cacher.go Watch
 */
import { StatusError } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { CacheWatch } from '../../storage/cacher/cache-watch.ts';
import type { WatchBatch } from '../../storage/cacher/delivery.ts';
import type { StorageError } from '../../storage/storage.ts';
import { type ListOptions, resourceVersionProblem } from './list-options.ts';
import { parseSelection } from './selection.ts';
import { statusOf } from './storage-errors.ts';
import type { StoreCore } from './store-core.ts';

export interface WatchSink {
  onBatch(batch: WatchBatch<KubeObject>): void;
  /** Undefined: the signal aborted. */
  onClose(error: StorageError | undefined): void;
}

export interface OpenedWatch {
  /** Begins paused: send `initial`, then `resume()`. */
  watch: CacheWatch<KubeObject>;
  /** A bookmark marked k8s.io/initial-events-end is due after the initial entries. */
  endsInitialEvents: boolean;
}

/** `options` have passed validateListOptions. */
export async function openWatch(
  store: StoreCore,
  requestNamespace: string,
  options: ListOptions,
  sink: WatchSink,
  signal: AbortSignal,
): Promise<OpenedWatch> {
  const selection = parseSelection(store, options.labelSelector, options.fieldSelector);
  const namespace = requestNamespace === '' ? (selection.namespace ?? '') : requestNamespace;
  const problem = resourceVersionProblem(options.resourceVersion);
  if (problem !== undefined) {
    const text = `resourceVersion: Invalid value: ${JSON.stringify(options.resourceVersion)}: ${problem}`;
    throw new StatusError({ code: 500, message: text });
  }
  const from = startOf(options);
  const single = selection.name !== undefined && (namespace !== '' || !store.row.namespaced);
  try {
    const watch = await store.cache.watch({
      ...from,
      ...(single ? { key: store.key(namespace, selection.name!) } : { prefix: store.prefix(namespace) }),
      ...(selection.selector === undefined ? {} : { selector: selection.selector }),
      ...(selection.index === undefined ? {} : { index: selection.index }),
      onBatch: sink.onBatch,
      onClose: sink.onClose,
      signal,
    });
    return { watch, endsInitialEvents: options.sendInitialEvents === true };
  } catch (err) {
    const requestedRevision = from.after ?? from.minRevision ?? 0;
    throw statusOf(err, { verb: 'watch', resource: store.resource, name: '', requestedRevision });
  }
}

function startOf(o: ListOptions): { after?: number; initial?: boolean; minRevision?: number } {
  const revision = Number(o.resourceVersion || '0');
  if (o.sendInitialEvents === true)
    return o.resourceVersion === '' ? { initial: true } : { initial: true, minRevision: revision };
  if (revision > 0) return { after: revision };
  if (o.sendInitialEvents === false) return {};
  return o.resourceVersion === '' ? { initial: true } : { initial: true, minRevision: 0 };
}

/**
 * componentstatuses: nothing is stored, the components are asked when somebody looks. Upstream: pkg/registry/core/componentstatus/rest.go
 * Deviation: upstream also asks two ports of its own machine for a scheduler and a controller manager; where these run is not the
 * server's to know.
 */
import { encodeJson } from '../../machinery/codec/json.ts';
import { notFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { parseSelection } from '../../registry/generic/selection.ts';
import { CacheEntry } from '../../storage/cacher/cache-entry.ts';
import type { SubresourceHandlers } from '../dispatcher.ts';
import { readListOptions } from '../request/query-options.ts';
import { writeList } from './list-output.ts';
import { methodNotAllowed } from './not-found.ts';
import { negotiateOutput, writeObject } from './output.ts';

/** Throws when the component is not well. */
export type ComponentCheck = () => void | Promise<void>;

export function componentStatusHandlers(checks: Readonly<Record<string, ComponentCheck>>): SubresourceHandlers {
  return {
    async list(request) {
      const options = readListOptions(request.query);
      if (options.watch) throw methodNotAllowed();
      const negotiated = negotiateOutput(request);
      const { selector } = parseSelection(request.endpoint.store, options.labelSelector, options.fieldSelector);
      const objects = await Promise.all(Object.entries(checks).map(([name, check]) => statusOf(name, check)));
      const entries = objects.map(entryOf).filter((entry) => selector?.matches(entry) ?? true);
      await writeList(request, negotiated, { entries, revision: 0, continue: '', remainingItemCount: undefined });
    },
    async get(request) {
      const negotiated = negotiateOutput(request);
      const { name, endpoint } = request;
      const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
      if (check === undefined) throw notFound(endpoint.store.resource, name);
      await writeObject(request, negotiated, 200, encodeJson(await statusOf(name, check)));
    },
  };
}

async function statusOf(name: string, check: ComponentCheck): Promise<KubeObject> {
  let [status, message] = ['True', 'ok'];
  try {
    await check();
  } catch (err) {
    [status, message] = ['False', err instanceof Error ? err.message : String(err)];
  }
  const conditions = [{ type: 'Healthy', status, message }];
  return { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name }, conditions } as KubeObject;
}

/** As if it lay in a cache, for the writer of lists. */
function entryOf(object: KubeObject): CacheEntry<KubeObject> {
  const codec = {
    serve: undefined,
    parse: () => object,
    glance: () => object,
    labels: () => ({}),
    fields: () => ({ 'metadata.name': object.metadata.name ?? '' }),
  };
  return new CacheEntry(codec, { key: '', revision: 0, createRevision: 0 }, encodeJson(object));
}

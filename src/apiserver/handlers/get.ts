/** GET of one object: the cached bytes, as they are. Upstream: apiserver/pkg/endpoints/handlers/get.go */
import { badRequest } from '../../machinery/errors/status-error.ts';
import { getEntry } from '../../registry/generic/list.ts';
import type { ResourceRequest } from '../endpoint.ts';
import { isTrue } from '../request/request-info.ts';
import { negotiateOutput, writeObject } from './output.ts';

export function handleGet(request: ResourceRequest): Promise<void> | void {
  const negotiated = negotiateOutput(request);
  const { endpoint, namespace, name, query } = request;
  const { store } = endpoint;
  if (query.has('export')) refuseExport(query);
  const entry = getEntry(store, namespace, name, query.get('resourceVersion') ?? '');
  if (entry instanceof Promise) return entry.then((found) => writeObject(request, negotiated, 200, store.bytes(found)));
  return writeObject(request, negotiated, 200, store.bytes(entry));
}

function refuseExport(query: URLSearchParams): void {
  if (isTrue(query.get('export')!))
    throw badRequest('the export parameter, deprecated since v1.14, is no longer supported');
}

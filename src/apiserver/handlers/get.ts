/** GET of one object: the cached bytes, as they are. Upstream: apiserver/pkg/endpoints/handlers/get.go */
import { getEntry } from '../../registry/generic/list.ts';
import type { ResourceRequest } from '../endpoint.ts';
import { negotiateOutput, writeObject } from './output.ts';

export async function handleGet(request: ResourceRequest): Promise<void> {
  const negotiated = negotiateOutput(request);
  const { endpoint, namespace, name, query } = request;
  const resourceVersion = query.get('resourceVersion') ?? '';
  const entry = await getEntry(endpoint.store, namespace, name, resourceVersion);
  await writeObject(request, negotiated, 200, endpoint.store.bytes(entry));
}

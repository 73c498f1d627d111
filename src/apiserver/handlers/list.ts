/** GET of a collection: a list, or a watch when the query asks for one. Upstream: apiserver/pkg/endpoints/handlers/get.go ListResource */
import { badRequest } from '../../machinery/errors/status-error.ts';
import { listEntries } from '../../registry/generic/list.ts';
import type { ResourceRequest } from '../endpoint.ts';
import { readListOptions } from '../request/query-options.ts';
import { writeList } from './list-output.ts';
import { negotiateOutput } from './output.ts';
import { serveWatch } from './watch.ts';

export async function handleList(request: ResourceRequest): Promise<void> {
  const options = readListOptions(request.query);
  if (options.watch) return serveWatch(request, options);
  const negotiated = negotiateOutput(request);
  const { endpoint, namespace, context } = request;
  const listed = await listEntries(endpoint.store, namespace, options, context.signal);
  await writeList(request, negotiated, listed);
}

/** The old `/watch/` paths: the same watch, of one object where the path names one. */
export async function handleWatch(request: ResourceRequest): Promise<void> {
  const options = readListOptions(request.query, true);
  if (request.name !== '') {
    const wanted = `metadata.name=${request.name}`;
    if (options.fieldSelector !== '' && options.fieldSelector !== wanted) {
      throw badRequest("fieldSelector metadata.name doesn't match requested name");
    }
    options.fieldSelector = wanted;
  }
  await serveWatch(request, options);
}

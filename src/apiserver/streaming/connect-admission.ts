/** Admission of CONNECT: asked before anything is opened. Upstream: endpoints/handlers/rest.go ConnectResource */
import { badRequest } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { ResourceRequest } from '../endpoint.ts';
import { attributesFor } from '../handlers/attributes.ts';

export async function admitConnect(
  request: ResourceRequest,
  kind: string,
  options: Record<string, unknown>,
): Promise<void> {
  if (request.query.has('dryRun')) throw badRequest('dryRun is not supported');
  const object = { kind, apiVersion: 'v1', metadata: {}, ...options } as KubeObject;
  const attributes = attributesFor(request, {
    operation: 'CONNECT',
    object,
    oldObject: undefined,
    options: undefined,
    dryRun: false,
    kind: { group: '', version: 'v1', kind },
  });
  await request.server.admission.admit(attributes);
  await request.server.admission.validate(attributes);
}

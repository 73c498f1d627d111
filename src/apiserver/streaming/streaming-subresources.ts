/** The subresources that are streams or proxies, for createApiServer. */
import type { ApiServices } from '../create-api-server.ts';
import type { SubresourceHandlers } from '../dispatcher.ts';
import { execOrAttach, portForward } from './exec.ts';
import type { KubeletConnections } from './kubelet-connection.ts';
import { podLog } from './pod-log.ts';
import { proxy } from './proxy.ts';

export function streamingSubresources(
  services: ApiServices,
  kubelets: KubeletConnections,
): ReadonlyMap<string, SubresourceHandlers> {
  const proxied: SubresourceHandlers = { connect: (request) => proxy(request, services, kubelets) };
  return new Map<string, SubresourceHandlers>([
    ['/pods/log', { get: (request) => podLog(request, services, kubelets) }],
    ['/pods/exec', { connect: (request) => execOrAttach(request, services, kubelets) }],
    ['/pods/attach', { connect: (request) => execOrAttach(request, services, kubelets) }],
    ['/pods/portforward', { connect: (request) => portForward(request, services, kubelets) }],
    ['/pods/proxy', proxied],
    ['/services/proxy', proxied],
    ['/nodes/proxy', proxied],
  ]);
}

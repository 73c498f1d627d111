/** The pod, container and node that a log or stream request is about, with upstream's refusals. Upstream: pkg/registry/core/pod/strategy.go */
import type { Node, Pod } from '../../api/core-v1.ts';
import { badRequest, notFound } from '../../machinery/errors/status-error.ts';
import type { ApiServices } from '../create-api-server.ts';
import type { ResourceRequest } from '../endpoint.ts';

const PODS = { group: '', resource: 'pods' };
const NODES = { group: '', resource: 'nodes' };

/** @throws StatusError 404 */
export async function podOf(services: ApiServices, { namespace, name }: ResourceRequest): Promise<Pod> {
  const pod = await services.getLive<Pod>(PODS, namespace, name);
  if (pod === undefined) throw notFound(PODS, name);
  return pod;
}

/** @throws StatusError: 400 when the pod is on no node, 404 when there is no such node. */
export async function nodeOf(services: ApiServices, pod: Pod): Promise<Node> {
  const nodeName = pod.spec?.nodeName;
  if (!nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const node = await services.get<Node>(NODES, '', nodeName);
  if (node === undefined) throw notFound(NODES, nodeName);
  return node;
}

/** The container that is meant. @throws StatusError 400 when it cannot be told or is none of the pod's. */
export function containerOf(pod: Pod, asked: string): string {
  const main = (pod.spec?.containers ?? []).map((c) => c.name);
  const init = (pod.spec?.initContainers ?? []).map((c) => c.name);
  const ephemeral = (pod.spec?.ephemeralContainers ?? []).map((c) => c.name);
  const name = pod.metadata.name;
  if (asked === '') {
    if (main.length === 1) return main[0]!;
    const list = (names: readonly string[]) => `[${names.join(' ')}]`;
    let message = `a container name must be specified for pod ${name}, choose one of: ${list(main)}`;
    if (init.length > 0) message += ` or one of the init containers: ${list(init)}`;
    if (ephemeral.length > 0) message += ` or one of the ephemeral containers: ${list(ephemeral)}`;
    throw badRequest(message);
  }
  if (![...main, ...init, ...ephemeral].includes(asked))
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  return asked;
}

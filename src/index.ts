/**
 * The library: what `import { startCluster } from 'keelson'` gives. A whole cluster in this process, on memory and on a clock that tests
 * move; the client that its own components use; errors and how to tell them apart.
 */
export type { ApiServer } from './apiserver/create-api-server.ts';
export type { UserInfo } from './apiserver/request/exchange.ts';
export { type Clock, systemClock, type Timer, VirtualClock } from './base/clock.ts';
export { type Logger, silentLogger } from './base/log.ts';
export { type Random, seededRandom, systemRandom } from './base/random.ts';
export type {
  Client,
  ClientWatchEvent,
  DeleteRequest,
  ListRequest,
  ObjectList,
  PatchType,
  Reader,
  RequestOptions,
  ResourceRef,
  WatchRequest,
  WriteRequest,
  Writer,
} from './client/client.ts';
export { httpTransport } from './client/http-transport.ts';
export { Informer } from './client/informer.ts';
export { InformerFactory } from './client/informer-factory.ts';
export { loadKubeconfig } from './client/kubeconfig.ts';
export * as resources from './client/resources.ts';
export { createClient } from './client/rest-client.ts';
export type { Transport } from './client/transport.ts';
export { type Cluster, type ClusterOptions, startCluster } from './cluster/cluster.ts';
export type { ControllerManagerFlags } from './kcm/flags.ts';
export type { SimulatedNodeOptions } from './kubelet/simulated-nodes.ts';
export {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isInvalid,
  isNotFound,
  type Status,
  StatusError,
} from './machinery/errors/status-error.ts';
export type { KubeObject } from './machinery/meta/object.ts';

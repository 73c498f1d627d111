/**
 * What plugins may know of the cluster. The API server implements it on its own caches (reads cost no I/O and may lag a little);
 * writes go through the loopback client and pass the whole chain again.
 */

import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Awaitable } from '../base/when.ts';
import type { Client } from '../client/client.ts';
import type { Authorizer } from '../machinery/authorization/authorizer.ts';
import type { GroupResource } from '../machinery/errors/status-error.ts';
import type { GroupVersionKind, KubeObject } from '../machinery/meta/object.ts';

export interface ClusterView {
  /** From the cache, frozen; undefined when it is not there. `namespace` '' for cluster-scoped. Waits only for a cache that fills. */
  get<T extends KubeObject>(resource: GroupResource, namespace: string, name: string): Awaitable<T | undefined>;
  /** The same at once; undefined also while the cache does not know yet. */
  peek<T extends KubeObject>(resource: GroupResource, namespace: string, name: string): T | undefined;
  /** The newest committed state, past any cache: for a second look before a refusal. */
  getLive<T extends KubeObject>(resource: GroupResource, namespace: string, name: string): Promise<T | undefined>;
  /** All of a namespace; '' for all there are. From the cache, frozen. Waits only for a cache that fills. */
  list<T extends KubeObject>(resource: GroupResource, namespace: string): Awaitable<readonly T[]>;
}

export interface AdmissionData extends ClusterView {
  /** This server, over the in-process transport, as system:apiserver (system:masters). */
  readonly client: Client;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The resource of a kind; undefined when none is served (or nobody asks: only OwnerReferencesPermissionEnforcement does). */
  resourceOf?(kind: GroupVersionKind): { resource: string; namespaced: boolean } | undefined;
}

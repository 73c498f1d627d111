/** A cluster for admission tests: objects in a map, requests made of a few words. Writes go to the same map with compare-and-swap. */

import type { Pod } from '../../api/core-v1.ts';
import { VirtualClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { seededRandom } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import type { AuthorizationAttributes } from '../../machinery/authorization/authorizer.ts';
import {
  conflict,
  type GroupResource,
  groupResourceString,
  type StatusError,
} from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { AdmissionPlugin, Attributes, Operation } from '../admission.ts';
import type { AdmissionData } from '../data.ts';

export class AdmissionWorld implements AdmissionData {
  readonly clock = new VirtualClock();
  readonly random = seededRandom(1);
  readonly log = silentLogger;
  readonly objects = new Map<string, KubeObject>();
  /** Called before each status update; may change the map to provoke a conflict. */
  beforeUpdate: () => void = () => {};
  allow: (a: AuthorizationAttributes) => boolean = () => false;
  readonly authorizer = {
    authorize: (a: AuthorizationAttributes) => ({
      decision: this.allow(a) ? ('Allow' as const) : ('NoOpinion' as const),
      reason: '',
    }),
  };
  readonly client = {
    update: async (_ref: unknown, object: KubeObject) => {
      this.beforeUpdate();
      const key = `resourcequotas/${object.metadata.namespace}/${object.metadata.name}`;
      const old = this.objects.get(key)!;
      if (old.metadata.resourceVersion !== object.metadata.resourceVersion)
        throw conflict({ group: '', resource: 'resourcequotas' }, object.metadata.name!, 'changed');
      const saved = {
        ...object,
        metadata: { ...object.metadata, resourceVersion: String(Number(old.metadata.resourceVersion) + 1) },
      };
      this.objects.set(key, saved);
      return saved;
    },
  } as unknown as Client;

  add(resource: string, object: object): this {
    const o = object as KubeObject;
    this.objects.set(`${resource}/${o.metadata.namespace ?? ''}/${o.metadata.name}`, o);
    return this;
  }
  peek<T extends KubeObject>(r: GroupResource, namespace: string, name: string): T | undefined {
    return this.objects.get(`${groupResourceString(r)}/${namespace}/${name}`) as T | undefined;
  }
  async get<T extends KubeObject>(r: GroupResource, namespace: string, name: string): Promise<T | undefined> {
    return this.peek<T>(r, namespace, name);
  }
  getLive<T extends KubeObject>(r: GroupResource, namespace: string, name: string): Promise<T | undefined> {
    return this.get<T>(r, namespace, name);
  }
  async list<T extends KubeObject>(r: GroupResource, namespace: string): Promise<T[]> {
    const prefix = `${groupResourceString(r)}/`;
    return [...this.objects]
      .filter(([k, o]) => k.startsWith(prefix) && (namespace === '' || o.metadata.namespace === namespace))
      .map(([, o]) => o as T);
  }
}

const KINDS: Record<string, string> = {
  pods: 'Pod',
  nodes: 'Node',
  namespaces: 'Namespace',
  services: 'Service',
  configmaps: 'ConfigMap',
  serviceaccounts: 'ServiceAccount',
  leases: 'Lease',
  persistentvolumeclaims: 'PersistentVolumeClaim',
  persistentvolumes: 'PersistentVolume',
  priorityclasses: 'PriorityClass',
  ingresses: 'Ingress',
  certificatesigningrequests: 'CertificateSigningRequest',
  deployments: 'Deployment',
};

export interface RequestWords {
  operation?: Operation;
  /** `pods`, `pods/status`, `leases.coordination.k8s.io`. */
  resource: string;
  object?: object;
  old?: object;
  name?: string;
  namespace?: string;
  user?: Attributes['user'];
  dryRun?: boolean;
}

export interface TestAttributes extends Attributes {
  warnings: string[];
  annotations: Record<string, string>;
}

export function request(words: RequestWords): TestAttributes {
  const [path, subresource = ''] = words.resource.split('/') as [string, string?];
  const [resource, ...group] = path.split('.') as [string, ...string[]];
  const object = words.object as KubeObject | undefined;
  const old = words.old as KubeObject | undefined;
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  return {
    operation: words.operation ?? 'CREATE',
    kind: { group: group.join('.'), version: 'v1', kind: KINDS[resource] ?? resource },
    resource: { group: group.join('.'), version: 'v1', resource },
    subresource,
    name: words.name ?? object?.metadata?.name ?? old?.metadata?.name ?? '',
    namespace: words.namespace ?? object?.metadata?.namespace ?? old?.metadata?.namespace ?? '',
    user: words.user ?? { username: 'jane', groups: [] },
    dryRun: words.dryRun ?? false,
    options: {},
    object: object && structuredClone(object),
    oldObject: old,
    warnings,
    annotations,
    warn: (t) => void warnings.push(t),
    annotate(k, v) {
      annotations[k] = v;
    },
    signal: new AbortController().signal,
  };
}

/** Runs both halves; the error's message, or undefined. */
export async function run(plugin: AdmissionPlugin, a: Attributes): Promise<string | undefined> {
  return (await failure(plugin, a))?.message;
}

export async function failure(plugin: AdmissionPlugin, a: Attributes): Promise<StatusError | undefined> {
  if (!plugin.handles(a.operation)) return undefined;
  try {
    await plugin.admit?.(a);
    await plugin.validate?.(a);
    return undefined;
  } catch (err) {
    return err as StatusError;
  }
}

export const pod = (spec: object = {}, metadata: object = {}): Pod => ({
  metadata: { name: 'p', namespace: 'dev', ...metadata },
  spec: { containers: [{ name: 'c' }], ...spec },
});

export const container = (name: string, requests: Record<string, string>, limits: Record<string, string> = {}) => ({
  name,
  resources: { requests, limits },
});

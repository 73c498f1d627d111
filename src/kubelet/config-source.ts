/**
 * Config maps, secrets, services and tokens for pods, read through a short-lived cache shared by all kubelets of a process.
 * Upstream: pkg/kubelet/util/manager (cache based), pkg/kubelet/token
 */
import type { TokenRequest } from '../api/authentication-v1.ts';
import type { ConfigMap, Secret, Service } from '../api/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import type { Client, ResourceRef } from '../client/client.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { CONFIGMAPS, SECRETS, SERVICEACCOUNTS, SERVICES } from '../client/resources.ts';
import { isForbidden, isNotFound } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { parseTime } from '../machinery/meta/time.ts';
import type { ConfigSource } from './env.ts';

/** Ms that an object may be behind. Misses are never cached: the pod waits for it. */
const TTL = 1000;
const MAX_ENTRIES = 4096;

export function newConfigSource(options: { client: Client; clock: Clock; informers: InformerFactory }): ConfigSource {
  const { client, clock, informers } = options;
  const cache = new Map<string, { at: number; object: Promise<KubeObject | undefined> }>();
  const tokens = new Map<string, { token: string; issued: number; expires: number }>();
  const services = informers.informer<Service>(SERVICES);

  function read<T extends KubeObject>(ref: ResourceRef, namespace: string, name: string): Promise<T | undefined> {
    const key = `${ref.resource}/${namespace}/${name}`;
    const hit = cache.get(key);
    if (hit !== undefined && clock.now() - hit.at < TTL) return hit.object as Promise<T | undefined>;
    const object = client.get<T>(ref, name, { namespace }).catch((err: unknown) => {
      cache.delete(key);
      // The node authorizer forbids what it does not know to be used by a pod of the node, also when it does not exist.
      if (isNotFound(err) || isForbidden(err)) return undefined;
      throw err;
    });
    if (cache.size >= MAX_ENTRIES) cache.delete(cache.keys().next().value ?? '');
    cache.set(key, { at: clock.now(), object });
    return object;
  }

  return {
    configMap: (namespace, name) => read<ConfigMap>(CONFIGMAPS, namespace, name),
    secret: (namespace, name) => read<Secret>(SECRETS, namespace, name),
    services: (namespace) => [
      // First, so that a service of that name in the pod's namespace has the last word.
      ...(namespace === 'default' ? [] : [services.lister.get('default', 'kubernetes') ?? []].flat()),
      ...services.lister.list(namespace),
    ],
    async token(pod, audiences, expirationSeconds) {
      const { name = '', namespace = '', uid = '' } = pod.metadata;
      const account = pod.spec?.serviceAccountName ?? 'default';
      const key = `${uid}/${account}/${audiences.join(',')}/${expirationSeconds}`;
      const known = tokens.get(key);
      // Renewed after four fifths of its life, or after a day. Upstream: token_manager.go requiresRefresh
      const age = clock.now() - (known?.issued ?? 0);
      if (known !== undefined && age < 0.8 * (known.expires - known.issued) && age < 86_400_000) return known.token;
      const request: TokenRequest = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: {
          audiences: [...audiences],
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      };
      const { status } = await client.createSubresource<TokenRequest>(SERVICEACCOUNTS, account, 'token', request, {
        namespace,
      });
      const token = status?.token ?? '';
      if (tokens.size >= MAX_ENTRIES) tokens.delete(tokens.keys().next().value ?? '');
      tokens.set(key, { token, issued: clock.now(), expires: parseTime(status?.expirationTimestamp ?? '') });
      return token;
    },
  };
}

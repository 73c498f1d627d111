/**
 * The environment of a container: literals with $(VAR) expansion, fields, resources, config maps, secrets, service links.
 * Upstream: pkg/kubelet/kubelet_pods.go makeEnvironmentVariables, third_party/forked/golang/expansion
 */
import type { ConfigMap, Container, EnvVarSource, Pod, Secret, Service } from '../api/core-v1.ts';
import { containerResource, podField } from './downward.ts';

/** Where a container's configuration comes from. Undefined: there is no such object. */
export interface ConfigSource {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  /** Services of the namespace, and `kubernetes` of `default`. */
  services(namespace: string): readonly Service[];
  /** A token for the pod's service account, from the TokenRequest API. */
  token(pod: Pod, audiences: readonly string[], expirationSeconds: number): Promise<string>;
}

/** The container cannot be made until its configuration is there: waiting reason CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override name = 'ContainerConfigError';
}

export interface EnvContext {
  pod: Pod;
  container: Container;
  source: ConfigSource;
  hostIPs: readonly string[];
  podIPs: readonly string[];
  allocatable: Readonly<Record<string, string>>;
}

export async function containerEnv(context: EnvContext): Promise<[string, string][]> {
  const { pod, container, source } = context;
  const namespace = pod.metadata.namespace ?? '';
  const links = serviceLinks(source.services(namespace), namespace, pod.spec?.enableServiceLinks ?? true);
  const result = new Map<string, string>();
  for (const from of container.envFrom ?? []) {
    const data = await envFromData(source, namespace, from);
    for (const [k, v] of Object.entries(data)) result.set(`${from.prefix ?? ''}${k}`, v);
  }
  for (const e of container.env ?? []) {
    // What service links say is overridden by the container, but visible to its expansions.
    const lookup = (name: string) => result.get(name) ?? links.get(name);
    if (e.value || e.valueFrom === undefined) {
      result.set(e.name, expand(e.value ?? '', lookup));
      continue;
    }
    const value = await envValue(context, e.valueFrom);
    if (value !== undefined) result.set(e.name, value);
  }
  for (const [k, v] of links) if (!result.has(k)) result.set(k, v);
  return [...result];
}

/** `$(NAME)` → value; unknown names stay as written, `$$` is a dollar. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (lookup(name) ?? whole),
  );
}

async function envFromData(
  source: ConfigSource,
  namespace: string,
  from: NonNullable<Container['envFrom']>[number],
): Promise<Record<string, string>> {
  if (from.configMapRef !== undefined) {
    const { name = '', optional } = from.configMapRef;
    const object = await source.configMap(namespace, name);
    if (object === undefined && !optional) throw new ContainerConfigError(`configmap "${name}" not found`);
    return object?.data ?? {};
  }
  if (from.secretRef !== undefined) {
    const { name = '', optional } = from.secretRef;
    const object = await source.secret(namespace, name);
    if (object === undefined && !optional) throw new ContainerConfigError(`secret "${name}" not found`);
    return Object.fromEntries(Object.entries(object?.data ?? {}).map(([k, v]) => [k, decode(v)]));
  }
  return {};
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

async function envValue(context: EnvContext, from: EnvVarSource): Promise<string | undefined> {
  const { pod, container, source } = context;
  const namespace = pod.metadata.namespace ?? '';
  if (from.fieldRef !== undefined) return podField(context, from.fieldRef.fieldPath);
  if (from.resourceFieldRef !== undefined) {
    const name = from.resourceFieldRef.containerName || container.name;
    return containerResource(pod, name, from.resourceFieldRef, context.allocatable);
  }
  if (from.configMapKeyRef !== undefined) {
    const { name = '', key, optional } = from.configMapKeyRef;
    const object = await source.configMap(namespace, name);
    if (object === undefined && !optional) throw new ContainerConfigError(`configmap "${name}" not found`);
    const value = object?.data?.[key];
    if (value === undefined && !optional)
      throw new ContainerConfigError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (from.secretKeyRef !== undefined) {
    const { name = '', key, optional } = from.secretKeyRef;
    const object = await source.secret(namespace, name);
    if (object === undefined && !optional) throw new ContainerConfigError(`secret "${name}" not found`);
    const value = object?.data?.[key];
    if (value === undefined && !optional)
      throw new ContainerConfigError(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value === undefined ? undefined : decode(value);
  }
  return undefined;
}

/** Variables in the manner of Docker links for every service with an address. Upstream: pkg/kubelet/envvars/envvars.go */
export function serviceLinks(services: readonly Service[], namespace: string, enabled: boolean): Map<string, string> {
  const out = new Map<string, string>();
  for (const s of services) {
    const { clusterIP, ports = [] } = s.spec ?? {};
    const isMaster = s.metadata.namespace === 'default' && s.metadata.name === 'kubernetes';
    if (!clusterIP || clusterIP === 'None' || ports[0] === undefined) continue;
    if (!isMaster && (!enabled || s.metadata.namespace !== namespace)) continue;
    const prefix = envName(s.metadata.name ?? '');
    out.set(`${prefix}_SERVICE_HOST`, clusterIP);
    out.set(`${prefix}_SERVICE_PORT`, `${ports[0].port}`);
    for (const p of ports) if (p.name) out.set(`${prefix}_SERVICE_PORT_${envName(p.name)}`, `${p.port}`);
    ports.forEach((p, i) => {
      const protocol = (p.protocol ?? 'TCP').toLowerCase();
      const url = `${protocol}://${clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP}:${p.port}`;
      if (i === 0) out.set(`${prefix}_PORT`, url);
      const one = `${prefix}_PORT_${p.port}_${protocol.toUpperCase()}`;
      out.set(one, url);
      out.set(`${one}_PROTO`, protocol);
      out.set(`${one}_PORT`, `${p.port}`);
      out.set(`${one}_ADDR`, clusterIP);
    });
  }
  return out;
}

function envName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}

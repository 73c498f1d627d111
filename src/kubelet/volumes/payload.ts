/** What goes into configMap, secret, downwardAPI and projected volumes. Upstream: pkg/volume/{configmap,secret,downwardapi,projected} */
import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, Volume } from '../../api/core-v1.ts';
import { containerResource, podField } from '../downward.ts';
import type { ConfigSource } from '../env.ts';
import type { FileProjection, Payload } from './atomic-writer.ts';

export interface PayloadContext {
  pod: Pod;
  source: ConfigSource;
  hostIPs: readonly string[];
  allocatable: Readonly<Record<string, string>>;
}

const DEFAULT_MODE = 0o644;
const DEFAULT_TOKEN_SECONDS = 3600;

/** Undefined for a volume of another kind. @throws Error in upstream's words when a source is missing */
export async function volumePayload(context: PayloadContext, v: Volume): Promise<Payload | undefined> {
  const { pod, source } = context;
  const namespace = pod.metadata.namespace ?? '';
  if (v.configMap) {
    const { name = '', items, optional = false, defaultMode = DEFAULT_MODE } = v.configMap;
    return configMapPayload(name, await source.configMap(namespace, name), { items, optional, mode: defaultMode });
  }
  if (v.secret) {
    const { secretName: name = '', items, optional = false, defaultMode = DEFAULT_MODE } = v.secret;
    return secretPayload(name, await source.secret(namespace, name), { items, optional, mode: defaultMode });
  }
  if (v.downwardAPI) return downwardPayload(context, v.downwardAPI.items, v.downwardAPI.defaultMode ?? DEFAULT_MODE);
  if (v.projected) return projectedPayload(context, v.projected);
  return undefined;
}

interface KeyOptions {
  items: KeyToPath[] | undefined;
  optional: boolean;
  mode: number;
}

function configMapPayload(name: string, object: ConfigMap | undefined, options: KeyOptions): Payload {
  if (object === undefined && !options.optional) throw new Error(`configmap ${JSON.stringify(name)} not found`);
  const data = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(object?.data ?? {})) data.set(key, Buffer.from(text));
  for (const [key, base64] of Object.entries(object?.binaryData ?? {})) data.set(key, Buffer.from(base64, 'base64'));
  return pick(data, options, (key) => `configmap references non-existent config key: ${key}`);
}

function secretPayload(name: string, object: Secret | undefined, options: KeyOptions): Payload {
  if (object === undefined && !options.optional) throw new Error(`secret ${JSON.stringify(name)} not found`);
  const entries = Object.entries(object?.data ?? {});
  const data = new Map(entries.map(([key, base64]) => [key, Buffer.from(base64, 'base64')]));
  return pick(data, options, (key) => `references non-existent secret key: ${key}`);
}

/** All keys under their names, or the chosen ones under the chosen paths. */
function pick(
  data: ReadonlyMap<string, Buffer>,
  { items = [], optional, mode }: KeyOptions,
  missing: (key: string) => string,
): Payload {
  if (items.length === 0) return new Map([...data].map(([key, bytes]) => [key, { data: bytes, mode }]));
  const out = new Map<string, FileProjection>();
  for (const item of items) {
    const bytes = data.get(item.key);
    if (bytes !== undefined) out.set(item.path, { data: bytes, mode: item.mode ?? mode });
    else if (!optional) throw new Error(missing(item.key));
  }
  return out;
}

function downwardPayload(context: PayloadContext, items: DownwardAPIVolumeFile[] | undefined, mode: number): Payload {
  const { pod, hostIPs, allocatable } = context;
  const out = new Map<string, FileProjection>();
  for (const item of items ?? []) {
    let text = '';
    if (item.fieldRef) {
      const value = podField({ pod, hostIPs, podIPs: [] }, item.fieldRef.fieldPath);
      if (value === undefined) throw new Error(`unsupported fieldPath: ${item.fieldRef.fieldPath}`);
      text = value;
    } else if (item.resourceFieldRef) {
      text = containerResource(pod, item.resourceFieldRef.containerName ?? '', item.resourceFieldRef, allocatable);
    }
    out.set(item.path, { data: Buffer.from(text), mode: item.mode ?? mode });
  }
  return out;
}

async function projectedPayload(context: PayloadContext, v: NonNullable<Volume['projected']>): Promise<Payload> {
  const { pod, source } = context;
  const namespace = pod.metadata.namespace ?? '';
  const mode = v.defaultMode ?? DEFAULT_MODE;
  const out = new Map<string, FileProjection>();
  const errors: string[] = [];
  for (const s of v.sources ?? []) {
    try {
      let part: Payload = new Map();
      if (s.configMap) {
        const { name = '', items, optional = false } = s.configMap;
        part = configMapPayload(name, await source.configMap(namespace, name), { items, optional, mode });
      } else if (s.secret) {
        const { name = '', items, optional = false } = s.secret;
        part = secretPayload(name, await source.secret(namespace, name), { items, optional, mode });
      } else if (s.downwardAPI) {
        part = downwardPayload(context, s.downwardAPI.items, mode);
      } else if (s.serviceAccountToken) {
        part = await tokenPayload(context, s.serviceAccountToken, mode);
      } else {
        throw new Error(`projected source ${Object.keys(s).join(', ')} is not supported by this kubelet`);
      }
      for (const [path, file] of part) out.set(path, file);
    } catch (err) {
      errors.push(err instanceof Error ? err.message : String(err));
    }
  }
  if (errors.length > 0) throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`);
  return out;
}

async function tokenPayload(
  { pod, source }: PayloadContext,
  t: { path: string; audience?: string; expirationSeconds?: number | string },
  defaultMode: number,
): Promise<Payload> {
  const seconds = Number(t.expirationSeconds ?? DEFAULT_TOKEN_SECONDS);
  const token = await source.token(pod, t.audience ? [t.audience] : [], seconds);
  const user = fsUser(pod);
  // Nobody but the containers' own user and group reads it; without either it is as open as the rest.
  const mode = user !== undefined || pod.spec?.securityContext?.fsGroup !== undefined ? 0o600 : defaultMode;
  return new Map([[t.path, { data: Buffer.from(token), mode, ...(user === undefined ? {} : { user }) }]]);
}

/** The one user all containers run as; undefined when they do not say or do not agree. Upstream: util.FsUserFrom */
function fsUser(pod: Pod): number | undefined {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const users = containers.map((c) => c.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser);
  return users.every((u) => u === users[0]) ? users[0] : undefined;
}

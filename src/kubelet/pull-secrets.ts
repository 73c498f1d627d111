/** Registry credentials from a pod's imagePullSecrets. Upstream: pkg/credentialprovider */
import type { Pod } from '../api/core-v1.ts';
import type { ConfigSource } from './env.ts';
import type { RegistryCredentials } from './runtime/container-runtime.ts';

interface DockerConfig {
  auths?: Record<string, { username?: string; password?: string; auth?: string }>;
}

/** Those of the pod's pull secrets that are for the image's registry. Secrets that are missing or unreadable are passed over. */
export async function pullCredentials(pod: Pod, image: string, source: ConfigSource): Promise<RegistryCredentials[]> {
  const found: RegistryCredentials[] = [];
  for (const ref of pod.spec?.imagePullSecrets ?? []) {
    const secret = await source.secret(pod.metadata.namespace ?? '', ref.name ?? '');
    for (const [server, entry] of Object.entries(auths(secret?.data))) {
      const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
      if (host !== registryOf(image)) continue;
      const [username = '', ...rest] = entry.auth
        ? Buffer.from(entry.auth, 'base64').toString().split(':')
        : [entry.username ?? ''];
      found.push({ username, password: entry.auth ? rest.join(':') : (entry.password ?? ''), serverAddress: server });
    }
  }
  return found;
}

function auths(data: Record<string, string> | undefined): NonNullable<DockerConfig['auths']> {
  try {
    const json = data?.['.dockerconfigjson'];
    if (json !== undefined) return (JSON.parse(Buffer.from(json, 'base64').toString()) as DockerConfig).auths ?? {};
    const legacy = data?.['.dockercfg'];
    return legacy === undefined
      ? {}
      : (JSON.parse(Buffer.from(legacy, 'base64').toString()) as NonNullable<DockerConfig['auths']>);
  } catch {
    return {};
  }
}

/** The host an image comes from; images without one come from Docker Hub. */
export function registryOf(image: string): string {
  const first = image.split('/')[0] ?? '';
  const isHost = image.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost');
  return isHost ? first : 'index.docker.io';
}

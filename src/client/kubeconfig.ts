/**
 * Reads kubeconfig files: cluster, user and namespace of a context, with certificates and tokens inline or in files.
 * Not supported, and said so: exec and auth-provider plug-ins.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { load } from 'js-yaml';
import type { ConnectionConfig } from './http-transport.ts';

type Fields = Record<string, unknown>;

export interface KubeconfigOptions {
  /** Instead of current-context. */
  context?: string;
}

export interface Kubeconfig extends ConnectionConfig {
  namespace?: string;
}

/** The connection of the file's context. @throws Error with the path when the file or the context is unusable */
export function loadKubeconfig(file: string, options: KubeconfigOptions = {}): Kubeconfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (err) {
    throw new Error(`cannot read kubeconfig ${file}: ${(err as Error).message}`, { cause: err });
  }
  return parseKubeconfig(text, path.dirname(path.resolve(file)), options);
}

/** As loadKubeconfig; relative paths inside are below `dir`. */
export function parseKubeconfig(text: string, dir: string, options: KubeconfigOptions = {}): Kubeconfig {
  const config = fields(load(text));
  const contextName = options.context ?? string(config['current-context']) ?? '';
  const context = find('context', config.contexts, contextName);
  const cluster = find('cluster', config.clusters, string(context.cluster) ?? '');
  const user = context.user ? find('user', config.users, string(context.user) ?? '') : {};
  if (user.exec || user['auth-provider'])
    throw new Error(`kubeconfig user "${String(context.user)}": exec and auth-provider are not supported`);
  const server = string(cluster.server);
  if (!server) throw new Error(`kubeconfig cluster "${String(context.cluster)}" has no server`);
  const tokenFile = string(user.tokenFile);
  const pem = (of: Fields, key: string) => dataOrFile(of, key, dir);
  const ca = pem(cluster, 'certificate-authority');
  const cert = pem(user, 'client-certificate');
  const key = pem(user, 'client-key');
  const token =
    string(user.token) ?? (tokenFile ? () => readFileSync(path.resolve(dir, tokenFile), 'utf8').trim() : undefined);
  const namespace = string(context.namespace);
  const tlsServerName = string(cluster['tls-server-name']);
  return {
    server,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(token ? { token } : {}),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecureSkipTlsVerify: true } : {}),
    ...(tlsServerName ? { tlsServerName } : {}),
    ...(namespace ? { namespace } : {}),
  };
}

/** The connection of a pod: its service account's token and CA, and the service of the API server. */
export function inClusterConfig(
  env: Record<string, string | undefined>,
  dir = '/var/run/secrets/kubernetes.io/serviceaccount',
): Kubeconfig {
  const host = env.KUBERNETES_SERVICE_HOST;
  const port = env.KUBERNETES_SERVICE_PORT;
  if (!host || !port)
    throw new Error(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    );
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readFileSync(path.join(dir, 'ca.crt'), 'utf8'),
    token: () => readFileSync(path.join(dir, 'token'), 'utf8').trim(),
  };
}

function find(kind: 'context' | 'cluster' | 'user', list: unknown, name: string): Fields {
  const entry = (Array.isArray(list) ? list : []).map(fields).find((e) => e.name === name);
  if (!entry) throw new Error(`kubeconfig has no ${kind} "${name}"`);
  return fields(entry[kind]);
}

function dataOrFile(of: Fields, key: string, dir: string): string | undefined {
  const data = string(of[`${key}-data`]);
  if (data) return Buffer.from(data, 'base64').toString('utf8');
  const file = string(of[key]);
  return file ? readFileSync(path.resolve(dir, file), 'utf8') : undefined;
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
function string(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

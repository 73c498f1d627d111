/** Flags that several components share, with upstream's names and defaults, and what is made of them. */
import { readFileSync } from 'node:fs';
import type { Logger } from '../../base/log.ts';
import { httpTransport } from '../../client/http-transport.ts';
import { inClusterConfig, type Kubeconfig, loadKubeconfig } from '../../client/kubeconfig.ts';
import type { Transport } from '../../client/transport.ts';
import type { FlagDefinitions } from '../flags.ts';
import { newLogger } from '../logger.ts';
import { CommandError, UsageError } from '../usage-error.ts';

export const commonFlags = {
  v: { type: 'int', default: '0', short: 'v', help: 'number for the log level verbosity; 3 and more adds debugging' },
  'logging-format': { type: 'string', default: 'text', help: 'text or json' },
  'feature-gates': { type: 'strings', help: 'Name=true|false pairs; gates can be set to their defaults only' },
} as const satisfies FlagDefinitions;

export const connectionFlags = {
  kubeconfig: {
    type: 'string',
    help: 'path of the kubeconfig to reach the API server with; default: the pod it runs in',
  },
  master: { type: 'string', help: "address of the API server, instead of the kubeconfig's" },
} as const satisfies FlagDefinitions;

export const servingFlags = (port: number) =>
  ({
    'bind-address': { type: 'string', default: '0.0.0.0', help: 'address to serve HTTPS on' },
    'secure-port': { type: 'int', default: `${port}`, help: 'port to serve HTTPS on; 0: none' },
    'cert-dir': { type: 'string', help: 'where a self-signed certificate is kept; default: in memory only' },
    'tls-cert-file': { type: 'string', help: 'certificate to serve HTTPS with' },
    'tls-private-key-file': { type: 'string', help: 'its key' },
    'authorization-always-allow-paths': {
      type: 'strings',
      default: '/healthz,/readyz,/livez',
      help: 'paths anybody may read',
    },
  }) as const satisfies FlagDefinitions;

export const leaderElectionFlags = (name: string) =>
  ({
    'leader-elect': { type: 'bool', default: 'true', help: 'work only while holding the Lease' },
    'leader-elect-lease-duration': {
      type: 'duration',
      default: '15s',
      help: 'how long others wait for a silent leader',
    },
    'leader-elect-renew-deadline': { type: 'duration', default: '10s', help: 'how long a leader tries to renew' },
    'leader-elect-retry-period': { type: 'duration', default: '2s', help: 'between two tries' },
    'leader-elect-resource-lock': { type: 'string', default: 'leases', help: 'leases' },
    'leader-elect-resource-name': { type: 'string', default: name, help: 'name of the Lease' },
    'leader-elect-resource-namespace': { type: 'string', default: 'kube-system', help: 'its namespace' },
  }) as const satisfies FlagDefinitions;

export function loggerOf(flags: { v: number; 'logging-format': string }): Logger {
  const format = flags['logging-format'];
  if (format !== 'text' && format !== 'json')
    throw new UsageError(`--logging-format must be text or json, got ${JSON.stringify(format)}`);
  return newLogger({ verbosity: flags.v, format });
}

/** `bare` speaks to the same server without credentials. @throws CommandError when there is nothing to connect with */
export function transportsOf(flags: { kubeconfig: string | undefined; master: string | undefined }): {
  transport: Transport;
  bare: Transport;
} {
  const config = connectionOf(flags);
  const { cert: _, key: __, token: ___, ...server } = config;
  return { transport: httpTransport(config), bare: httpTransport(server) };
}

function connectionOf({
  kubeconfig,
  master,
}: {
  kubeconfig: string | undefined;
  master: string | undefined;
}): Kubeconfig {
  try {
    if (kubeconfig === undefined) return master === undefined ? inClusterConfig(process.env) : { server: master };
    const config = loadKubeconfig(kubeconfig);
    return master === undefined ? config : { ...config, server: master };
  } catch (err) {
    throw new CommandError((err as Error).message);
  }
}

/** A file that a flag names. @throws CommandError */
export function readFlagFile(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (err) {
    throw new CommandError(`--${flag}: cannot read ${path}: ${(err as NodeJS.ErrnoException).code ?? err}`);
  }
}

export function optionalFile(flag: string, path: string | undefined): string | undefined {
  return path === undefined || path === '' ? undefined : readFlagFile(flag, path);
}

export function noArguments(command: string, rest: readonly string[]): void {
  if (rest.length > 0) throw new UsageError(`${command} takes no arguments, got ${JSON.stringify(rest[0])}`);
}

/** `keelson kubelet`: a node's kubelet as a process of its own, against any API server and any CRI runtime, with upstream's flags. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { createClient } from '../client/rest-client.ts';
import { selfSigned } from '../cluster/pki/self-signed.ts';
import { startNodeKubelet } from '../cluster/real-node/node-kubelet.ts';
import { CriRuntime } from '../kubelet/runtime/cri/cri-runtime.ts';
import { guardedServer } from '../kubelet/server/guarded-server.ts';
import { kubeletAuth } from '../kubelet/server/kubelet-auth.ts';
import {
  commonFlags,
  loggerOf,
  noArguments,
  optionalFile,
  readFlagFile,
  transportsOf,
} from './component/common-flags.ts';
import { checkFeatureGates } from './component/feature-gates.ts';
import { aborted, stopOnSignal } from './component/stop-signal.ts';
import { type FlagDefinitions, type FlagValues, flagHelp, parseFlags } from './flags.ts';
import { CommandError, UsageError } from './usage-error.ts';

const flags = {
  ...commonFlags,
  kubeconfig: { type: 'string', help: 'path of the kubeconfig to reach the API server with' },
  'hostname-override': { type: 'string', help: 'name of the node, when it is not this machine’s' },
  'node-ip': { type: 'string', help: 'address of the node; default: the first one that is not loopback' },
  'node-labels': { type: 'strings', help: 'key=value labels to register the node with' },
  'root-dir': { type: 'string', default: '/var/lib/kubelet', help: 'where files of pods are kept' },
  'container-runtime-endpoint': {
    type: 'string',
    default: 'unix:///run/containerd/containerd.sock',
    help: 'socket of the CRI runtime',
  },
  'cluster-dns': { type: 'strings', help: 'addresses of the cluster’s DNS servers' },
  'cluster-domain': { type: 'string', default: 'cluster.local', help: 'domain of the cluster' },
  'resolv-conf': { type: 'string', default: '/etc/resolv.conf', help: 'what pods with dnsPolicy Default resolve with' },
  'max-pods': { type: 'int', default: '110', help: 'number of pods the node takes' },
  'sync-frequency': { type: 'duration', default: '1m', help: 'longest time between two looks at a pod' },
  'cgroup-root': { type: 'string', default: '/', help: 'cgroup below which pods run, in kubepods' },
  'enable-server': { type: 'bool', default: 'true', help: 'serve logs, exec, attach and port-forward' },
  address: { type: 'string', default: '0.0.0.0', help: 'address to serve on' },
  port: { type: 'int', default: '10250', help: 'port to serve on' },
  'tls-cert-file': { type: 'string', help: 'certificate to serve with; default: a self-signed one' },
  'tls-private-key-file': { type: 'string', help: 'its key' },
  'client-ca-file': { type: 'string', help: 'CA whose client certificates are believed' },
  'anonymous-auth': { type: 'bool', default: 'true', help: 'take callers without credentials for system:anonymous' },
  'authentication-token-webhook': { type: 'bool', default: 'false', help: 'ask the API server about bearer tokens' },
  'authorization-mode': { type: 'string', default: 'AlwaysAllow', help: 'AlwaysAllow or Webhook' },
  'healthz-bind-address': { type: 'string', default: '127.0.0.1', help: 'address to answer /healthz on' },
  'healthz-port': { type: 'int', default: '10248', help: 'port to answer /healthz on; 0: none' },
} as const satisfies FlagDefinitions;

/** Upstream's default; only its configuration file can change it. */
const POD_LOGS = '/var/log/pods';

type Flags = FlagValues<typeof flags>;

export const kubeletHelp = `Runs the pods of a node.

Usage:
  keelson kubelet [flags]

Flags:
${flagHelp(flags)}
`;

export async function kubelet(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(flags, args);
  noArguments('kubelet', rest);
  checkFeatureGates(values['feature-gates']);
  const mode = values['authorization-mode'];
  if (mode !== 'AlwaysAllow' && mode !== 'Webhook')
    throw new UsageError(`--authorization-mode must be AlwaysAllow or Webhook, got ${JSON.stringify(mode)}`);
  const log = loggerOf(values);
  const nodeName = values['hostname-override'] ?? hostname().toLowerCase();
  const nodeIP = values['node-ip'] ?? machineAddress();
  for (const dir of [values['root-dir'], POD_LOGS]) mkdirSync(dir, { recursive: true, mode: 0o750 });
  await using stack = new AsyncDisposableStack();
  const { transport, bare } = transportsOf({ kubeconfig: values.kubeconfig, master: undefined });
  stack.use(transport);
  stack.use(bare);
  const client = createClient(transport, { headers: { 'user-agent': 'kubelet' } });
  const runtime = stack.use(
    new CriRuntime({
      socket: values['container-runtime-endpoint'].replace(/^unix:\/\//, ''),
      clock: systemClock,
      log,
      podLogsDir: POD_LOGS,
    }),
  );
  await runtime.version().catch((err: unknown) => {
    throw new CommandError(`the container runtime does not answer: ${err instanceof Error ? err.message : err}`);
  });
  const stop = stopOnSignal();
  const root = values['cgroup-root'].replace(/\/$/, '');
  const node = stack.use(
    await startNodeKubelet({
      runtime,
      client,
      clock: systemClock,
      random: systemRandom,
      log,
      nodeName,
      nodeIP,
      labels: labelsOf(values['node-labels']),
      maxPods: values['max-pods'],
      port: values['enable-server'] ? values.port : 0,
      rootDir: values['root-dir'],
      podLogsDir: POD_LOGS,
      clusterDNS: values['cluster-dns'],
      clusterDomain: values['cluster-domain'],
      nodeDNS: resolvConf(values['resolv-conf']),
      syncPeriod: values['sync-frequency'],
      cgroupParent: (pod) => `${root}/kubepods/pod${pod.metadata.uid}`,
    }),
  );
  if (values['enable-server']) {
    const check = kubeletAuth({
      client,
      clock: systemClock,
      nodeName,
      anonymous: values['anonymous-auth'],
      tokens: values['authentication-token-webhook'],
      authorization: mode,
    });
    const server = guardedServer({ api: node.server, tls: servingFiles(values, nodeName, nodeIP), check, log });
    stack.use(await listen(server, values.port, values.address));
  }
  if (values['healthz-port'] > 0) {
    const health = createServer((request, response) => {
      response.statusCode = request.url === '/healthz' ? 200 : 404;
      response.end(request.url === '/healthz' ? 'ok' : '404 page not found\n');
    });
    stack.use(await listen(health, values['healthz-port'], values['healthz-bind-address']));
  }
  log.info('running', { component: 'kubelet', node: nodeName });
  await aborted(stop);
  return 0;
}

function servingFiles(values: Flags, nodeName: string, nodeIP: string) {
  const clientCA = optionalFile('client-ca-file', values['client-ca-file']);
  const ca = clientCA === undefined ? {} : { clientCA };
  const [certFile, keyFile] = [values['tls-cert-file'], values['tls-private-key-file']];
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new UsageError('--tls-cert-file and --tls-private-key-file go together');
  if (certFile !== undefined && keyFile !== undefined) {
    const certificate = readFlagFile('tls-cert-file', certFile);
    return { certificate, key: readFlagFile('tls-private-key-file', keyFile), ...ca };
  }
  const host = nodeName;
  return { ...selfSigned({ clock: systemClock, random: systemRandom, host, ips: [nodeIP] }), ...ca };
}

function listen(
  server: Server & { closeAllConnections(): void },
  port: number,
  host: string,
): Promise<AsyncDisposable> {
  return new Promise((resolve, reject) => {
    server.once('error', (err) => reject(new CommandError(`cannot listen on ${host}:${port}: ${err.message}`)));
    server.listen(port, host, () =>
      resolve({
        async [Symbol.asyncDispose]() {
          server.closeAllConnections();
          server.close();
        },
      }),
    );
  });
}

function labelsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const eq = pair.indexOf('=');
      if (eq <= 0) throw new UsageError(`invalid argument ${JSON.stringify(pair)} for "--node-labels" flag: ${pair}`);
      return [pair.slice(0, eq), pair.slice(eq + 1)];
    }),
  );
}

function machineAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find((a) => a.family === 'IPv4' && !a.internal);
  if (found === undefined) throw new CommandError('this machine has no address; give one by --node-ip');
  return found.address;
}

/** Upstream: pkg/kubelet/network/dns parseResolvConf */
function resolvConf(path: string): { servers: string[]; searches: string[]; options: string[] } {
  const out = { servers: [] as string[], searches: [] as string[], options: [] as string[] };
  if (path === '') return out;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (err) {
    throw new CommandError(`--resolv-conf: cannot read ${path}: ${(err as NodeJS.ErrnoException).code ?? err}`);
  }
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'nameserver' && rest[0] !== undefined) out.servers.push(rest[0]);
    else if (word === 'search') out.searches = rest;
    else if (word === 'options') out.options = rest;
  }
  return out;
}

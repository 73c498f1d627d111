/**
 * `keelson kube-apiserver`: the API server as a process of its own, with upstream's flags: on etcd, or on the stores that upstream has
 * not (`--storage sqlite|memory`). A controller-runtime test environment can start it in upstream's place.
 */
import { homedir, hostname, networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { AUTHORIZATION_MODES, type AuthorizationMode } from '../apiserver/authz/authorization.ts';
import type { ApiServer } from '../apiserver/create-api-server.ts';
import { type StandardApiServerOptions, standardApiServer } from '../apiserver/standard-api-server.ts';
import { KubeletConnections } from '../apiserver/streaming/kubelet-connection.ts';
import { streamingSubresources } from '../apiserver/streaming/streaming-subresources.ts';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { openStorage } from '../cluster/open-storage.ts';
import type { KeyPair } from '../cluster/pki/pki.ts';
import { selfSignedIn } from '../cluster/pki/self-signed.ts';
import { startCompactor } from '../storage/compactor.ts';
import type { Storage } from '../storage/storage.ts';
import { commonFlags, loggerOf, noArguments, optionalFile, readFlagFile } from './component/common-flags.ts';
import { checkFeatureGates } from './component/feature-gates.ts';
import { giveBackWhenQuiet } from './component/quiet-memory.ts';
import { aborted, stopOnSignal } from './component/stop-signal.ts';
import { boundYoungGeneration } from './component/young-generation.ts';
import { type FlagDefinitions, type FlagValues, flagHelp, parseFlags } from './flags.ts';
import { plainError } from './plain-error.ts';
import { CommandError, UsageError } from './usage-error.ts';

const flags = {
  ...commonFlags,
  storage: { type: 'string', help: 'etcd, sqlite or memory; etcd where --etcd-servers is given' },
  'data-dir': { type: 'string', help: 'where sqlite keeps its file' },
  'etcd-servers': { type: 'strings', help: 'URLs of etcd' },
  'etcd-prefix': { type: 'string', default: '/registry', help: 'what keys in etcd begin with; only /registry' },
  'etcd-cafile': { type: 'string', help: "authority of etcd's certificate" },
  'etcd-certfile': { type: 'string', help: 'certificate to show to etcd' },
  'etcd-keyfile': { type: 'string', help: 'its key' },
  'etcd-compaction-interval': { type: 'duration', default: '5m', help: 'how long history is kept; 0: for ever' },
  'storage-backend': { type: 'string', default: 'etcd3', help: 'etcd3' },
  'storage-media-type': {
    type: 'string',
    default: 'application/json',
    help: 'what objects are written as; only application/json, values in protobuf are read',
  },
  'bind-address': { type: 'string', default: '0.0.0.0', help: 'address to serve HTTPS on' },
  'secure-port': { type: 'int', default: '6443', help: 'port to serve HTTPS on' },
  'advertise-address': { type: 'string', help: 'address members of the cluster reach this server at' },
  'external-hostname': { type: 'string', help: 'name clients are told' },
  'cert-dir': { type: 'string', default: '/var/run/kubernetes', help: 'where apiserver.crt and .key are, or are made' },
  'tls-cert-file': { type: 'string', help: 'certificate to serve HTTPS with' },
  'tls-private-key-file': { type: 'string', help: 'its key' },
  'client-ca-file': { type: 'string', help: 'authorities of client certificates' },
  'token-auth-file': { type: 'string', help: 'CSV of static tokens' },
  'anonymous-auth': { type: 'bool', default: 'true', help: 'requests without credentials are system:anonymous' },
  'authorization-mode': { type: 'strings', help: `of ${AUTHORIZATION_MODES.join(', ')}; default AlwaysAllow` },
  'service-account-issuer': {
    type: 'strings',
    help: 'issuer of tokens; more than one: the first issues, all are taken',
  },
  'service-account-signing-key-file': { type: 'string', help: 'private key that signs tokens' },
  'service-account-key-file': { type: 'strings', help: 'keys that tokens are checked with' },
  'service-account-jwks-uri': { type: 'string', help: 'where these keys are published' },
  'api-audiences': { type: 'strings', help: 'audiences of tokens; default: the issuer' },
  'service-cluster-ip-range': { type: 'string', default: '10.0.0.0/24', help: 'addresses of services' },
  'service-node-port-range': { type: 'string', default: '30000-32767', help: 'their node ports' },
  'enable-admission-plugins': { type: 'strings', help: 'beyond those on by default' },
  'disable-admission-plugins': { type: 'strings', help: 'of those on by default' },
  'runtime-config': { type: 'strings', help: 'group/version=true|false, api/all=true|false ...' },
  'allow-privileged': { type: 'bool', default: 'false', help: 'let containers ask for privileged' },
  'requestheader-client-ca-file': { type: 'string', help: "authority of front proxies' certificates" },
  'requestheader-allowed-names': { type: 'strings', help: 'their common names; default: any' },
  'requestheader-username-headers': { type: 'strings', default: 'x-remote-user', help: 'headers with the user' },
  'requestheader-uid-headers': { type: 'strings', help: 'headers with the uid' },
  'requestheader-group-headers': { type: 'strings', default: 'x-remote-group', help: 'headers with groups' },
  'requestheader-extra-headers-prefix': { type: 'strings', default: 'x-remote-extra-', help: 'prefixes of the rest' },
  'kubelet-client-certificate': { type: 'string', help: 'certificate to show to kubelets' },
  'kubelet-client-key': { type: 'string', help: 'its key' },
  'max-requests-inflight': { type: 'int', default: '400', help: 'reading requests at once; 0: any number' },
  'max-mutating-requests-inflight': { type: 'int', default: '200', help: 'writing requests at once; 0: any number' },
  'request-timeout': { type: 'duration', default: '1m', help: 'how long a request may take' },
  'min-request-timeout': { type: 'int', default: '1800', help: 'seconds a watch lasts at least' },
} as const satisfies FlagDefinitions;

type Flags = FlagValues<typeof flags>;

export const kubeApiServerHelp = `Serves the Kubernetes API.

Usage:
  keelson kube-apiserver [flags]

Flags:
${flagHelp(flags)}
`;

export async function kubeApiServer(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(flags, args);
  noArguments('kube-apiserver', rest);
  check(values);
  const log = loggerOf(values);
  const stop = stopOnSignal();
  using _young = boundYoungGeneration();
  const pair = await servingPair(values);
  const options = optionsOf(values);
  const storage = await openStore(values);
  let server: ApiServer;
  try {
    server = await standardApiServer({ ...options, storage, log });
  } catch (err) {
    await storage[Symbol.asyncDispose]();
    throw plainError(err);
  }
  const compaction = values['etcd-compaction-interval'];
  const compactor =
    compaction > 0
      ? startCompactor(storage, {
          clock: systemClock,
          intervalMs: compaction,
          log,
          compacted: (revision) => server.compacted(revision),
        })
      : undefined;
  try {
    const ca = [options.pki?.clientCA, options.pki?.requestHeaderCA].filter((pem) => pem !== undefined).join('\n');
    const { host, port } = await server.listen({
      host: values['bind-address'],
      port: values['secure-port'],
      tls: { key: pair.key, cert: pair.certificate, ...(ca === '' ? {} : { ca }) },
    });
    log.info('Serving securely', { address: `${host}:${port}` });
    using _quiet = giveBackWhenQuiet({
      clock: systemClock,
      requests: () => server.requests,
      giveBack: (signal) => server.giveBack(signal),
    });
    await aborted(stop);
    log.info('stopping', { component: 'kube-apiserver' });
  } catch (err) {
    throw plainError(err);
  } finally {
    compactor?.[Symbol.dispose]();
    await server.close();
  }
  return 0;
}

function check(values: Flags): void {
  checkFeatureGates(values['feature-gates']);
  const storage = storageKind(values);
  if (!['etcd', 'sqlite', 'memory'].includes(storage))
    throw new UsageError(`--storage must be one of etcd, sqlite, memory, got ${JSON.stringify(storage)}`);
  if (storage === 'etcd' && values['etcd-servers'].length === 0)
    throw new UsageError('--etcd-servers must be specified');
  if (storage === 'sqlite' && !values['data-dir']) throw new UsageError('--storage sqlite needs --data-dir');
  if (values['etcd-prefix'].replace(/^\/|\/$/g, '') !== 'registry')
    throw new UsageError('--etcd-prefix can only be /registry');
  if (values['storage-backend'] !== 'etcd3')
    throw new UsageError(
      `--storage-backend invalid, allowed values: etcd3. If not specified, it will default to 'etcd3'`,
    );
  if (values['storage-media-type'] !== 'application/json')
    throw new UsageError('--storage-media-type can only be application/json');
  if (values['secure-port'] < 0 || values['secure-port'] > 65535)
    throw new UsageError(`--secure-port ${values['secure-port']} must be between 0 and 65535, inclusive`);
  if (!values['service-account-signing-key-file'] || values['service-account-issuer'].length === 0)
    throw new UsageError('--service-account-signing-key-file and --service-account-issuer are required flags');
  const unknown = values['authorization-mode'].find((m) => !AUTHORIZATION_MODES.includes(m as AuthorizationMode));
  if (unknown !== undefined) throw new UsageError(`authorization-mode "${unknown}" is not a valid mode`);
}

function storageKind(values: Flags): string {
  return values.storage ?? 'etcd';
}

function servingPair(values: Flags): Promise<KeyPair> | KeyPair {
  const { 'tls-cert-file': certFile, 'tls-private-key-file': keyFile, 'cert-dir': dir } = values;
  if (certFile && keyFile)
    return {
      certificate: readFlagFile('tls-cert-file', certFile),
      key: readFlagFile('tls-private-key-file', keyFile),
    };
  const host = advertised(values);
  const path = dir.replace(/^~(?=\/)/, homedir());
  return selfSignedIn(path, 'apiserver', {
    clock: systemClock,
    random: systemRandom,
    host,
    dnsNames: ['kubernetes.default.svc', 'kubernetes.default', 'kubernetes', 'localhost', hostname()],
    ips: [...new Set(['127.0.0.1', firstAddress(values['service-cluster-ip-range'])])],
  }).catch((err: NodeJS.ErrnoException) => {
    throw new CommandError(`error creating self-signed certificates in ${dirname(join(path, 'x'))}: ${err.message}`);
  });
}

function optionsOf(values: Flags): Omit<StandardApiServerOptions, 'storage' | 'log'> {
  const clientCA = optionalFile('client-ca-file', values['client-ca-file']);
  const requestHeaderCA = optionalFile('requestheader-client-ca-file', values['requestheader-client-ca-file']);
  const certificate = optionalFile('kubelet-client-certificate', values['kubelet-client-certificate']);
  const key = optionalFile('kubelet-client-key', values['kubelet-client-key']);
  const kubeletClient = certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
  const tokenFile = optionalFile('token-auth-file', values['token-auth-file']);
  const [issuer = '', ...otherIssuers] = values['service-account-issuer'];
  const modes = values['authorization-mode'] as AuthorizationMode[];
  const jwksUri = values['service-account-jwks-uri'];
  const kubelets = new KubeletConnections(kubeletClient);
  const ip = advertised(values);
  const port = values['secure-port'];
  return {
    clock: systemClock,
    random: systemRandom,
    streaming: (services) => streamingSubresources(services, kubelets),
    pki: {
      ...(clientCA === undefined ? {} : { clientCA }),
      ...(requestHeaderCA === undefined ? {} : { requestHeaderCA }),
      ...(kubeletClient === undefined ? {} : { kubeletClient }),
    },
    requestHeaders: {
      allowedNames: values['requestheader-allowed-names'],
      usernameHeaders: values['requestheader-username-headers'],
      uidHeaders: values['requestheader-uid-headers'],
      groupHeaders: values['requestheader-group-headers'],
      extraHeaderPrefixes: values['requestheader-extra-headers-prefix'],
    },
    serviceAccount: {
      issuer,
      otherIssuers,
      signingKey: readFlagFile('service-account-signing-key-file', values['service-account-signing-key-file'] ?? ''),
      verifyKeys: values['service-account-key-file'].map((file) => readFlagFile('service-account-key-file', file)),
      ...(values['api-audiences'].length === 0 ? {} : { audiences: values['api-audiences'] }),
      ...(jwksUri === undefined ? {} : { jwksUri }),
    },
    serviceCIDR: values['service-cluster-ip-range'],
    nodePorts: portRange(values['service-node-port-range']),
    runtimeConfig: values['runtime-config'].join(','),
    authorizationModes: modes.length === 0 ? ['AlwaysAllow'] : modes,
    enableAdmission: values['enable-admission-plugins'],
    disableAdmission: values['disable-admission-plugins'],
    anonymous: values['anonymous-auth'],
    serverAddress: `${values['external-hostname'] ?? ip}:${port}`,
    // No endpoint may be a loopback address: the `kubernetes` service then has none.
    ...(isLoopback(ip) ? {} : { advertise: { ip, port } }),
    limits: { readOnly: values['max-requests-inflight'], mutating: values['max-mutating-requests-inflight'] },
    requestTimeoutMs: values['request-timeout'],
    minRequestTimeoutMs: values['min-request-timeout'] * 1000,
    processMetrics: true,
    ...(tokenFile === undefined ? {} : { tokenFile }),
  };
}

async function openStore(values: Flags): Promise<Storage> {
  const kind = storageKind(values) as 'etcd' | 'sqlite' | 'memory';
  const servers = values['etcd-servers'];
  try {
    if (kind !== 'etcd')
      return await openStorage(kind, { dataDir: values['data-dir'], etcdServers: servers, clock: systemClock });
    const tls = {
      ca: optionalFile('etcd-cafile', values['etcd-cafile']),
      cert: optionalFile('etcd-certfile', values['etcd-certfile']),
      key: optionalFile('etcd-keyfile', values['etcd-keyfile']),
    };
    const given = Object.entries(tls).flatMap(([k, pem]) => (pem === undefined ? [] : [[k, Buffer.from(pem)]]));
    const { openEtcdStorage } = await import('../storage/etcd3/etcd-storage.ts');
    return await openEtcdStorage({
      servers,
      clock: systemClock,
      ...(given.length === 0 ? {} : { tls: Object.fromEntries(given) }),
    });
  } catch (err) {
    throw plainError(err);
  }
}

/** The address members of the cluster are told: as given, else what it binds to (unless that is loopback), else the machine's first. */
function advertised(values: Flags): string {
  if (values['advertise-address']) return values['advertise-address'];
  const bound = values['bind-address'];
  if (bound !== '0.0.0.0' && bound !== '::' && !isLoopback(bound)) return bound;
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return own.find((a) => !a.internal && a.family === 'IPv4')?.address ?? '127.0.0.1';
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** `30000-32767`, `30000+100` or one port. */
function portRange(text: string): { base: number; size: number } {
  const match = /^(\d+)(?:([-+])(\d+))?$/.exec(text.trim());
  if (match === null)
    throw new UsageError(
      `invalid argument "${text}" for "--service-node-port-range" flag: unable to parse port range: ${text}`,
    );
  const base = Number(match[1]);
  const second = Number(match[3] ?? base);
  return { base, size: match[2] === '+' ? second + 1 : second - base + 1 };
}

function firstAddress(cidrs: string): string {
  const [network = ''] = (cidrs.split(',')[0] ?? '').split('/');
  const parts = network.split('.').map(Number);
  return [...parts.slice(0, 3), (parts[3] ?? 0) + 1].join('.');
}

/**
 * The etcd3 package set up the way a store needs it: no silent retries of writes, no circuit breaker, no receive limit, and
 * its errors as StorageErrors. Only its RPC layer is used; see docs/decisions/003-etcd3-rpc-layer.md.
 */
import { Etcd3, type IOptions } from 'etcd3';
import type { Clock } from '../../base/clock.ts';
import { StorageError, type StorageErrorCode } from '../storage.ts';

export interface EtcdTls {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

const CALL_TIMEOUT_MS = 15_000;

// A policy that does the call and nothing else. The default ones repeat a write whose answer was lost, which then
// fails its own compare, and cut a healthy server off for five seconds after three failures.
const once = { execute: async (call: () => unknown) => call() };

export function connect(servers: readonly string[], clock: Clock, tls: EtcdTls | undefined): Etcd3 {
  const options: IOptions = {
    hosts: [...servers],
    grpcOptions: {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_retries': 0,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
    },
    faultHandling: { global: once, host: () => once } as unknown as NonNullable<IOptions['faultHandling']>,
    defaultCallOptions: (call) => (call.isStream ? {} : { deadline: clock.now() + CALL_TIMEOUT_MS }),
  };
  if (tls?.ca !== undefined) {
    options.credentials = {
      rootCertificate: tls.ca,
      ...(tls.key === undefined ? {} : { privateKey: tls.key }),
      ...(tls.cert === undefined ? {} : { certChain: tls.cert }),
    };
  }
  return new Etcd3(options);
}

// etcd tells these apart by text alone. Upstream: etcd api/v3rpc/rpctypes/error.go
const BY_TEXT: [string, StorageErrorCode][] = [
  ['required revision has been compacted', 'Compacted'],
  ['required revision is a future revision', 'FutureRevision'],
  ['database space exceeded', 'NoSpace'],
  ['request is too large', 'TooLarge'],
  ['client was already closed', 'Closed'],
];

/** Any failure of a call as StorageError. */
export function storageErrorOf(err: unknown, key?: string): StorageError {
  if (err instanceof StorageError) return err;
  const message = err instanceof Error ? err.message : String(err);
  const code = BY_TEXT.find(([text]) => message.includes(text))?.[1] ?? 'Unavailable';
  return new StorageError(code, `etcd: ${message}`, { cause: err, ...(key === undefined ? {} : { key }) });
}

/**
 * Whether a server's progress notifications can be trusted: older ones may send one before the events it covers.
 * Upstream: apiserver/pkg/storage/feature/feature_support_checker.go
 */
export function reportsProgress(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((n) => Number.parseInt(n, 10));
  if (major !== 3) return major > 3;
  if (minor === 4) return patch >= 31;
  if (minor === 5) return patch >= 13;
  return minor > 5;
}

/**
 * Storage in etcd: for clusters of more than one machine, and for standing beside an upstream API server on the same data.
 * Keys and compare-and-swap transactions are upstream's. Upstream: apiserver/pkg/storage/etcd3/store.go
 */
import type { Etcd3, ICompare, IKeyValue, IRangeRequest, IRangeResponse, IRequestOp } from 'etcd3';
import type { Clock } from '../../base/clock.ts';
import { closed, compacted, conflict, futureRevision, keyExists, keyNotFound } from '../errors.ts';
import { prefixEnd } from '../memory/sorted-map.ts';
import {
  type GetOptions,
  type KeyValue,
  type ListOptions,
  type ListResult,
  type Storage,
  type StorageCapabilities,
  StorageError,
  type SubscribeOptions,
  type Subscription,
  type WatchEvent,
  type WatchOptions,
  type WatchProgress,
  type WatchSink,
  type WriteOptions,
} from '../storage.ts';
import { watchBySubscribing } from '../watch-stream.ts';
import { connect, type EtcdTls, reportsProgress, storageErrorOf } from './client.ts';
import { EtcdSubscription } from './etcd-subscription.ts';
import { Leases } from './leases.ts';

export interface EtcdStorageOptions {
  /** `http://127.0.0.1:2379`; more than one for a cluster. */
  servers: readonly string[];
  clock: Clock;
  tls?: EtcdTls;
  /** Events a consumer of `watch` may be behind. */
  watchBuffer?: number;
  /** Overrides the judgement by the server's version. */
  reportsProgress?: boolean;
}

/** Connects; fails with 'Unavailable' when no server answers. */
export async function openEtcdStorage(options: EtcdStorageOptions): Promise<Storage> {
  if (options.servers.length === 0) throw new StorageError('Unavailable', 'no etcd servers given');
  const etcd = connect(options.servers, options.clock, options.tls);
  let failure: unknown;
  for (let i = 0; i <= options.servers.length; i++) {
    try {
      const { version } = await etcd.maintenance.status();
      return new EtcdStorage(etcd, options, options.reportsProgress ?? reportsProgress(version));
    } catch (err) {
      failure = err;
    }
  }
  etcd.close();
  const servers = options.servers.join(', ');
  const why = (failure as Error).message.replace(/ *Resolution note: *$/, '');
  throw new StorageError('Unavailable', `etcd at ${servers} does not answer: ${why}`, {
    cause: failure,
  });
}

const PAGE = 2_000;
const KEYS_PAGE = 50_000;
// A key nobody writes: reading it costs etcd a read index and nothing else.
const PROBE = Buffer.from('/registry/health');
const END_OF_KEYS = Buffer.from([0]);

class EtcdStorage implements Storage {
  readonly capabilities: StorageCapabilities = { durable: true, shared: true };
  readonly #etcd: Etcd3;
  readonly #clock: Clock;
  readonly #watchBuffer: number | undefined;
  readonly #attempts: number;
  readonly #reportsProgress: boolean;
  readonly #leases: Leases;
  readonly #subscriptions = new Set<EtcdSubscription>();
  #closed = false;

  constructor(etcd: Etcd3, options: EtcdStorageOptions, progress: boolean) {
    this.#etcd = etcd;
    this.#clock = options.clock;
    this.#watchBuffer = options.watchBuffer;
    this.#attempts = options.servers.length + 1;
    this.#reportsProgress = progress;
    this.#leases = new Leases(etcd, options.clock);
  }

  async get(key: string, options: GetOptions = {}): Promise<KeyValue | undefined> {
    const response = await this.#range(
      { key: Buffer.from(key), serializable: options.minRevision === 0 },
      options.signal,
      key,
    );
    checkReached(options.minRevision, response);
    const [kv] = response.kvs;
    return kv && keyValueOf(kv);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    const end = rangeEnd(prefix);
    const limit = options.limit || Number.POSITIVE_INFINITY;
    const items: KeyValue[] = [];
    const { each } = options;
    let found = 0;
    let start = options.start ?? prefix;
    let { revision } = options;
    for (;;) {
      const response = await this.#range(
        {
          key: Buffer.from(start),
          range_end: end,
          limit: Math.min(options.withoutValues ? KEYS_PAGE : PAGE, limit - found),
          keys_only: options.withoutValues === true,
          serializable: options.minRevision === 0 && revision === undefined,
          ...(revision === undefined ? {} : { revision }),
        },
        options.signal,
        prefix,
      );
      checkReached(options.minRevision, response);
      revision ??= Number(response.header.revision);
      let last = start;
      for (const kv of response.kvs) {
        const item = keyValueOf(kv);
        if (each === undefined) items.push(item);
        else each(item, found);
        found++;
        last = item.key;
      }
      const remaining = Number(response.count) - response.kvs.length;
      if (!response.more || found >= limit) return { items, revision, more: remaining > 0, remaining };
      start = `${last}\0`;
    }
  }

  async count(prefix: string): Promise<number> {
    const range = { key: Buffer.from(prefix), range_end: rangeEnd(prefix), count_only: true };
    return Number((await this.#range(range, undefined, prefix)).count);
  }

  async create(key: string, value: Buffer, options?: WriteOptions): Promise<number> {
    const { revision, existing } = await this.#swap(key, 0, { value }, options);
    if (existing !== undefined) throw keyExists(key, existing.modRevision);
    return revision;
  }

  async update(key: string, value: Buffer, expected: number, options?: WriteOptions): Promise<number> {
    return this.#replace(key, expected, { value }, options);
  }

  async delete(key: string, expected: number, options?: WriteOptions): Promise<number> {
    return this.#replace(key, expected, {}, options);
  }

  watch(prefix: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent | WatchProgress>> {
    return watchBySubscribing(this, this.#clock, prefix, options, this.#watchBuffer);
  }

  async subscribe(prefix: string, options: SubscribeOptions, sink: WatchSink): Promise<Subscription> {
    this.#check(options.signal);
    const range = { key: Buffer.from(prefix), end: rangeEnd(prefix) };
    const own: WatchSink = {
      events: (events) => sink.events(events),
      closed: (error) => {
        this.#subscriptions.delete(subscription);
        sink.closed(error);
      },
    };
    const subscription = new EtcdSubscription(
      this.#etcd,
      this.#clock,
      range,
      { ...options, reportsProgress: this.#reportsProgress },
      own,
    );
    this.#subscriptions.add(subscription);
    options.signal.addEventListener('abort', () => subscription.close(undefined), { once: true });
    try {
      await subscription.open();
    } catch (err) {
      this.#subscriptions.delete(subscription);
      options.signal.throwIfAborted();
      throw err;
    }
    return subscription;
  }

  async currentRevision(): Promise<number> {
    return Number((await this.#range({ key: PROBE, count_only: true }, undefined)).header.revision);
  }

  async compact(revision: number): Promise<void> {
    this.#check(undefined);
    try {
      await this.#etcd.kv.compact({ revision });
    } catch (err) {
      const error = storageErrorOf(err);
      if (error.code === 'Compacted') return;
      throw error.code === 'FutureRevision' ? futureRevision(revision, await this.currentRevision()) : error;
    }
  }

  async size(): Promise<number> {
    this.#check(undefined);
    try {
      return Number((await this.#etcd.maintenance.status()).dbSize);
    } catch (err) {
      throw storageErrorOf(err);
    }
  }

  async healthy(signal?: AbortSignal): Promise<void> {
    await this.#range({ key: PROBE, count_only: true }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const subscription of [...this.#subscriptions]) subscription.close(undefined);
    this.#etcd.close();
  }

  async #replace(
    key: string,
    expected: number,
    change: { value?: Buffer },
    options: WriteOptions | undefined,
  ): Promise<number> {
    const { revision, existing, failed } = await this.#swap(key, expected, change, options);
    if (!failed) return revision;
    throw existing === undefined ? keyNotFound(key) : conflict(key, expected, existing.modRevision);
  }

  /** Puts or deletes if the key's mod revision is `expected` (0: absent); reads the key otherwise. Never repeated. */
  async #swap(
    key: string,
    expected: number,
    { value }: { value?: Buffer },
    options: WriteOptions | undefined,
  ): Promise<{ revision: number; failed: boolean; existing: KeyValue | undefined }> {
    this.#check(options?.signal);
    const name = Buffer.from(key);
    const compare: ICompare[] = [{ target: 'Mod', result: 'Equal', key: name, mod_revision: expected }];
    try {
      const lease = options?.ttlSeconds ? await this.#leases.lease(options.ttlSeconds) : undefined;
      const success: IRequestOp[] = [
        value === undefined
          ? { request_delete_range: { key: name } }
          : { request_put: { key: name, value, ...(lease === undefined ? {} : { lease }) } },
      ];
      const response = await this.#etcd.kv.txn({ compare, success, failure: [{ request_range: { key: name } }] });
      const failed = !response.succeeded;
      const kv = failed ? response.responses[0]?.response_range.kvs[0] : undefined;
      return { revision: Number(response.header.revision), failed, existing: kv && keyValueOf(kv) };
    } catch (err) {
      throw this.#closed ? closed() : storageErrorOf(err, key);
    }
  }

  /** A read; tried again on another server when one does not answer. */
  async #range(range: IRangeRequest, signal: AbortSignal | undefined, key?: string): Promise<IRangeResponse> {
    for (let attempt = 1; ; attempt++) {
      this.#check(signal);
      try {
        const response = await this.#etcd.kv.range(range);
        signal?.throwIfAborted();
        return response;
      } catch (err) {
        if (signal?.aborted) throw signal.reason;
        if (this.#closed) throw closed();
        const error = storageErrorOf(err, key);
        if (error.code === 'FutureRevision' || error.code === 'Compacted') throw await this.#located(error, range);
        if (error.code !== 'Unavailable' || attempt >= this.#attempts) throw error;
      }
    }
  }

  /** The error with the revision that the contract promises. */
  async #located(error: StorageError, range: IRangeRequest): Promise<StorageError> {
    const asked = Number(range.revision);
    if (error.code === 'FutureRevision') return futureRevision(asked, await this.currentRevision());
    // etcd does not say how far it is compacted; at least beyond what was asked for.
    return compacted(asked, asked + 1);
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#closed) throw closed();
  }
}

function rangeEnd(prefix: string): Buffer {
  const end = prefixEnd(prefix);
  return end === undefined ? END_OF_KEYS : Buffer.from(end);
}

function checkReached(minRevision: number | undefined, response: IRangeResponse): void {
  const revision = Number(response.header.revision);
  if (minRevision !== undefined && minRevision > revision) throw futureRevision(minRevision, revision);
}

function keyValueOf(kv: IKeyValue): KeyValue {
  return {
    key: kv.key.toString(),
    value: kv.value,
    modRevision: Number(kv.mod_revision),
    createRevision: Number(kv.create_revision),
  };
}

/**
 * Leases for keys with a time to live. One lease serves many keys that expire at nearly the same time: etcd is not made for a
 * lease per event. Upstream: apiserver/pkg/storage/etcd3/lease_manager.go
 */
import type { Etcd3 } from 'etcd3';
import type { Clock } from '../../base/clock.ts';

interface Bucket {
  lease: Promise<string>;
  /** Monotonic ms until which a key with this ttl may still join. */
  until: number;
  keys: number;
}

const REUSE_SECONDS = 60;
const MAX_KEYS = 1000;

export class Leases {
  readonly #etcd: Etcd3;
  readonly #clock: Clock;
  readonly #buckets = new Map<number, Bucket>();

  constructor(etcd: Etcd3, clock: Clock) {
    this.#etcd = etcd;
    this.#clock = clock;
  }

  /** A lease that lasts at least `ttlSeconds` from now, and at most 5 % (or a minute) longer. */
  async lease(ttlSeconds: number): Promise<string> {
    const now = this.#clock.monotonic();
    const open = this.#buckets.get(ttlSeconds);
    if (open !== undefined && now < open.until && open.keys < MAX_KEYS) {
      open.keys++;
      return open.lease;
    }
    const reuse = Math.min(REUSE_SECONDS, ttlSeconds * 0.05);
    const lease = this.#etcd.leaseClient.leaseGrant({ TTL: Math.ceil(ttlSeconds + reuse), ID: 0 }).then((r) => r.ID);
    const bucket = { lease, until: now + reuse * 1000, keys: 1 };
    this.#buckets.set(ttlSeconds, bucket);
    lease.catch(() => {
      if (this.#buckets.get(ttlSeconds) === bucket) this.#buckets.delete(ttlSeconds);
    });
    return lease;
  }
}

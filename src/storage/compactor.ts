/**
 * Forgets history older than an interval. Of several API servers on one store only one compacts in each round: the winner
 * of a compare-and-swap on a key that also remembers the revision to compact next time.
 * Upstream: apiserver/pkg/storage/etcd3/compact.go
 */
import { background } from '../base/background.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import { isStorageError, type Storage, StorageError } from './storage.ts';

export interface CompactorOptions {
  clock: Clock;
  /** Default five minutes; 0 switches compaction off. */
  intervalMs?: number;
  log?: Logger;
  /** Told what was compacted, whoever did it: caches with a history of their own forget theirs. */
  compacted?(revision: number): void;
}

/** Upstream's key on the same etcd, so that its API servers and ours take turns. */
export const COMPACT_KEY = 'compact_rev_key';

const DEFAULT_INTERVAL_MS = 5 * 60_000;

export function startCompactor(storage: Storage, options: CompactorOptions): Disposable {
  return new Compactor(storage, options);
}

class Compactor implements Disposable {
  readonly #storage: Storage;
  readonly #log: Logger;
  readonly #compacted: ((revision: number) => void) | undefined;
  readonly #timer: Timer | undefined;
  #busy = false;
  /** Mod revision the key had when this compactor last saw it; 0 while it is not known. */
  #keyRevision = 0;
  /** The store's revision then: what the next round compacts to. */
  #revision = 0;

  constructor(storage: Storage, options: CompactorOptions) {
    const { clock, intervalMs = DEFAULT_INTERVAL_MS, log = silentLogger } = options;
    this.#storage = storage;
    this.#log = log;
    this.#compacted = options.compacted?.bind(options);
    if (intervalMs <= 0) return;
    this.#timer = clock.every(intervalMs, () => background('compactor', this.#round(), log));
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    // A compaction that takes longer than the interval is not joined by a second one.
    if (this.#busy) return;
    this.#busy = true;
    try {
      const target = this.#revision;
      if ((await this.#takeTurn(target)) && target > 0) {
        await this.#storage.compact(target);
        this.#compacted?.(target);
        this.#log.debug('compacted', { revision: target });
      }
    } catch (err) {
      if (!isStorageError(err, 'Closed')) this.#log.error('compaction failed', { err });
    } finally {
      this.#busy = false;
    }
  }

  /** Writes the key if nobody did since the last round; otherwise remembers how it is now. */
  async #takeTurn(target: number): Promise<boolean> {
    const value = Buffer.from(String(target));
    try {
      this.#keyRevision =
        this.#keyRevision === 0
          ? await this.#storage.create(COMPACT_KEY, value)
          : await this.#storage.update(COMPACT_KEY, value, this.#keyRevision);
      this.#revision = this.#keyRevision;
      return true;
    } catch (err) {
      if (!(err instanceof StorageError && LOST_TURN.has(err.code))) throw err;
      this.#keyRevision = err.revision ?? 0;
      this.#revision = await this.#storage.currentRevision();
      await this.#learn();
      return false;
    }
  }

  /** What the one who had the turn has compacted to is the key's value. */
  async #learn(): Promise<void> {
    const key = await this.#storage.get(COMPACT_KEY);
    const revision = Number(key?.value.toString() ?? 0);
    if (revision > 0) this.#compacted?.(revision);
  }
}

const LOST_TURN: ReadonlySet<string> = new Set(['KeyExists', 'Conflict', 'KeyNotFound']);

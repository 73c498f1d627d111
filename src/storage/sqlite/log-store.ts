/**
 * The store proper, living in the worker thread: the log table plus an index in memory of what is current. Every write
 * is decided against the index and appended to the log; several messages share one transaction, and nobody hears of a write
 * before that is on disk.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { compacted, futureRevision } from '../errors.ts';
import { prefixEnd, SortedMap } from '../memory/sorted-map.ts';
import { StorageError } from '../storage.ts';
import {
  FAILED_CONFLICT,
  FAILED_EXISTS,
  FAILED_NOT_FOUND,
  OP_CREATE,
  OP_DELETE,
  OP_NUMBERS,
  RESULT_NUMBERS,
  type WriteMessage,
} from './messages.ts';

/** Where the newest value of a key is. */
export interface Current {
  key: string;
  mod: number;
  created: number;
}

interface Undo {
  key: string;
  before: Current | undefined;
}

export interface WriteResult {
  numbers: Float64Array;
  previous: Uint8Array[];
}

/** A row of the log as `changes` gives it; `value` null: a delete. */
export interface LogRow {
  rev: number;
  key: string;
  created: number;
  prev: number;
  value: Uint8Array | null;
}

const KEPT_SNAPSHOTS = 16;
const EMPTY = new Uint8Array(0);

export class LogStore {
  readonly #db: DatabaseSync;
  readonly #index = new SortedMap<Current>();
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  #revision = 1;
  #compacted = 0;
  #undo: Undo[] = [];
  #revisionBefore = 0;
  readonly #snapshots = new Map<number, SortedMap<Current>>();
  /** Rows that a compaction cut short by a crash left behind, found at open. */
  readonly garbage: number[] = [];
  /** Keys with an expiry, found at open. */
  readonly expiring: { key: string; revision: number; at: number }[] = [];

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insert = db.prepare(
      'INSERT INTO log (rev, key, created, prev, expires, crc, value) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#select = db.prepare('SELECT value, crc FROM log WHERE rev = ?');
    this.#select.setReturnArrays(true);
    this.#load();
  }

  get revision(): number {
    return this.#revision;
  }
  get compactedRevision(): number {
    return this.#compacted;
  }

  #load(): void {
    this.#compacted = Number(this.#db.prepare('SELECT revision FROM compaction').get()?.revision ?? 0);
    const rows = this.#db.prepare('SELECT rev, key, created, expires, value IS NULL AS gone FROM log ORDER BY rev');
    rows.setReturnArrays(true);
    const current = new Map<string, Current & { expires: number | null }>();
    let last = 0;
    for (const row of rows.iterate() as Iterable<unknown>) {
      const [rev, key, created, expires, gone] = row as [number, string, number, number | null, number];
      if (rev <= this.#compacted) {
        const replaced = current.get(key);
        if (replaced !== undefined) this.garbage.push(replaced.mod);
        if (gone) this.garbage.push(rev);
      }
      if (gone) current.delete(key);
      else current.set(key, { key, mod: rev, created, expires });
      last = rev;
    }
    for (const key of [...current.keys()].sort()) {
      const { mod, created, expires } = current.get(key)!;
      this.#index.set(key, { key, mod, created });
      if (expires !== null) this.expiring.push({ key, revision: mod, at: expires });
    }
    // A compaction may have removed the newest row: a deletion. Its revision must not be given again.
    this.#revision = Math.max(last, this.#compacted, 1);
  }

  begin(): void {
    this.#db.exec('BEGIN IMMEDIATE');
    this.#undo = [];
    this.#revisionBefore = this.#revision;
  }

  /** Durable when it returns. */
  commit(): void {
    this.#db.exec('COMMIT');
    this.#undo = [];
  }

  /** Forgets everything since `begin`, in the index too. */
  rollback(): void {
    for (let i = this.#undo.length - 1; i >= 0; i--) {
      const { key, before } = this.#undo[i]!;
      if (before === undefined) this.#index.delete(key);
      else this.#index.set(key, before);
    }
    this.#undo = [];
    this.#revision = this.#revisionBefore;
    // SQLite has rolled back by itself after some errors.
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
  }

  /** Between `begin` and `commit`. */
  write(message: WriteMessage): WriteResult {
    const { keys, numbers, values, wantPrevious } = message;
    const result = new Float64Array(keys.length * RESULT_NUMBERS);
    const previous: Uint8Array[] = [];
    let at = 0;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const n = i * OP_NUMBERS;
      const r = i * RESULT_NUMBERS;
      const kind = numbers[n]!;
      const value = values.subarray(at, at + numbers[n + 3]!);
      at += value.length;
      const existing = this.#index.get(key);
      const failure = failureOf(kind, numbers[n + 1]!, existing);
      if (failure !== 0) {
        result[r + 1] = failure;
        result[r + 2] = existing?.mod ?? 0;
        continue;
      }
      const rev = ++this.#revision;
      const created = existing?.created ?? rev;
      const prev = existing?.mod ?? 0;
      if (kind === OP_DELETE) {
        this.#insert.run(rev, key, created, prev, null, 0, null);
        this.#index.delete(key);
      } else {
        const expires = numbers[n + 2]!;
        this.#insert.run(rev, key, created, prev, expires === 0 ? null : expires, crc32(value), value);
        this.#index.set(key, { key, mod: rev, created });
      }
      this.#undo.push({ key, before: existing });
      result[r] = rev;
      result[r + 1] = created;
      result[r + 2] = prev;
      result[r + 3] = -1;
      if (wantPrevious && prev !== 0) {
        const held = this.value(prev, key);
        previous.push(held);
        result[r + 3] = held.length;
      }
    }
    return { numbers: result, previous };
  }

  current(key: string): Current | undefined {
    return this.#index.get(key);
  }

  count(prefix: string): number {
    return this.#index.countRange(prefix, prefixEnd(prefix));
  }

  /** The value written at a revision, checked. */
  value(rev: number, key: string): Uint8Array {
    const row = this.#select.get(rev) as unknown as [Uint8Array | null, number] | undefined;
    const value = row?.[0];
    if (row === undefined || !value) {
      throw new StorageError('Corrupt', `the value of ${key} at revision ${rev} is missing`, { key });
    }
    if (crc32(value) !== row[1]) {
      throw new StorageError('Corrupt', `the value of ${key} at revision ${rev} is damaged`, { key });
    }
    return value;
  }

  /** What was current at a revision. `keep`: more pages at this revision will be asked for. */
  at(revision: number, keep: boolean): SortedMap<Current> {
    if (revision > this.#revision) throw futureRevision(revision, this.#revision);
    if (revision < this.#compacted) throw compacted(revision, this.#compacted);
    const known = this.#snapshots.get(revision);
    if (known !== undefined) return known;
    if (revision === this.#revision && !keep) return this.#index;
    const map = this.#index.snapshot();
    const newer = this.#db.prepare('SELECT key, created, prev FROM log WHERE rev > ? ORDER BY rev DESC');
    for (const row of newer.iterate(revision) as Iterable<unknown>) {
      const { key, created, prev } = row as { key: string; created: number; prev: number };
      if (prev === 0) map.delete(key);
      else map.set(key, { key, mod: prev, created });
    }
    this.#snapshots.set(revision, map);
    for (const oldest of this.#snapshots.keys()) {
      if (this.#snapshots.size <= KEPT_SNAPSHOTS) break;
      this.#snapshots.delete(oldest);
    }
    return map;
  }

  /** Rows under the prefix after a revision, oldest first. */
  changes(prefix: string, after: number): IterableIterator<LogRow> {
    if (after < this.#compacted) throw compacted(after, this.#compacted);
    const rows = this.#db.prepare(
      'SELECT rev, key, created, prev, value FROM log WHERE rev > ? AND key >= ? AND key < ? ORDER BY rev',
    );
    return rows.iterate(after, prefix, prefixEnd(prefix) ?? '\u{10ffff}') as unknown as IterableIterator<LogRow>;
  }

  /** A previous value for `changes`; empty when it is compacted (the change right after the compacted revision keeps it). */
  previousValue(rev: number, key: string): Uint8Array {
    return rev === 0 ? EMPTY : this.value(rev, key);
  }

  /**
   * Declares everything up to `revision` compacted; returns the revisions whose rows may go: those that a later one up
   * to `revision` replaced, and deletions.
   */
  compact(revision: number): number[] {
    if (revision > this.#revision) throw futureRevision(revision, this.#revision);
    if (revision <= this.#compacted) return [];
    const gone: number[] = [];
    const rows = this.#db.prepare('SELECT rev, prev, value IS NULL AS gone FROM log WHERE rev > ? AND rev <= ?');
    rows.setReturnArrays(true);
    for (const row of rows.iterate(this.#compacted, revision) as Iterable<unknown>) {
      const [rev, prev, isDelete] = row as [number, number, number];
      if (prev !== 0) gone.push(prev);
      if (isDelete) gone.push(rev);
    }
    this.#db.prepare('UPDATE compaction SET revision = ?').run(revision);
    this.#compacted = revision;
    for (const r of this.#snapshots.keys()) if (r < revision) this.#snapshots.delete(r);
    return gone;
  }

  /** Removes rows, in one transaction. */
  remove(revisions: readonly number[]): void {
    const remove = this.#db.prepare('DELETE FROM log WHERE rev = ?');
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      for (const rev of revisions) remove.run(rev);
      this.#db.exec('COMMIT');
    } catch (err) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw err;
    }
  }

  /** Gives up to `pages` free pages back to the file system; false when there are none left. */
  shrink(pages: number): boolean {
    const free = Number(this.#db.prepare('PRAGMA freelist_count').get()?.freelist_count ?? 0);
    if (free === 0) return false;
    this.#db.exec(`PRAGMA incremental_vacuum(${pages})`);
    return free > pages;
  }

  close(): void {
    this.#db.close();
  }
}

function failureOf(kind: number, expected: number, existing: Current | undefined): number {
  if (kind === OP_CREATE) return existing === undefined ? 0 : FAILED_EXISTS;
  if (existing === undefined) return FAILED_NOT_FOUND;
  return existing.mod === expected ? 0 : FAILED_CONFLICT;
}

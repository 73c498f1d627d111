/**
 * A SortedMap with its past: the changes since the last compaction, from which the content at any revision in between
 * is rebuilt by undoing changes from the nearest newer snapshot. Revisions that are asked for again (the pages of one
 * walk) are kept as snapshots, a few at a time.
 */
import { SortedMap } from './sorted-map.ts';

export interface Change<V> {
  key: string;
  revision: number;
  /** Absent: the key was deleted. */
  current: V | undefined;
  /** Absent: the key did not exist. */
  previous: V | undefined;
}

const KEPT_SNAPSHOTS = 16;

export class VersionedMap<V> {
  #map = new SortedMap<V>();
  /** Ring-less queue: entries before #head are forgotten and cut off now and then. */
  #history: Change<V>[] = [];
  #head = 0;
  #revision: number;
  #compacted: number;
  /** By revision, least recently used first. */
  #snapshots = new Map<number, SortedMap<V>>();

  /** `compacted`: history starts after this revision. */
  constructor(revision: number, compacted: number = revision) {
    this.#revision = revision;
    this.#compacted = compacted;
  }
  get revision(): number {
    return this.#revision;
  }
  /** Changes up to and including this revision are forgotten. */
  get compacted(): number {
    return this.#compacted;
  }
  get size(): number {
    return this.#map.size;
  }
  get historyLength(): number {
    return this.#history.length - this.#head;
  }
  get(key: string): V | undefined {
    return this.#map.get(key);
  }
  /** The content now. Read it at once: it changes with the next write. Use `at` for something that stays. */
  get now(): SortedMap<V> {
    return this.#map;
  }

  /** Adds a key to the initial content without leaving a trace in history. */
  load(key: string, value: V): void {
    this.#map.set(key, value);
  }

  /** Adds a past change of an initial content that is being loaded; the content itself is loaded with `load`. */
  loadChange(change: Change<V>): void {
    this.#history.push(change);
  }

  /** Applies a change; `revision` is newer than all before. */
  apply(key: string, revision: number, value: V | undefined): Change<V> {
    const previous = value === undefined ? this.#map.delete(key) : this.#map.set(key, value);
    const change = { key, revision, current: value, previous };
    this.#history.push(change);
    this.#revision = revision;
    return change;
  }

  /** Undoes the newest change (a batch that could not be made durable). */
  revert(revisionBefore: number): void {
    const change = this.#history.pop();
    if (change === undefined) return;
    if (change.previous === undefined) this.#map.delete(change.key);
    else this.#map.set(change.key, change.previous);
    this.#snapshots.delete(change.revision);
    this.#revision = revisionBefore;
  }

  /** Nothing happened here up to `revision`. */
  advance(revision: number): void {
    if (revision > this.#revision) this.#revision = revision;
  }

  /** The content at a revision, or undefined when it is compacted. Must not be called for revisions ahead. */
  at(revision: number): SortedMap<V> | undefined {
    if (revision < this.#compacted) return undefined;
    const first = this.#firstAfter(revision);
    // Between two changes nothing differs: all those revisions share one snapshot.
    const id = first > this.#head ? this.#history[first - 1]!.revision : this.#compacted;
    const known = this.#snapshots.get(id);
    if (known !== undefined) {
      this.#snapshots.delete(id);
      this.#snapshots.set(id, known);
      return known;
    }
    let base = this.#map;
    let end = this.#history.length;
    for (const [r, snapshot] of this.#snapshots) {
      if (r <= id) continue;
      const i = this.#firstAfter(r);
      if (i < end) {
        end = i;
        base = snapshot;
      }
    }
    const map = base.snapshot();
    for (let i = end - 1; i >= first; i--) {
      const { key, previous } = this.#history[i]!;
      if (previous === undefined) map.delete(key);
      else map.set(key, previous);
    }
    this.#snapshots.set(id, map);
    if (this.#snapshots.size > KEPT_SNAPSHOTS) {
      for (const oldest of this.#snapshots.keys()) {
        this.#snapshots.delete(oldest);
        break;
      }
    }
    return map;
  }

  /** Changes with revision > `after`, or undefined when some of them are compacted. */
  changesAfter(after: number): readonly Change<V>[] | undefined {
    if (after < this.#compacted) return undefined;
    return this.#history.slice(this.#firstAfter(after));
  }

  /** Forgets changes up to and including `revision`; returns those that were forgotten. */
  compact(revision: number): readonly Change<V>[] {
    if (revision <= this.#compacted) return [];
    const end = this.#firstAfter(revision);
    const dropped = this.#history.slice(this.#head, end);
    this.#compacted = revision;
    this.#drop(end);
    return dropped;
  }

  /** The oldest change still known, for bounds by count or bytes. */
  get oldest(): Change<V> | undefined {
    return this.#history[this.#head];
  }

  /** Forgets the oldest change. */
  dropOldest(): void {
    const oldest = this.#history[this.#head];
    if (oldest === undefined) return;
    this.#compacted = oldest.revision;
    this.#drop(this.#head + 1);
  }

  #drop(end: number): void {
    for (let i = this.#head; i < end; i++) this.#history[i] = undefined as unknown as Change<V>;
    this.#head = end;
    if (this.#head > 1024 && this.#head * 2 > this.#history.length) {
      this.#history = this.#history.slice(this.#head);
      this.#head = 0;
    }
    for (const r of this.#snapshots.keys()) if (r < this.#compacted) this.#snapshots.delete(r);
  }

  /** Index in history of the first change with a greater revision. */
  #firstAfter(revision: number): number {
    let low = this.#head;
    let high = this.#history.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (this.#history[mid]!.revision <= revision) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}

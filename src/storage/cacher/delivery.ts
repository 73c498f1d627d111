/**
 * What watchers receive. A Delivery is one change as seen through a selector; at most three of them exist per change
 * (ADDED, MODIFIED, DELETED) and all watchers share them, so that a frame is encoded once per encoding. A WatchBatch is what one
 * group of watchers gets in one tick; frames joined in its memo are written once per watcher.
 */
import type { Change } from '../memory/versioned-map.ts';
import type { CacheEntry } from './cache-entry.ts';

export type DeliveryType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** Equal ids mean equal selectors: the work is shared by id. */
export interface Selector<T> {
  readonly id: string;
  matches(entry: CacheEntry<T>): boolean;
}

class Memo {
  /** Nearly always only one thing is made. */
  #name: string | undefined;
  #made: unknown;
  #others: Map<string, unknown> | undefined;

  protected remember<E>(name: string, make: (self: this) => E): E {
    if (this.#name === name) return this.#made as E;
    const known = this.#others?.get(name);
    if (known !== undefined) return known as E;
    const made = make(this);
    if (this.#name === undefined) {
      this.#name = name;
      this.#made = made;
    } else {
      this.#others ??= new Map();
      this.#others.set(name, made);
    }
    return made;
  }
}

export class Delivery<T> extends Memo {
  readonly type: DeliveryType;
  readonly revision: number;
  /** DELETED: the last state before the change, with resourceVersion = `revision`. */
  readonly entry: CacheEntry<T>;

  constructor(type: DeliveryType, revision: number, entry: CacheEntry<T>) {
    super();
    this.type = type;
    this.revision = revision;
    this.entry = entry;
  }
  /** The encoded frame of this name, made once for all watchers. */
  frame<E>(name: string, make: (delivery: this) => E): E {
    return this.remember(name, make);
  }
}

export class WatchBatch<T> extends Memo {
  readonly deliveries: readonly Delivery<T>[];
  /** Revision of the last delivery. */
  readonly revision: number;

  constructor(deliveries: readonly Delivery<T>[]) {
    super();
    this.deliveries = deliveries;
    this.revision = deliveries[deliveries.length - 1]!.revision;
  }
  /** Something made of the whole batch, once for all watchers of the group. */
  memo<E>(name: string, make: (batch: this) => E): E {
    return this.remember(name, make);
  }
}

/** The deliveries of one change, made when a selector first needs them. */
export class ChangeDeliveries<T> {
  readonly #change: Change<CacheEntry<T>>;
  #added: Delivery<T> | undefined;
  #modified: Delivery<T> | undefined;
  #deleted: Delivery<T> | undefined;

  constructor(change: Change<CacheEntry<T>>) {
    this.#change = change;
  }

  /** How the change looks through the selector; undefined when it does not show. */
  through(selector: Selector<T> | undefined): Delivery<T> | undefined {
    const { current, previous, revision } = this.#change;
    const now = current !== undefined && selects(selector, current);
    const before = previous !== undefined && selects(selector, previous);
    if (now && before) {
      this.#modified ??= new Delivery<T>('MODIFIED', revision, current);
      return this.#modified;
    }
    if (now) {
      this.#added ??= new Delivery<T>('ADDED', revision, current);
      return this.#added;
    }
    if (before) {
      this.#deleted ??= new Delivery<T>('DELETED', revision, previous.asOf(revision));
      return this.#deleted;
    }
    return undefined;
  }
}

/** A value that cannot be parsed is in no selection; whoever asks for it without one hears why. */
function selects<T>(selector: Selector<T> | undefined, entry: CacheEntry<T>): boolean {
  if (selector === undefined) return true;
  try {
    return selector.matches(entry);
  } catch {
    return false;
  }
}

/**
 * A shared cache of one resource and the handlers that hear of its changes.
 *
 * Guaranteed: the cache holds a change before handlers hear of it; one object's changes come to a handler in the order
 * they happened, each handler sees each state of the cache at most once, and everything in the cache when a handler is
 * added comes to it as `added`. Not guaranteed: that every intermediate state is seen (after a lost watch only the
 * difference is), any order between different objects, or that a delete and a re-create are told apart: they may come as
 * one `updated` whose uids differ. A handler must therefore decide on the state of the cache, not on the event.
 * Upstream: client-go/tools/cache/shared_informer.go
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import type { Client, ResourceRef } from './client.ts';
import type { IndexFunction, Lister } from './indexer.ts';
import { Indexer, keyOf } from './indexer.ts';
import { Reflector } from './reflector.ts';

/** Called synchronously, after the cache changed. They only enqueue keys; they never block, and never mutate. */
export interface InformerHandlers<T> {
  added?(object: T, isInInitialList: boolean): void;
  updated?(old: T, object: T): void;
  deleted?(object: T): void;
}

export interface HandlerRegistration {
  /** Resolves when the handler has been told of all initial objects. */
  readonly synced: Promise<void>;
  remove(): void;
}

export interface InformerOptions<T> {
  client: Client;
  ref: ResourceRef;
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Asks the server for metadata only; objects are PartialObjectMetadata. */
  metadataOnly?: boolean | undefined;
  /** Trims objects before they are cached, to save memory. */
  transform?: ((object: T) => T) | undefined;
  clock: Clock;
  random: Random;
  log: Logger;
}

const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
const METADATA_WATCH = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

export class Informer<T extends KubeObject> {
  readonly ref: ResourceRef;
  /** Resolves when the cache holds the initial state. Never rejects. */
  readonly synced: Promise<void>;
  readonly #indexer = new Indexer<T>();
  readonly #handlers = new Set<InformerHandlers<T>>();
  readonly #log: Logger;
  readonly #transform: ((object: T) => T) | undefined;
  readonly #reflector: Reflector<T>;
  #hasSynced = false;
  #resolveSynced: () => void = () => {};

  constructor(options: InformerOptions<T>) {
    this.ref = options.ref;
    this.#log = options.log;
    this.#transform = options.transform;
    this.synced = new Promise((resolve) => {
      this.#resolveSynced = resolve;
    });
    const { client, metadataOnly, ...rest } = options;
    this.#reflector = new Reflector<T>(
      {
        ...rest,
        list: metadataOnly ? client.as({ accept: METADATA_LIST }) : client,
        watch: metadataOnly ? client.as({ accept: METADATA_WATCH }) : client,
      },
      { replace: (items) => this.#replace(items), apply: (type, object) => this.#apply(type, object) },
    );
  }

  get lister(): Lister<T> {
    return this.#indexer;
  }
  get hasSynced(): boolean {
    return this.#hasSynced;
  }
  /** The revision the cache holds; '' before it is synced. */
  get revision(): string {
    return this.#reflector.revision;
  }
  addIndex(name: string, of: IndexFunction<T>): void {
    this.#indexer.addIndex(name, of);
  }

  addHandler(handlers: InformerHandlers<T>): HandlerRegistration {
    this.#handlers.add(handlers);
    if (this.#hasSynced) for (const object of this.#indexer.list()) this.#tell(() => handlers.added?.(object, true));
    return { synced: this.synced, remove: () => this.#handlers.delete(handlers) };
  }

  /** Fills the cache and keeps it until the signal aborts. Call once. */
  run(signal: AbortSignal): Promise<void> {
    return this.#reflector.run(signal);
  }

  #replace(items: ReadonlyMap<string, T>): void {
    const initial = !this.#hasSynced;
    for (const key of this.#indexer.keys()) {
      if (items.has(key)) continue;
      const old = this.#indexer.delete(key)!;
      for (const h of this.#handlers) this.#tell(() => h.deleted?.(old));
    }
    for (const [key, object] of items) this.#put(key, object, initial);
    if (!initial) return;
    this.#hasSynced = true;
    this.#resolveSynced();
  }

  #apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    const key = keyOf(object);
    if (type !== 'DELETED') {
      this.#put(key, object, false);
      return;
    }
    if (!this.#indexer.delete(key)) return;
    for (const h of this.#handlers) this.#tell(() => h.deleted?.(object));
  }

  #put(key: string, received: T, initial: boolean): void {
    const object = this.#transform ? this.#transform(received) : received;
    const old = this.#indexer.put(key, object);
    // A relist brings everything again; what did not change is no news.
    if (
      old &&
      old.metadata.resourceVersion === object.metadata.resourceVersion &&
      old.metadata.uid === object.metadata.uid
    )
      return;
    for (const h of this.#handlers) this.#tell(() => (old ? h.updated?.(old, object) : h.added?.(object, initial)));
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (err) {
      this.#log.error('informer handler failed', { resource: this.ref.resource, err });
    }
  }
}

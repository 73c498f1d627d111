/**
 * One informer per resource (and selection) for all components of a process: asked twice for the same thing it gives the
 * same informer. Informers run only once `start` is called, so that handlers and indexes are there first.
 */
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import type { Client, ResourceRef } from './client.ts';
import { Informer } from './informer.ts';

export interface InformerFactoryOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
}

export interface InformerSelection<T> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  metadataOnly?: boolean;
  /** Only the first to ask decides it; shared informers agree on one, so leave it out unless you own the selection. */
  transform?: (object: T) => T;
}

interface Entry {
  informer: Informer<KubeObject>;
  stop: AbortController;
  started: boolean;
}

export class InformerFactory {
  readonly #options: InformerFactoryOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: InformerFactoryOptions) {
    this.#options = options;
  }

  informer<T extends KubeObject>(ref: ResourceRef, selection: InformerSelection<T> = {}): Informer<T> {
    const key = selectionKey(ref, selection);
    let entry = this.#entries.get(key);
    if (!entry) {
      const informer = new Informer<T>({ ...this.#options, ref, ...selection });
      entry = { informer: informer as unknown as Informer<KubeObject>, stop: new AbortController(), started: false };
      this.#entries.set(key, entry);
    }
    return entry.informer as unknown as Informer<T>;
  }

  /** The informer over all objects of a resource in full, if anybody has asked for it. */
  existing<T extends KubeObject>(ref: ResourceRef): Informer<T> | undefined {
    return this.#entries.get(selectionKey(ref, {}))?.informer as unknown as Informer<T> | undefined;
  }

  /** Starts the informers that are not running yet; they end when the signal aborts. */
  start(signal: AbortSignal): void {
    for (const entry of this.#entries.values()) {
      if (entry.started) continue;
      entry.started = true;
      const run = entry.informer.run(AbortSignal.any([signal, entry.stop.signal]));
      background(`informer ${entry.informer.ref.resource}`, run, this.#options.log);
    }
  }

  /** Ends an informer and forgets it: for resources that go away (custom ones). */
  stop<T extends KubeObject>(ref: ResourceRef, selection: InformerSelection<T> = {}): void {
    const key = selectionKey(ref, selection);
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    entry.stop.abort();
  }

  /** Resolves when every informer asked for so far holds its initial state. */
  async synced(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((e) => e.informer.synced));
  }
}

function selectionKey<T>(ref: ResourceRef, s: InformerSelection<T>): string {
  return [
    ref.group,
    ref.version,
    ref.resource,
    s.namespace ?? '',
    s.labelSelector ?? '',
    s.fieldSelector ?? '',
    s.metadataOnly ? 'm' : '',
  ].join('|');
}

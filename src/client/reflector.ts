/**
 * Keeps a sink equal to what the server has: streams the initial state (WatchList), or lists where the server cannot,
 * then watches, resumes at the last revision, and starts over when that revision is gone. The states are data.
 * Upstream: client-go/tools/cache/reflector.go
 */
import { isAbortError } from '../base/background.ts';
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { isExpired, statusErrorOf } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import type { ClientWatchEvent, Reader, ResourceRef } from './client.ts';
import { keyOf } from './indexer.ts';

/** What a reflector tells. `replace` is the whole state at `revision`; `apply` one later change of it, in order. */
export interface ReflectorSink<T> {
  replace(items: ReadonlyMap<string, T>, revision: string): void;
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T, revision: string): void;
}

export interface ReflectorOptions {
  /** For lists. */
  list: Reader;
  /** For watches; the same as `list` unless media types differ. */
  watch: Reader;
  ref: ResourceRef;
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  clock: Clock;
  random: Random;
  log: Logger;
}

type State =
  /** Nothing known, or all that was known is too old. `consistent`: do not accept what a cache happens to hold. */
  | { kind: 'stream'; consistent: boolean }
  /** As `stream`, from a server that does not stream initial state. */
  | { kind: 'list'; consistent: boolean }
  /** The sink holds `revision`; changes after it are wanted. */
  | { kind: 'watch'; revision: string };

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
const MIN_WATCH_TIMEOUT_SECONDS = 300;
/** A connection that lived this long was healthy: its back-off starts anew. */
const BACKOFF_RESET_MS = 120_000;
const LIST_PAGE = 500;

export class Reflector<T extends KubeObject> {
  readonly #o: ReflectorOptions;
  readonly #sink: ReflectorSink<T>;
  readonly #backoff: Backoff;
  #canStream = true;
  #revision = '';

  constructor(options: ReflectorOptions, sink: ReflectorSink<T>) {
    this.#o = options;
    this.#sink = sink;
    this.#backoff = new Backoff({ initial: 800, max: 30_000, factor: 2, jitter: 1 }, options.random);
  }

  /** The revision the sink holds. */
  get revision(): string {
    return this.#revision;
  }

  /** Runs until the signal aborts; every other failure is retried. */
  async run(signal: AbortSignal): Promise<void> {
    let state: State = { kind: 'stream', consistent: false };
    while (!signal.aborted) {
      const began = this.#o.clock.monotonic();
      let failed = false;
      try {
        state = await this.#step(state, signal);
      } catch (err) {
        if (signal.aborted || isAbortError(err)) return;
        failed = true;
        state = this.#afterFailure(state, err);
      }
      const lived = this.#o.clock.monotonic() - began;
      if (lived >= BACKOFF_RESET_MS) this.#backoff.reset();
      // A watch that the server ends at once, again and again, must not become a busy loop.
      if (!failed && (this.#fresh || lived >= 1000)) continue;
      await this.#o.clock.sleep(this.#backoff.next(), signal).catch(() => {});
    }
  }

  /** True right after initial state arrived, when going on to watch at once is no spinning. */
  #fresh = false;

  #step(state: State, signal: AbortSignal): Promise<State> {
    this.#fresh = false;
    switch (state.kind) {
      case 'stream':
        return this.#canStream ? this.#stream(signal) : this.#list(state.consistent, signal);
      case 'list':
        return this.#list(state.consistent, signal);
      case 'watch':
        return this.#watch(state.revision, signal);
    }
  }

  #afterFailure(state: State, err: unknown): State {
    const code = statusErrorOf(err)?.code;
    if (isExpired(err)) {
      this.#o.log.debug('watch expired, starting over', { resource: this.#o.ref.resource, revision: this.#revision });
      return { kind: this.#canStream ? 'stream' : 'list', consistent: true };
    }
    if (state.kind === 'stream' && (code === 400 || code === 422 || code === 405 || code === 500)) {
      this.#canStream = false;
      return { kind: 'list', consistent: state.consistent };
    }
    this.#o.log.warn('watch failed', {
      resource: this.#o.ref.resource,
      group: this.#o.ref.group,
      state: state.kind,
      err,
    });
    return state;
  }

  get #selection() {
    const o = this.#o;
    return {
      ...(o.namespace !== undefined ? { namespace: o.namespace } : {}),
      ...(o.labelSelector ? { labelSelector: o.labelSelector } : {}),
      ...(o.fieldSelector ? { fieldSelector: o.fieldSelector } : {}),
    };
  }

  #timeoutSeconds(): number {
    return Math.floor(MIN_WATCH_TIMEOUT_SECONDS * (1 + this.#o.random.float()));
  }

  /** Initial state and all later changes on one stream. */
  async #stream(signal: AbortSignal): Promise<State> {
    let initial: Map<string, T> | undefined = new Map();
    const events = this.#o.watch.watch<T>(this.#o.ref, {
      ...this.#selection,
      signal,
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
      isReadOnly: true,
      timeoutSeconds: this.#timeoutSeconds(),
    });
    for await (const event of events) {
      if (initial === undefined) {
        this.#apply(event);
      } else if (event.type === 'BOOKMARK') {
        if (event.object.metadata.annotations?.[INITIAL_EVENTS_END] !== 'true') continue;
        this.#replace(initial, event.object.metadata.resourceVersion ?? '');
        initial = undefined;
      } else if (event.type === 'DELETED') {
        initial.delete(keyOf(event.object));
      } else {
        initial.set(keyOf(event.object), event.object);
      }
    }
    return initial === undefined ? { kind: 'watch', revision: this.#revision } : { kind: 'stream', consistent: true };
  }

  async #list(consistent: boolean, signal: AbortSignal): Promise<State> {
    const items = new Map<string, T>();
    let page = await this.#o.list.list<T>(this.#o.ref, {
      ...this.#selection,
      signal,
      ...(consistent ? { limit: LIST_PAGE } : { resourceVersion: '0' }),
    });
    for (;;) {
      for (const item of page.items) items.set(keyOf(item), item);
      if (!page.metadata.continue) break;
      page = await this.#o.list.list<T>(this.#o.ref, {
        ...this.#selection,
        signal,
        limit: LIST_PAGE,
        continue: page.metadata.continue,
      });
    }
    this.#replace(items, page.metadata.resourceVersion ?? '');
    return { kind: 'watch', revision: this.#revision };
  }

  async #watch(revision: string, signal: AbortSignal): Promise<State> {
    const events = this.#o.watch.watch<T>(this.#o.ref, {
      ...this.#selection,
      signal,
      resourceVersion: revision,
      allowWatchBookmarks: true,
      isReadOnly: true,
      timeoutSeconds: this.#timeoutSeconds(),
    });
    for await (const event of events) this.#apply(event);
    return { kind: 'watch', revision: this.#revision };
  }

  #replace(items: Map<string, T>, revision: string): void {
    this.#revision = revision;
    this.#fresh = true;
    this.#backoff.reset();
    this.#sink.replace(items, revision);
  }

  #apply(event: ClientWatchEvent<T>): void {
    this.#revision = event.object.metadata.resourceVersion ?? this.#revision;
    if (event.type !== 'BOOKMARK') this.#sink.apply(event.type, event.object, this.#revision);
  }
}

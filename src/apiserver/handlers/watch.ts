/**
 * Serving a watch: initial objects, then the cache's batches, one write a tick; bookmarks; an end by timeout, by the client or
 * by the server. A client that reads too slowly pauses its own watch and is cut off when the cache will hold no more for it.
 * Upstream: apiserver/pkg/endpoints/handlers/watch.go
 */
import { background } from '../../base/background.ts';
import type { Timer } from '../../base/clock.ts';
import { statusErrorOf } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { ListOptions } from '../../registry/generic/list-options.ts';
import { statusOf } from '../../registry/generic/storage-errors.ts';
import { type OpenedWatch, openWatch } from '../../registry/generic/watch.ts';
import type { CacheWatch } from '../../storage/cacher/cache-watch.ts';
import type { WatchBatch } from '../../storage/cacher/delivery.ts';
import type { StorageError } from '../../storage/storage.ts';
import type { ResourceRequest } from '../endpoint.ts';
import type { WatchMetrics } from '../metrics.ts';
import type { ResponseStream, WatchEventObject } from '../request/exchange.ts';
import { negotiateOutput } from './output.ts';
import { tableOptions } from './table-request.ts';
import { WatchFormat } from './watch-frames.ts';

// Upstream: cacher.defaultBookmarkFrequency
const BOOKMARK_MS = 60_000;
/** Upstream sends the last bookmark this long before the watch times out. */
const LAST_BOOKMARK_MS = 2_000;
const SLAB = 128 * 1024;

export async function serveWatch(request: ResourceRequest, options: ListOptions): Promise<void> {
  const { context, endpoint, server } = request;
  const negotiated = negotiateOutput(request, { stream: true });
  const table = tableOptions(request, negotiated.as?.version);
  const format = new WatchFormat(endpoint, negotiated, table, server.clock);
  const ending = new AbortController();
  const onAbort = () => ending.abort(context.signal.reason);
  if (context.signal.aborted) onAbort();
  else context.signal.addEventListener('abort', onAbort, { once: true });
  const session = new WatchSession(request, options, format, ending);
  try {
    let opened: OpenedWatch;
    try {
      opened = await openWatch(endpoint.store, request.namespace, options, session, ending.signal);
    } catch (err) {
      const expired = statusErrorOf(err);
      if (expired?.code !== 410) throw err;
      // A client reads "too old" as an event, not as an HTTP status.
      const stream = context.exchange.stream(200, { 'Content-Type': format.mediaType });
      stream.write(format.error(expired.status));
      stream.end();
      return;
    }
    const ended = context.counted?.running(context);
    try {
      await session.serve(opened);
    } finally {
      ended?.();
    }
  } finally {
    context.signal.removeEventListener('abort', onAbort);
    ending.abort();
  }
}

class WatchSession {
  readonly #request: ResourceRequest;
  readonly #options: ListOptions;
  readonly #format: WatchFormat;
  readonly #metrics: WatchMetrics;
  readonly #takesObjects: boolean;
  readonly #ending: AbortController;
  readonly #closed = Promise.withResolvers<void>();
  #stream: ResponseStream | undefined;
  #watch: CacheWatch<KubeObject> | undefined;
  #sentColumns = false;
  #lastBookmark = 0;

  constructor(request: ResourceRequest, options: ListOptions, format: WatchFormat, ending: AbortController) {
    this.#request = request;
    this.#options = options;
    this.#format = format;
    this.#metrics = request.server.metrics.watch(request.endpoint.row);
    this.#takesObjects = request.context.exchange.acceptsObjects === true && format.isPlain;
    this.#ending = ending;
    this.onBatch = this.onBatch.bind(this);
    this.onClose = this.onClose.bind(this);
  }

  async serve(opened: OpenedWatch): Promise<void> {
    const { context, server } = this.#request;
    const stream = context.exchange.stream(200, { 'Content-Type': this.#format.mediaType });
    this.#stream = stream;
    this.#watch = opened.watch;
    const timers = this.#startTimers();
    try {
      await this.#sendInitial(opened, stream);
      opened.watch.resume();
      await this.#closed.promise;
    } catch (err) {
      if (!this.#ending.signal.aborted) throw err;
    } finally {
      for (const t of timers) t.cancel();
      this.#watch = undefined;
      opened.watch.close();
      stream.end();
    }
    server.log.debug('watch ended', { path: context.exchange.path });
  }

  /** Called by the cache, synchronously. */
  onBatch(batch: WatchBatch<KubeObject>): void {
    const stream = this.#stream;
    // Once the client is gone the cache hands nothing over.
    if (stream === undefined) return;
    const { deliveries } = batch;
    if (deliveries.length === 0 || this.#sendObjects(batch, stream)) return;
    let isFlowing: boolean;
    if (this.#format.isTable && !this.#sentColumns) {
      this.#sentColumns = true;
      const bytes = Buffer.concat(
        deliveries.map((d, i) => (i === 0 ? this.#format.encode(d.type, d.entry, true) : this.#format.frame(d))),
      );
      this.#metrics.sent(deliveries.length, bytes.length);
      isFlowing = stream.write(bytes);
    } else {
      const bytes = batch.memo(this.#format.id, this.#format.frames);
      this.#metrics.sent(deliveries.length, bytes.length);
      isFlowing = stream.writeShared?.(bytes) ?? stream.write(bytes);
    }
    if (!isFlowing) this.#waitForClient(stream);
  }

  /** To a caller in this process. False: it gets bytes, as everybody does. */
  #sendObjects(batch: WatchBatch<KubeObject>, stream: ResponseStream): boolean {
    if (!this.#takesObjects || stream.writeEvents === undefined) return false;
    let events: readonly WatchEventObject[];
    try {
      events = batch.memo(`${this.#format.id} objects`, (b) => b.deliveries.map((d) => this.#format.event(d)));
    } catch {
      // A stored value that cannot be parsed: the reader is to hear of it the usual way.
      return false;
    }
    let size = 0;
    for (const d of batch.deliveries) size += d.entry.size;
    this.#metrics.sent(events.length, size);
    if (!stream.writeEvents(events, size)) this.#waitForClient(stream);
    return true;
  }

  onClose(error: StorageError | undefined): void {
    if (error?.code === 'Compacted') {
      const { store } = this.#request.endpoint;
      const status = statusErrorOf(statusOf(error, { verb: 'watch', resource: store.resource, name: '' }));
      if (status !== undefined) this.#stream?.write(this.#format.error(status.status));
    }
    this.#closed.resolve();
  }

  #waitForClient(stream: ResponseStream): void {
    this.#watch?.pause();
    background(
      'watch back-pressure',
      stream.drained(this.#ending.signal).then(() => this.#watch?.resume()),
      this.#request.server.log,
    );
  }

  async #sendInitial(opened: OpenedWatch, stream: ResponseStream): Promise<void> {
    const { initial } = opened.watch;
    if (initial === undefined) return;
    if (this.#takesObjects && stream.writeEvents !== undefined) return this.#sendInitialObjects(opened, stream);
    opened.watch.initial = undefined;
    let parts: Buffer[] = [];
    let size = 0;
    for (const entry of initial.entries) {
      const frame = this.#format.encode('ADDED', entry, !this.#sentColumns);
      this.#sentColumns = true;
      parts.push(frame);
      size += frame.length;
      if (size < SLAB) continue;
      this.#metrics.sent(parts.length, size);
      if (!stream.write(Buffer.concat(parts))) await stream.drained(this.#ending.signal);
      else await new Promise<void>((resolve) => setImmediate(resolve));
      this.#ending.signal.throwIfAborted();
      parts = [];
      size = 0;
    }
    if (opened.endsInitialEvents && this.#options.allowWatchBookmarks) {
      parts.push(this.#format.bookmark(initial.revision, true, !this.#sentColumns));
      this.#sentColumns = true;
      this.#lastBookmark = initial.revision;
    }
    if (parts.length === 0) return;
    this.#metrics.sent(parts.length, size);
    const isFlowing = stream.write(Buffer.concat(parts));
    if (this.#lastBookmark > 0) this.#listed();
    if (!isFlowing) await stream.drained(this.#ending.signal);
  }

  /** The state before the watch was sent, and the client told so. */
  #listed(): void {
    const { context } = this.#request;
    context.counted?.watchListed((context.clock.now() - context.received) / 1000);
  }

  async #sendInitialObjects(opened: OpenedWatch, stream: ResponseStream): Promise<void> {
    const { initial } = opened.watch;
    if (initial === undefined) return;
    opened.watch.initial = undefined;
    let events: WatchEventObject[] = [];
    let size = 0;
    for (const entry of initial.entries) {
      events.push(this.#format.eventOf('ADDED', entry));
      size += entry.size;
      if (size < SLAB) continue;
      this.#metrics.sent(events.length, size);
      if (!stream.writeEvents!(events, size)) await stream.drained(this.#ending.signal);
      else await new Promise<void>((resolve) => setImmediate(resolve));
      this.#ending.signal.throwIfAborted();
      events = [];
      size = 0;
    }
    if (events.length > 0) {
      this.#metrics.sent(events.length, size);
      stream.writeEvents!(events, size);
    }
    if (!opened.endsInitialEvents || !this.#options.allowWatchBookmarks) return;
    this.#lastBookmark = initial.revision;
    stream.write(this.#format.bookmark(initial.revision, true, false));
    this.#listed();
  }

  #startTimers(): Timer[] {
    const { server } = this.#request;
    const { clock, random, minRequestTimeoutMs } = server;
    const seconds = this.#options.timeoutSeconds;
    const timeout = seconds !== undefined && seconds > 0 ? seconds * 1000 : minRequestTimeoutMs * (1 + random.float());
    const timers = [clock.after(timeout, () => this.#closed.resolve())];
    if (this.#options.allowWatchBookmarks) {
      timers.push(clock.every(BOOKMARK_MS, () => this.#bookmark()));
      if (timeout > LAST_BOOKMARK_MS) timers.push(clock.after(timeout - LAST_BOOKMARK_MS, () => this.#bookmark()));
    }
    return timers;
  }

  #bookmark(): void {
    const revision = this.#watch?.progress;
    if (revision === undefined || revision <= this.#lastBookmark || this.#stream === undefined) return;
    this.#lastBookmark = revision;
    this.#stream.write(this.#format.bookmark(revision, false, !this.#sentColumns));
    this.#sentColumns = true;
  }
}

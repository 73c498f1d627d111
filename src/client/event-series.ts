/**
 * events.k8s.io/v1 recording: the first occurrence is created, the second makes it a series, later ones only raise the
 * count, which is written every half hour and when the series ends. Upstream: client-go/tools/events/event_broadcaster.go
 */
import { background } from '../base/background.ts';
import type { Timer } from '../base/clock.ts';
import { isNotFound, statusErrorOf } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { formatMicroTime } from '../machinery/meta/time.ts';
import type { EventRecorderOptions, EventType, ObjectReference } from './event.ts';
import { EVENTS_V1 } from './resources.ts';

interface SeriesEvent extends KubeObject {
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  action: string;
  reason: string;
  regarding: ObjectReference;
  related?: ObjectReference;
  note: string;
  type: EventType;
  series?: { count: number; lastObservedTime: string };
}

interface Occurrence {
  regarding: ObjectReference;
  related: ObjectReference | undefined;
  type: EventType;
  reason: string;
  action: string;
  note: string;
  unique: string;
}

const FINISH_MS = 6 * 60_000;
const REFRESH_MS = 30 * 60_000;
const MAX_TRIES = 12;
const RETRY_MS = 10_000;

export class EventSeriesRecorder {
  readonly #o: EventRecorderOptions;
  /** Events that may still become or be a series, by what makes occurrences equal. */
  readonly #series = new Map<string, SeriesEvent>();
  readonly #sending = new Set<Promise<void>>();
  #timers: Timer[] = [];

  constructor(options: EventRecorderOptions) {
    this.#o = options;
    options.signal.addEventListener('abort', () => this.#stopTimers(), { once: true });
  }

  record(o: Occurrence): void {
    const { clock, component, host } = this.#o;
    const now = formatMicroTime(clock.now());
    const instance = host ? `${component}-${host}` : component;
    const key = JSON.stringify([o.type, o.action, o.reason, component, instance, o.regarding, o.related]);
    const known = this.#series.get(key);
    if (known?.series) {
      known.series = { count: known.series.count + 1, lastObservedTime: now };
      return;
    }
    const event: SeriesEvent = known ?? {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${o.regarding.name}.${o.unique}`, namespace: o.regarding.namespace || 'default' },
      eventTime: now,
      reportingController: component,
      reportingInstance: instance,
      action: o.action,
      reason: o.reason,
      regarding: o.regarding,
      ...(o.related ? { related: o.related } : {}),
      note: o.note,
      type: o.type,
    };
    if (known) known.series = { count: 2, lastObservedTime: now };
    else this.#series.set(key, event);
    this.#startTimers();
    this.#send({ ...event });
  }

  async flush(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  #send(event: SeriesEvent): void {
    const sending = this.#attempt(event).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
    background('event', sending, this.#o.log);
  }

  async #attempt(event: SeriesEvent): Promise<void> {
    const { clock, random, signal, log } = this.#o;
    for (let tries = 0; tries < MAX_TRIES && !signal.aborted; tries++) {
      try {
        await this.#write(event);
        return;
      } catch (err) {
        if (signal.aborted) return;
        if (statusErrorOf(err)) {
          log.debug('server rejected event', { reason: event.reason, err });
          return;
        }
        await clock.sleep(RETRY_MS * (1 + 0.25 * random.float()), signal);
      }
    }
  }

  async #write(event: SeriesEvent): Promise<void> {
    const { client, signal } = this.#o;
    const namespace = event.metadata.namespace!;
    if (event.series) {
      try {
        await client.patch(
          EVENTS_V1,
          event.metadata.name!,
          'strategic',
          { series: event.series },
          { namespace, signal },
        );
        return;
      } catch (err) {
        if (!isNotFound(err)) throw err;
      }
    }
    await client.create(EVENTS_V1, event, { namespace, signal });
  }

  #startTimers(): void {
    if (this.#timers.length > 0) return;
    const { clock } = this.#o;
    this.#timers = [clock.every(FINISH_MS, () => this.#finish()), clock.every(REFRESH_MS, () => this.#refresh())];
  }
  #stopTimers(): void {
    for (const t of this.#timers) t.cancel();
    this.#timers = [];
  }
  #refresh(): void {
    for (const event of this.#series.values()) if (event.series) this.#send({ ...event });
  }
  #finish(): void {
    const limit = this.#o.clock.now() - FINISH_MS;
    for (const [key, event] of this.#series) {
      if (Date.parse(event.series?.lastObservedTime ?? event.eventTime) >= limit) continue;
      if (event.series) this.#send({ ...event });
      this.#series.delete(key);
    }
    if (this.#series.size === 0) this.#stopTimers();
  }
}

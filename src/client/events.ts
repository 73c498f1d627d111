/**
 * Records what happened to an object, for people. Recording never throws, never waits and never slows its caller down;
 * what cannot be written is dropped. Equal events become one with a count, many similar ones become "(combined from
 * similar events)", and a source that floods is cut off. Upstream: client-go/tools/record
 */
import { isAbortError } from '../base/background.ts';
import { isNotFound, statusErrorOf } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { formatTime } from '../machinery/meta/time.ts';
import type { CoreEvent, EventRecorderOptions, EventType, ObjectReference } from './event.ts';
import { EventCorrelator } from './event-correlator.ts';
import { EventSeriesRecorder } from './event-series.ts';
import { EVENTS } from './resources.ts';

const MAX_QUEUED = 1000;
const MAX_TRIES = 12;
const RETRY_MS = 10_000;

export class EventRecorder {
  readonly #o: EventRecorderOptions;
  readonly #correlator: EventCorrelator;
  readonly #queue: CoreEvent[] = [];
  readonly #series: EventSeriesRecorder;
  #sending: Promise<void> | undefined;
  /** Recorders of the same instant must not name their events alike: each starts somewhere else. */
  #counter: number;

  constructor(options: EventRecorderOptions) {
    this.#o = options;
    this.#counter = options.random.int(1_000_000);
    this.#correlator = new EventCorrelator(options.clock);
    this.#series = new EventSeriesRecorder(options);
  }

  /** A core/v1 event. `regarding` needs apiVersion and kind. */
  event(
    regarding: KubeObject | ObjectReference,
    type: EventType,
    reason: string,
    message: string,
    annotations?: Record<string, string>,
  ): void {
    if (this.#o.signal.aborted || this.#queue.length >= MAX_QUEUED) return;
    const involved = referenceTo(regarding);
    const { clock, component, host } = this.#o;
    const now = formatTime(clock.now());
    this.#queue.push({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: `${involved.name}.${this.#unique()}`,
        namespace: involved.namespace || 'default',
        ...(annotations ? { annotations } : {}),
      },
      involvedObject: involved,
      reason,
      message,
      source: host ? { component, host } : { component },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type,
      eventTime: null,
      reportingComponent: component,
      reportingInstance: host ?? '',
    });
    this.#sending ??= this.#drain();
  }

  /** An events.k8s.io/v1 event; repeated ones become a series. */
  eventV1(
    regarding: KubeObject | ObjectReference,
    related: KubeObject | ObjectReference | undefined,
    type: EventType,
    reason: string,
    action: string,
    note: string,
  ): void {
    if (this.#o.signal.aborted) return;
    const ref = referenceTo(regarding);
    this.#series.record({
      regarding: ref,
      related: related ? referenceTo(related) : undefined,
      type,
      reason,
      action,
      note,
      unique: this.#unique(),
    });
  }

  /** Resolves when everything recorded so far has been written or given up. */
  async flush(): Promise<void> {
    await this.#sending;
    await this.#series.flush();
  }

  /** Hex nanoseconds as upstream names events; the counter keeps names apart within a millisecond. */
  #unique(): string {
    this.#counter = (this.#counter + 1) % 1_000_000;
    return (BigInt(this.#o.clock.now()) * 1_000_000n + BigInt(this.#counter)).toString(16);
  }

  async #drain(): Promise<void> {
    try {
      for (let event = this.#queue.shift(); event; event = this.#queue.shift()) await this.#record(event);
    } catch (err) {
      if (!isAbortError(err)) this.#o.log.error('event recorder failed', { err });
    } finally {
      this.#sending = undefined;
    }
  }

  async #record(received: CoreEvent): Promise<void> {
    const { event, skip } = this.#correlator.correlate(received);
    if (skip) return;
    const { clock, random, log, signal } = this.#o;
    for (let tries = 1; tries <= MAX_TRIES && !signal.aborted; tries++) {
      try {
        this.#correlator.observed(await this.#write(event));
        return;
      } catch (err) {
        if (signal.aborted) return;
        if (statusErrorOf(err)) {
          log.debug('server rejected event', { reason: event.reason, err });
          return;
        }
        // Nothing but a server that cannot be reached is worth another try.
        await clock.sleep(tries === 1 ? RETRY_MS * random.float() : RETRY_MS, signal);
      }
    }
  }

  async #write(event: CoreEvent): Promise<CoreEvent> {
    const { client, signal } = this.#o;
    const namespace = event.metadata.namespace!;
    if (event.count > 1) {
      try {
        const patch = { count: event.count, lastTimestamp: event.lastTimestamp, message: event.message };
        return await client.patch<CoreEvent>(EVENTS, event.metadata.name!, 'strategic', patch, { namespace, signal });
      } catch (err) {
        if (!isNotFound(err)) throw err;
      }
    }
    const { resourceVersion: _, ...metadata } = event.metadata;
    return client.create<CoreEvent>(EVENTS, { ...event, metadata }, { namespace, signal });
  }
}

/** The reference to an object (or the reference itself). */
export function referenceTo(object: KubeObject | ObjectReference): ObjectReference {
  if (!('metadata' in object)) return object;
  const { metadata, apiVersion, kind } = object;
  return {
    ...(kind ? { kind } : {}),
    ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
    ...(metadata.name ? { name: metadata.name } : {}),
    ...(metadata.uid ? { uid: metadata.uid } : {}),
    ...(apiVersion ? { apiVersion } : {}),
    ...(metadata.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
  };
}

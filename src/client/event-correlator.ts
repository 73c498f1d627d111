/**
 * Turns the stream of events of one source into fewer: 10 similar ones within 10 minutes are combined, equal ones are
 * counted, and more than 25 (then one every 5 minutes) on one object are dropped. Pure but for the clock.
 * Upstream: client-go/tools/record/events_cache.go
 */
import type { Clock } from '../base/clock.ts';
import type { CoreEvent } from './event.ts';
import { LruMap } from './lru.ts';
import { TokenBucket } from './rate-limiter.ts';

const MAX_ENTRIES = 4096;
const AGGREGATE_MAX_EVENTS = 10;
const AGGREGATE_INTERVAL_MS = 600_000;
const SPAM_BURST = 25;
const SPAM_QPS = 1 / 300;

interface Observation {
  count: number;
  firstTimestamp: string;
  name: string;
  resourceVersion: string | undefined;
}

function spamKey(e: CoreEvent): string {
  const o = e.involvedObject;
  return [e.source.component, e.source.host, o.kind, o.namespace, o.name, o.uid, o.apiVersion, e.type].join('');
}
function aggregateKey(e: CoreEvent): string {
  return spamKey(e) + e.reason + e.reportingComponent + e.reportingInstance;
}
function eventKey(e: CoreEvent): string {
  const o = e.involvedObject;
  return [
    e.source.component,
    e.source.host,
    o.kind,
    o.namespace,
    o.name,
    o.fieldPath,
    o.uid,
    o.apiVersion,
    e.type,
    e.reason,
    e.message,
  ].join('');
}

export class EventCorrelator {
  readonly #clock: Clock;
  readonly #spam = new LruMap<string, TokenBucket>(MAX_ENTRIES);
  readonly #similar = new LruMap<string, { messages: Set<string>; last: number }>(MAX_ENTRIES);
  readonly #seen = new LruMap<string, Observation>(MAX_ENTRIES);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The event to write: new when its count is 1, else a raise of the one of that name. `skip`: write nothing. */
  correlate(received: CoreEvent): { event: CoreEvent; skip: boolean } {
    const { event: aggregated, key } = this.#aggregate(received);
    const event = this.#count(aggregated, key);
    const bucket = this.#spam.get(spamKey(event)) ?? new TokenBucket(SPAM_QPS, SPAM_BURST, this.#clock);
    this.#spam.set(spamKey(event), bucket);
    return { event, skip: !bucket.tryAccept() };
  }

  /** Remembers an event as the server has it. */
  observed(event: CoreEvent): void {
    this.#seen.set(eventKey(event), observationOf(event));
  }

  #aggregate(event: CoreEvent): { event: CoreEvent; key: string } {
    const key = aggregateKey(event);
    const now = this.#clock.now();
    let record = this.#similar.get(key);
    if (!record || now - record.last > AGGREGATE_INTERVAL_MS) record = { messages: new Set(), last: now };
    record.messages.add(event.message);
    record.last = now;
    this.#similar.set(key, record);
    if (record.messages.size < AGGREGATE_MAX_EVENTS) return { event, key: eventKey(event) };
    record.messages.delete(record.messages.values().next().value as string);
    return { event: { ...event, message: `(combined from similar events): ${event.message}`, count: 1 }, key };
  }

  #count(event: CoreEvent, key: string): CoreEvent {
    const last = this.#seen.get(key);
    const counted = last
      ? {
          ...event,
          metadata: { ...event.metadata, name: last.name },
          firstTimestamp: last.firstTimestamp,
          count: last.count + 1,
        }
      : event;
    this.#seen.set(key, observationOf(counted));
    return counted;
  }
}

function observationOf(event: CoreEvent): Observation {
  return {
    count: event.count,
    firstTimestamp: event.firstTimestamp,
    name: event.metadata.name!,
    resourceVersion: event.metadata.resourceVersion,
  };
}

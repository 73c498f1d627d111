/**
 * The frames of a watch: one event in one encoding and form, made once and shared by every watcher that wants it.
 * Upstream: apiserver/pkg/endpoints/handlers/watch.go, response.go watchEncoder
 */
import type { Clock } from '../../base/clock.ts';
import { watchFrame } from '../../machinery/codec/frames.ts';
import { parseJson } from '../../machinery/codec/json.ts';
import type { Negotiated } from '../../machinery/codec/negotiate.ts';
import type { Status } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { Entry } from '../../registry/generic/store-core.ts';
import type { Delivery, WatchBatch } from '../../storage/cacher/delivery.ts';
import type { Endpoint } from '../endpoint.ts';
import type { WatchEventObject } from '../request/exchange.ts';
import { encodeStatus } from './errors.ts';
import { encodeAs } from './output.ts';
import type { TableRequest } from './table-request.ts';
import { type Printable, partialObject, tableOf } from './transform.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

export class WatchFormat {
  /** Equal for watchers whose frames are the same bytes. */
  readonly id: string;
  readonly mediaType: string;
  readonly #endpoint: Endpoint;
  readonly #negotiated: Negotiated;
  readonly #table: TableRequest;
  readonly #clock: Clock;

  constructor(endpoint: Endpoint, negotiated: Negotiated, table: TableRequest, clock: Clock) {
    const { as, encoding } = negotiated;
    this.#endpoint = endpoint;
    this.#negotiated = negotiated;
    this.#table = table;
    this.#clock = clock;
    const form = as === undefined ? '' : `${as.kind}/${as.version}/${as.kind === 'Table' ? table.includeObject : ''}`;
    this.id = `${endpoint.apiVersion} ${encoding} ${form}`;
    this.mediaType =
      encoding === 'json'
        ? 'application/json'
        : encoding === 'cbor'
          ? 'application/cbor-seq'
          : `${negotiated.mediaType.split(';')[0]!};stream=watch`;
  }

  /** Of a change; shared. */
  frame(delivery: Delivery<KubeObject>): Buffer {
    return delivery.frame(this.id, () => this.encode(delivery.type, delivery.entry, false));
  }

  /** Of all changes of a batch; made once for the life of a watch, which gets thousands of them a second. */
  readonly frames = ({ deliveries }: WatchBatch<KubeObject>): Buffer =>
    deliveries.length === 1 ? this.frame(deliveries[0]!) : Buffer.concat(deliveries.map((d) => this.frame(d)));

  /** Of an object as it is; `headers`: a Table says its columns. */
  encode(type: EventType, entry: Entry, headers: boolean): Buffer {
    const { store } = this.#endpoint;
    const bytes = store.lent(entry);
    const { as } = this.#negotiated;
    if (as === undefined) return this.#wrap(type, bytes);
    if (as.kind !== 'Table') return this.#wrap(type, partialObject(bytes, as.version));
    const object = parseJson(bytes) as KubeObject;
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' };
    return this.#wrap(type, this.#rowOf({ object, bytes }, this.#table, metadata, headers));
  }

  /** A Table of one row. Ages are as of now: the watch may have begun long ago. */
  #rowOf(item: Printable, table: TableRequest, metadata: { resourceVersion: string }, headers: boolean): Buffer {
    return tableOf(this.#endpoint, [item], { ...table, now: this.#clock.now() }, metadata, headers);
  }

  /** Events are the server's own objects in JSON: a caller in this process may have the objects themselves. */
  get isPlain(): boolean {
    return this.#negotiated.as === undefined && this.#negotiated.encoding === 'json' && !this.#endpoint.isCustom;
  }

  /** Shared, as a frame is. */
  event(delivery: Delivery<KubeObject>): WatchEventObject {
    return delivery.frame(`${this.id} object`, () => this.eventOf(delivery.type, delivery.entry));
  }

  eventOf(type: EventType, entry: Entry): WatchEventObject {
    return { type, object: this.#endpoint.store.object(entry) };
  }

  get isTable(): boolean {
    return this.#negotiated.as?.kind === 'Table';
  }

  /** `headers`: a Table says its columns. */
  bookmark(revision: number, endsInitialEvents: boolean, headers: boolean): Buffer {
    const { as } = this.#negotiated;
    const resourceVersion = String(revision);
    const annotations = endsInitialEvents ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const metadata = { resourceVersion, ...annotations };
    const { kind } = this.#endpoint.row;
    const { apiVersion } = this.#endpoint;
    if (as !== undefined && as.kind !== 'Table') {
      const partial = { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${as.version}`, metadata };
      return this.#wrap('BOOKMARK', Buffer.from(JSON.stringify(partial)));
    }
    const object = { kind, apiVersion, metadata };
    const bytes = Buffer.from(JSON.stringify(object));
    if (as === undefined) return this.#wrap('BOOKMARK', bytes);
    // A row of an object that is nothing but this, as upstream prints it; the annotation is there for those who want no objects, too.
    const table: TableRequest =
      endsInitialEvents && this.#table.includeObject === 'None'
        ? { ...this.#table, includeObject: 'Metadata' }
        : this.#table;
    return this.#wrap('BOOKMARK', this.#rowOf({ object, bytes }, table, { resourceVersion }, headers));
  }

  error(status: Status): Buffer {
    return this.#wrap('ERROR', Buffer.from(encodeStatus(status)));
  }

  #wrap(type: EventType, json: Buffer): Buffer {
    const { encoding } = this.#negotiated;
    if (encoding === 'json') return watchFrame('json', type, json);
    const encoded = encodeAs({ encoding, pretty: false }, json);
    return watchFrame(encoding, type, Array.isArray(encoded) ? Buffer.concat(encoded) : encoded);
  }
}

/**
 * Writing a list: cached bytes copied into slabs, in every form a list can take, with back-pressure and without holding the
 * event loop. A small list is one response; a large one is streamed, gzipped when the client takes it.
 */
import { once } from 'node:events';
import { createGzip } from 'node:zlib';
import { Loan } from '../../base/loan.ts';
import { Turns } from '../../base/turns.ts';
import { stringifyJson } from '../../machinery/codec/json.ts';
import type { ConvertTo, Negotiated } from '../../machinery/codec/negotiate.ts';
import { ENVELOPE_TAIL, messageFor, protobufItemHead, protobufListHead } from '../../machinery/codec/protobuf.ts';
import { notAcceptable } from '../../machinery/errors/status-error.ts';
import { jsonToProtobuf, protobufSizeOf } from '../../machinery/meta/json-to-protobuf.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { type MetadataSpan, metadataSpan, parseWithoutManagedFields } from '../../machinery/meta/resource-version.ts';
import type { Listed } from '../../registry/generic/list.ts';
import type { Entry } from '../../registry/generic/store-core.ts';
import type { Endpoint, ResourceRequest } from '../endpoint.ts';
import type { ResponseStream } from '../request/exchange.ts';
import { acceptsGzip, encodeAs, GZIP_LEVEL, GZIP_THRESHOLD, goType, writeBytes } from './output.ts';
import { giveBack, Slabs } from './slabs.ts';
import { type TableRequest, tableOptions } from './table-request.ts';
import { plainRow, printRow, putRow, spanOfRow } from './table-rows.ts';
import { tableHead } from './transform.ts';

/** What comes out of the compressor at a time: a list shrinks to a tenth, and every piece is a turn of its own. */
const GZIP_CHUNK = 64 * 1024;
const COMMA = Buffer.from(',');
const OPEN = Buffer.from('{');
const LETTER_K = 0x6b;
const LETTER_A = 0x61;
const TAIL = Buffer.from(']}\n');
const CLOSE = Buffer.from('}');
const CLOSE_ROW = Buffer.from('}}');
const NULL = Buffer.from('null');
const NO_METADATA = Buffer.from('{}');

export async function writeList(request: ResourceRequest, negotiated: Negotiated, listed: Listed): Promise<void> {
  const { exchange } = request.context;
  const { encoding, pretty } = negotiated;
  if (negotiated.as?.kind === 'PartialObjectMetadata') {
    const type = goType(request.endpoint, request.endpoint.row.listKind);
    throw notAcceptable(`you requested PartialObjectMetadata, but the requested object is a list (${type})`);
  }
  if (encoding === 'protobuf' && negotiated.as === undefined) {
    const sizes = await protobufSizes(request, listed);
    await writeSlabs(request, negotiated.mediaType, (slabs) => putProtobuf(slabs, request.endpoint, listed, sizes));
    return;
  }
  const fill = (slabs: Slabs) => putJson(slabs, request, negotiated, listed);
  if (encoding === 'json' && !pretty) await writeSlabs(request, negotiated.mediaType, fill);
  else {
    const slabs = new Slabs();
    for (const _ of fill(slabs));
    const json = slabs.whole();
    const body = encodeAs(negotiated, json);
    if (Array.isArray(body)) await writeBytes(exchange, negotiated, 200, json);
    else await writeSlabs(request, negotiated.mediaType, (s) => putAll(s, [body]));
  }
}

/** Puts a list into slabs piece by piece; each piece is made when it is asked for. */
type Pieces = Generator<void, void, undefined>;

function* putAll(slabs: Slabs, chunks: Iterable<Buffer>): Pieces {
  for (const chunk of chunks) {
    slabs.put(chunk);
    yield;
  }
}

function listMeta(listed: Listed): Record<string, unknown> {
  return {
    ...(listed.revision === 0 ? {} : { resourceVersion: String(listed.revision) }),
    ...(listed.continue === '' ? {} : { continue: listed.continue }),
    ...(listed.remainingItemCount === undefined ? {} : { remainingItemCount: listed.remainingItemCount }),
  };
}

function putJson(slabs: Slabs, request: ResourceRequest, { as }: Negotiated, listed: Listed): Pieces {
  return as === undefined ? putPlain(slabs, request.endpoint, listed) : putForm(slabs, request, as, listed);
}

/** Items of typed lists say neither kind nor apiVersion, so the head that all of them share is left out of the copy. */
function* putPlain(slabs: Slabs, endpoint: Endpoint, listed: Listed): Pieces {
  const { store, row, isCustom, kindEnd, itemHead } = endpoint;
  const meta = listMeta(listed);
  // Upstream writes custom lists from a map, which has its empty `continue`.
  if (isCustom) meta.continue ??= '';
  slabs.put(head(row.listKind, endpoint.apiVersion, meta));
  let first = true;
  for (const entry of listed.entries) {
    const bytes = store.lent(entry);
    // All objects here are of one kind and version: where the two keys come first, so does the same head.
    const isHeaded = itemHead > 0 && bytes[2] === LETTER_K && bytes[kindEnd] === LETTER_A;
    if (first) {
      slabs.put(isHeaded ? OPEN : bytes);
      if (isHeaded) slabs.put(bytes, itemHead);
    } else if (isHeaded) slabs.putCut(bytes, itemHead);
    else {
      slabs.put(COMMA);
      slabs.put(bytes);
    }
    first = false;
    yield;
  }
  slabs.put(TAIL);
}

/** Tables and partial objects. */
function* putForm(slabs: Slabs, request: ResourceRequest, as: ConvertTo, listed: Listed): Pieces {
  const { endpoint } = request;
  const meta = listMeta(listed);
  let put: (entry: Entry, isFirst: boolean) => void;
  if (as.kind === 'Table') {
    const options = tableOptions(request, as.version);
    slabs.putText(tableHead(endpoint, options, meta));
    put = rowWriter(slabs, endpoint, options);
  } else {
    slabs.put(head('PartialObjectMetadataList', `meta.k8s.io/${as.version}`, meta));
    const open = `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${as.version}","metadata":`;
    put = (entry, isFirst) => {
      slabs.putText(isFirst ? open : `,${open}`);
      putMetadata(slabs, endpoint, entry, spanOf(endpoint, entry));
      slabs.putShort(CLOSE);
    };
  }
  let isFirst = true;
  for (const entry of listed.entries) {
    put(entry, isFirst);
    isFirst = false;
    yield;
  }
  slabs.put(TAIL);
}

type Span = Pick<MetadataSpan, 'start' | 'end'>;

function putMetadata(slabs: Slabs, { store }: Endpoint, entry: Entry, span: Span | undefined): void {
  if (span === undefined) slabs.putShort(NO_METADATA);
  else slabs.put(store.lentTo(entry, span.end), span.start, span.end);
}

const SPAN_SIZE = 250;

/** Where the metadata lies; undefined when there is none. */
function spanOf({ spanForm, store }: Endpoint, entry: Entry): MetadataSpan | undefined {
  const make = () => ({ span: metadataSpan(store.lent(entry)) });
  return entry.form(spanForm, make, () => SPAN_SIZE).span;
}

/** Rows of built-in kinds are kept; columns of custom resources may look anywhere and at the time. */
function rowWriter(slabs: Slabs, endpoint: Endpoint, options: TableRequest): (entry: Entry, isFirst: boolean) => void {
  const { store, isCustom, printer, rowForm } = endpoint;
  const { now, includeObject } = options;
  const open =
    includeObject === 'Metadata'
      ? `,"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${options.version}","metadata":`
      : ',"object":';
  const parsed = (json: Buffer, span: MetadataSpan | undefined) => parseWithoutManagedFields(json, span) as KubeObject;
  const make = (entry: Entry): Buffer | undefined => {
    const json = store.lent(entry);
    const span = metadataSpan(json);
    return printRow(printer, parsed(json, span), { json, span, now });
  };
  return (entry, isFirst) => {
    if (!isFirst) slabs.putShort(COMMA);
    const row = isCustom ? undefined : entry.lentForm(rowForm, make);
    let span: Span | undefined;
    if (row !== undefined) {
      span = spanOfRow(row);
      putRow(slabs, row, now);
    } else {
      const json = store.lent(entry);
      const found = metadataSpan(json);
      span = found;
      slabs.putText(plainRow(printer, isCustom ? store.copy(entry) : parsed(json, found), now));
    }
    slabs.putText(open);
    if (includeObject === 'Metadata') {
      putMetadata(slabs, endpoint, entry, span);
      slabs.putShort(CLOSE_ROW);
    } else {
      if (includeObject === 'None') slabs.putShort(NULL);
      else slabs.put(store.lent(entry));
      slabs.putShort(CLOSE);
    }
  };
}

function head(kind: string, apiVersion: string, meta: Record<string, unknown>): Buffer {
  const text = stringifyJson({ kind, apiVersion, metadata: meta });
  return Buffer.from(`${text.slice(0, -1)},"items":[`);
}

const loan = new Loan();
const borrow = (length: number) => loan.lend(length);

/** Kept with the entry while there is room; lent, as by `CacheEntry.lent`. */
function protobufOf({ store, protobufForm }: Endpoint, entry: Entry, message: string): Buffer {
  return entry.lentForm(protobufForm, () => jsonToProtobuf(store.lent(entry), message, borrow));
}

function itemMessage({ apiVersion, row }: Endpoint): string {
  return messageFor(apiVersion, row.kind) ?? '';
}

/** The length of the whole comes first: each item's is found without encoding it, once in its life. */
async function protobufSizes({ endpoint, context, server }: ResourceRequest, listed: Listed): Promise<number[]> {
  const turns = Turns.of(server.clock);
  const { store, protobufForm } = endpoint;
  const message = itemMessage(endpoint);
  const sizes: number[] = [];
  for (const entry of listed.entries) {
    sizes.push(entry.slot(protobufForm, () => protobufSizeOf(store.lent(entry), message)));
    if (!turns.isOver) continue;
    await turns.next();
    context.signal.throwIfAborted();
  }
  return sizes;
}

function* putProtobuf(slabs: Slabs, endpoint: Endpoint, listed: Listed, sizes: readonly number[]): Pieces {
  slabs.put(protobufListHead(endpoint.apiVersion, endpoint.row.listKind, listMeta(listed), sizes));
  const message = itemMessage(endpoint);
  let i = 0;
  for (const entry of listed.entries) {
    const bytes = protobufOf(endpoint, entry, message);
    const announced = sizes[i++];
    // A client must not take what does not fit its head for a list.
    if (bytes.length !== announced) throw new Error(`${entry.key} takes ${bytes.length} bytes, not ${announced}`);
    slabs.put(protobufItemHead(bytes.length));
    slabs.put(bytes);
    yield;
  }
  slabs.put(ENVELOPE_TAIL);
}

/** Sends the slabs as they fill: as one response while everything fits into one, streamed beyond. */
async function writeSlabs(
  request: ResourceRequest,
  mediaType: string,
  fill: (slabs: Slabs) => Iterable<void>,
): Promise<void> {
  const { exchange, signal } = request.context;
  const turns = Turns.of(request.server.clock);
  const headers: Record<string, string> = { 'Content-Type': mediaType };
  const slabs = new Slabs();
  let out: SlabWriter | undefined;
  const flush = async () => {
    for (let full = slabs.takeFull(); full !== undefined; full = slabs.takeFull()) {
      out ??= openStream(request, headers);
      await out.write(full, full);
    }
  };
  for (const _ of fill(slabs)) {
    if (slabs.isFull) await flush();
    if (turns.isOver) {
      await turns.next();
      signal.throwIfAborted();
    }
  }
  if (slabs.isFull) await flush();
  const { slab, bytes } = slabs.takeRest();
  if (out === undefined && bytes.length > GZIP_THRESHOLD && acceptsGzip(exchange)) out = openStream(request, headers);
  if (out === undefined) {
    exchange.respond(200, headers, Buffer.from(bytes));
    giveBack(slab);
    return;
  }
  if (bytes.length > 0) await out.write(bytes, slab);
  await out.end();
}

interface SlabWriter {
  /** `bytes` lie in `slab`, which is given back when they are sent. */
  write(bytes: Buffer, slab: Buffer): Promise<void>;
  end(): Promise<void>;
}

function openStream(request: ResourceRequest, headers: Record<string, string>): SlabWriter {
  const { exchange, signal } = request.context;
  if (!acceptsGzip(exchange)) {
    const stream = exchange.stream(200, headers);
    return {
      async write(bytes, slab) {
        if (!stream.write(bytes, () => giveBack(slab))) await stream.drained(signal);
      },
      async end() {
        stream.end();
      },
    };
  }
  const stream = exchange.stream(200, { ...headers, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' });
  const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: GZIP_CHUNK });
  const pump = (async () => {
    for await (const chunk of gzip) await send(stream, chunk as Buffer, signal);
    stream.end();
  })();
  // Awaited in end(); a failure before that must not count as unhandled.
  pump.catch(() => gzip.destroy());
  return {
    async write(bytes, slab) {
      const isTaken = (err?: Error | null) => {
        if (err === undefined || err === null) giveBack(slab);
      };
      if (!gzip.write(bytes, isTaken)) await Promise.race([once(gzip, 'drain'), pump]);
    },
    async end() {
      gzip.end();
      await pump;
    },
  };
}

async function send(stream: ResponseStream, chunk: Buffer, signal: AbortSignal): Promise<void> {
  if (!stream.write(chunk)) await stream.drained(signal);
}

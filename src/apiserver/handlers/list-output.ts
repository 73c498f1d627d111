/**
 * Writing a list: cached bytes copied into slabs, in every form a list can take, with back-pressure and without holding the
 * event loop. A small list is one response; a large one is streamed, gzipped when the client takes it.
 */
import { once } from 'node:events';
import { createGzip } from 'node:zlib';
import { stringifyJson } from '../../machinery/codec/json.ts';
import type { ConvertTo, Negotiated } from '../../machinery/codec/negotiate.ts';
import { encodeProtobuf, encodeProtobufList, messageFor } from '../../machinery/codec/protobuf.ts';
import { notAcceptable } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { metadataSpan, parseWithoutManagedFields } from '../../machinery/meta/resource-version.ts';
import type { Listed } from '../../registry/generic/list.ts';
import type { Entry } from '../../registry/generic/store-core.ts';
import type { Endpoint, ResourceRequest } from '../endpoint.ts';
import type { ResponseStream } from '../request/exchange.ts';
import { acceptsGzip, encodeAs, GZIP_LEVEL, GZIP_THRESHOLD, goType, tableOptions, writeBytes } from './output.ts';
import { Slabs } from './slabs.ts';
import { type Printable, partialObject, tableHead, tableRow } from './transform.ts';

/** Longest time a list works before others have their turn, ms. */
const SLICE_MS = 8;
const COMMA = Buffer.from(',');
const OPEN = Buffer.from('{');
const LETTER_K = 0x6b;
const LETTER_A = 0x61;
const TAIL = Buffer.from(']}\n');

export async function writeList(request: ResourceRequest, negotiated: Negotiated, listed: Listed): Promise<void> {
  const { exchange } = request.context;
  const { encoding, pretty } = negotiated;
  if (negotiated.as?.kind === 'PartialObjectMetadata') {
    const type = goType(request.endpoint, request.endpoint.row.listKind);
    throw notAcceptable(`you requested PartialObjectMetadata, but the requested object is a list (${type})`);
  }
  if (encoding === 'protobuf' && negotiated.as === undefined) {
    const chunks = await protobufChunks(request, listed);
    await writeSlabs(request, negotiated.mediaType, (slabs) => putAll(slabs, chunks));
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
    resourceVersion: String(listed.revision),
    ...(listed.continue === '' ? {} : { continue: listed.continue }),
    ...(listed.remainingItemCount === undefined ? {} : { remainingItemCount: listed.remainingItemCount }),
  };
}

function putJson(slabs: Slabs, request: ResourceRequest, { as }: Negotiated, listed: Listed): Pieces {
  return as === undefined ? putPlain(slabs, request.endpoint, listed) : putAll(slabs, formChunks(request, as, listed));
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
    const bytes = store.bytes(entry);
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
function* formChunks(request: ResourceRequest, as: ConvertTo, listed: Listed): Generator<Buffer> {
  const { endpoint } = request;
  const { store } = endpoint;
  const meta = listMeta(listed);
  let each: (entry: Entry) => readonly Buffer[];
  if (as.kind === 'Table') {
    const options = tableOptions(request, as.version);
    yield Buffer.from(tableHead(endpoint, options, meta));
    each = (entry) => tableRow(endpoint, printable(endpoint, entry), options);
  } else {
    yield head('PartialObjectMetadataList', `meta.k8s.io/${as.version}`, meta);
    each = (entry) => [partialObject(store.bytes(entry), as.version)];
  }
  let first = true;
  for (const entry of listed.entries) {
    if (!first) yield COMMA;
    first = false;
    yield* each(entry);
  }
  yield TAIL;
}

/**
 * What a Table row is printed from. The parsed object is not kept: ten thousand of them would take more memory than their bytes.
 * Columns of custom resources may look anywhere, printers of ours never at managedFields.
 */
function printable(endpoint: Endpoint, entry: Entry): Printable {
  const { store } = endpoint;
  const bytes = store.bytes(entry);
  if (endpoint.isCustom) return { object: store.copy(entry), bytes };
  const span = entry.slot(`metadata span ${endpoint.apiVersion}`, () => metadataSpan(bytes));
  if (span === undefined) return { object: store.copy(entry), bytes };
  return { object: parseWithoutManagedFields(bytes, span) as KubeObject, bytes, span };
}

function head(kind: string, apiVersion: string, meta: Record<string, unknown>): Buffer {
  const text = stringifyJson({ kind, apiVersion, metadata: meta });
  return Buffer.from(`${text.slice(0, -1)},"items":[`);
}

async function protobufChunks(request: ResourceRequest, listed: Listed): Promise<Buffer[]> {
  const { endpoint, server } = request;
  const { row, store } = endpoint;
  const message = messageFor(endpoint.apiVersion, row.kind) ?? '';
  const items: Buffer[] = [];
  let began = server.clock.monotonic();
  for (const entry of listed.entries) {
    items.push(encodeProtobuf(store.copy(entry), message));
    if (server.clock.monotonic() - began > SLICE_MS) {
      await nextTurn();
      began = server.clock.monotonic();
    }
  }
  return encodeProtobufList(endpoint.apiVersion, row.listKind, listMeta(listed), items);
}

/** Sends the slabs as they fill: as one response while everything fits into one, streamed beyond. */
async function writeSlabs(
  request: ResourceRequest,
  mediaType: string,
  fill: (slabs: Slabs) => Iterable<void>,
): Promise<void> {
  const { exchange, signal } = request.context;
  const clock = request.server.clock;
  const headers: Record<string, string> = { 'Content-Type': mediaType };
  const slabs = new Slabs();
  let out: SlabWriter | undefined;
  let began = clock.monotonic();
  for (const _ of fill(slabs)) {
    for (let full = slabs.takeFull(); full !== undefined; full = slabs.takeFull()) {
      out ??= openStream(request, headers);
      await out.write(full);
    }
    if (clock.monotonic() - began > SLICE_MS) {
      await nextTurn();
      signal.throwIfAborted();
      began = clock.monotonic();
    }
  }
  for (let full = slabs.takeFull(); full !== undefined; full = slabs.takeFull()) {
    out ??= openStream(request, headers);
    await out.write(full);
  }
  const rest = slabs.rest();
  if (out !== undefined) {
    if (rest.length > 0) await out.write(rest);
    await out.end();
  } else if (rest.length > GZIP_THRESHOLD && acceptsGzip(exchange)) {
    out = openStream(request, headers);
    await out.write(rest);
    await out.end();
  } else exchange.respond(200, headers, rest);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface SlabWriter {
  write(slab: Buffer): Promise<void>;
  end(): Promise<void>;
}

function openStream(request: ResourceRequest, headers: Record<string, string>): SlabWriter {
  const { exchange, signal } = request.context;
  if (!acceptsGzip(exchange)) {
    const stream = exchange.stream(200, headers);
    return {
      write: (slab) => send(stream, slab, signal),
      async end() {
        stream.end();
      },
    };
  }
  const stream = exchange.stream(200, { ...headers, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' });
  const gzip = createGzip({ level: GZIP_LEVEL });
  const pump = (async () => {
    for await (const chunk of gzip) await send(stream, chunk as Buffer, signal);
    stream.end();
  })();
  // Awaited in end(); a failure before that must not count as unhandled.
  pump.catch(() => gzip.destroy());
  return {
    async write(slab) {
      if (!gzip.write(slab)) await Promise.race([once(gzip, 'drain'), pump]);
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

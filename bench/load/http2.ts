/**
 * HTTP/2 for the load generator: frames over TLS, header blocks of the endpoint's headers indexed after the first request as
 * other clients do, responses read for status and DATA only (our header table size is 0, so blocks can be read one by one).
 * Flow control as Go's client has it: 4 MB a stream, much more a connection.
 */
import type { TLSSocket } from 'node:tls';
import { type Connection, connectTls, type Endpoint, type Sink, type WireRequest } from './connection.ts';
import { indexed, literal, statusOf } from './hpack.ts';

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 0x20;

const FRAME = 16_384;
const STREAM_WINDOW = 4 << 20;
const CONNECTION_WINDOW = 1 << 30;
const DEFAULT_WINDOW = 65_535;
const EMPTY: Buffer = Buffer.alloc(0);

interface Stream {
  sink: Sink;
  /** Received since the last WINDOW_UPDATE. */
  received: number;
}

export async function connectHttp2(endpoint: Endpoint): Promise<Connection> {
  return new Http2Connection(await connectTls(endpoint, 'h2'), endpoint);
}

class Http2Connection implements Connection {
  readonly #socket: TLSSocket;
  readonly #first: Buffer;
  readonly #later: Buffer;
  #isFirst = true;
  readonly #streams = new Map<number, Stream>();
  #next = 1;
  #parts: Buffer[] = [];
  #size = 0;
  #received = 0;
  #window = DEFAULT_WINDOW;
  #initialWindow = DEFAULT_WINDOW;
  /** Bodies that wait for the connection's window. */
  readonly #waiting: { id: number; body: Buffer }[] = [];

  constructor(socket: TLSSocket, endpoint: Endpoint) {
    this.#socket = socket;
    const common: [string, string][] = [
      [':scheme', 'https'],
      [':authority', `${endpoint.host}:${endpoint.port}`],
      ...Object.entries(endpoint.headers),
    ];
    this.#first = Buffer.concat(common.map(([k, v]) => literal(k, v, true)));
    // The newest entry of the table has index 62.
    this.#later = Buffer.concat(common.map((_, i) => indexed(62 + common.length - 1 - i)));
    const settings = Buffer.alloc(18);
    const set = (at: number, id: number, value: number) => {
      settings.writeUInt16BE(id, at);
      settings.writeUInt32BE(value, at + 2);
    };
    set(0, 1, 0); // HEADER_TABLE_SIZE
    set(6, 2, 0); // ENABLE_PUSH
    set(12, 4, STREAM_WINDOW); // INITIAL_WINDOW_SIZE
    socket.write(
      Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        frame(SETTINGS, 0, 0, settings),
        windowUpdate(0, CONNECTION_WINDOW),
      ]),
    );
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (err) => this.#fail(err));
    socket.on('close', () => this.#fail(new Error('connection closed')));
  }

  send({ method, path, headers, body }: WireRequest, sink: Sink): void {
    const id = this.#next;
    this.#next += 2;
    const bytes = body === undefined ? undefined : typeof body === 'string' ? Buffer.from(body) : body;
    // It would wait for a window that never opens.
    if (bytes !== undefined && bytes.length > DEFAULT_WINDOW) throw new Error('bodies beyond 64 KB go over HTTP/1.1');
    this.#streams.set(id, { sink, received: 0 });
    const block = [literal(':method', method, false), literal(':path', path, false)];
    // Pseudo headers stand first, so the endpoint's block goes before the request's own headers.
    block.push(this.#isFirst ? this.#first : this.#later);
    this.#isFirst = false;
    for (const name in headers) block.push(literal(name, headers[name]!, false));
    if (bytes !== undefined) block.push(literal('content-length', String(bytes.length), false));
    const head = frame(HEADERS, END_HEADERS | (bytes === undefined ? END_STREAM : 0), id, Buffer.concat(block));
    if (bytes === undefined) this.#socket.write(head);
    else if (this.#waiting.length === 0 && bytes.length <= this.#window) {
      this.#socket.write(Buffer.concat([head, ...this.#dataFrames(id, bytes)]));
    } else {
      this.#socket.write(head);
      this.#waiting.push({ id, body: bytes });
    }
  }

  close(): void {
    this.#streams.clear();
    this.#socket.destroy();
  }

  #dataFrames(id: number, body: Buffer): Buffer[] {
    if (body.length > this.#initialWindow) throw new Error('a body larger than the stream window');
    this.#window -= body.length;
    const out: Buffer[] = [];
    for (let at = 0; at < body.length || at === 0; at += FRAME) {
      const part = body.subarray(at, at + FRAME);
      out.push(frame(DATA, at + FRAME >= body.length ? END_STREAM : 0, id, part));
    }
    return out;
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.body.length <= this.#window) {
      const { id, body } = this.#waiting.shift()!;
      this.#socket.write(Buffer.concat(this.#dataFrames(id, body)));
    }
  }

  #fail(error: Error): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const { sink } of streams) sink.end(error);
  }

  #end(id: number, error?: Error): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.sink.end(error);
  }

  #read(chunk: Buffer): void {
    // Large frames come in pieces: they are joined once, not at every piece.
    this.#parts.push(chunk);
    this.#size += chunk.length;
    if (this.#size < 9) return;
    let bytes = this.#parts.length === 1 ? chunk : this.#parts[0]!.length >= 9 ? this.#parts[0]! : this.#join();
    if (this.#size < 9 + bytes.readUIntBE(0, 3)) return;
    bytes = this.#join();
    let at = 0;
    while (bytes.length - at >= 9) {
      const length = bytes.readUIntBE(at, 3);
      if (bytes.length - at < 9 + length) break;
      this.#frame(
        bytes[at + 3]!,
        bytes[at + 4]!,
        bytes.readUInt32BE(at + 5) & 0x7fffffff,
        bytes.subarray(at + 9, at + 9 + length),
      );
      at += 9 + length;
    }
    const rest = at === bytes.length ? EMPTY : bytes.subarray(at);
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  #join(): Buffer {
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#size);
    this.#parts = [bytes];
    return bytes;
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case DATA:
        this.#data(id, flags, payload);
        return;
      case HEADERS: {
        if ((flags & END_HEADERS) === 0) throw new Error('header blocks of several frames are not read');
        let from = flags & PADDED ? 1 : 0;
        if (flags & PRIORITY) from += 5;
        const status = statusOf(payload, from);
        if (status !== undefined) this.#streams.get(id)?.sink.head(status);
        if (flags & END_STREAM) this.#end(id);
        return;
      }
      case RST_STREAM:
        this.#end(id, new Error(`stream reset: ${payload.readUInt32BE(0)}`));
        return;
      case SETTINGS:
        if (flags & ACK) return;
        for (let i = 0; i + 6 <= payload.length; i += 6) {
          if (payload.readUInt16BE(i) === 4) this.#initialWindow = payload.readUInt32BE(i + 2);
        }
        this.#socket.write(frame(SETTINGS, ACK, 0, EMPTY));
        return;
      case PING:
        if ((flags & ACK) === 0) this.#socket.write(frame(PING, ACK, 0, Buffer.from(payload)));
        return;
      case GOAWAY:
        if (payload.readUInt32BE(4) !== 0) this.#fail(new Error(`GOAWAY ${payload.readUInt32BE(4)}`));
        return;
      case WINDOW_UPDATE:
        if (id === 0) {
          this.#window += payload.readUInt32BE(0);
          this.#flush();
        }
        return;
      case CONTINUATION:
        throw new Error('header blocks of several frames are not read');
    }
  }

  #data(id: number, flags: number, payload: Buffer): void {
    const stream = this.#streams.get(id);
    const n = payload.length;
    this.#received += n;
    if (this.#received > CONNECTION_WINDOW / 2) {
      this.#socket.write(windowUpdate(0, this.#received));
      this.#received = 0;
    }
    if (stream === undefined) return;
    stream.received += n;
    const ended = (flags & END_STREAM) !== 0;
    if (!ended && stream.received > STREAM_WINDOW / 2) {
      this.#socket.write(windowUpdate(id, stream.received));
      stream.received = 0;
    }
    if (n > 0) stream.sink.data(payload);
    if (ended) this.#end(id);
  }
}

function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const out = Buffer.allocUnsafe(9 + payload.length);
  out.writeUIntBE(payload.length, 0, 3);
  out[3] = type;
  out[4] = flags;
  out.writeUInt32BE(id, 5);
  payload.copy(out, 9);
  return out;
}

function windowUpdate(id: number, n: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(n);
  return frame(WINDOW_UPDATE, 0, id, payload);
}

/**
 * The client side of SPDY/3.1 as Kubernetes uses it for exec, attach and port-forward: streams within one upgraded connection. As upstream's
 * implementation there is no flow control by windows; what holds a sender back is the connection itself.
 * Upstream: moby/spdystream, apimachinery/pkg/util/httpstream/spdy
 */
import { Duplex } from 'node:stream';
import { background } from '../../../base/background.ts';
import { HeaderCompressor, HeaderDecompressor, type Headers } from './header-block.ts';

const VERSION = 0x8003;
const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const PING = 6;
const GOAWAY = 7;
const HEADERS = 8;
const FLAG_FIN = 1;
const HEAD = 8;
/** Longest payload of a frame we send; a frame's length has 24 bits. */
const MAX_DATA = 32 * 1024;

export class SpdySession {
  readonly #socket: Duplex;
  readonly #out = new HeaderCompressor();
  readonly #in = new HeaderDecompressor();
  readonly #streams = new Map<number, SpdyStream>();
  #nextId = 1;
  #rest: Buffer;
  #closed = false;
  #sending: Promise<void> = Promise.resolve();

  /** `head`: bytes that came with the upgrade's response. */
  constructor(socket: Duplex, head: Buffer = Buffer.alloc(0)) {
    this.#socket = socket;
    this.#rest = head;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (err) => this.close(err));
    socket.on('end', () => this.close());
    socket.on('close', () => this.close());
    if (head.length > 0) this.#receive(Buffer.alloc(0));
  }

  /** Opens a stream; resolves when the peer has accepted it. */
  async createStream(headers: Headers): Promise<SpdyStream> {
    if (this.#closed) throw new Error('the connection is closed');
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SpdyStream(
      id,
      this.#socket,
      (flags, data) => this.#writeData(id, flags, data),
      () => this.#streams.delete(id),
    );
    this.#streams.set(id, stream);
    const open = this.#sending.then(async () => {
      const block = await this.#out.compress(headers);
      const body = Buffer.alloc(10 + block.length);
      body.writeUInt32BE(id, 0);
      block.copy(body, 10);
      this.#socket.write(control(SYN_STREAM, 0, body));
    });
    // Compression contexts want the frames of all streams in one order.
    this.#sending = open.catch(() => {});
    await open;
    await stream.accepted;
    return stream;
  }

  close(err?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.end_(err);
    this.#streams.clear();
    this.#out.close();
    this.#in.close();
    this.#socket.destroy();
  }

  #writeData(id: number, flags: number, data: Buffer): boolean {
    const head = Buffer.alloc(HEAD);
    head.writeUInt32BE(id, 0);
    head.writeUInt32BE(((flags << 24) | data.length) >>> 0, 4);
    this.#socket.write(head);
    return data.length === 0 ? true : this.#socket.write(data);
  }

  #receive(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (!this.#closed && this.#rest.length >= HEAD) {
      const length = this.#rest.readUInt32BE(4) & 0xffffff;
      if (this.#rest.length < HEAD + length) return;
      const head = this.#rest.subarray(0, HEAD);
      const body = this.#rest.subarray(HEAD, HEAD + length);
      this.#rest = this.#rest.subarray(HEAD + length);
      if (head.readUInt16BE(0) & 0x8000) this.#control(head.readUInt16BE(2), head.readUInt8(4), body);
      else this.#data(head.readUInt32BE(0) & 0x7fffffff, head.readUInt8(4), body);
    }
  }

  #data(id: number, flags: number, body: Buffer): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (body.length > 0) stream.push(body);
    if (flags & FLAG_FIN) stream.push(null);
  }

  #control(type: number, flags: number, body: Buffer): void {
    switch (type) {
      case SYN_REPLY:
      case HEADERS: {
        const stream = this.#streams.get(body.readUInt32BE(0) & 0x7fffffff);
        // The context must see every block, also of streams that are gone.
        background(
          'SPDY headers',
          this.#in.decompress(body.subarray(4)).then(
            () => stream?.accept(),
            (err: Error) => this.close(err),
          ),
        );
        if (flags & FLAG_FIN) stream?.push(null);
        return;
      }
      case SYN_STREAM:
        background(
          'SPDY headers',
          this.#in.decompress(body.subarray(10)).then(
            () => {},
            (err: Error) => this.close(err),
          ),
        );
        return;
      case RST_STREAM:
        // How Go's servers end a connection that is done: what came before it is still read, then comes the end.
        this.#streams.get(body.readUInt32BE(0) & 0x7fffffff)?.end_();
        return;
      case PING:
        // Ours are odd; theirs are sent back as they came.
        if (body.readUInt32BE(0) % 2 === 0) this.#socket.write(control(PING, 0, body));
        return;
      case GOAWAY:
        return;
      default:
        return;
    }
  }
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt16BE(VERSION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(((flags << 24) | body.length) >>> 0, 4);
  return Buffer.concat([head, body]);
}

/** One stream: a Duplex whose end is a half-close. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly accepted: Promise<void>;
  readonly #socket: Duplex;
  readonly #send: (flags: number, data: Buffer) => boolean;
  readonly #onGone: () => void;
  #resolve!: () => void;
  #reject!: (err: Error) => void;

  constructor(id: number, socket: Duplex, send: (flags: number, data: Buffer) => boolean, onGone: () => void) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.#socket = socket;
    this.#send = send;
    this.#onGone = onGone;
    this.accepted = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.accepted.catch(() => {});
    this.on('error', () => {});
  }

  accept(): void {
    this.#resolve();
  }

  /** The connection or the stream is over. */
  end_(err?: Error): void {
    this.#reject(err ?? new Error('the connection was closed'));
    if (err) this.destroy(err);
    else if (!this.readableEnded) this.push(null);
  }

  override push(chunk: Buffer | null): boolean {
    const more = super.push(chunk);
    // One connection carries all streams: who does not read holds it.
    if (!more && chunk !== null) this.#socket.pause();
    return more;
  }
  override _read(): void {
    this.#socket.resume();
  }
  override _write(chunk: Buffer, _encoding: string, done: (err?: Error) => void): void {
    let room = true;
    for (let at = 0; at < chunk.length; at += MAX_DATA) room = this.#send(0, chunk.subarray(at, at + MAX_DATA));
    if (room) done();
    else this.#socket.once('drain', () => done());
  }
  override _final(done: (err?: Error) => void): void {
    this.#send(FLAG_FIN, Buffer.alloc(0));
    done();
  }
  override _destroy(err: Error | null, done: (err?: Error | null) => void): void {
    this.#onGone();
    done(err);
  }
}

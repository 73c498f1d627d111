/** An HTTP/1.1 request and its response as an Exchange; also one that asks for an upgrade. Made by server.ts. */
import type { IncomingMessage, OutgoingHttpHeader, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { drainedOf, HttpExchange, HttpResponseStream, type ResponseHeaders } from './exchange-http.ts';
import type { ResponseStream } from './request/exchange.ts';

export class Http1Exchange extends HttpExchange {
  protected readonly incoming: IncomingMessage;
  protected readonly outgoing: ServerResponse;
  readonly #upgrade: { socket: Duplex; head: Buffer } | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, upgrade?: { socket: Duplex; head: Buffer }) {
    // Node joins repeated headers itself, save Set-Cookie, which no client sends.
    super(request.method ?? 'GET', request.url ?? '/', request.headers as Record<string, string | undefined>);
    this.incoming = request;
    this.outgoing = response;
    this.#upgrade = upgrade;
  }

  protected get connection(): object {
    return this.incoming.socket;
  }
  protected get socket(): TLSSocket {
    return this.incoming.socket as TLSSocket;
  }

  protected begin(status: number, headers: ResponseHeaders): boolean {
    this.outgoing.writeHead(status, headers as OutgoingHttpHeader[]);
    return true;
  }

  protected override responseStream(onEnd: () => void): ResponseStream {
    return new Http1ResponseStream(this.outgoing, this, onEnd);
  }

  override upgrade(): { socket: Duplex; head: Buffer } | undefined {
    if (this.#upgrade === undefined) return undefined;
    this.responded = true;
    this.status = 101;
    this.outgoing.detachSocket?.(this.#upgrade.socket as never);
    return this.#upgrade;
  }
}

/** Bytes many responses are given, as a chunk of one. */
const chunks = new WeakMap<Buffer, Buffer>();
const LINE_END = Buffer.from('\r\n');

function chunkOf(bytes: Buffer): Buffer {
  let chunk = chunks.get(bytes);
  if (chunk === undefined) {
    chunk = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, LINE_END]);
    chunks.set(bytes, chunk);
  }
  return chunk;
}

class Http1ResponseStream extends HttpResponseStream {
  declare protected readonly response: ServerResponse;

  /** Past Node's response, which would write a chunk's length, its bytes and its end each for itself, to every client anew. */
  writeShared(bytes: Buffer): boolean {
    const response = this.response;
    const { socket } = response;
    // Without a socket it waits behind another response; an HTTP/1.0 client takes no chunks.
    const isFree = socket !== null && response.chunkedEncoding && response.writableLength === socket.writableLength;
    if (!isFree || bytes.length === 0) return this.write(bytes);
    if (response.destroyed || response.writableEnded || socket.destroyed) return true;
    this.count.sent += bytes.length;
    return socket.write(chunkOf(bytes));
  }

  override drained(signal?: AbortSignal): Promise<void> {
    const { socket } = this.response;
    return drainedOf(socket?.writableNeedDrain ? socket : this.response, signal);
  }
}

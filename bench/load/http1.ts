/** HTTP/1.1 for the load generator: whole request in one write, response read without looking at more than framing needs. */
import type { TLSSocket } from 'node:tls';
import { type Connection, connectTls, type Endpoint, type Sink, type WireRequest } from './connection.ts';

const CRLF2 = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);

export async function connectHttp1(endpoint: Endpoint): Promise<Connection> {
  return new Http1Connection(await connectTls(endpoint, 'http/1.1'), endpoint);
}

class Http1Connection implements Connection {
  readonly #socket: TLSSocket;
  readonly #common: string;
  /** Bytes that are no whole head or chunk size yet. */
  #rest: Buffer = EMPTY;
  #sink: Sink | undefined;
  #state: 'head' | 'length' | 'size' | 'chunk' | 'chunk-end' = 'head';
  #left = 0;

  constructor(socket: TLSSocket, endpoint: Endpoint) {
    this.#socket = socket;
    const headers = Object.entries(endpoint.headers).map(([k, v]) => `${k}: ${v}\r\n`);
    this.#common = ` HTTP/1.1\r\nhost: ${endpoint.host}:${endpoint.port}\r\n${headers.join('')}`;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (err) => this.#finish(err));
    socket.on('close', () => this.#finish(new Error('connection closed')));
  }

  send({ method, path, headers, body }: WireRequest, sink: Sink): void {
    if (this.#sink !== undefined) throw new Error('a request is under way');
    this.#sink = sink;
    let head = `${method} ${path}${this.#common}`;
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
    if (body === undefined) {
      this.#socket.write(`${head}\r\n`, 'latin1');
      return;
    }
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    this.#socket.write(Buffer.concat([Buffer.from(`${head}content-length: ${bytes.length}\r\n\r\n`, 'latin1'), bytes]));
  }

  close(): void {
    this.#sink = undefined;
    this.#socket.destroy();
  }

  #finish(error?: Error): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#state = 'head';
    sink?.end(error);
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = EMPTY;
    while (bytes.length > 0) {
      const used = this.#step(bytes);
      if (used === 0) {
        this.#rest = bytes;
        return;
      }
      bytes = bytes.subarray(used);
    }
  }

  /** Takes what it can; 0: more is needed. */
  #step(bytes: Buffer): number {
    switch (this.#state) {
      case 'head': {
        const end = bytes.indexOf(CRLF2);
        if (end < 0) return 0;
        this.#head(bytes.toString('latin1', 0, end));
        return end + 4;
      }
      case 'length':
      case 'chunk': {
        const n = Math.min(this.#left, bytes.length);
        this.#left -= n;
        this.#sink?.data(n === bytes.length ? bytes : bytes.subarray(0, n));
        if (this.#left === 0) {
          if (this.#state === 'chunk') this.#state = 'chunk-end';
          else this.#finish();
        }
        return n;
      }
      case 'chunk-end':
        if (bytes.length < 2) return 0;
        this.#state = 'size';
        return 2;
      case 'size': {
        const end = bytes.indexOf('\r\n');
        if (end < 0) return 0;
        this.#left = Number.parseInt(bytes.toString('latin1', 0, end), 16);
        if (this.#left > 0) {
          this.#state = 'chunk';
          return end + 2;
        }
        if (bytes.length < end + 4) return 0;
        this.#finish();
        return end + 4;
      }
    }
  }

  #head(text: string): void {
    const status = Number(text.slice(9, 12));
    this.#sink?.head(status);
    const length = /\r\ncontent-length: *(\d+)/i.exec(text);
    if (length !== null) {
      this.#left = Number(length[1]);
      this.#state = 'length';
      if (this.#left === 0) this.#finish();
    } else this.#state = 'size';
  }
}

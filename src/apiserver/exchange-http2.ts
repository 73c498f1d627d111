/**
 * An HTTP/2 stream as an Exchange. Straight on the stream: Node's compatibility objects would cost as much again, and send
 * trailers that nobody has, in a frame of their own. Made by server.ts.
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { HttpExchange, type ResponseHeaders } from './exchange-http.ts';

export class Http2Exchange extends HttpExchange {
  protected readonly incoming: ServerHttp2Stream;
  protected readonly outgoing: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    super(headers[':method'] ?? 'GET', headers[':path'] ?? '/', headers as Record<string, string | undefined>);
    this.incoming = stream;
    this.outgoing = stream;
  }

  // The session stands for its socket, which is a proxy that is made anew.
  protected get connection(): object {
    return this.outgoing.session ?? this.outgoing;
  }
  protected get socket(): TLSSocket {
    return (this.outgoing.session?.socket ?? {}) as TLSSocket;
  }

  protected begin(status: number, headers: ResponseHeaders): boolean {
    const stream = this.outgoing;
    if (stream.destroyed || stream.closed) return false;
    headers.push(':status', status);
    stream.respond(headers as unknown as string[]);
    // Node ends a response to HEAD with its headers.
    return this.method !== 'HEAD';
  }

  protected override sendLast(body: Buffer | string): void {
    const stream = this.outgoing;
    // A stream closes before its last write is confirmed. Node then makes an error, stack and all, for whoever waits for the end, unless there is one.
    stream.write(body, () => {
      const { _writableState: state } = stream as unknown as { _writableState: { errored: Error | null } };
      if (stream.destroyed) state.errored ??= ENDED;
    });
    stream.end();
  }
}

const ENDED = new Error('the stream has ended');

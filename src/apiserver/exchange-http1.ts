/** An HTTP/1.1 request and its response as an Exchange; also one that asks for an upgrade. Made by server.ts. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { HttpExchange, type ResponseHeaders } from './exchange-http.ts';

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
    this.outgoing.writeHead(status, headers);
    return true;
  }

  override upgrade(): { socket: Duplex; head: Buffer } | undefined {
    if (this.#upgrade === undefined) return undefined;
    this.responded = true;
    this.status = 101;
    this.outgoing.detachSocket?.(this.#upgrade.socket as never);
    return this.#upgrade;
  }
}

/**
 * One TLS connection of a load generator. Both kinds (http1.ts, http2.ts) are written by hand: Node's own clients cost as much
 * as the server they load, and on two cores would be what is measured.
 */
import { connect, type TLSSocket } from 'node:tls';

export type Protocol = 'h1' | 'h2';

export interface Endpoint {
  host: string;
  port: number;
  /** PEM. */
  ca: string;
  /** Sent with every request: authorization, user-agent. Lower-case names. */
  headers: Readonly<Record<string, string>>;
}

export interface WireRequest {
  method: string;
  path: string;
  /** Beside the endpoint's. */
  headers?: Readonly<Record<string, string>>;
  body?: Buffer | string;
}

/** Who reads a response; called synchronously as bytes come in. `data` chunks are only valid during the call. */
export interface Sink {
  head(status: number): void;
  data(chunk: Buffer): void;
  /** Once. */
  end(error?: Error): void;
}

export interface Connection {
  /** HTTP/1.1: one at a time. */
  send(request: WireRequest, sink: Sink): void;
  /** Ends it, with everything that is under way on it. */
  close(): void;
}

export function connectTls({ host, port, ca }: Endpoint, alpn: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ca, ALPNProtocols: [alpn], checkServerIdentity: () => undefined });
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      if (socket.alpnProtocol !== alpn) {
        socket.destroy();
        reject(new Error(`the server does not speak ${alpn}`));
      } else resolve(socket);
    });
  });
}

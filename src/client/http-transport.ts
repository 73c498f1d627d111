/**
 * Transport over the network: HTTP/2 on one connection where the server speaks it, else HTTP/1.1 with keep-alive. TLS with
 * client certificate or bearer token. Connections are made on demand and kept until disposed.
 */
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import tls from 'node:tls';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

export interface ConnectionConfig {
  /** `https://127.0.0.1:6443`; a path is a prefix of every request's. */
  server: string;
  /** PEM; the machine's own when absent. */
  ca?: string;
  /** PEM of a client certificate and its key. */
  cert?: string;
  key?: string;
  /** Bearer token; a function is asked for each request, so that files can rotate. */
  token?: string | (() => string);
  insecureSkipTlsVerify?: boolean;
  tlsServerName?: string;
  /** `h1` forbids HTTP/2. Without TLS it is always HTTP/1.1. */
  protocol?: 'h1' | 'h2';
}

export function httpTransport(config: ConnectionConfig): Transport {
  const url = new URL(config.server);
  const prefix = url.pathname === '/' ? '' : url.pathname.replace(/\/$/, '');
  const wire =
    url.protocol === 'https:' && config.protocol !== 'h1' ? new Http2Wire(url, config) : new Http1Wire(url, config);
  return {
    send(request) {
      const token = typeof config.token === 'function' ? config.token() : config.token;
      const headers = token ? { ...request.headers, authorization: `Bearer ${token}` } : { ...request.headers };
      return wire.send({ ...request, url: prefix + request.url, headers });
    },
    [Symbol.asyncDispose]: () => wire.close(),
  };
}

interface Wire {
  send(request: TransportRequest): Promise<TransportResponse>;
  close(): Promise<void>;
}

function tlsOptions(url: URL, config: ConnectionConfig): tls.ConnectionOptions {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const servername = config.tlsServerName ?? (/^[\d.]+$|:/.test(host) ? undefined : host);
  return {
    host,
    port: Number(url.port || 443),
    ...(config.ca ? { ca: config.ca } : {}),
    ...(config.cert && config.key ? { cert: config.cert, key: config.key } : {}),
    ...(config.insecureSkipTlsVerify ? { rejectUnauthorized: false } : {}),
    ...(servername ? { servername } : {}),
    // An address in the certificate is checked against the address we dialled.
    ...(config.tlsServerName
      ? {
          checkServerIdentity: (_: string, cert: tls.PeerCertificate) =>
            tls.checkServerIdentity(config.tlsServerName!, cert),
        }
      : {}),
  };
}

class Http1Wire implements Wire {
  readonly #url: URL;
  readonly #agent: http.Agent;
  readonly #secure: boolean;
  constructor(url: URL, config: ConnectionConfig) {
    this.#url = url;
    this.#secure = url.protocol === 'https:';
    this.#agent = this.#secure
      ? new https.Agent({ keepAlive: true, ...(tlsOptions(url, config) as https.AgentOptions) })
      : new http.Agent({ keepAlive: true });
  }
  send(request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      const lib = this.#secure ? https : http;
      const headers: Record<string, string | number> = { ...request.headers };
      if (request.body) headers['content-length'] = request.body.length;
      const req = lib.request({
        agent: this.#agent,
        host: this.#url.hostname.replace(/^\[|\]$/g, ''),
        port: this.#url.port || (this.#secure ? 443 : 80),
        method: request.method,
        path: request.url,
        headers,
        ...(request.signal ? { signal: request.signal } : {}),
      });
      req.on('error', reject);
      req.on('response', (res) =>
        resolve({ status: res.statusCode ?? 0, headers: flat(res.headers), body: bodyOf(res) }),
      );
      req.end(request.body);
    });
  }
  async close(): Promise<void> {
    this.#agent.destroy();
  }
}

class Http2Wire implements Wire {
  readonly #url: URL;
  readonly #config: ConnectionConfig;
  #session: Promise<http2.ClientHttp2Session> | undefined;
  /** Used when the server chose HTTP/1.1 in the handshake. */
  #fallback: Http1Wire | undefined;
  constructor(url: URL, config: ConnectionConfig) {
    this.#url = url;
    this.#config = config;
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    request.signal?.throwIfAborted();
    if (this.#fallback) return this.#fallback.send(request);
    let session: http2.ClientHttp2Session;
    try {
      session = await this.#connect();
    } catch (err) {
      if (!(err instanceof NoHttp2Error)) throw err;
      this.#fallback ??= new Http1Wire(this.#url, this.#config);
      return this.#fallback.send(request);
    }
    request.signal?.throwIfAborted();
    return exchange(session, this.#url, request);
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    session?.destroy();
    await this.#fallback?.close();
  }

  #connect(): Promise<http2.ClientHttp2Session> {
    if (this.#session) return this.#session;
    const connecting = new Promise<http2.ClientHttp2Session>((resolve, reject) => {
      const socket = tls.connect({ ...tlsOptions(this.#url, this.#config), ALPNProtocols: ['h2', 'http/1.1'] });
      socket.setNoDelay(true);
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        if (socket.alpnProtocol !== 'h2') {
          socket.destroy();
          return reject(new NoHttp2Error());
        }
        const session = http2.connect(this.#url.origin, { createConnection: () => socket });
        const forget = () => {
          if (this.#session === connecting) this.#session = undefined;
        };
        session.on('close', forget);
        session.on('goaway', forget);
        session.on('error', forget);
        resolve(session);
      });
    });
    connecting.catch(() => {
      if (this.#session === connecting) this.#session = undefined;
    });
    this.#session = connecting;
    return connecting;
  }
}

class NoHttp2Error extends Error {}

function exchange(session: http2.ClientHttp2Session, url: URL, request: TransportRequest): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    const headers: http2.OutgoingHttpHeaders = {
      ...request.headers,
      ':method': request.method,
      ':path': request.url,
      ':authority': url.host,
    };
    if (request.body) headers['content-length'] = request.body.length;
    const stream = session.request(headers, { endStream: !request.body });
    const onAbort = () => stream.destroy(abortReason(request.signal));
    request.signal?.addEventListener('abort', onAbort, { once: true });
    stream.once('error', reject);
    // Errors after the response head surface where the body is read; without a listener here they would be uncaught.
    stream.on('error', () => {});
    stream.once('close', () => {
      request.signal?.removeEventListener('abort', onAbort);
      reject(new Error('connection closed before a response'));
    });
    stream.once('response', (head) => {
      const { ':status': status, ...rest } = head;
      resolve({
        status: Number(status),
        headers: flat(rest as http.IncomingHttpHeaders),
        body: bodyOf(stream),
      });
    });
    if (request.body) stream.end(request.body);
  });
}

function abortReason(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new DOMException('This operation was aborted', 'AbortError');
}

/**
 * The body, taken from the stream as it comes: an answer that came whole may be over before its reader begins, and a reader that begins
 * on a closed stream is told that it broke off.
 */
function bodyOf(stream: Readable): AsyncIterable<Buffer> {
  const body = new PassThrough();
  // Errors surface where the body is read.
  pipeline(stream, body, () => {});
  return body as AsyncIterable<Buffer>;
}

function flat(headers: http.IncomingHttpHeaders): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [k, v] of Object.entries(headers)) if (v !== undefined) out[k] = Array.isArray(v) ? v.join(', ') : v;
  return out;
}

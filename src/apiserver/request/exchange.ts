/**
 * One request and its response, free of any HTTP library: the HTTP shell makes one per HTTP request, the in-process
 * transport one per call. Filters and handlers see nothing else. Exactly one of `respond`, `stream` or `upgrade` is called.
 */
import type { Duplex } from 'node:stream';

export interface UserInfo {
  username: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

/** What is known of the caller before authentication. */
export interface Peer {
  address: string;
  /** DER of the verified-or-not client certificate; authentication decides. */
  certificate?: Buffer;
  /** Set by the in-process transport, whose callers are trusted code: authentication takes it as it is. */
  user?: UserInfo;
}

export interface Exchange {
  readonly method: string;
  /** Path without query, percent-encoded as received. */
  readonly path: string;
  /** Raw query without `?`; '' when none. */
  readonly query: string;
  /** Lower-case names; repeated headers joined with ', '. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly peer: Peer;
  /** The caller is in this process and takes the server's own objects instead of bytes, where they are the same; see `writeEvents`. */
  readonly acceptsObjects?: boolean;
  /** Aborts when the client goes away or the server's deadline for the request passes. */
  readonly signal: AbortSignal;
  /** True once a response has begun. */
  readonly responded: boolean;
  /** Status code of the response; 0 before it begins. */
  readonly status: number;
  /** Bytes of the response's body so far. */
  readonly sent: number;

  /** The whole body. @throws StatusError 413 when longer than `limit` bytes. */
  readBody(limit: number): Promise<Buffer>;
  /** The body as it comes, for proxies. */
  bodyStream(): AsyncIterable<Buffer>;
  /** A header sent with whatever response follows; `Warning` may be set many times, each is sent. */
  setHeader(name: string, value: string): void;
  /** Sends a whole response. Chunks are written as they are, without being joined. */
  respond(status: number, headers: Record<string, string>, body: Buffer | string | readonly Buffer[]): void;
  /** Begins a streamed response (watch, logs, large lists). */
  stream(status: number, headers: Record<string, string>): ResponseStream;
  /** Takes the socket over after an `Upgrade` request; undefined when the transport cannot (HTTP/2, in-process). */
  upgrade(): { socket: Duplex; head: Buffer } | undefined;
}

export interface WatchEventObject {
  readonly type: string;
  readonly object: unknown;
}

export interface ResponseStream {
  /**
   * False when the transport's buffer is full: wait for `drained`, or give the client up. `taken` is called once nobody will read
   * `chunk` any more, so that it may be filled anew; a transport that hands chunks on never calls it.
   */
  write(chunk: Buffer, taken?: () => void): boolean;
  /** As `write`, of bytes that many streams are given: what goes around them is made once. Absent: nothing would be gained. */
  writeShared?(chunk: Buffer): boolean;
  /**
   * Only for a caller that accepts objects: watch events as they are, shared with the cache, to be changed by nobody. `size` is what
   * they would have been in bytes. Bytes may be written in between.
   */
  writeEvents?(events: readonly WatchEventObject[], size: number): boolean;
  /** Bytes written that have not left the process yet. */
  readonly pending: number;
  drained(signal?: AbortSignal): Promise<void>;
  end(): void;
  /** Cuts the response off so that the client sees an error, not an end. */
  abort(): void;
}

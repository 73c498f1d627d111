/**
 * How a request reaches an API server: over HTTP(S) (http-transport.ts) or straight into one in this process
 * (in-process-transport.ts). A Transport knows nothing of resources; Client does.
 */
export interface TransportRequest {
  method: string;
  /** Path and query, as on the request line: `/api/v1/pods?limit=5`. */
  url: string;
  /** Lower-case names. */
  headers?: Record<string, string>;
  body?: Buffer;
  /** The sender reads `objects` of the response, if there are any, and changes none of them. */
  acceptsObjects?: boolean;
  /** Ends the request, and a response body that is still being read. */
  signal?: AbortSignal;
}

export interface TransportResponse {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** Chunks as they arrive. Must be read to the end or returned early (`break`), which ends the request. */
  body: AsyncIterable<Buffer>;
  /**
   * Instead of the body, where the server is in this process and the sender asked for it: the values the body's lines stand for,
   * shared with others and not to be changed.
   */
  objects?: AsyncIterable<unknown>;
}

/** A bidirectional connection after an Upgrade (exec, attach, port-forward, proxy). */
export interface Transport extends AsyncDisposable {
  /** Resolves when the response head is there; rejects only when no response could be had at all. */
  send(request: TransportRequest): Promise<TransportResponse>;
}

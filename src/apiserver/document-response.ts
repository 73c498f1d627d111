/** Sends a document made by discovery or OpenAPI; a large one gzipped where the client takes that. */
import type { DocumentResponse } from './discovery/document.ts';
import { acceptsGzip, GZIP_THRESHOLD } from './handlers/output.ts';
import type { Exchange } from './request/exchange.ts';

export async function serializeDocument(
  exchange: Exchange,
  { status, headers: own, body }: DocumentResponse,
): Promise<void> {
  const headers = { ...own };
  const caching = headers['cache-control'];
  if (caching !== undefined) {
    // In place of what every answer says; under another spelling both would be sent.
    exchange.setHeader('Cache-Control', caching);
    delete headers['cache-control'];
  }
  if (body.length <= GZIP_THRESHOLD || !acceptsGzip(exchange)) {
    exchange.respond(status, headers, body.bytes);
    return;
  }
  exchange.respond(status, { ...headers, 'Content-Encoding': 'gzip' }, await body.gzip);
}

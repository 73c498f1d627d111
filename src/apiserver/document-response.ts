/** Sends a document made by discovery or OpenAPI; large ones gzipped once and kept so. */

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { DocumentResponse } from './discovery/document.ts';
import { acceptsGzip, GZIP_THRESHOLD } from './handlers/output.ts';
import type { Exchange } from './request/exchange.ts';

const gzipAsync = promisify(gzip);
// Documents keep their bytes until the table changes, so the compressed form can hang on them.
const compressed = new WeakMap<Buffer, Promise<Buffer>>();

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
    exchange.respond(status, headers, body);
    return;
  }
  let zipped = compressed.get(body);
  if (zipped === undefined) {
    zipped = gzipAsync(body);
    compressed.set(body, zipped);
  }
  exchange.respond(status, { ...headers, 'Content-Encoding': 'gzip' }, await zipped);
}

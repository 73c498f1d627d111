/**
 * Writing one object: from its JSON bytes to the encoding and form the client negotiated. JSON goes out as it lies in the
 * cache; everything else is encoded from a parsed copy. Upstream: apiserver/pkg/endpoints/handlers/response.go, responsewriters/writers.go
 */

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { encodeCbor } from '../../machinery/codec/cbor.ts';
import { parseJson } from '../../machinery/codec/json.ts';
import { type Negotiated, negotiate } from '../../machinery/codec/negotiate.ts';
import { encodeYaml } from '../../machinery/codec/yaml.ts';
import { notAcceptable, StatusError } from '../../machinery/errors/status-error.ts';
import { jsonToProtobufEnvelope } from '../../machinery/meta/json-to-protobuf.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { Endpoint, ResourceRequest } from '../endpoint.ts';
import type { Exchange } from '../request/exchange.ts';
import { tableOptions } from './table-request.ts';
import { partialObject, tableOf } from './transform.ts';

const gzipAsync = promisify(gzip);
// Upstream: responsewriters.defaultGzipThresholdBytes, defaultGzipContentEncodingLevel
export const GZIP_THRESHOLD = 128 * 1024;
export const GZIP_LEVEL = 1;
const NEWLINE = Buffer.from('\n');

/** Called first in every handler: a client that takes nothing we have is told before anything happens. */
export function negotiateOutput(
  request: ResourceRequest,
  { stream = false, table = true }: { stream?: boolean; table?: boolean } = {},
): Negotiated {
  const { exchange } = request.context;
  const { accept, 'user-agent': userAgent } = exchange.headers;
  const pretty = request.query.get('pretty') ?? undefined;
  const protobuf = !request.endpoint.isCustom;
  try {
    return negotiate(accept, { stream, table, protobuf, pretty, userAgent });
  } catch (err) {
    // Custom resources have no route of their own upstream, so the handler is the first to look.
    if (accept !== undefined && protobuf && !namesKnownType(accept)) throw noRepresentation(isListOrWatch(request));
    throw err;
  }
}

const KNOWN_TYPES = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/cbor',
  '*/*',
];

/** Of a whole collection: upstream's routes for these write streams too. */
function isListOrWatch({ context, endpoint, name, subresource }: ResourceRequest): boolean {
  return context.exchange.method === 'GET' && name === '' && subresource === '' && !endpoint.isCustom;
}

export function namesKnownType(accept: string): boolean {
  return accept.split(',').some((clause) => KNOWN_TYPES.includes(clause.split(';')[0]!.trim()));
}

/** What the router upstream says before any handler looks at the request. */
export function noRepresentation(streams = false): StatusError {
  const types = KNOWN_TYPES.slice(0, 3);
  if (streams) types.push('application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch');
  return new StatusError({
    code: 406,
    reason: 'NotAcceptable',
    message: `406: Not Acceptable\n\nAvailable representations: ${types.join(', ')}`,
    details: {},
  });
}

export function acceptsGzip(exchange: Exchange): boolean {
  const header = exchange.headers['accept-encoding'];
  if (header === undefined) return false;
  return header.split(',').some((token) => token.trim() === 'gzip');
}

/** Answers with an object whose served JSON is `bytes`. */
export function writeObject(
  request: ResourceRequest,
  negotiated: Negotiated,
  status: number,
  bytes: Buffer,
): Promise<void> | void {
  const { endpoint, context } = request;
  let out = bytes;
  if (negotiated.as !== undefined) {
    const object = parseJson(bytes) as KubeObject;
    if (negotiated.as.kind === 'Table')
      out = tableOf(endpoint, [{ object, bytes }], tableOptions(request, negotiated.as.version), object.metadata);
    else if (negotiated.as.kind === 'PartialObjectMetadata') out = partialObject(bytes, negotiated.as.version);
    else {
      throw notAcceptable(
        `you requested PartialObjectMetadataList, but the requested object is not a list (${goType(endpoint, endpoint.row.kind)})`,
      );
    }
  }
  return writeBytes(context.exchange, negotiated, status, out);
}

/** What Go calls the type of a kind inside the server. */
export function goType({ isCustom, row }: Endpoint, kind: string): string {
  if (isCustom) return kind === row.listKind ? '*unstructured.UnstructuredList' : '*unstructured.Unstructured';
  return `*${row.group === '' ? 'core' : row.group.split('.')[0]}.${kind}`;
}

/** Answers with JSON bytes in the negotiated encoding. */
export function writeBytes(
  exchange: Exchange,
  negotiated: Negotiated,
  status: number,
  json: Buffer,
): Promise<void> | void {
  const headers = { 'Content-Type': negotiated.mediaType };
  const body = encodeAs(negotiated, json);
  const size = Array.isArray(body) ? body.reduce((n, b) => n + b.length, 0) : body.length;
  if (size > GZIP_THRESHOLD && acceptsGzip(exchange)) {
    const joined = Array.isArray(body) ? Buffer.concat(body) : body;
    return gzipAsync(joined, { level: GZIP_LEVEL }).then((zipped) =>
      exchange.respond(status, { ...headers, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' }, zipped),
    );
  }
  exchange.respond(status, headers, body);
}

export function encodeAs(negotiated: Pick<Negotiated, 'encoding' | 'pretty'>, json: Buffer): Buffer | Buffer[] {
  switch (negotiated.encoding) {
    case 'json':
      return negotiated.pretty ? Buffer.from(prettyJson(json)) : [json, NEWLINE];
    case 'yaml':
      return Buffer.from(encodeYaml(parseJson(json)));
    case 'protobuf':
      return jsonToProtobufEnvelope(json);
    case 'cbor':
      return encodeCbor(parseJson(json));
  }
}

/** Two-space indentation without touching a number or a string. */
export function prettyJson(json: Buffer): string {
  const text = json.toString();
  let out = '';
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') {
      let end = i + 1;
      while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
      out += text.slice(i, end + 1);
      i = end;
    } else if (c === '{' || c === '[') {
      const close = c === '{' ? '}' : ']';
      if (text[i + 1] === close) {
        out += c + close;
        i++;
      } else out += `${c}\n${'  '.repeat(++depth)}`;
    } else if (c === '}' || c === ']') out += `\n${'  '.repeat(--depth)}${c}`;
    else if (c === ',') out += `,\n${'  '.repeat(depth)}`;
    else if (c === ':') out += ': ';
    else out += c;
  }
  return out;
}

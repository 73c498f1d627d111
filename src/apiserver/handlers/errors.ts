/**
 * The one writer of errors: whatever a filter or handler throws becomes a Status on the wire, in the encoding the client
 * accepts. What is no StatusError is a defect or an outage: 500 InternalError, logged once.
 * Upstream: apiserver/pkg/endpoints/handlers/responsewriters/{errors,status,writers}.go
 */
import { isAbortError } from '../../base/background.ts';
import type { Logger } from '../../base/log.ts';
import { encodeCbor } from '../../machinery/codec/cbor.ts';
import { type Encoding, negotiate } from '../../machinery/codec/negotiate.ts';
import { encodeProtobufEnvelope } from '../../machinery/codec/protobuf.ts';
import { encodeYaml } from '../../machinery/codec/yaml.ts';
import { internalError, type Status, StatusError, statusErrorOf } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { statusOf } from '../../registry/generic/storage-errors.ts';
import { StorageError } from '../../storage/storage.ts';
import type { Exchange } from '../request/exchange.ts';

/** Answers with `err`; a response that has already begun is cut off instead by whoever streams it. */
export function writeError(exchange: Exchange, err: unknown, log: Logger): number {
  const status = statusFor(err, log);
  if (!exchange.responded) writeStatus(exchange, status);
  return status.code;
}

export function statusFor(err: unknown, log: Logger): Status {
  const known = statusErrorOf(err);
  if (known !== undefined) return known.status;
  if (err instanceof StorageError) {
    const mapped = statusOf(err, { verb: 'get', resource: { group: '', resource: '' }, name: '' });
    if (mapped instanceof StatusError) return mapped.status;
  }
  if (isAbortError(err)) return { ...internalError('context canceled').status, code: 499 };
  log.error('request failed', { err });
  return internalError(err).status;
}

/** Field order as Go writes it. */
export function encodeStatus(status: Status): string {
  const { metadata, message, reason, details, code } = status;
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata,
    status: status.status,
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    ...(details === undefined ? {} : { details }),
    code,
  });
}

export function writeStatus(exchange: Exchange, status: Status): void {
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined && retry > 0) exchange.setHeader('Retry-After', String(retry));
  const encoding = encodingOf(exchange.headers.accept);
  // Upstream answers 499-like conditions too, although nobody listens any more.
  const code = status.code;
  if (encoding === 'protobuf') {
    exchange.respond(
      code,
      { 'Content-Type': 'application/vnd.kubernetes.protobuf' },
      encodeProtobufEnvelope(statusObject(status)),
    );
    return;
  }
  if (encoding === 'yaml') {
    exchange.respond(code, { 'Content-Type': 'application/yaml' }, encodeYaml(statusObject(status)));
    return;
  }
  if (encoding === 'cbor') {
    exchange.respond(code, { 'Content-Type': 'application/cbor' }, encodeCbor(statusObject(status)));
    return;
  }
  exchange.respond(code, { 'Content-Type': 'application/json' }, `${encodeStatus(status)}\n`);
}

/** JSON for who accepts nothing of what there is, or only an object in another form. */
function encodingOf(accept: string | undefined): Encoding {
  try {
    return negotiate(accept, { convert: false }).encoding;
  } catch {
    return 'json';
  }
}

function statusObject(status: Status): KubeObject {
  return JSON.parse(encodeStatus(status)) as KubeObject;
}

/**
 * The wire Status as the one error of the API. Thrown by handlers, strategies, admission and the client; turned into
 * a response by the API server's one writer. Decide on code and reason, never on message text.
 * Upstream: apimachinery/pkg/api/errors/errors.go
 */
import type { FieldError } from '../validation/field-error.ts';
import { aggregateMessage, fieldErrorBody } from '../validation/field-error.ts';

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { resourceVersion?: string; continue?: string };
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code: number;
}

export interface GroupResource {
  group: string;
  resource: string;
}

/** An API failure; `status` is what the client receives. */
export class StatusError extends Error {
  readonly status: Status;
  constructor(
    status: Omit<Status, 'kind' | 'apiVersion' | 'metadata' | 'status'> & Partial<Status>,
    options?: ErrorOptions,
  ) {
    super(status.message ?? status.reason ?? 'unknown', options);
    this.name = 'StatusError';
    this.status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', ...status };
  }
  get code(): number {
    return this.status.code;
  }
  get reason(): string {
    return this.status.reason ?? '';
  }
}

/** `pods`, `deployments.apps`: upstream's GroupResource.String(). */
export function groupResourceString(gr: GroupResource): string {
  return gr.group === '' ? gr.resource : `${gr.resource}.${gr.group}`;
}

function details(gr: GroupResource, name?: string, causes?: StatusCause[]): StatusDetails {
  return {
    ...(name ? { name } : {}),
    ...(gr.group ? { group: gr.group } : {}),
    ...(gr.resource ? { kind: gr.resource } : {}),
    ...(causes ? { causes } : {}),
  };
}

export function notFound(gr: GroupResource, name: string): StatusError {
  return new StatusError({
    code: 404,
    reason: 'NotFound',
    message: `${groupResourceString(gr)} "${name}" not found`,
    details: details(gr, name),
  });
}
export function alreadyExists(gr: GroupResource, name: string): StatusError {
  return new StatusError({
    code: 409,
    reason: 'AlreadyExists',
    message: `${groupResourceString(gr)} "${name}" already exists`,
    details: details(gr, name),
  });
}
export function conflict(gr: GroupResource, name: string, why: string): StatusError {
  return new StatusError({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${groupResourceString(gr)} "${name}": ${why}`,
    details: details(gr, name),
  });
}
export function forbidden(gr: GroupResource, name: string, why: string): StatusError {
  const message =
    gr.resource === ''
      ? `forbidden: ${why}`
      : `${groupResourceString(gr)}${name === '' ? ' is' : ` "${name}" is`} forbidden: ${why}`;
  return new StatusError({ code: 403, reason: 'Forbidden', message, details: details(gr, name) });
}
/** 422 with one cause a field error. `gk` names the kind, not the resource. */
export function invalid(gk: { group: string; kind: string }, name: string, errors: readonly FieldError[]): StatusError {
  const kind = gk.group === '' ? gk.kind : `${gk.kind}.${gk.group}`;
  return new StatusError({
    code: 422,
    reason: 'Invalid',
    message: `${kind} "${name}" is invalid: ${aggregateMessage(errors)}`,
    details: {
      ...(name ? { name } : {}),
      ...(gk.group ? { group: gk.group } : {}),
      ...(gk.kind ? { kind: gk.kind } : {}),
      causes: errors.map((e) => ({ reason: e.type, message: fieldErrorBody(e), field: e.field })),
    },
  });
}
export function badRequest(message: string): StatusError {
  return new StatusError({ code: 400, reason: 'BadRequest', message });
}
export function unauthorized(message = 'Unauthorized'): StatusError {
  return new StatusError({ code: 401, reason: 'Unauthorized', message });
}
/** 410 Expired: a watch or list from a revision that is gone. */
export function resourceExpired(message: string, options?: ErrorOptions): StatusError {
  return new StatusError({ code: 410, reason: 'Expired', message }, options);
}
export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return new StatusError({ code: 429, reason: 'TooManyRequests', message, details: { retryAfterSeconds } });
}
export function timeout(message: string, retryAfterSeconds = 0): StatusError {
  return new StatusError({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: ${message}`,
    details: { retryAfterSeconds },
  });
}
export function tooLargeResourceVersion(requested: number, current: number): StatusError {
  return new StatusError({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: Too large resource version: ${requested}, current: ${current}`,
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  });
}
export function internalError(err: unknown): StatusError {
  const text = err instanceof Error ? err.message : String(err);
  return new StatusError(
    {
      code: 500,
      reason: 'InternalError',
      message: `Internal error occurred: ${text}`,
      details: { causes: [{ message: text }] },
    },
    { cause: err },
  );
}
export function serviceUnavailable(message: string): StatusError {
  return new StatusError({ code: 503, reason: 'ServiceUnavailable', message });
}
export function unsupportedMediaType(message: string): StatusError {
  return new StatusError({ code: 415, reason: 'UnsupportedMediaType', message });
}
export function notAcceptable(message: string): StatusError {
  return new StatusError({ code: 406, reason: 'NotAcceptable', message });
}
export function requestEntityTooLarge(message: string): StatusError {
  return new StatusError({
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: `Request entity too large: ${message}`,
  });
}

/** The StatusError in `err` or in its chain of causes. */
export function statusErrorOf(err: unknown): StatusError | undefined {
  for (let e = err; e instanceof Error; e = e.cause) if (e instanceof StatusError) return e;
  return undefined;
}
function hasReason(err: unknown, reason: string): boolean {
  return statusErrorOf(err)?.reason === reason;
}
export const isNotFound = (err: unknown): boolean => hasReason(err, 'NotFound');
export const isAlreadyExists = (err: unknown): boolean => hasReason(err, 'AlreadyExists');
export const isConflict = (err: unknown): boolean => hasReason(err, 'Conflict');
export const isForbidden = (err: unknown): boolean => hasReason(err, 'Forbidden');
export const isInvalid = (err: unknown): boolean => hasReason(err, 'Invalid');
/** Expired or Gone: list again. */
export const isExpired = (err: unknown): boolean => statusErrorOf(err)?.code === 410;
/** Namespace is being deleted: a 403 with the NamespaceTerminating cause. */
export const isNamespaceTerminating = (err: unknown): boolean =>
  statusErrorOf(err)?.status.details?.causes?.some((c) => c.reason === 'NamespaceTerminating') ?? false;

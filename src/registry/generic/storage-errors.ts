/**
 * The one place where a StorageError becomes the wire Status. Called by the generic store around every storage call; anything
 * that is no StorageError passes through. Upstream: apiserver/pkg/registry/generic/registry storeerr, storage/errors/storage.go
 */
import {
  alreadyExists,
  conflict,
  type GroupResource,
  groupResourceString,
  internalError,
  notFound,
  requestEntityTooLarge,
  resourceExpired,
  StatusError,
  tooLargeResourceVersion,
} from '../../machinery/errors/status-error.ts';
import { StorageError } from '../../storage/storage.ts';

export type StorageVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'delete';

export interface StorageErrorContext {
  verb: StorageVerb;
  resource: GroupResource;
  name: string;
  /** The revision that was asked for, where one was. */
  requestedRevision?: number;
}

// Upstream: registry.OptimisticLockErrorMsg
export const OPTIMISTIC_LOCK_ERROR =
  'the object has been modified; please apply your changes to the latest version and try again';
// Upstream: storage/etcd3/errors.go
const EXPIRED_LIST = 'The resourceVersion for the provided list is too old.';

/** What the client is told; returned, not thrown, so that callers write `throw statusOf(err, ...)`. */
export function statusOf(err: unknown, context: StorageErrorContext): unknown {
  if (!(err instanceof StorageError)) return err;
  const { verb, resource, name } = context;
  switch (err.code) {
    case 'KeyNotFound':
      return notFound(resource, name);
    case 'KeyExists':
      return verb === 'create' ? alreadyExists(resource, name) : conflict(resource, name, OPTIMISTIC_LOCK_ERROR);
    case 'Conflict':
      return conflict(resource, name, OPTIMISTIC_LOCK_ERROR);
    case 'Compacted':
      return verb === 'watch'
        ? resourceExpired(`too old resource version: ${context.requestedRevision ?? 0} (${err.revision ?? 0})`, {
            cause: err,
          })
        : resourceExpired(EXPIRED_LIST, { cause: err });
    case 'FutureRevision':
      return tooLargeResourceVersion(context.requestedRevision ?? 0, err.revision ?? 0);
    case 'TooLarge':
      return requestEntityTooLarge('limit is 1572864');
    case 'Unavailable':
    case 'Closed':
      return serverTimeout(resource, verb);
    case 'NoSpace':
      return internalError(err);
    default:
      return internalError(err);
  }
}

/** Upstream: errors.NewServerTimeout */
function serverTimeout(resource: GroupResource, verb: string): StatusError {
  return new StatusError({
    code: 500,
    reason: 'ServerTimeout',
    message: `The ${verb} operation against ${groupResourceString(resource)} could not be completed at this time, please try again.`,
    details: {
      ...(resource.group ? { group: resource.group } : {}),
      kind: resource.resource,
      name: verb,
      retryAfterSeconds: 2,
    },
  });
}

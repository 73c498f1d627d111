/** Statuses of URLs and methods nobody serves. Upstream: apiserver/pkg/endpoints/groupversion.go serviceErrorHandler, errors.NewGenericServerResponse */
import { StatusError } from '../../machinery/errors/status-error.ts';

export function resourceNotFound(): StatusError {
  return new StatusError({
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
    details: {},
  });
}

export function methodNotAllowed(): StatusError {
  return new StatusError({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: {},
  });
}

/**
 * The two answers of a patch that is wrong: 400 when it cannot be read, 422 when it does not apply to this object.
 * Upstream: apiserver/pkg/endpoints/handlers/patch.go
 */
import { StatusError } from '../errors/status-error.ts';

/** 422 as upstream's generic server response gives it: the text of the failed operation is not part of the answer's message. */
export function patchDoesNotApply(why: string): StatusError {
  return new StatusError(
    {
      code: 422,
      reason: 'Invalid',
      message: 'the server rejected our request due to an error in our request',
      details: {},
    },
    { cause: new Error(why) },
  );
}

/**
 * Continue tokens in upstream's format, so that a client may carry one from an upstream server to this one.
 * Upstream: apiserver/pkg/storage/continue.go
 */
import { parseJson } from '../../machinery/codec/json.ts';
import { badRequest, resourceExpired, StatusError } from '../../machinery/errors/status-error.ts';

export interface ContinueFrom {
  /** First key to return. */
  start: string;
  /** -1: continue at the newest revision. */
  revision: number;
}

const INCONSISTENT_CONTINUE =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue ' +
  'parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided ' +
  'token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was ' +
  'returned and now may show up in the list.';

/** `start` must lie under `prefix`. */
export function encodeContinue(start: string, prefix: string, revision: number): string {
  const json = JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: start.slice(prefix.length) });
  // Go escapes NUL the same way JSON.stringify does.
  return Buffer.from(json).toString('base64url');
}

export function decodeContinue(token: string, prefix: string): ContinueFrom {
  if (!/^[A-Za-z0-9_-]*$/.test(token)) {
    const at = token.search(/[^A-Za-z0-9_-]/);
    throw invalid(`continue key is not valid: illegal base64 data at input byte ${at}`);
  }
  // One letter over holds less than a byte.
  if (token.length % 4 === 1)
    throw invalid(`continue key is not valid: illegal base64 data at input byte ${token.length - 1}`);
  let parsed: unknown;
  try {
    parsed = parseJson(Buffer.from(token, 'base64url'));
  } catch (err) {
    throw invalid(`continue key is not valid: ${err instanceof Error ? err.message : String(err)}`);
  }
  const { v, rv, start } = (parsed ?? {}) as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== 'meta.k8s.io/v1')
    throw invalid(`continue key is not valid: server does not recognize this encoded version ${String(v ?? '')}`);
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0) {
    throw invalid('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  }
  if (typeof start !== 'string' || start === '')
    throw invalid('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)');
  // A token is the client's to forge: a path that climbs out of the prefix would list what it may not see.
  const relative = start.startsWith('/') ? start.slice(1) : start;
  if (relative.split('/').some((s) => s === '' || s === '.' || s === '..'))
    throw invalid(`continue key is not valid: ${start}`);
  return { start: prefix + relative, revision: rv };
}

/** 410 whose Status carries a token that goes on at the newest revision. */
export function compactedContinue(start: string, prefix: string, cause: unknown): StatusError {
  const gone = resourceExpired(INCONSISTENT_CONTINUE);
  return new StatusError({ ...gone.status, metadata: { continue: encodeContinue(start, prefix, -1) } }, { cause });
}

function invalid(why: string): StatusError {
  return badRequest(`invalid continue token: ${why}`);
}

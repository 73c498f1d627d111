/**
 * What a list or watch asks for, and the rules its parts obey together.
 * Upstream: apimachinery/pkg/apis/meta/internalversion/validation/validation.go, apiserver/pkg/storage/interfaces.go
 */
import { badRequest, StatusError } from '../../machinery/errors/status-error.ts';
import {
  type FieldError,
  forbiddenField as forbidden,
  notSupported,
  Path,
} from '../../machinery/validation/field-error.ts';

export interface ListOptions {
  labelSelector: string;
  fieldSelector: string;
  watch: boolean;
  allowWatchBookmarks: boolean;
  resourceVersion: string;
  resourceVersionMatch: string;
  timeoutSeconds: number | undefined;
  limit: number;
  continue: string;
  sendInitialEvents: boolean | undefined;
}

const MATCH = Path.root('resourceVersionMatch');

export function validateListOptions(o: ListOptions): FieldError[] {
  if (o.watch) return validateWatchOptions(o);
  const errors: FieldError[] = [];
  const match = o.resourceVersionMatch;
  if (match !== '') {
    if (o.resourceVersion === '')
      errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (o.continue !== '') errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && o.resourceVersion === '0') {
      errors.push(forbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (o.sendInitialEvents !== undefined) {
    errors.push(forbidden(Path.root('sendInitialEvents'), 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function validateWatchOptions(o: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = o.resourceVersionMatch;
  if (o.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (match !== '') {
    if (o.sendInitialEvents === undefined) {
      errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    }
    if (match !== 'NotOlderThan') errors.push(notSupported(MATCH, match, ['NotOlderThan']));
    if (o.continue !== '') errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
  }
  return errors;
}

/** '' and '0' → 0. @throws StatusError 400, as lists answer; 500 without a reason, as gets do. */
export function parseResourceVersion(sent: string, verb: 'get' | 'list' = 'list'): number {
  const why = resourceVersionProblem(sent);
  if (why !== undefined) {
    const text = `resourceVersion: Invalid value: ${JSON.stringify(sent)}: ${why}`;
    if (verb === 'get') throw new StatusError({ code: 500, message: text });
    throw badRequest(`invalid resource version: ${text}`);
  }
  return sent === '' ? 0 : Number(sent);
}

/** Go's complaint about a text that is no resource version. */
export function resourceVersionProblem(text: string): string | undefined {
  if (text === '' || /^[0-9]+$/.test(text)) {
    return Number(text) <= Number.MAX_SAFE_INTEGER
      ? undefined
      : `strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`;
  }
  return `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
}

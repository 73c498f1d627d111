/** Errors of a strategic merge that upstream does not interpret: it answers 500 with the bare text. */
import { StatusError } from '../errors/status-error.ts';
import { goPrint } from './go-format.ts';
import type { JsonObject } from './json-value.ts';

export const failure = (message: string): StatusError => new StatusError({ code: 500, message });
export const noMergeKey = (item: JsonObject, key: string): StatusError =>
  failure(`map: ${goPrint(item)} does not contain declared merge key: ${key}`);

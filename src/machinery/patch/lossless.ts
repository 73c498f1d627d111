/**
 * JSON inside strings of the API (keys of FieldsV1, the last-applied annotation), with integers beyond 2^53 kept exact as
 * the codec keeps them.
 */
import { parseJson as parse } from '../codec/json.ts';

/** @throws Error when the text is not JSON. */
export function parseJson(text: string): unknown {
  return LONG_NUMBER.test(text) ? parse(text) : JSON.parse(text);
}

const LONG_NUMBER = /\d{16}/;

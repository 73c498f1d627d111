/** Values as Go's %v prints them, for messages that clients and people know. */
import { isJsonObject } from './json-value.ts';

/** `map[a:1 b:[x y]]`: keys sorted, strings bare. */
export function goPrint(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goPrint).join(' ')}]`;
  if (isJsonObject(value)) {
    const keys = Object.keys(value).sort();
    return `map[${keys.map((k) => `${k}:${goPrint(value[k])}`).join(' ')}]`;
  }
  return String(value);
}

/** A structured-merge value inside a message: `&{x}`. */
export const goValue = (value: unknown): string => `&{${goPrint(value)}}`;
/** The same with %#v. */
export const goValueStruct = (value: unknown): string =>
  `&value.valueUnstructured{Value:${typeof value === 'string' ? JSON.stringify(value) : goPrint(value)}}`;

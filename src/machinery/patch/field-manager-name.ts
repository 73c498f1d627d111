/** Names of field managers: from the request's option, else from the client's User-Agent. Upstream: handlers/create.go */
import { type FieldError, invalidField, tooLong } from '../validation/field-error.ts';

export const FIELD_MANAGER_MAX_LENGTH = 128;
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** `kubectl/v1.36.0 (linux/amd64) ...` is `kubectl`. '' when the client says nothing at all. */
export function managerOf(fieldManager: string | undefined, userAgent: string | undefined): string {
  if (fieldManager) return fieldManager;
  let name = '';
  let bytes = 0;
  for (const c of (userAgent ?? '').split('/', 1)[0]!) {
    if (UNPRINTABLE.test(c)) continue;
    bytes += Buffer.byteLength(c);
    if (bytes > FIELD_MANAGER_MAX_LENGTH) break;
    name += c;
  }
  return name;
}

export function validateFieldManager(name: string, path = 'fieldManager'): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(name) > FIELD_MANAGER_MAX_LENGTH) errors.push(tooLong(path, FIELD_MANAGER_MAX_LENGTH));
  let position = 0;
  for (const c of name) {
    if (UNPRINTABLE.test(c)) {
      const code = c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalidField(path, name, `invalid character U+${code} (at position ${position})`));
    }
    position += Buffer.byteLength(c);
  }
  return errors;
}

/**
 * JSON merge patch (RFC 7386), and the patch that leads from one object to another. Pure; unchanged subtrees are shared.
 * Upstream: evanphx/json-patch merge.go
 */
import { badRequest } from '../errors/status-error.ts';
import { isJsonObject, type JsonObject, jsonEqual, setOwn } from './json-value.ts';

/** @throws StatusError 400 when the patch is not an object. */
export function applyMergePatch(original: object, patch: unknown): unknown {
  if (Array.isArray(patch)) return withoutNulls(patch);
  if (!isJsonObject(patch)) throw badRequest('Invalid JSON Patch');
  return merge(original as JsonObject, patch);
}

function merge(original: JsonObject, patch: JsonObject): JsonObject {
  const out: JsonObject = { ...original };
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) {
      delete out[key];
      continue;
    }
    const current = Object.hasOwn(out, key) ? out[key] : undefined;
    if (!isJsonObject(current)) setOwn(out, key, withoutNulls(value));
    else setOwn(out, key, isJsonObject(value) ? merge(current, value) : value);
  }
  return out;
}

/** Nulls in objects say "delete", also where there was nothing to delete; nulls in lists are values. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const out: JsonObject = {};
  for (const key of Object.keys(value)) if (value[key] !== null) setOwn(out, key, withoutNulls(value[key]));
  return out;
}

/** The smallest merge patch with `applyMergePatch(from, patch)` equal to `to` (which must hold no nulls in objects). */
export function createMergePatch(from: object, to: object): JsonObject {
  const a = from as JsonObject;
  const b = to as JsonObject;
  const patch: JsonObject = {};
  for (const key of Object.keys(a))
    if (a[key] !== undefined && (!Object.hasOwn(b, key) || b[key] === undefined)) setOwn(patch, key, null);
  for (const key of Object.keys(b)) {
    const after = b[key];
    const before = Object.hasOwn(a, key) ? a[key] : undefined;
    if (after === undefined || jsonEqual(before, after)) continue;
    setOwn(patch, key, isJsonObject(before) && isJsonObject(after) ? createMergePatch(before, after) : after);
  }
  return patch;
}

/**
 * An object that is to replace a stored one shares what did not change with it, so that every later step (ownership, comparison,
 * validation, encoding) sees by identity what it need not look at. Only for kinds whose strategy says `sharesUnchanged`. The stored
 * object is never changed through what is shared: what hooks assign into is the new object's own (`ownParts`).
 */
import type { KubeObject } from '../../machinery/meta/object.ts';

type Json = Record<string, unknown>;

/** Called before the hooks: metadata, spec, status and the like become the object's own, one level deep. */
export function ownParts(object: KubeObject, old: KubeObject): void {
  const parts = object as unknown as Json;
  const before = old as unknown as Json;
  for (const key of Object.keys(parts)) {
    const part = parts[key];
    if (part !== before[key] || typeof part !== 'object' || part === null) continue;
    parts[key] = Array.isArray(part) ? [...(part as unknown[])] : { ...part };
  }
}

/**
 * Called after the hooks: a member of a part that somebody made anew as it was (an admission plugin, a list that is applied whole) is the
 * stored one, and a part whose members all are is the stored one.
 */
export function settleParts(object: KubeObject, old: KubeObject): void {
  const parts = object as unknown as Json;
  const before = old as unknown as Json;
  for (const key of Object.keys(parts)) {
    if (key === 'metadata') continue;
    const part = parts[key];
    const known = before[key];
    if (part === known || !isObject(part) || !isObject(known)) continue;
    for (const name of Object.keys(part)) {
      const value = part[name];
      if (value !== known[name] && Object.hasOwn(known, name) && isSame(value, known[name])) part[name] = known[name];
    }
    if (hasSameMembers(part, known)) parts[key] = known;
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same JSON, order of keys included. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  if (Array.isArray(b)) return false;
  const keys = Object.keys(a);
  const others = Object.keys(b);
  if (keys.length !== others.length) return false;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key !== others[i] || !isSame((a as Json)[key], (b as Json)[key])) return false;
  }
  return true;
}

function hasSameMembers(a: unknown, b: unknown): boolean {
  if (a === b || typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) if ((a as Json)[key] !== (b as Json)[key] || !Object.hasOwn(b, key)) return false;
  return true;
}

/**
 * Puts the stored object's subtrees in place of equal ones of `object`, which is changed; order of keys counts, since bytes are made of
 * it. True when all of it is equal.
 */
export function shareEqual(object: unknown, old: unknown): boolean {
  if (object === old) return true;
  if (typeof object !== 'object' || object === null || typeof old !== 'object' || old === null) return false;
  return Array.isArray(object) ? shareItems(object, old) : shareMembers(object as Json, old as Json);
}

function shareItems(list: unknown[], old: object): boolean {
  if (!Array.isArray(old)) return false;
  let isEqual = list.length === old.length;
  const n = Math.min(list.length, old.length);
  for (let i = 0; i < n; i++) {
    if (list[i] === old[i]) continue;
    if (shareEqual(list[i], old[i])) list[i] = old[i];
    else isEqual = false;
  }
  return isEqual;
}

function shareMembers(object: Json, old: Json): boolean {
  if (Array.isArray(old)) return false;
  const keys = Object.keys(object);
  const before = Object.keys(old);
  let isEqual = keys.length === before.length;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key !== before[i]) isEqual = false;
    const value = object[key];
    const known = Object.hasOwn(old, key) ? old[key] : undefined;
    if (value === known) continue;
    if (shareEqual(value, known)) object[key] = known;
    else isEqual = false;
  }
  return isEqual;
}

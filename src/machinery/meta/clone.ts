/** A copy of a JSON value. Several times faster than structuredClone, which must be ready for more than JSON. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const out = new Array<unknown>(value.length);
    for (let i = 0; i < value.length; i++) out[i] = cloneJson<unknown>(value[i]);
    return out as T;
  }
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const v = (value as Record<string, unknown>)[key];
    // Assigning `__proto__` would set the prototype instead of a member.
    if (key === '__proto__')
      Object.defineProperty(out, key, { value: cloneJson(v), enumerable: true, writable: true, configurable: true });
    else out[key] = typeof v === 'object' && v !== null ? cloneJson(v) : v;
  }
  return out as T;
}

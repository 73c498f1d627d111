/**
 * The hash that tells pod templates apart in names and labels. Any stable hash serves; the format is upstream's (FNV-32a,
 * written in characters that make no words). Upstream: pkg/controller/controller_utils.go ComputeHash
 */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

export function fnv32a(bytes: Uint8Array, seed = 0x811c9dc5): number {
  let h = seed;
  for (const b of bytes) h = Math.imul(h ^ b, 0x01000193) >>> 0;
  return h >>> 0;
}

/** Hash of any JSON value: key order and absent or empty fields do not change it. */
export function hashObject(value: unknown, collisionCount?: number): number {
  let h = fnv32a(Buffer.from(canonical(value) ?? ''));
  if (collisionCount !== undefined) {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32LE(collisionCount);
    h = fnv32a(bytes, h);
  }
  return h;
}

export function computeHash(template: unknown, collisionCount?: number): string {
  return safeEncode(String(hashObject(template, collisionCount)));
}

export function safeEncode(text: string): string {
  let out = '';
  for (const ch of text) out += SAFE[ch.charCodeAt(0) % SAFE.length];
  return out;
}

function canonical(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value))
    return value.length === 0 ? undefined : `[${value.map((v) => canonical(v) ?? 'null').join(',')}]`;
  const fields: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const text = canonical((value as Record<string, unknown>)[key]);
    if (text !== undefined) fields.push(`${JSON.stringify(key)}:${text}`);
  }
  return fields.length === 0 ? undefined : `{${fields.join(',')}}`;
}

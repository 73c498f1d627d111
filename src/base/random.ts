/**
 * The only place where chance comes from. `systemRandom` is cryptographic; `seededRandom` makes a cluster in a test
 * deterministic and must never make keys or tokens outside tests.
 */
import { randomBytes, randomFillSync, randomUUID } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform integer in [0, n). */
  int(n: number): number;
  /** `n` random bytes. */
  bytes(n: number): Buffer;
  /** An RFC 4122 version 4 UUID in lower case. */
  uuid(): string;
  /** `n` characters of upstream's safe alphabet (no vowels, no look-alikes), as generateName appends. */
  suffix(n: number): string;
}

// Upstream: apimachinery/pkg/util/rand alphanums
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

function fromBytes(bytes: (n: number) => Buffer): Random {
  const float = () => {
    const b = bytes(7);
    return ((b.readUIntBE(0, 6) * 32 + (b[6]! & 31)) as number) / 2 ** 53;
  };
  const int = (n: number) => Math.floor(float() * n);
  return {
    float,
    int,
    bytes,
    uuid() {
      const b = bytes(16);
      b[6] = (b[6]! & 0x0f) | 0x40;
      b[8] = (b[8]! & 0x3f) | 0x80;
      const h = b.toString('hex');
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
    },
    suffix(n) {
      let s = '';
      for (let i = 0; i < n; i++) s += SAFE[int(SAFE.length)];
      return s;
    },
  };
}

// A request that makes an object wants 16 bytes at a time; the kernel is asked for 4 KB at once.
const pool = Buffer.alloc(4096);
let used = pool.length;
function pooled(n: number): Buffer {
  if (n > 256) return randomBytes(n);
  if (used + n > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const out = Buffer.from(pool.subarray(used, used + n));
  pool.fill(0, used, used + n);
  used += n;
  return out;
}

/** Node makes the identifiers of a batch at once: every request wants one. */
export const systemRandom: Random = { ...fromBytes(pooled), uuid: () => randomUUID() };

/** A deterministic source (mulberry32). */
export function seededRandom(seed: number): Random {
  let a = seed >>> 0;
  const byte = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) & 0xff;
  };
  return fromBytes((n) => Buffer.from(Array.from({ length: n }, byte)));
}

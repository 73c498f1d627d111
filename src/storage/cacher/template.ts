/**
 * One text written as what differs from another: objects that were made from one template (the Pods of a ReplicaSet, the Leases of nodes) share
 * nearly all of theirs. Knows nothing of JSON; a text is any bytes. What is packed is a row of
 *   length of own bytes, own bytes, length of a match, place of the match in the template
 * with the numbers as varints; the last match may be left out. Reading it takes hardly longer than a copy: the template lies in the processor's cache.
 */

/** What is looked for in the template; no match is shorter. */
const WINDOW = 8;
/** A match costs three or four bytes and two calls when it is read. */
const MIN_MATCH = 32;
/** Long enough to look no further. */
const GOOD_MATCH = 64;
/** Places of the template with the same window that are tried. */
const TRIES = 16;
/** Places that lie further back than this are passed over: both texts are mostly in one order. */
const BACK = 64;
const PASSED_OVER = 256;
/** Own bytes beyond which, and beyond half of what was seen, it is given up. */
const OWN_AT_FIRST = 1024;
const SAMPLES = 24;
/** A loop is quicker than a call. */
const FEW = 24;
const VARINT_MAX = 5;
/** For more bytes a call is quicker than a loop. */
const BLOCK = 256;

/** Where each window of a template lies. */
interface Places {
  /** The first place, by hash of the window. */
  heads: Int32Array;
  /** For each place the next of the same hash. */
  next: Int32Array;
  shift: number;
}

export class Template {
  readonly bytes: Buffer;
  /** Made when something is to be packed; eight to twelve times the memory of `bytes`. */
  #places: Places | undefined;

  /** `bytes` must stay as they are. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Gives up what only helps to pack, until something is packed again. */
  rest(): void {
    this.#places = undefined;
  }

  /** Share of `text` that may be found here, by samples: 0 to 1. */
  likeness(text: Buffer): number {
    const step = Math.floor((text.length - WINDOW) / SAMPLES);
    if (step < 1) return 0;
    const { heads, next, shift } = this.#known();
    let found = 0;
    for (let n = 0, i = 0; n < SAMPLES; n++, i += step) {
      let place = heads[hashAt(text, i) >>> shift]!;
      for (let tries = 0; place >= 0 && tries < TRIES; tries++, place = next[place]!) {
        if (matchLength(text, i, this.bytes, place, WINDOW) < WINDOW) continue;
        found++;
        break;
      }
    }
    return found / SAMPLES;
  }

  /** Writes `text` into `out` and says how many bytes it took; undefined: too little is shared. */
  pack(text: Buffer, out: Buffer): number | undefined {
    if (out.length < text.length) throw new RangeError('what is packed may be as long as the text');
    const { bytes } = this;
    const { length } = text;
    const places = this.#known();
    let at = 0;
    /** Where what was not written begins. */
    let from = 0;
    let own = 0;
    /** Where the text goes on in the template if nothing differs. */
    let expected = 0;
    for (let i = 0; i + WINDOW <= length; ) {
      const place = this.#find(text, i, expected, places);
      if (place < 0) {
        i++;
        expected++;
        own++;
        if (own > OWN_AT_FIRST && own * 2 > i) return undefined;
        continue;
      }
      let back = 0;
      while (i - back > from && place > back && text[i - back - 1] === bytes[place - back - 1]) back++;
      own -= back;
      const end = i + matchLength(text, i, bytes, place, length);
      if (at + i - back - from + 3 * VARINT_MAX > length) return undefined;
      at = putOwn(out, at, text, from, i - back);
      at = putVarint(out, at, end - i + back);
      at = putVarint(out, at, place - back);
      expected = place + end - i;
      i = end;
      from = end;
    }
    if (at + length - from + VARINT_MAX > length) return undefined;
    return from === length ? at : putOwn(out, at, text, from, length);
  }

  /** A place with a match worth its cost, the one where the text is expected to go on before others; -1: none. */
  #find(text: Buffer, i: number, expected: number, { heads, next, shift }: Places): number {
    const { bytes } = this;
    if (matchLength(text, i, bytes, expected, MIN_MATCH) >= MIN_MATCH) return expected;
    let best = -1;
    let longest = MIN_MATCH - 1;
    let tries = 0;
    let passed = 0;
    for (let p = heads[hashAt(text, i) >>> shift]!; p >= 0 && tries < TRIES; p = next[p]!) {
      if (p + BACK < expected && passed++ < PASSED_OVER) continue;
      tries++;
      const n = matchLength(text, i, bytes, p, GOOD_MATCH);
      if (n <= longest) continue;
      longest = n;
      best = p;
      if (n >= GOOD_MATCH) break;
    }
    return best;
  }

  #known(): Places {
    if (this.#places !== undefined) return this.#places;
    const { bytes } = this;
    const bits = Math.max(8, 32 - Math.clz32(bytes.length));
    const shift = 32 - bits;
    const heads = new Int32Array(1 << bits).fill(-1);
    const next = new Int32Array(bytes.length);
    for (let i = bytes.length - WINDOW; i >= 0; i--) {
      const hash = hashAt(bytes, i) >>> shift;
      next[i] = heads[hash]!;
      heads[hash] = i;
    }
    this.#places = { heads, next, shift };
    return this.#places;
  }
}

/** Writes the text that was `packed` by `template` into `out`, or as much of its beginning as fits. */
export function unpack(packed: Buffer, template: Buffer, out: Buffer): void {
  const end = packed.length;
  const full = out.length;
  let i = 0;
  let at = 0;
  while (i < end && at < full) {
    let byte = packed[i++]!;
    let length = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = packed[i++]!;
      length |= (byte & 127) << shift;
    }
    if (length >= FEW) at += packed.copy(out, at, i, i + length);
    else for (let j = i, stop = Math.min(full, at + length); at < stop; ) out[at++] = packed[j++]!;
    i += length;
    if (i === end || at === full) break;
    byte = packed[i++]!;
    length = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = packed[i++]!;
      length |= (byte & 127) << shift;
    }
    byte = packed[i++]!;
    let place = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = packed[i++]!;
      place |= (byte & 127) << shift;
    }
    at += template.copy(out, at, place, place + length);
  }
  if (at !== full) throw new Error(`${at} bytes were packed, not ${full}`);
}

function hashAt(bytes: Buffer, i: number): number {
  const low = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
  const high = bytes[i + 4]! | (bytes[i + 5]! << 8) | (bytes[i + 6]! << 16) | (bytes[i + 7]! << 24);
  return Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
}

function matchLength(a: Buffer, i: number, b: Buffer, j: number, most: number): number {
  const end = Math.min(most, a.length - i, b.length - j);
  let n = 0;
  while (n + BLOCK <= end && a.compare(b, j + n, j + n + BLOCK, i + n, i + n + BLOCK) === 0) n += BLOCK;
  while (n < end && a[i + n] === b[j + n]) n++;
  return n;
}

function putOwn(out: Buffer, at: number, text: Buffer, from: number, to: number): number {
  const start = putVarint(out, at, to - from);
  return start + text.copy(out, start, from, to);
}

function putVarint(out: Buffer, at: number, value: number): number {
  let rest = value;
  let end = at;
  for (; rest > 127; rest >>>= 7) out[end++] = (rest & 127) | 128;
  out[end++] = rest;
  return end;
}

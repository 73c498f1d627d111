/** As much of HPACK (RFC 7541) as a load generator needs: writing literals, reading a response's :status. */

/** A header with its name spelled out; `keep`: both ends put it into the dynamic table. */
export function literal(name: string, value: string, keep: boolean): Buffer {
  return Buffer.concat([Buffer.from([keep ? 0x40 : 0x00]), text(name), text(value)]);
}

export function indexed(index: number): Buffer {
  return integer(index, 7, 0x80);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length, 7, 0), bytes]);
}

function integer(value: number, bits: number, flags: number): Buffer {
  const max = (1 << bits) - 1;
  if (value < max) return Buffer.from([flags | value]);
  const out = [flags | max];
  let rest = value - max;
  for (; rest >= 128; rest >>= 7) out.push((rest & 127) | 128);
  out.push(rest);
  return Buffer.from(out);
}

const STATIC_STATUS = [200, 204, 206, 304, 400, 404, 500];
const STATUS_INDEX = 8;

/** The status of a response block; undefined for trailers. */
export function statusOf(block: Buffer, from: number): number | undefined {
  let at = from;
  // Dynamic table size updates.
  while ((block[at]! & 0xe0) === 0x20) {
    if ((block[at]! & 0x1f) === 0x1f) while (block[++at]! & 0x80);
    at++;
  }
  const first = block[at]!;
  if (first & 0x80) return STATIC_STATUS[(first & 0x7f) - STATUS_INDEX];
  const index = first & 0x40 ? first & 0x3f : first & 0x0f;
  if (index < STATUS_INDEX || index > STATUS_INDEX + 6) return undefined;
  const length = block[at + 1]!;
  const bytes = block.subarray(at + 2, at + 2 + (length & 0x7f));
  return length & 0x80 ? Number(huffmanDigits(bytes)) : Number(bytes.toString('latin1'));
}

/** Digits in HPACK's code: 0, 1 and 2 have five bits (0 to 2), 3 to 9 have six (25 to 31). */
function huffmanDigits(bytes: Buffer): string {
  let bits = '';
  for (const b of bytes) bits += b.toString(2).padStart(8, '0');
  let out = '';
  for (let at = 0; at + 5 <= bits.length && out.length < 3; ) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    if (five <= 2) {
      out += five;
      at += 5;
    } else {
      out += Number.parseInt(bits.slice(at, at + 6), 2) - 22;
      at += 6;
    }
  }
  return out;
}

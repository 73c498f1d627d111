/**
 * Pieces of objects seen lately with the protobuf they became: objects made from one template differ in few places, and to compare the rest takes a
 * tenth of reading it. A piece is the whole text of a JSON object or list, so whatever begins with this text is it. Bounded; never stale, since
 * the same text of the same field always becomes the same bytes.
 */
export interface Piece {
  readonly json: Buffer;
  /** Of its protobuf, tags and lengths included. */
  readonly size: number;
  /** Absent until the piece was first written. */
  wire: Buffer | undefined;
  /** It was met again. */
  isUsed: boolean;
}

const MIN_BYTES = 48;
const MAX_BYTES = 8192;
/** Of one field. */
const PIECES = 4;
/** Of all fields together; beyond it everything is forgotten. */
const MAX_TOTAL = 2 << 20;
/** What may be kept for nothing: keeping costs, a piece that is met again brings twice as much. */
const CREDIT = 32;
const COST = 4;
/** A field with no credit keeps one in so many. */
const NOW_AND_THEN = 32;
/** After so many misses in a row nothing is looked for, for a while. */
const PATIENCE = 32;
const REST = 512;

let total = 0;
let era = 0;

/** Of one field. */
export class Memo {
  /** Those met last first. */
  #pieces: Piece[] = [];
  #era = era;
  #credit = CREDIT;
  #misses = 0;
  #missesInRow = 0;
  #rest = 0;

  /** The piece that begins at `at`; `written`: only with its protobuf. */
  find(b: Buffer, at: number, written: boolean): Piece | undefined {
    if (this.#rest > 0) {
      this.#rest--;
      return undefined;
    }
    if (this.#era !== era) this.#forget();
    const pieces = this.#pieces;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      const { json } = piece;
      const n = json.length;
      const middle = n >> 1;
      if (b[at + n - 1] !== json[n - 1] || b[at + middle] !== json[middle]) continue;
      if (json.compare(b, at, at + n) !== 0 || (written && piece.wire === undefined)) continue;
      this.#found(piece, i);
      return piece;
    }
    this.#misses++;
    if (++this.#missesInRow > PATIENCE) {
      this.#rest = REST;
      this.#missesInRow = PATIENCE / 2;
    }
    return undefined;
  }

  #found(piece: Piece, i: number): void {
    this.#missesInRow = 0;
    if (!piece.isUsed) {
      piece.isUsed = true;
      this.#credit = Math.min(CREDIT, this.#credit + 2 * COST);
    }
    if (i === 0) return;
    this.#pieces[i] = this.#pieces[i - 1]!;
    this.#pieces[i - 1] = piece;
  }

  /** Whether a piece that was not found is to be kept. */
  wants(size: number): boolean {
    if (this.#rest > 0 || size < MIN_BYTES || size > MAX_BYTES) return false;
    return this.#credit >= COST || this.#misses % NOW_AND_THEN === 0;
  }

  add(b: Buffer, from: number, to: number, size: number): Piece {
    const json = Buffer.allocUnsafeSlow(to - from);
    b.copy(json, 0, from, to);
    const piece: Piece = { json, size, wire: undefined, isUsed: false };
    total += held(piece);
    if (total > MAX_TOTAL) {
      total = held(piece);
      era++;
    }
    if (this.#era !== era) this.#forget();
    this.#credit = Math.max(0, this.#credit - COST);
    const pieces = this.#pieces;
    if (pieces.length < PIECES) pieces.push(piece);
    else {
      total -= held(pieces[PIECES - 1]!);
      pieces[PIECES - 1] = piece;
    }
    return piece;
  }

  #forget(): void {
    this.#era = era;
    this.#pieces = [];
    this.#credit = CREDIT;
  }
}

function held({ json, size }: Piece): number {
  return json.length + size;
}

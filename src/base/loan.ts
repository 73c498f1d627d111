/** Memory for bytes that are needed for a moment and then copied on: the same each time, so that nothing has to be collected. */
const SMALLEST = 64 << 10;
/** More is not kept for the next loan. */
const LARGEST = 1 << 20;

export class Loan {
  #memory: Buffer = Buffer.alloc(0);

  /** `length` bytes, whatever is in them, until the next loan. */
  lend(length: number): Buffer {
    if (length > LARGEST) return Buffer.allocUnsafeSlow(length);
    if (this.#memory.length < length) this.#memory = Buffer.allocUnsafeSlow(Math.max(SMALLEST, length));
    return this.#memory.subarray(0, length);
  }
}

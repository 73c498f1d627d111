/** A text as it is kept, and how it is read: what is packed is unpacked for each reader. */
import { Loan } from '../../base/loan.ts';
import { unpack } from './template.ts';

export interface PackedText {
  readonly bytes: Buffer;
  /** Undefined: the bytes are the text. */
  readonly template: Buffer | undefined;
  /** Of the text. */
  readonly length: number;
}

const loan = new Loan();

/** The text, until another one is read. */
export function lentText({ bytes, template, length }: PackedText): Buffer {
  return template === undefined ? bytes : unpackInto(loan.lend(length), bytes, template);
}

export function unpackInto(out: Buffer, packed: Buffer, template: Buffer): Buffer {
  unpack(packed, template, out);
  return out;
}

/** As `lentText`, of a text that is packed. */
export function unpackLent(packed: Buffer, template: Buffer, length: number): Buffer {
  return unpackInto(loan.lend(length), packed, template);
}

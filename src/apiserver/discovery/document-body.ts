/** The bytes of a document that is served many times: plain or gzipped, whichever it was made from, and the other form once asked for. */
import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';

const gzipAsync = promisify(gzip);

export class DocumentBody {
  /** Bytes in the plain form. */
  readonly length: number;
  #plain: Buffer | undefined;
  #gzipped: Buffer | Promise<Buffer> | undefined;

  private constructor(length: number, plain: Buffer | undefined, gzipped: Buffer | undefined) {
    this.length = length;
    this.#plain = plain;
    this.#gzipped = gzipped;
  }

  static readonly EMPTY = DocumentBody.plain(Buffer.alloc(0));

  static plain(bytes: Buffer): DocumentBody {
    return new DocumentBody(bytes.length, bytes, undefined);
  }

  /** `bytes` are one member of gzip, whose last four bytes are the length of what it holds (RFC 1952). */
  static gzipped(bytes: Buffer): DocumentBody {
    return new DocumentBody(bytes.readUInt32LE(bytes.length - 4), undefined, bytes);
  }

  get bytes(): Buffer {
    this.#plain ??= gunzipSync(this.#gzipped as Buffer);
    return this.#plain;
  }

  get gzip(): Buffer | Promise<Buffer> {
    this.#gzipped ??= gzipAsync(this.bytes);
    return this.#gzipped;
  }
}

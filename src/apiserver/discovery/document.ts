/** A document served many times between changes: encoded on first request, per encoding, with a strong ETag. */
import { createHash } from 'node:crypto';

export interface DocumentResponse {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export class CachedDocument {
  readonly #make: () => object;
  #object: object | undefined;
  #json: Buffer | undefined;
  #etag: string | undefined;
  readonly #encoded = new Map<string, Buffer>();

  constructor(make: () => object) {
    this.#make = make;
  }

  get object(): object {
    this.#object ??= this.#make();
    return this.#object;
  }

  get json(): Buffer {
    this.#json ??= Buffer.from(`${JSON.stringify(this.object)}\n`);
    return this.#json;
  }

  /** Quoted; the same for every encoding, as upstream's. */
  get etag(): string {
    this.#etag ??= `"${createHash('sha512').update(this.json).digest('hex').toUpperCase()}"`;
    return this.#etag;
  }

  encoded(mediaType: string, encode: (object: object) => Buffer): Buffer {
    let bytes = this.#encoded.get(mediaType);
    if (bytes === undefined) {
      bytes = encode(this.object);
      this.#encoded.set(mediaType, bytes);
    }
    return bytes;
  }
}

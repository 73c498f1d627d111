/** A document served many times between changes: encoded on first request, per encoding, with a strong ETag. */
import { createHash } from 'node:crypto';
import { DocumentBody } from './document-body.ts';

export interface DocumentResponse {
  status: number;
  headers: Record<string, string>;
  body: DocumentBody;
}

export class CachedDocument {
  readonly #make: () => object;
  #object: object | undefined;
  #json: DocumentBody | undefined;
  #etag: string | undefined;
  readonly #encoded = new Map<string, DocumentBody>();

  constructor(make: () => object) {
    this.#make = make;
  }

  get object(): object {
    this.#object ??= this.#make();
    return this.#object;
  }

  get json(): DocumentBody {
    this.#json ??= DocumentBody.plain(Buffer.from(`${JSON.stringify(this.object)}\n`));
    return this.#json;
  }

  /** Quoted; the same for every encoding, as upstream's. */
  get etag(): string {
    this.#etag ??= `"${createHash('sha512').update(this.json.bytes).digest('hex').toUpperCase()}"`;
    return this.#etag;
  }

  encoded(mediaType: string, encode: (object: object) => Buffer): DocumentBody {
    let body = this.#encoded.get(mediaType);
    if (body === undefined) {
      body = DocumentBody.plain(encode(this.object));
      this.#encoded.set(mediaType, body);
    }
    return body;
  }
}

/**
 * Header blocks: name/value pairs, compressed with one zlib context for the life of a connection in each direction, so blocks must be
 * taken in the order they are on the wire; calls are queued.
 */
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { SPDY_DICTIONARY } from './dictionary.ts';

export type Headers = Record<string, string>;

/** A header block longer than this (uncompressed) is refused. */
const MAX_BLOCK = 256 * 1024;

export class HeaderCompressor {
  readonly #deflate: Deflate = createDeflate({ dictionary: SPDY_DICTIONARY });
  #queue: Promise<unknown> = Promise.resolve();

  compress(headers: Headers): Promise<Buffer> {
    const block = encodePairs(headers);
    const result = this.#queue.then(() => through(this.#deflate, block));
    this.#queue = result.catch(() => {});
    return result;
  }
  close(): void {
    this.#deflate.close();
  }
}

export class HeaderDecompressor {
  readonly #inflate: Inflate = createInflate({ dictionary: SPDY_DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });
  #queue: Promise<unknown> = Promise.resolve();

  decompress(block: Buffer): Promise<Headers> {
    const result = this.#queue.then(async () => decodePairs(await through(this.#inflate, block)));
    this.#queue = result.catch(() => {});
    return result;
  }
  close(): void {
    this.#inflate.close();
  }
}

/** What comes out of a zlib stream for what went in, flushed. */
function through(stream: Deflate | Inflate, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BLOCK) done(new Error('SPDY header block is too long'));
      else chunks.push(chunk);
    };
    const done = (err?: Error) => {
      stream.off('data', onData);
      stream.off('error', done);
      if (err) reject(err);
      else resolve(Buffer.concat(chunks));
    };
    stream.on('data', onData);
    stream.on('error', done);
    stream.write(input);
    stream.flush(constants.Z_SYNC_FLUSH, () => done());
  });
}

function encodePairs(headers: Headers): Buffer {
  const parts: Buffer[] = [u32(Object.keys(headers).length)];
  for (const [name, value] of Object.entries(headers)) {
    for (const text of [name.toLowerCase(), value]) {
      const bytes = Buffer.from(text);
      parts.push(u32(bytes.length), bytes);
    }
  }
  return Buffer.concat(parts);
}

function decodePairs(block: Buffer): Headers {
  const headers: Headers = {};
  let at = 4;
  const text = () => {
    const length = block.readUInt32BE(at);
    at += 4 + length;
    return block.toString('utf8', at - length, at);
  };
  for (let i = block.readUInt32BE(0); i > 0; i--) {
    const name = text();
    headers[name] = text();
  }
  return headers;
}

function u32(n: number): Buffer {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n);
  return b;
}

/** Bodies as the client reads them: whole, or as a sequence of JSON values one a line (watch). */

/** The whole body in one buffer; no copy when it came as one chunk. */
export async function readAll(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

const NEWLINE = 0x0a;

/** Newline-delimited JSON values. A last line that is cut off is dropped: the stream ended inside it. */
export async function* jsonFrames<T>(body: AsyncIterable<Buffer>): AsyncIterable<T> {
  let rest: Buffer[] = [];
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE, start); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      const line = rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      start = end + 1;
      if (line.length > 0) yield JSON.parse(line.toString('utf8')) as T;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
}

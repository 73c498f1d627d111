/** Raw requests against a test API server: what the wire says, parsed. For tests of the server itself; others use the client. */
import type { Transport } from '../../src/client/transport.ts';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  bytes: Buffer;
  /** Parsed when it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look anywhere into answers
  json: any;
}

export interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
}

export type Call = (method: string, url: string, ask?: Ask) => Promise<Answer>;

/** `body`: a Buffer or string goes as it is, anything else as JSON. */
export function caller(transport: Transport): Call {
  return async (method, url, { body, headers = {} } = {}) => {
    const bytes =
      body === undefined
        ? undefined
        : Buffer.isBuffer(body)
          ? body
          : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const response = await transport.send({
      method,
      url,
      headers: {
        ...(bytes === undefined ? {} : { 'content-type': 'application/json' }),
        'user-agent': 'tester/1.0',
        ...headers,
      },
      ...(bytes === undefined ? {} : { body: bytes }),
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    const all = Buffer.concat(chunks);
    const text = all.toString();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, bytes: all, json };
  };
}

/** The frames of a JSON watch, one parsed event at a time. */
export async function* watchEvents(
  transport: Transport,
  url: string,
  signal: AbortSignal,
  // biome-ignore lint/suspicious/noExplicitAny: tests look anywhere into events
): AsyncGenerator<{ type: string; object: any }> {
  const response = await transport.send({ method: 'GET', url, headers: { accept: 'application/json' }, signal });
  let rest = '';
  for await (const chunk of response.body) {
    rest += chunk.toString();
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      yield JSON.parse(rest.slice(0, end)) as { type: string; object: unknown };
      rest = rest.slice(end + 1);
    }
  }
}

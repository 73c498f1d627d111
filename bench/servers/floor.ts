/**
 * The floor: a bare Node server that does only what no server could leave out. It terminates TLS (HTTP/1.1 and HTTP/2 on one port),
 * parses bodies, commits durably, answers the same bytes. No authentication, no rules, no conflicts, no history, no selectors.
 * `node bench/servers/floor.ts DIR PORT`, started by harness/servers.ts, which sends it key and certificate.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { DatabaseSync } from 'node:sqlite';
import { createGzip } from 'node:zlib';
import { FloorObjects } from './floor-objects.ts';
import type { PrimeMessage } from './messages.ts';

const [dir, port] = process.argv.slice(2) as [string, string];
const OK = Buffer.from('ok');
const SLAB = 256 * 1024;
// As upstream and we compress lists.
const GZIP_LEVEL = 1;

/** The two protocols behind the few calls the floor makes. */
interface Reply {
  send(status: number, body: Buffer): void;
  begin(gzip: boolean): void;
  write(chunk: Buffer): boolean;
  drain(fn: () => void): void;
  end(): void;
  /** Calls back when the client is gone. */
  closed(fn: () => void): void;
}

/** A list as a server holds it: one buffer an object. */
interface Primed {
  chunks: Buffer[];
  gzip: boolean;
}

const objects = new FloorObjects(`${dir}/floor.db`);
const primed = new Map<string, Primed>();
const kept: unknown[] = [];
const primedKey = (path: string, accept: string | undefined, encoding: string | undefined) =>
  `${path}|${accept ?? ''}|${encoding ?? ''}`;

function handle(
  method: string,
  path: string,
  headers: { accept?: string; 'accept-encoding'?: string },
  body: Buffer | undefined,
  reply: Reply,
): void {
  if (method === 'GET') {
    if (path === '/readyz') return reply.send(200, OK);
    if (path.includes('watch=1')) {
      reply.begin(false);
      reply.closed(objects.watch(reply));
      return;
    }
    const list = primed.get(primedKey(path, headers.accept, headers['accept-encoding']));
    if (list !== undefined) return sendList(list, reply);
    const object = objects.get(path);
    reply.send(object === undefined ? 404 : 200, object ?? Buffer.from('{}'));
    return;
  }
  objects.write(method, path, body!, (status, bytes) => reply.send(status, bytes));
}

function sendList({ chunks, gzip }: Primed, reply: Reply): void {
  if (chunks.length === 1 && !gzip) return reply.send(200, chunks[0]!);
  reply.begin(gzip);
  let sink: Pick<Reply, 'write' | 'drain' | 'end'> = reply;
  if (gzip) {
    const zip = createGzip({ level: GZIP_LEVEL });
    zip.on('data', (c: Buffer) => reply.write(c));
    zip.on('end', () => reply.end());
    sink = { write: (c) => zip.write(c), drain: (fn) => zip.once('drain', fn), end: () => zip.end() };
  }
  let at = 0;
  const more = () => {
    while (at < chunks.length) {
      const from = at;
      let size = 0;
      while (at < chunks.length && size < SLAB) size += chunks[at++]!.length;
      if (!sink.write(Buffer.concat(chunks.slice(from, at), size))) return sink.drain(more);
    }
    sink.end();
  };
  more();
}

function http1(request: IncomingMessage, response: ServerResponse): void {
  const reply: Reply = {
    send(status, body) {
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
      response.end(body);
    },
    begin(gzip) {
      response.writeHead(200, { 'content-type': 'application/json', ...(gzip ? { 'content-encoding': 'gzip' } : {}) });
      response.flushHeaders();
    },
    write: (chunk) => response.write(chunk),
    drain: (fn) => response.once('drain', fn),
    end: () => response.end(),
    closed: (fn) => response.once('close', fn),
  };
  const run = (body?: Buffer) => handle(request.method!, request.url!, request.headers as never, body, reply);
  if (request.method === 'GET') return run();
  collect(request, run);
}

function http2(stream: ServerHttp2Stream, headers: Record<string, string>): void {
  const reply: Reply = {
    send(status, body) {
      stream.respond({ ':status': status, 'content-type': 'application/json', 'content-length': body.length });
      stream.end(body);
    },
    begin(gzip) {
      stream.respond({
        ':status': 200,
        'content-type': 'application/json',
        ...(gzip ? { 'content-encoding': 'gzip' } : {}),
      });
    },
    write: (chunk) => stream.write(chunk),
    drain: (fn) => stream.once('drain', fn),
    end: () => stream.end(),
    closed: (fn) => stream.once('close', fn),
  };
  stream.on('error', () => {});
  const run = (body?: Buffer) => handle(headers[':method']!, headers[':path']!, headers, body, reply);
  if (headers[':method'] === 'GET') return run();
  collect(stream, run);
}

function collect(stream: NodeJS.ReadableStream, then: (body: Buffer) => void): void {
  const parts: Buffer[] = [];
  stream.on('data', (c: Buffer) => parts.push(c));
  stream.on('end', () => then(parts.length === 1 ? parts[0]! : Buffer.concat(parts)));
}

async function prime(message: PrimeMessage['prime']): Promise<void> {
  const { host, port: from, ca, headers, requests = [], copies = [], pad } = message;
  if (pad !== undefined) objects.pad(pad.path, pad.bytes);
  for (const path of copies) {
    const list = JSON.parse((await fetchBody({ host, port: from, ca, path, headers })).toString()) as {
      apiVersion: string;
      kind: string;
      items: { metadata: { name: string } }[];
    };
    const { apiVersion, kind } = list;
    for (const item of list.items)
      objects.hold(
        `${path}/${item.metadata.name}`,
        Buffer.from(JSON.stringify({ apiVersion, kind: kind.slice(0, -'List'.length), ...item })),
      );
  }
  for (const r of requests) {
    const { accept } = r.headers;
    const gzip = r.headers['accept-encoding'] === 'gzip';
    // Uncompressed: the floor compresses itself.
    const body = await fetchBody({
      host,
      port: from,
      ca,
      path: r.path,
      headers: { ...headers, ...(accept === undefined ? {} : { accept }) },
    });
    primed.set(primedKey(r.path, accept, r.headers['accept-encoding']), { chunks: cut(body), gzip });
  }
}

function cut(body: Buffer): Buffer[] {
  const OBJECT = 9 * 1024;
  if (body.length < 4 * OBJECT) return [Buffer.from(body)];
  const out: Buffer[] = [];
  for (let at = 0; at < body.length; at += OBJECT) out.push(Buffer.from(body.subarray(at, at + OBJECT)));
  return out;
}

function fetchBody(options: {
  host: string;
  port: number;
  ca: string;
  path: string;
  headers: Record<string, string>;
}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ ...options, agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${options.path}: status ${response.statusCode}`));
      collect(response, resolve);
    });
    request.on('error', reject);
    request.end();
  });
}

// B11: what any server must do at a start with objects on disk.
if (process.env.BENCH_READ === '1') {
  const db = new DatabaseSync(`${dir}/keelson.db`);
  for (const row of db.prepare('SELECT rev, key, value FROM log ORDER BY rev').iterate()) kept.push(row);
  db.close();
}

const server = createSecureServer({
  key: readFileSync(`${dir}/server.key`),
  cert: readFileSync(`${dir}/server.crt`),
  allowHTTP1: true,
  ALPNProtocols: ['h2', 'http/1.1'],
  settings: { maxConcurrentStreams: 1000 },
});
server.on('request', (request: IncomingMessage, response: ServerResponse) => {
  if (request.httpVersionMajor < 2) http1(request, response);
});
// For whoever listens to 'request' Node makes compatibility objects of every HTTP/2 stream.
server.removeAllListeners('stream');
server.on('stream', (stream, headers) => http2(stream, headers as Record<string, string>));
server.on('secureConnection', (socket) => socket.setNoDelay(true));
server.on('sessionError', () => {});
process.on('message', (message: Partial<PrimeMessage>) => {
  if (message.prime === undefined) return;
  prime(message.prime).then(
    () => process.send!({ primed: true }),
    (err: unknown) => process.send!({ primed: false, error: String(err) }),
  );
});
process.on('SIGTERM', () => process.exit(0));
server.listen(Number(port), '127.0.0.1', () => process.send?.({ listening: true }));

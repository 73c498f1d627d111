/**
 * Reads container logs as CRI runtimes write them: `TIME STREAM TAG CONTENT`, tag F for a full line and P for a part of one.
 * Upstream: pkg/kubelet/kuberuntime/logs/logs.go
 */
import { open } from 'node:fs/promises';
import { type Clock, systemClock } from '../../../base/clock.ts';
import type { LogOptions } from '../container-runtime.ts';

const CHUNK = 64 * 1024;
const POLL = 250;
const NEWLINE = 10;

export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  time: string;
  stream: 'stdout' | 'stderr';
  /** False: the line goes on in the next entry. */
  full: boolean;
  content: Buffer;
}

/** Undefined for what is not a log entry. */
export function parseLine(line: Buffer): LogLine | undefined {
  const a = line.indexOf(32);
  const b = line.indexOf(32, a + 1);
  const c = line.indexOf(32, b + 1);
  if (a < 0 || b < 0) return undefined;
  const stream = line.subarray(a + 1, b).toString('latin1');
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const end = c < 0 ? line.length : c;
  const full = !line
    .subarray(b + 1, end)
    .toString('latin1')
    .split(':')
    .includes('P');
  return {
    time: line.subarray(0, a).toString('latin1'),
    stream,
    full,
    content: line.subarray(Math.min(end + 1, line.length)),
  };
}

export interface LogContext {
  clock: Clock;
  /** The container no longer writes. */
  hasEnded(): Promise<boolean>;
}

export async function* readLogs(path: string, options: LogOptions, context: LogContext): AsyncIterable<Buffer> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  const since = options.since;
  let continues = false;
  for await (const raw of lines(path, options, context)) {
    const line = parseLine(raw);
    if (line === undefined) continue;
    if (since !== undefined && Date.parse(line.time) < since) continue;
    if (options.stream !== 'All' && line.stream !== options.stream.toLowerCase()) continue;
    const prefix = options.timestamps && !continues ? Buffer.from(`${line.time} `) : Buffer.alloc(0);
    continues = !line.full;
    const out = Buffer.concat([prefix, line.content, ...(line.full ? [Buffer.from('\n')] : [])]);
    yield out.length > left ? out.subarray(0, left) : out;
    left -= out.length;
    if (left <= 0) return;
  }
}

async function* lines(path: string, options: LogOptions, { clock, hasEnded }: LogContext): AsyncIterable<Buffer> {
  const file = await open(path, 'r').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return undefined;
    throw err;
  });
  if (file === undefined) return;
  try {
    const { size } = await file.stat();
    let at = options.tailLines === undefined ? 0 : await tailOffset(file, size, options.tailLines);
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      // Asked before reading: what is written before it ended is still read.
      const ended = !options.follow || (await hasEnded());
      const buffer = Buffer.alloc(CHUNK);
      const { bytesRead } = await file.read(buffer, 0, CHUNK, at);
      if (bytesRead === 0) {
        if (ended || options.signal.aborted) break;
        await clock.sleep(POLL, options.signal).catch(() => {});
        continue;
      }
      at += bytesRead;
      rest = rest.length === 0 ? buffer.subarray(0, bytesRead) : Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      let start = 0;
      for (let nl = rest.indexOf(NEWLINE); nl >= 0; nl = rest.indexOf(NEWLINE, start)) {
        yield rest.subarray(start, nl);
        start = nl + 1;
      }
      rest = rest.subarray(start);
    }
    if (rest.length > 0) yield rest;
  } finally {
    await file.close();
  }
}

/** Where the last `count` lines begin. */
async function tailOffset(
  file: { read(b: Buffer, o: number, l: number, p: number): Promise<{ bytesRead: number }> },
  size: number,
  count: number,
): Promise<number> {
  if (count <= 0) return size;
  let found = 0;
  let end = size;
  const buffer = Buffer.alloc(CHUNK);
  while (end > 0) {
    const start = Math.max(end - CHUNK, 0);
    await file.read(buffer, 0, end - start, start);
    for (let i = end - start - 1; i >= 0; i--) {
      // The newline that ends the file ends the last line, it does not begin another.
      if (buffer[i] !== NEWLINE || start + i === size - 1) continue;
      if (++found === count) return start + i + 1;
    }
    end = start;
  }
  return 0;
}

/** The end of a log as one text: at most so many lines and bytes. */
export async function tailOfLog(path: string, maxLines: number, maxBytes: number): Promise<string> {
  const never = new AbortController().signal;
  const out: Buffer[] = [];
  const options: LogOptions = { follow: false, timestamps: false, tailLines: maxLines, stream: 'All', signal: never };
  for await (const chunk of readLogs(path, options, { clock: systemClock, hasEnded: () => Promise.resolve(true) }))
    out.push(chunk);
  const all = Buffer.concat(out);
  return all.subarray(Math.max(all.length - maxBytes, 0)).toString();
}

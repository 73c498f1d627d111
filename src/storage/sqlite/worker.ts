/**
 * The storage worker: owns the database, answers the main thread's messages in order. All write messages that are
 * waiting go into one transaction (group commit); their replies leave after its fsync. Compaction works in small steps between messages.
 */
import { join } from 'node:path';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { futureRevision } from '../errors.ts';
import { prefixEnd } from '../memory/sorted-map.ts';
import { StorageError } from '../storage.ts';
import { DATABASE_FILE, databaseSize, openDatabase, storageErrorOf } from './database.ts';
import { type Current, LogStore } from './log-store.ts';
import {
  CHANGE_NUMBERS,
  type ChangesMessage,
  type Reply,
  type Request,
  type RowsMessage,
  type WriteMessage,
  type WrittenMessage,
} from './messages.ts';

const { dir, maxBytes } = workerData as { dir: string; maxBytes?: number };
const port: MessagePort = parentPort!;
const file = join(dir, DATABASE_FILE);

// An answer is cut where it grows past this, so that writes get their turn.
const ANSWER_BYTES = 1 << 20;
// Rows removed, pages given back in one go of a compaction.
const REMOVE_ROWS = 500;
const SHRINK_PAGES = 256;
// More write messages than this do not wait for each other.
const GROUP_OPERATIONS = 4096;

interface Answer {
  rows: Current[];
  /** Positions in `rows`, in the order of sending; those before `sent` are done. */
  order: Uint32Array;
  sent: number;
  revision: number;
  remaining: number;
}

let store: LogStore;
let nextCursor = 1;
/** Lists that are being read: what is left of each. Rows they may still need are not removed. */
const cursors = new Map<number, Answer>();
/** Rows to remove, and who waits for it. */
let garbage: number[] = [];
let compacting: { id: number }[] = [];
let stepDue = false;

function reply(message: Reply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function fail(id: number, err: unknown): void {
  const { code, message, key, revision } = storageErrorOf(err, file);
  reply({ type: 'failed', id, code, message, key, revision });
}

function pack(parts: readonly Uint8Array[], spare?: ArrayBuffer): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const p of parts) length += p.length;
  const fits = spare !== undefined && length <= spare.byteLength;
  const out = new Uint8Array(fits ? spare : new ArrayBuffer(length), 0, length);
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

function writeGroup(group: readonly WriteMessage[]): void {
  const replies: { message: WrittenMessage; transfer: ArrayBuffer[] }[] = [];
  try {
    store.begin();
    for (const message of group) {
      const { numbers, previous } = store.write(message);
      const packed = pack(previous);
      const spare = message.values.buffer;
      replies.push({
        message: { type: 'written', id: message.id, numbers, previous: packed, spare, revision: store.revision },
        transfer: [numbers.buffer as ArrayBuffer, packed.buffer, spare],
      });
    }
    store.commit();
  } catch (err) {
    store.rollback();
    for (const message of group) fail(message.id, err);
    return;
  }
  for (const { message, transfer } of replies) reply(message, transfer);
}

/** Sends the next part of an answer, as much as fits one message. */
function sendRows(id: number, answer: Answer, spare?: ArrayBuffer): void {
  const { rows, order, revision, remaining } = answer;
  const values: Uint8Array[] = [];
  const keys: string[] = [];
  const numbers: number[] = [];
  let size = 0;
  while (answer.sent < order.length && size <= ANSWER_BYTES) {
    const position = order[answer.sent++]!;
    const { key, mod, created } = rows[position]!;
    const value = store.value(mod, key);
    if (values.length > 0 && spare !== undefined && size + value.length > spare.byteLength) {
      answer.sent--;
      break;
    }
    values.push(value);
    keys.push(key);
    numbers.push(mod, created, value.length, position);
    size += value.length;
  }
  let cursor: number | undefined;
  if (answer.sent < order.length) {
    cursor = nextCursor++;
    cursors.set(cursor, answer);
  }
  const packed = pack(values, spare);
  const packedNumbers = Float64Array.from(numbers);
  const message: RowsMessage = {
    type: 'rows',
    id,
    total: rows.length,
    keys,
    numbers: packedNumbers,
    values: packed,
    revision,
    remaining,
    cursor,
  };
  reply(message, [packedNumbers.buffer, packed.buffer]);
}

/** Rows are read in the order in which they lie in the file: in key order every one would be on another page. */
function answerOf(rows: Current[], revision: number, remaining: number): Answer {
  const order = Uint32Array.from(rows.keys());
  if (rows.length > 1) order.sort((a, b) => rows[a]!.mod - rows[b]!.mod);
  return { rows, order, sent: 0, revision, remaining };
}

function list(message: Extract<Request, { type: 'list' }>): void {
  const { id, prefix, start, limit, minRevision } = message;
  if (minRevision > store.revision) throw futureRevision(minRevision, store.revision);
  const revision = message.revision || store.revision;
  const map = store.at(revision, limit > 0);
  const end = prefixEnd(prefix);
  const rows = map.range(start, end, limit || Number.POSITIVE_INFINITY);
  const remaining = limit === 0 || rows.length < limit ? 0 : map.countRange(`${rows[rows.length - 1]!.key}\0`, end);
  sendRows(id, answerOf(rows, revision, remaining));
}

function changes({ id, prefix, after, wantPrevious }: Extract<Request, { type: 'changes' }>): void {
  const keys: string[] = [];
  const numbers: number[] = [];
  const values: Uint8Array[] = [];
  let size = 0;
  let upTo = Math.max(store.revision, after);
  let more = false;
  for (const { rev, key, created, prev, value } of store.changes(prefix, after)) {
    if (size > ANSWER_BYTES) {
      more = true;
      break;
    }
    const previous = wantPrevious && prev !== 0 ? store.value(prev, key) : undefined;
    keys.push(key);
    numbers.push(rev, created, prev, value?.length ?? -1, previous?.length ?? -1);
    if (value !== null) values.push(value);
    if (previous !== undefined) values.push(previous);
    size += (value?.length ?? 0) + (previous?.length ?? 0);
  }
  if (more) upTo = numbers[numbers.length - CHANGE_NUMBERS]!;
  const packedNumbers = Float64Array.from(numbers);
  const packed = pack(values);
  const message: ChangesMessage = { type: 'changes', id, keys, numbers: packedNumbers, values: packed, upTo, more };
  reply(message, [packedNumbers.buffer, packed.buffer]);
}

function compact(id: number, revision: number): void {
  for (const rev of store.compact(revision)) garbage.push(rev);
  compacting.push({ id });
  step();
}

/** One step of removing what is compacted; others follow between messages. */
function step(): void {
  if (stepDue) return;
  stepDue = true;
  setImmediate(() => {
    stepDue = false;
    if (closing) return;
    try {
      if (cursors.size > 0) return;
      if (garbage.length > 0) {
        store.remove(garbage.slice(-REMOVE_ROWS));
        garbage.length = Math.max(garbage.length - REMOVE_ROWS, 0);
        step();
      } else if (compacting.length > 0 && store.shrink(SHRINK_PAGES)) {
        step();
      } else {
        for (const { id } of compacting) reply({ type: 'number', id, value: store.compactedRevision });
        compacting = [];
      }
    } catch (err) {
      for (const { id } of compacting) fail(id, err);
      compacting = [];
    }
  });
}

let closing = false;

function handle(message: Exclude<Request, WriteMessage>): void {
  const { id } = message;
  switch (message.type) {
    case 'get': {
      if (message.minRevision > store.revision) throw futureRevision(message.minRevision, store.revision);
      const current = store.current(message.key);
      sendRows(id, answerOf(current === undefined ? [] : [current], store.revision, 0));
      return;
    }
    case 'list':
      list(message);
      return;
    case 'next': {
      const answer = cursors.get(message.cursor);
      if (answer === undefined) throw new StorageError('Closed', 'the list was given up');
      cursors.delete(message.cursor);
      sendRows(id, answer, message.spare);
      if (cursors.size === 0) step();
      return;
    }
    case 'drop':
      cursors.delete(message.cursor);
      if (cursors.size === 0) step();
      return;
    case 'changes':
      changes(message);
      return;
    case 'count':
      reply({ type: 'number', id, value: store.count(message.prefix) });
      return;
    case 'compact':
      compact(id, message.revision);
      return;
    case 'size':
      reply({ type: 'number', id, value: databaseSize(dir) });
      return;
    case 'ping':
      reply({ type: 'number', id, value: store.revision });
      return;
    case 'close':
      closing = true;
      store.close();
      reply({ type: 'number', id, value: 0 });
      port.close();
      return;
  }
}

function onMessage(first: Request): void {
  let message: Request | undefined = first;
  while (message !== undefined && !closing) {
    if (message.type === 'write') {
      const group: WriteMessage[] = [message];
      let operations = message.keys.length;
      let next = nextMessage();
      while (next?.type === 'write' && operations < GROUP_OPERATIONS) {
        group.push(next);
        operations += next.keys.length;
        next = nextMessage();
      }
      writeGroup(group);
      message = next;
      continue;
    }
    try {
      handle(message);
    } catch (err) {
      fail(message.id, err);
    }
    message = nextMessage();
  }
}

function nextMessage(): Request | undefined {
  return (receiveMessageOnPort(port) as { message: Request } | undefined)?.message;
}

try {
  store = new LogStore(openDatabase(dir, maxBytes));
  garbage = store.garbage.slice();
  reply({ type: 'opened', id: 0, revision: store.revision, expiring: store.expiring });
  if (garbage.length > 0) step();
  port.on('message', onMessage);
} catch (err) {
  fail(0, err);
  port.close();
}

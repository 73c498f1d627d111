/**
 * The floor's durability: rows go to a worker as they come; it commits what is waiting in one sqlite transaction, with fsync, and
 * says so. The same guarantee as ours with nothing around it.
 */
import { DatabaseSync } from 'node:sqlite';
import {
  isMainThread,
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  Worker,
  workerData,
} from 'node:worker_threads';

interface Row {
  key: string;
  value: Uint8Array;
}
type Batch = { rows: Row[] };

export class GroupCommit {
  readonly #worker: Worker;
  readonly #sent: { done: (() => void)[] }[] = [];
  #rows: Row[] = [];
  #done: (() => void)[] = [];

  constructor(file: string) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { groupCommit: file } });
    this.#worker.on('message', () => {
      for (const done of this.#sent.shift()!.done) done();
    });
  }

  /** Calls back when the row is on disk. */
  write(key: string, value: Uint8Array, done: () => void): void {
    if (this.#rows.length === 0) queueMicrotask(() => setImmediate(() => this.#flush()));
    this.#rows.push({ key, value });
    this.#done.push(done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #flush(): void {
    this.#worker.postMessage({ rows: this.#rows } satisfies Batch);
    this.#sent.push({ done: this.#done });
    this.#rows = [];
    this.#done = [];
  }
}

function work(file: string, port: MessagePort): void {
  const db = new DatabaseSync(file);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000');
  db.exec('CREATE TABLE IF NOT EXISTS log (rev INTEGER PRIMARY KEY, key TEXT, value BLOB)');
  const insert = db.prepare('INSERT INTO log (key, value) VALUES (?, ?)');
  port.on('message', (first: Batch) => {
    const batches: Batch[] = [first];
    for (let m = receiveMessageOnPort(port); m !== undefined; m = receiveMessageOnPort(port))
      batches.push(m.message as Batch);
    db.exec('BEGIN');
    for (const { rows } of batches) for (const { key, value } of rows) insert.run(key, value);
    db.exec('COMMIT');
    for (const _ of batches) port.postMessage(0);
  });
}

const data = workerData as { groupCommit?: string } | null;
if (!isMainThread && data?.groupCommit !== undefined) work(data.groupCommit, parentPort!);

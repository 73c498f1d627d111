/**
 * 64 writers on one store, telling for every acknowledged write what it was. Run as a process of its own (to be killed at
 * any moment) on sqlite; called in-process on etcd, where the server is what gets killed.
 */
import { writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { systemClock } from '../../base/clock.ts';
import { openSqliteStorage } from '../sqlite/sqlite-storage.ts';
import { isStorageError, type Storage } from '../storage.ts';

export const WRITERS = 64;

/** A value of about 1 KB that shows when any of it is missing or from another write. */
export function valueFor(key: string, n: number): Buffer {
  const body = `${key} ${n} `.repeat(40).slice(0, 1000);
  return Buffer.from(`${n}:${crc32(body)}:${body}`);
}

/** The number in a whole value; throws on a torn one. */
export function numberIn(key: string, value: Buffer): number {
  const n = Number.parseInt(value.toString(), 10);
  if (!value.equals(valueFor(key, n))) throw new Error(`the value of ${key} is torn`);
  return n;
}

/** Writes until the signal or the first failure; every acknowledged write goes to `acknowledged` at once. */
export async function writeUntilKilled(
  storage: Storage,
  signal: AbortSignal,
  acknowledged: (key: string, n: number, revision: number) => void,
): Promise<void> {
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, w) => {
      const key = `/registry/crash/k${w}`;
      try {
        const existing = await storage.get(key);
        let n = existing === undefined ? 0 : numberIn(key, existing.value);
        let revision = existing?.modRevision ?? 0;
        while (!signal.aborted) {
          n++;
          const value = valueFor(key, n);
          revision = revision === 0 ? await storage.create(key, value) : await storage.update(key, value, revision);
          acknowledged(key, n, revision);
        }
      } catch (err) {
        // The store went away under the writer; what it last tried may or may not have happened.
        if (!isStorageError(err, 'Unavailable') && !isStorageError(err, 'Closed')) throw err;
      }
    }),
  );
}

const dir = process.argv[2];
if (import.meta.main && dir !== undefined) {
  const storage = await openSqliteStorage({ dir, clock: systemClock });
  process.stdout.write('ready\n');
  // Synchronously: what was acknowledged must have left the process before the next write begins.
  await writeUntilKilled(storage, new AbortController().signal, (key, n, revision) => {
    say(`${key} ${n} ${revision}\n`);
  });
}

/** A pipe that is full for a moment says EAGAIN: the line is offered again until it is taken. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'EAGAIN') throw err;
    }
  }
}

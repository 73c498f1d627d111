/**
 * The database file: opened for this process alone, checked, brought into being when absent. One table, the log: a row
 * per revision, appended and only ever removed by compaction; what is current is found through the index in memory.
 */
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StorageError, type StorageErrorCode } from '../storage.ts';

export const DATABASE_FILE = 'keelson.db';

// 'Keel' in ASCII: tells our files from other SQLite databases.
const APPLICATION_ID = 0x4b65656c;
const SCHEMA_VERSION = 1;
const PAGE_SIZE = 8192;

const SCHEMA = `
CREATE TABLE log (
  rev INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  created INTEGER NOT NULL,
  prev INTEGER NOT NULL,
  expires INTEGER,
  crc INTEGER NOT NULL,
  value BLOB
) STRICT;
CREATE TABLE compaction (revision INTEGER NOT NULL) STRICT;
INSERT INTO compaction VALUES (0);
`;

/**
 * Opens `dir`/keelson.db, creating both; it grows to `maxBytes` and no further. Throws StorageError with a message fit for the
 * command line.
 */
export function openDatabase(dir: string, maxBytes?: number): DatabaseSync {
  const file = join(dir, DATABASE_FILE);
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    makeForOwner(file);
    db = new DatabaseSync(file);
    // Exclusive: a second process is refused at its first read, and WAL needs no shared memory file.
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0');
    const application = pragma(db, 'application_id');
    const version = pragma(db, 'user_version');
    const isNew = application === 0 && version === 0 && isEmpty(db);
    // Before the first thing that might write: a file that is refused stays as it is.
    if (!isNew && application !== APPLICATION_ID)
      throw new StorageError('Corrupt', `${file} is not a keelson database`);
    if (!isNew && version !== SCHEMA_VERSION) {
      throw new StorageError(
        'Corrupt',
        `${file} has format ${version}; this version of keelson reads format ${SCHEMA_VERSION}`,
      );
    }
    if (isNew) db.exec(`PRAGMA page_size = ${PAGE_SIZE}; PRAGMA auto_vacuum = INCREMENTAL`);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    db.exec('PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -4000');
    if (maxBytes !== undefined) {
      db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / PAGE_SIZE))}`);
    }
    if (isNew) {
      db.exec(
        `BEGIN IMMEDIATE; ${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`,
      );
    } else {
      // Takes the exclusive lock also for a reader.
      db.exec('BEGIN IMMEDIATE; COMMIT');
    }
    return db;
  } catch (err) {
    try {
      db?.close();
    } catch {
      // The first error is the one to tell.
    }
    throw storageErrorOf(err, file);
  }
}

/** Secrets are in it, whoever may enter the directory; SQLite gives its log the same mode. What goes wrong here it will say itself. */
function makeForOwner(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch {
    // It is there, or cannot be.
  }
}

/** Bytes on disk: the file and its log. */
export function databaseSize(dir: string): number {
  const file = join(dir, DATABASE_FILE);
  return [file, `${file}-wal`].reduce((sum, f) => sum + (statSync(f, { throwIfNoEntry: false })?.size ?? 0), 0);
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

function isEmpty(db: DatabaseSync): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

interface SqliteError extends Error {
  errcode?: number;
  errstr?: string;
}

const OUTCOMES: Record<number, { code: StorageErrorCode; text(file: string): string }> = {
  5: { code: 'Unavailable', text: (file) => `${file} is in use by another process` },
  8: { code: 'Unavailable', text: (file) => `${file} is not writable` },
  10: { code: 'Unavailable', text: (file) => `reading or writing ${file} failed` },
  11: { code: 'Corrupt', text: (file) => `${file} is corrupt` },
  13: { code: 'NoSpace', text: (file) => `no space left to write ${file}` },
  14: { code: 'Unavailable', text: (file) => `${file} cannot be opened` },
  26: { code: 'Corrupt', text: (file) => `${file} is not a database` },
};

/** What SQLite or the file system threw, as StorageError. */
export function storageErrorOf(err: unknown, file: string): StorageError {
  if (err instanceof StorageError) return err;
  const { errcode, message, code } = err as SqliteError & { code?: string };
  if (errcode !== undefined) {
    // Extended codes carry the primary one in their low byte.
    const outcome = OUTCOMES[errcode & 0xff];
    if (outcome !== undefined)
      return new StorageError(outcome.code, `${outcome.text(file)} (${message})`, { cause: err });
  }
  if (code === 'ENOSPC') return new StorageError('NoSpace', `no space left to write ${file}`, { cause: err });
  return new StorageError('Unavailable', `${file}: ${message}`, { cause: err });
}

/** The usual StorageErrors in one wording, for all implementations. */
import { StorageError } from './storage.ts';

export function keyExists(key: string, revision: number): StorageError {
  return new StorageError('KeyExists', `key exists: ${key}`, { key, revision });
}

export function keyNotFound(key: string): StorageError {
  return new StorageError('KeyNotFound', `key not found: ${key}`, { key });
}

export function conflict(key: string, expected: number, revision: number): StorageError {
  return new StorageError('Conflict', `key ${key} is at revision ${revision}, not ${expected}`, { key, revision });
}

export function compacted(revision: number, compactedRevision: number): StorageError {
  return new StorageError('Compacted', `revision ${revision} has been compacted (up to ${compactedRevision})`, {
    revision: compactedRevision,
  });
}

export function futureRevision(revision: number, current: number): StorageError {
  return new StorageError('FutureRevision', `revision ${revision} is ahead of the current revision ${current}`, {
    revision: current,
  });
}

export function closed(): StorageError {
  return new StorageError('Closed', 'storage is closed');
}

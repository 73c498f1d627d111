/**
 * What the main thread and the storage worker say to each other. Values travel packed into one transferred buffer per
 * message: cloning thousands of small Buffers would cost more than writing them.
 */
import type { StorageErrorCode } from '../storage.ts';

export const OP_CREATE = 0;
export const OP_UPDATE = 1;
export const OP_DELETE = 2;

/** Per operation in `numbers`: kind, expected revision, expiry (Unix ms, 0 none), length of the value. */
export const OP_NUMBERS = 4;

export interface WriteMessage {
  type: 'write';
  id: number;
  keys: string[];
  numbers: Float64Array;
  values: Uint8Array<ArrayBuffer>;
  /** The reply shall carry what the keys held before. */
  wantPrevious: boolean;
}

/** Per operation in `numbers`: revision (0 failed), create revision, previous mod revision (0 none), value length (-1 none). */
export const RESULT_NUMBERS = 4;
// In a failed operation the second number is one of these, the third the key's revision now.
export const FAILED_EXISTS = 1;
export const FAILED_NOT_FOUND = 2;
export const FAILED_CONFLICT = 3;

export interface WrittenMessage {
  type: 'written';
  id: number;
  numbers: Float64Array;
  /** Previous values one after the other, when asked for; their lengths are in `numbers`. */
  previous: Uint8Array;
  /** What the values came in, for those of a later message. */
  spare: ArrayBuffer;
  revision: number;
}

export interface RowsMessage {
  type: 'rows';
  id: number;
  /** Rows of the whole answer, all its messages together. */
  total: number;
  keys: string[];
  /** Per row: mod revision, create revision, length of the value, position in the answer. */
  numbers: Float64Array;
  values: Uint8Array<ArrayBuffer>;
  revision: number;
  /** Items that match but lie behind the limit. */
  remaining: number;
  /** More rows of this answer follow by `next` with this cursor, packed into `spare` if it is large enough. */
  cursor: number | undefined;
}

export const ROW_NUMBERS = 4;

export interface ChangesMessage {
  type: 'changes';
  id: number;
  keys: string[];
  /** Per change: revision, create revision, previous mod revision, value length (-1: delete), previous value length (-1: none). */
  numbers: Float64Array;
  values: Uint8Array;
  /** Everything up to here is in this answer. */
  upTo: number;
  more: boolean;
}

export const CHANGE_NUMBERS = 5;

export type Request =
  | WriteMessage
  | { type: 'get'; id: number; key: string; minRevision: number }
  | { type: 'list'; id: number; prefix: string; start: string; limit: number; revision: number; minRevision: number }
  | { type: 'next'; id: number; cursor: number; spare: ArrayBuffer | undefined }
  | { type: 'drop'; id: number; cursor: number }
  | { type: 'changes'; id: number; prefix: string; after: number; wantPrevious: boolean }
  | { type: 'count'; id: number; prefix: string }
  | { type: 'compact'; id: number; revision: number }
  | { type: 'size'; id: number }
  | { type: 'ping'; id: number }
  | { type: 'close'; id: number };

interface FailedMessage {
  type: 'failed';
  id: number;
  code: StorageErrorCode;
  message: string;
  key: string | undefined;
  revision: number | undefined;
}

export interface OpenedMessage {
  type: 'opened';
  id: 0;
  revision: number;
  expiring: { key: string; revision: number; at: number }[];
}

export type Reply =
  | OpenedMessage
  | WrittenMessage
  | RowsMessage
  | ChangesMessage
  | { type: 'number'; id: number; value: number }
  | FailedMessage;

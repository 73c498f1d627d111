/** Writes the protobuf of an object whose JSON was read by wire-scan.ts: pieces of the JSON behind their tags and lengths. */
import { nestedPlan, type PlanKey, type WirePlan } from './wire-plan.ts';
import { FROM, NEXT, RECORD, SIZE, scanForCopy, scanned, TO, TO_KEEP, tapeEnd, WRITTEN } from './wire-scan.ts';
import {
  BOOL,
  BYTES,
  INT_OR_STRING,
  INT32,
  INT64,
  MAP,
  MESSAGE,
  MICRO_TIME,
  QUANTITY,
  RAW,
  STRING,
  TIME,
} from './wire-table.ts';

/** Up to here a loop is quicker than a call into Node. */
const SHORT = 40;

const NOTHING: Buffer = Buffer.alloc(0);

let source = NOTHING;
let tape = scanned.tape;
let out = NOTHING;
let pos = 0;
/** Records of the messages being written, each message's in the order of its output. */
const records: number[] = [];
let depth = 0;

/** The message of the object in `json`, in memory that `allocate` gives. @throws UNUSUAL */
export function copyMessage(plan: WirePlan, json: Buffer, allocate: (length: number) => Buffer): Buffer {
  const size = scanForCopy(plan, json);
  ({ tape } = scanned);
  source = json;
  out = allocate(size);
  pos = 0;
  depth = 0;
  message(plan, 0, tapeEnd());
  if (pos !== size) throw new Error(`a message of ${size} bytes became one of ${pos}`);
  const written = out;
  source = NOTHING;
  out = NOTHING;
  return written;
}

function varint(n: number): void {
  let rest = n;
  while (rest >= 0x80) {
    out[pos++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[pos++] = rest;
}

function copy(from: number, to: number): void {
  const n = to - from;
  if (n > SHORT) {
    source.copy(out, pos, from, to);
    pos += n;
    return;
  }
  const s = source;
  const o = out;
  let p = pos;
  for (let i = from; i < to; i++) o[p++] = s[i]!;
  pos = p;
}

function putAll(bytes: Buffer): void {
  for (let i = 0; i < bytes.length; i++) out[pos++] = bytes[i]!;
}

/** Its records are those from `start` to `end`, behind the sizes of its inlined messages. */
function message(plan: WirePlan, start: number, end: number): void {
  const { fixed, groups, byOrder } = plan;
  const bottom = depth;
  sortRecords(start + groups.length, end);
  let f = 0;
  for (let r = bottom; r < depth; r++) {
    const at = records[r]!;
    const order = tape[at]!;
    for (; f < fixed.length && fixed[f]!.order <= order; f++) {
      if (fixed[f]!.order < order) putFixed(plan, f, start);
    }
    recorded(byOrder[order]!, at);
  }
  for (; f < fixed.length; f++) putFixed(plan, f, start);
  depth = bottom;
}

function putFixed({ fixed, groups }: WirePlan, f: number, groupsAt: number): void {
  const { group, zero } = fixed[f]!;
  if (group < 0) putAll(zero);
  else {
    varint(groups[group]!.tag);
    varint(tape[groupsAt + group]!);
  }
}

/** Onto `records`, by order; those of a list stay as they are. */
function sortRecords(start: number, end: number): void {
  const bottom = depth;
  for (let at = start; at < end; at = tape[at + NEXT]!) {
    const order = tape[at]!;
    let to = depth++;
    for (; to > bottom && tape[records[to - 1]!]! > order; to--) records[to] = records[to - 1]!;
    records[to] = at;
  }
}

function recorded(key: PlanKey, at: number): void {
  const size = tape[at + SIZE]!;
  if (size === WRITTEN) {
    const { wire } = scanned.pieces[tape[at + FROM]!]!;
    wire!.copy(out, pos);
    pos += wire!.length;
  } else if (size === TO_KEEP) {
    const start = pos;
    const end = tape[at + NEXT]!;
    for (let r = at + RECORD; r < end; r = tape[r + NEXT]!) recorded(key, r);
    const piece = scanned.pieces[tape[at + FROM]!];
    if (piece !== undefined) piece.wire = Buffer.from(out.subarray(start, pos));
  } else value(key, at);
}

function value(key: PlanKey, at: number): void {
  if (key.field.repeat === MAP) {
    varint(key.tag);
    varint(tape[at + SIZE]!);
    const from = tape[at + FROM]!;
    const to = tape[at + TO]!;
    out[pos++] = 0x0a;
    varint(to - from);
    copy(from, to);
    value(key.entry!, at + RECORD);
    return;
  }
  varint(key.tag);
  const from = tape[at + FROM]!;
  switch (key.field.type) {
    case INT32:
    case INT64:
    case BOOL:
      varint(from);
      return;
    default:
      varint(tape[at + SIZE]!);
      body(key, at, from);
  }
}

/** Behind the length. */
function body({ field }: PlanKey, at: number, from: number): void {
  const to = tape[at + TO]!;
  switch (field.type) {
    case STRING:
      textOf(from, to);
      return;
    case MESSAGE:
      message(nestedPlan(field), at + RECORD, tape[at + NEXT]!);
      return;
    case TIME:
    case MICRO_TIME:
      out[pos++] = 0x08;
      varint(from);
      out[pos++] = 0x10;
      varint(to);
      return;
    case QUANTITY:
      out[pos++] = 0x0a;
      varint(from < 0 ? to : to - from);
      textOf(from, to);
      return;
    case RAW:
      out[pos++] = 0x0a;
      varint(to - from);
      copy(from, to);
      return;
    case BYTES:
      pos += out.write(source.toString('latin1', from, to), pos, 'base64');
      return;
    case INT_OR_STRING:
      integerOrText(from, to);
  }
}

/** From the JSON, or one of the texts (`from` below 0, then `to` is its length). */
function textOf(from: number, to: number): void {
  if (from >= 0) copy(from, to);
  else pos += out.write(scanned.texts[-from - 1]!, pos, to);
}

function integerOrText(from: number, to: number): void {
  const isText = to >= 0;
  out[pos++] = 0x08;
  out[pos++] = isText ? 1 : 0;
  out[pos++] = 0x10;
  varint(isText ? 0 : from);
  out[pos++] = 0x1a;
  if (!isText) {
    out[pos++] = 0;
    return;
  }
  varint(to - from);
  copy(from, to);
}

/**
 * How a message's JSON is read for its protobuf without being parsed (wire-scan.ts, wire-copy.ts): its keys with those of inlined messages among
 * them, each with its place in the output, and what the output has where a key is absent. Made of wire-table.ts when first used.
 */
import { encodeMessageBytes } from './wire-encode.ts';
import { Memo } from './wire-memo.ts';
import {
  BOOL,
  BYTES,
  INT32,
  INT64,
  MAP,
  NAMED_LIST,
  nested,
  SINGLE,
  type WireField,
  type WireMessage,
} from './wire-table.ts';

export interface PlanKey {
  /** Name and closing quote, UTF-8. */
  readonly name: Uint8Array;
  readonly field: WireField;
  readonly tag: number;
  readonly tagSize: number;
  /** Place in the output. */
  readonly order: number;
  /** Bytes that stand there when the key is absent. */
  readonly zeroSize: number;
  /** The inlined message it belongs to; -1: the message's own. */
  readonly group: number;
  /** Of a map: the value within an entry. */
  readonly entry: PlanKey | undefined;
  /** Pieces seen of its value, and of its value's items. */
  readonly whole: Memo;
  readonly items: Memo;
  /** The key that stood behind it when last seen: objects of one kind have theirs in the same order. */
  next: PlanKey | undefined;
}

/** What is written whether or not its key is there: a zero, or the head of an inlined message. */
interface Fixed {
  readonly order: number;
  readonly zero: Buffer;
  /** -1: a zero. */
  readonly group: number;
}

interface Inlined {
  readonly tag: number;
  readonly tagSize: number;
  readonly zeroSize: number;
}

export interface WirePlan {
  readonly byOrder: readonly (PlanKey | undefined)[];
  /** By order. */
  readonly fixed: readonly Fixed[];
  readonly groups: readonly Inlined[];
  /** Of its own zeros, without the inlined messages. */
  readonly zeroSize: number;
  readonly byHash: readonly (PlanKey | undefined)[];
  /** Stands before the first key. */
  readonly head: PlanKey;
}

/** The scan keeps what it saw of a message in 64 bits. */
const MAX_ORDER = 64;
/** Thrown where the general way must be gone. */
export const UNUSUAL = new Error('not read without being parsed');

const plans = new WeakMap<WireMessage, WirePlan | null>();

/** @throws UNUSUAL for messages that inline in two levels or have too many fields. */
export function planOf(message: WireMessage): WirePlan {
  let plan = plans.get(message);
  if (plan === undefined) {
    plan = makePlan(message) ?? null;
    plans.set(message, plan);
  }
  if (plan === null) throw UNUSUAL;
  return plan;
}

const nestedPlans = new WeakMap<WireField, WirePlan>();

export function nestedPlan(field: WireField): WirePlan {
  let plan = nestedPlans.get(field);
  if (plan === undefined) {
    plan = planOf(nested(field));
    nestedPlans.set(field, plan);
  }
  return plan;
}

export function varintSize(n: number): number {
  return n < 0x80 ? 1 : n < 0x4000 ? 2 : n < 0x20_0000 ? 3 : n < 0x1000_0000 ? 4 : 5;
}

function ascending(message: WireMessage): WireField[] {
  return message.descending.toReversed();
}

function makePlan(message: WireMessage): WirePlan | undefined {
  const keys: PlanKey[] = [];
  const fixed: Fixed[] = [];
  const groups: Inlined[] = [];
  let order = 0;
  const add = (field: WireField, group: number): number => {
    const key = makeKey(field, order++, group);
    keys.push(key);
    if (key.zeroSize > 0) fixed.push({ order: key.order, zero: zeroOf(field), group: -1 });
    return key.zeroSize;
  };
  let zeroSize = 0;
  for (const field of ascending(message)) {
    if (!field.inline) {
      zeroSize += add(field, -1);
      continue;
    }
    const inner = ascending(nested(field));
    if (inner.some((f) => f.inline)) return undefined;
    const group = groups.length;
    fixed.push({ order: order++, zero: NOTHING, group });
    let size = 0;
    for (const f of inner) size += add(f, group);
    groups.push({ tag: field.tag, tagSize: varintSize(field.tag), zeroSize: size });
  }
  if (order > MAX_ORDER) return undefined;
  const byOrder: (PlanKey | undefined)[] = [];
  for (const key of keys) byOrder[key.order] = key;
  const head: PlanKey = { ...makeKey({ name: '' } as WireField, -1, -1), next: undefined };
  return { byOrder: Array.from(byOrder), fixed, groups, zeroSize, byHash: hashed(keys), head };
}

const NOTHING = Buffer.alloc(0);

function makeKey(field: WireField, order: number, group: number): PlanKey {
  const isMap = field.repeat === MAP;
  return {
    name: new Uint8Array(Buffer.from(`${field.name}"`)),
    field,
    tag: field.tag,
    tagSize: varintSize(field.tag),
    order,
    zeroSize: field.name === '' ? 0 : zeroOf(field).length,
    group,
    whole: new Memo(),
    items: new Memo(),
    entry: isMap ? makeKey(valueField(field), 0, -1) : undefined,
    next: undefined,
  };
}

/** The value of a map's entry is field 2 of a message of its own. */
function valueField(map: WireField): WireField {
  const wireType = VARINTS.has(map.type) ? 0 : 2;
  return { ...map, repeat: SINGLE, number: 2, tag: (2 << 3) | wireType, pointer: true };
}

const VARINTS: ReadonlySet<number> = new Set([INT32, INT64, BOOL]);

function zeroOf(field: WireField): Buffer {
  if (field.repeat !== SINGLE || field.pointer || field.type === BYTES || field.type === NAMED_LIST) return NOTHING;
  return encodeMessageBytes({ descending: [field] } as unknown as WireMessage, {});
}

/** Of as many bytes as the scan has read of a key. */
export function hashStep(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

function hashOf({ name }: PlanKey): number {
  let hash = 0;
  for (let i = 0; i < name.length - 1; i++) hash = hashStep(hash, name[i]!);
  return hash;
}

/** A table in which no two keys share a place; its length is a power of two. */
function hashed(keys: readonly PlanKey[]): (PlanKey | undefined)[] {
  for (let size = 16; ; size *= 2) {
    const table = new Array<PlanKey | undefined>(size).fill(undefined);
    const isFree = keys.every((key) => {
      const at = hashOf(key) & (size - 1);
      if (table[at] !== undefined) return false;
      table[at] = key;
      return true;
    });
    if (isFree) return table;
  }
}

/**
 * From the values of a message's fields to the JSON object upstream would print: its field order, its omitempty and null rules.
 * Used by the protobuf decoder and by `canonicalObject`, so that both say the same.
 */
import type { WireField, WireMessage } from './wire-table.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  INT_OR_STRING,
  INT32,
  INT64,
  MESSAGE,
  NAMED_LIST,
  nested,
  QUANTITY,
  SCHEMA_OR_BOOL,
  SINGLE,
  STRING,
} from './wire-table.ts';

export type JsonObject = Record<string, unknown>;

/** Sets an own property also when the key is `__proto__`. */
export function setOwn(o: JsonObject, key: string, v: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(o, key, { value: v, enumerable: true, configurable: true, writable: true });
  else o[key] = v;
}

/** Puts the fields into `out`. `slots[field.index]` is the value, undefined when there was none; an inlined message's slot is its own slots. */
export function emitFields(m: WireMessage, slots: readonly unknown[] | undefined, out: JsonObject): JsonObject {
  const fields = m.fields;
  for (let i = 0; i < fields.length; i++) {
    const f = fields[i]!;
    const v = slots?.[i];
    if (f.inline) {
      emitFields(nested(f), v as readonly unknown[] | undefined, out);
    } else if (v === undefined) {
      emitAbsent(f, out);
    } else if (!f.omitEmpty) {
      out[f.name] = f.emptyIsNull && isEmpty(f, v) ? null : v;
    } else if (!isEmpty(f, v)) {
      out[f.name] = v;
    }
  }
  return out;
}

function emitAbsent(f: WireField, out: JsonObject): void {
  if (f.repeat !== SINGLE || f.pointer || f.type === BYTES || f.type === NAMED_LIST) {
    if (!f.omitEmpty) out[f.name] = null;
    return;
  }
  switch (f.type) {
    case STRING:
      if (!f.omitEmpty) out[f.name] = '';
      return;
    case INT32:
    case INT64:
    case DOUBLE:
      if (!f.omitEmpty) out[f.name] = 0;
      return;
    case BOOL:
      if (!f.omitEmpty) out[f.name] = false;
      return;
    case MESSAGE:
      out[f.name] = emitFields(nested(f), undefined, {});
      return;
    default:
      if (!f.omitZero) out[f.name] = zeroValue(f.type);
  }
}

/** JSON of the zero value of a special type. */
export function zeroValue(type: number): unknown {
  switch (type) {
    case QUANTITY:
      return '0';
    case INT_OR_STRING:
      return 0;
    case SCHEMA_OR_BOOL:
      return false;
    default:
      return null;
  }
}

/** What omitempty drops: false, 0, '' and empty lists and maps, never a struct and never through a pointer. */
function isEmpty(f: WireField, v: unknown): boolean {
  if (f.repeat !== SINGLE) {
    if (Array.isArray(v)) return v.length === 0;
    for (const _ in v as object) return false;
    return true;
  }
  if (f.type === NAMED_LIST) return (v as unknown[]).length === 0;
  if (f.type > DOUBLE) return f.omitZero && v === null;
  return !f.pointer && (v === '' || v === 0 || v === false || v === 0n);
}

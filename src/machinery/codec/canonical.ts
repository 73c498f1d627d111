/**
 * What upstream's typed decoder and encoder make of an object: fields in struct order, zero values that have no omitempty filled in,
 * empty ones that have it left out, quantities and times in canonical form, unknown fields gone. For kinds with a wire table only.
 */
import { normalizeMicroTime, normalizeTime } from '../meta/time.ts';
import { canonicalQuantity } from '../quantity/quantity.ts';
import type { JsonObject } from './wire-emit.ts';
import { emitFields, setOwn } from './wire-emit.ts';
import { sortedKeys } from './wire-encode.ts';
import type { WireField, WireMessage } from './wire-table.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  INT_OR_STRING,
  INT32,
  INT64,
  LIST,
  MAP,
  MESSAGE,
  MICRO_TIME,
  NAMED_LIST,
  nested,
  QUANTITY,
  SCHEMA_OR_ARRAY,
  SCHEMA_OR_BOOL,
  SCHEMA_OR_STRINGS,
  STRING,
  TIME,
  wireMessage,
} from './wire-table.ts';

/**
 * A new object, as upstream would answer with it after decoding `object`; `message` is the definition name. The argument is not
 * changed, but parts without structure (raw JSON) are shared. So are those that `object` has from `known`, an object of the
 * same type in canonical form, at the same place.
 */
export function canonicalObject(object: object, message: string, known?: object): JsonObject {
  const plan = wireMessage(message);
  const { kind, apiVersion } = object as { kind?: unknown; apiVersion?: unknown };
  const out: JsonObject = {};
  if (plan.isKind && kind !== undefined) out.kind = kind;
  if (plan.isKind && apiVersion !== undefined) out.apiVersion = apiVersion;
  return emitFields(plan, slotsOf(plan, object as JsonObject, known as JsonObject | undefined), out);
}

function slotsOf(m: WireMessage, o: JsonObject, known: JsonObject | undefined): unknown[] {
  const fields = m.fields;
  const slots: unknown[] = new Array(fields.length).fill(undefined);
  for (let i = 0; i < fields.length; i++) {
    const f = fields[i]!;
    if (f.inline) {
      slots[i] = slotsOf(nested(f), o, known);
      continue;
    }
    const v = o[f.name];
    if (v === undefined || v === null) continue;
    const k = known?.[f.name];
    if (v === k && typeof v === 'object') slots[i] = v;
    else if (f.repeat === LIST) slots[i] = Array.isArray(v) ? canonicalList(f, v, k) : undefined;
    else if (f.repeat === MAP) slots[i] = typeof v === 'object' ? canonicalMap(f, v as JsonObject, k) : undefined;
    else slots[i] = canonicalValue(f, v, k);
  }
  return slots;
}

function canonicalList(f: WireField, list: readonly unknown[], known: unknown): unknown[] {
  const k = Array.isArray(known) ? (known as unknown[]) : NOTHING_KNOWN;
  return list.map((item, i) => canonicalValue(f, item, k[i]));
}
const NOTHING_KNOWN: readonly unknown[] = [];

function canonicalMap(f: WireField, map: JsonObject, known: unknown): JsonObject {
  const k = objectOrUndefined(known);
  const out: JsonObject = {};
  for (const key of sortedKeys(map)) setOwn(out, key, canonicalValue(f, map[key], k?.[key]));
  return out;
}

const objectOrUndefined = (v: unknown): JsonObject | undefined =>
  typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as JsonObject) : undefined;

function canonicalValue(f: WireField, v: unknown, known?: unknown): unknown {
  if (v === known && typeof v === 'object' && v !== null) return v;
  switch (f.type) {
    case MESSAGE:
      return emitFields(
        nested(f),
        slotsOf(nested(f), typeof v === 'object' && v !== null ? (v as JsonObject) : {}, objectOrUndefined(known)),
        {},
      );
    case TIME:
      return typeof v === 'string' ? normalizeTime(v) : null;
    case MICRO_TIME:
      return typeof v === 'string' ? normalizeMicroTime(v) : null;
    case QUANTITY:
      return v === null ? '0' : canonicalQuantity(v as string | number);
    case NAMED_LIST:
      return v;
    case SCHEMA_OR_ARRAY:
      return Array.isArray(v) ? v.map((s) => schema(f, s)) : schema(f, v);
    case SCHEMA_OR_BOOL:
    case SCHEMA_OR_STRINGS:
      return schema(f, v);
    default:
      return v === null ? nullValue(f) : v;
  }
}

/** What null becomes as an item of a list or map: Go's zero value; only raw JSON can be null. */
function nullValue(f: WireField): unknown {
  switch (f.type) {
    case STRING:
    case BYTES:
      return '';
    case INT32:
    case INT64:
    case DOUBLE:
    case INT_OR_STRING:
      return 0;
    case BOOL:
      return false;
    default:
      return null;
  }
}

/** A JSONSchemaProps where there is one, else the value itself. */
function schema(f: WireField, v: unknown): unknown {
  if (typeof v !== 'object' || v === null || Array.isArray(v)) return v;
  return emitFields(nested(f), slotsOf(nested(f), v as JsonObject, undefined), {});
}

/**
 * Strategic merge patch with every directive ($patch, $retainKeys, $setElementOrder, $deleteFromPrimitiveList), led by the
 * merge marks of the schema. Inputs are never mutated: what a patch touches is copied on the way down.
 * Upstream: apimachinery/pkg/util/strategicpatch/patch.go (mergeMap with MergeParallelList and IgnoreUnmatchedNulls)
 */
import { badRequest, type StatusError } from '../errors/status-error.ts';
import { resolve, type Schema, type SchemaSource } from '../schema/schema.ts';
import { goPrint } from './go-format.ts';
import { isJsonObject, type JsonObject, jsonEqual, scalarKey, setOwn } from './json-value.ts';
import { patchDoesNotApply } from './patch-errors.ts';
import { failure, noMergeKey } from './strategic-errors.ts';
import { inOrder, keepOrder } from './strategic-order.ts';

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_PREFIX = '$deleteFromPrimitiveList';
const ORDER_PREFIX = '$setElementOrder';

/**
 * @throws StatusError 400 for a patch that is not one or uses a directive wrongly, 422 where it cannot apply, 500 (as upstream)
 *   for the rest.
 */
export function applyStrategicMergePatch(
  original: object,
  patch: unknown,
  schema: Schema,
  source: SchemaSource,
): object {
  if (!isJsonObject(patch))
    throw badRequest(
      `json: cannot unmarshal ${Array.isArray(patch) ? 'array' : typeof patch} into Go value of type map[string]interface {}`,
    );
  return new Merger(source).mergeMap(original as JsonObject, patch, schema);
}

const badArgType = (expected: string, actual: unknown): StatusError =>
  failure(`expected a ${expected}, but received a ${goTypeName(actual)}`);

function goTypeName(value: unknown): string {
  if (value === null || value === undefined) return '%!s(<nil>)';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'int64' : typeof value;
}

interface ListMarks {
  merge: boolean;
  mergeKey: string;
  items: Schema | undefined;
}

class Merger {
  readonly #source: SchemaSource;
  constructor(source: SchemaSource) {
    this.#source = source;
  }

  mergeMap(original: JsonObject, patch: JsonObject, schema: Schema | undefined): JsonObject {
    if (Object.hasOwn(patch, DIRECTIVE)) return directiveInMap(patch);
    let out: JsonObject = { ...original };
    const rest: JsonObject = { ...patch };
    out = retainKeys(out, rest);
    this.#setElementOrder(out, rest, schema);
    for (const key of Object.keys(rest)) this.#mergeKey(out, key, rest[key], schema);
    return out;
  }

  #mergeKey(out: JsonObject, patchKey: string, value: unknown, schema: Schema | undefined): void {
    const isDelete = patchKey.startsWith(DELETE_PREFIX);
    const key = isDelete ? extractKey(patchKey, DELETE_PREFIX) : patchKey;
    if (value === null) {
      delete out[key];
      return;
    }
    const current = Object.hasOwn(out, key) ? out[key] : undefined;
    if (current === undefined || kindOf(current) !== kindOf(value)) {
      if (isDelete) return;
      const kept = withoutDirectives(withoutNulls(value));
      if (kept === DROPPED) delete out[key];
      else setOwn(out, key, kept);
      return;
    }
    if (isJsonObject(current)) {
      setOwn(out, key, this.mergeMap(current, value as JsonObject, this.#fieldSchema(schema, key)));
    } else if (Array.isArray(current)) {
      setOwn(out, key, this.#mergeList(current, value as unknown[], this.#listMarks(schema, key), isDelete));
    } else {
      setOwn(out, key, value);
    }
  }

  #mergeList(original: readonly unknown[], patch: readonly unknown[], marks: ListMarks, isDelete: boolean): unknown[] {
    if (!marks.merge && !isDelete) return patch as unknown[];
    if (original.length === 0 && patch.length === 0) return original as unknown[];
    const kind = elementKind(original, patch);
    let merged: unknown[];
    let base = original;
    if (kind !== 'map') {
      if (isDelete) {
        const gone = new Set(patch.map(scalarKey));
        return original.filter((v) => !gone.has(scalarKey(v)));
      }
      merged = deduplicate([...original, ...patch]);
    } else {
      if (marks.mergeKey === '') throw failure('cannot merge lists without merge key for struct');
      const special = specialItems(original, patch as readonly JsonObject[], marks.mergeKey);
      base = special.original;
      merged = this.#mergeItems(special.original, special.patch, marks);
      return keepOrder(merged, special.patch, base, marks.mergeKey);
    }
    return keepOrder(merged, patch, base, '');
  }

  #mergeItems(original: readonly unknown[], patch: readonly JsonObject[], marks: ListMarks): unknown[] {
    const out = [...original];
    for (const item of patch) {
      if (!Object.hasOwn(item, marks.mergeKey)) throw noMergeKey(item, marks.mergeKey);
      const i = findItem(out, marks.mergeKey, item[marks.mergeKey]);
      if (i < 0) out.push(item);
      else out[i] = this.mergeMap(out[i] as JsonObject, item, marks.items);
    }
    return out;
  }

  /** Lists whose order the patch gives: merged here, then put into that order; items it does not name keep their places. */
  #setElementOrder(out: JsonObject, patch: JsonObject, schema: Schema | undefined): void {
    for (const directive of Object.keys(patch)) {
      if (!directive.startsWith(ORDER_PREFIX)) continue;
      const order = patch[directive];
      delete patch[directive];
      if (!Array.isArray(order)) throw badArgType('[]interface {}', order);
      const key = extractKey(directive, ORDER_PREFIX);
      const original = Object.hasOwn(out, key) ? out[key] : undefined;
      const patched = Object.hasOwn(patch, key) ? patch[key] : undefined;
      if (original !== undefined && !Array.isArray(original)) throw badArgType('[]interface {}', original);
      if (patched !== undefined && !Array.isArray(patched)) throw badArgType('[]interface {}', patched);
      const marks = this.#listMarks(schema, key);
      checkOrder(patched ?? [], order, marks.mergeKey);
      let merged: unknown[];
      if (original && patched) merged = this.#mergeList(original, patched, marks, false);
      else if (original) merged = original;
      else if (patched) merged = withoutDirectives(patched) as unknown[];
      else continue;
      if (marks.mergeKey !== '') elementKind(original ?? [], patched ?? []);
      setOwn(out, key, inOrder(merged, order, original ?? [], marks.mergeKey));
      delete patch[key];
    }
  }

  #fieldSchema(schema: Schema | undefined, key: string): Schema | undefined {
    if (!schema) return undefined;
    const s = resolve(schema, this.#source);
    if (s.type === 'map') return s.values;
    return s.type === 'object' ? s.fields.get(key) : undefined;
  }

  #listMarks(schema: Schema | undefined, key: string): ListMarks {
    const field = this.#fieldSchema(schema, key);
    const list = field && resolve(field, this.#source);
    if (list?.type !== 'list') return { merge: false, mergeKey: '', items: undefined };
    return {
      merge: list.patchStrategy?.startsWith('merge') ?? false,
      mergeKey: list.patchMergeKey ?? '',
      items: list.items,
    };
  }
}

function directiveInMap(patch: JsonObject): JsonObject {
  const { [DIRECTIVE]: directive, ...rest } = patch;
  if (directive === 'replace') return rest;
  if (directive === 'delete') return {};
  throw badPatchType(directive, patch);
}

const badPatchType = (directive: unknown, patch: JsonObject): StatusError =>
  failure(`unknown patch type: ${goPrint(directive)} in map: ${goPrint(patch)}`);

function retainKeys(original: JsonObject, patch: JsonObject): JsonObject {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return original;
  const wrong = (): StatusError => badRequest('invalid patch format of retainKeys');
  const keys = patch[RETAIN_KEYS];
  delete patch[RETAIN_KEYS];
  if (!Array.isArray(keys)) throw wrong();
  const retained = new Set(keys);
  for (const key of Object.keys(patch)) {
    if (patch[key] === null || key.startsWith(DELETE_PREFIX) || key.startsWith(ORDER_PREFIX)) continue;
    if (!retained.has(key)) throw wrong();
  }
  const out: JsonObject = {};
  for (const key of Object.keys(original)) if (retained.has(key)) setOwn(out, key, original[key]);
  return out;
}

function extractKey(directive: string, prefix: string): string {
  const slash = directive.indexOf('/');
  if (slash < 0 || directive.slice(0, slash) !== prefix) {
    throw badRequest(`invalid patch format of ${prefix === DELETE_PREFIX ? 'primitive list' : 'setElementOrder list'}`);
  }
  return directive.slice(slash + 1);
}

/** Items with a $patch of their own: deletions are done, a replace empties the original. */
function specialItems(
  original: readonly unknown[],
  patch: readonly JsonObject[],
  mergeKey: string,
): { original: readonly unknown[]; patch: JsonObject[] } {
  const ordinary: JsonObject[] = [];
  let rest = original;
  let replace = false;
  for (const item of patch) {
    if (!Object.hasOwn(item, DIRECTIVE)) {
      ordinary.push(item);
      continue;
    }
    switch (item[DIRECTIVE]) {
      case 'delete': {
        if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
        rest = rest.filter((o) => !(isJsonObject(o) && jsonEqual(o[mergeKey], item[mergeKey])));
        break;
      }
      case 'replace':
        replace = true;
        break;
      case 'merge':
        throw failure('merging lists cannot yet be specified in the patch');
      default:
        throw badPatchType(item[DIRECTIVE], item);
    }
  }
  return replace ? { original: [], patch: ordinary } : { original: rest, patch: ordinary };
}

function findItem(list: readonly unknown[], key: string, value: unknown): number {
  for (const [i, item] of list.entries()) {
    if (!isJsonObject(item)) throw failure(`value for key ${i} is not a map`);
    if (Object.hasOwn(item, key) && jsonEqual(item[key], value)) return i;
  }
  return -1;
}

type Kind = 'map' | 'list' | 'string' | 'number' | 'boolean' | 'null';

function kindOf(value: unknown): Kind {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'list';
  const t = typeof value;
  return t === 'object' ? 'map' : t === 'bigint' ? 'number' : (t as Kind);
}

function elementKind(...lists: (readonly unknown[])[]): Kind | undefined {
  let kind: Kind | undefined;
  for (const list of lists) {
    for (const item of list) {
      const k = kindOf(item);
      if (k === 'list') throw patchDoesNotApply('lists of lists are not supported');
      if (kind !== undefined && k !== kind) throw failure(`list element types are not identical: ${goPrint(lists)}`);
      kind = k;
    }
  }
  return kind;
}

/** The patch may not list items in an order other than the one it asks for. */
function checkOrder(patch: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (patch.length === 0 || order.length === 0) return;
  const items = patch.filter((p) => !(isJsonObject(p) && Object.hasOwn(p, DIRECTIVE)));
  const identity = (item: unknown): string => {
    if (mergeKey === '') return scalarKey(item);
    if (!isJsonObject(item)) throw badArgType('map[string]interface {}', item);
    if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
    return scalarKey(item[mergeKey]);
  };
  let p = 0;
  for (let o = 0; p < items.length && o < order.length; o++) if (identity(items[p]) === identity(order[o])) p++;
  if (p < items.length) {
    throw failure(
      `The order in patch list:\n${goPrint(patch)}\n doesn't match ${ORDER_PREFIX} list:\n${goPrint(order)}\n`,
    );
  }
}

/** As upstream does it: a repeated value gives its place to the last of the list. */
function deduplicate(values: unknown[]): unknown[] {
  const out = values;
  for (let i = 0; i < out.length; i++) {
    for (let j = i + 1; j < out.length; j++) {
      if (!jsonEqual(out[i], out[j])) continue;
      out[j] = out[out.length - 1];
      out.pop();
      j--;
    }
  }
  return out;
}

const DROPPED = Symbol('dropped');

/** A value that had nothing to merge with: directives in it have nothing to say. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((v) => v !== DROPPED);
  if (!isJsonObject(value)) return value;
  if (Object.hasOwn(value, DIRECTIVE)) return DROPPED;
  const out: JsonObject = {};
  for (const key of Object.keys(value)) {
    const v = withoutDirectives(value[key]);
    if (v !== DROPPED) setOwn(out, key, v);
  }
  return out;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const out: JsonObject = {};
  for (const key of Object.keys(value)) if (value[key] !== null) setOwn(out, key, withoutNulls(value[key]));
  return out;
}

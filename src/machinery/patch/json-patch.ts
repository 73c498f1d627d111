/**
 * JSON patch (RFC 6902) with the rules of the library that upstream uses: negative indices count from the end, remove of a
 * missing key fails, add may create any last key, test treats a missing key as null. Containers on the way to a change are
 * copied, everything else is shared with the original. Upstream: evanphx/json-patch v4
 */
import { badRequest, requestEntityTooLarge } from '../errors/status-error.ts';
import { getOwn, isJsonObject, type JsonObject, jsonEqual, setOwn } from './json-value.ts';
import { patchDoesNotApply } from './patch-errors.ts';

/** Upstream: maxJSONPatchOperations */
export const MAX_JSON_PATCH_OPERATIONS = 10_000;

type Container = JsonObject | unknown[];
class PatchFailure extends Error {}

/**
 * @throws StatusError 400 when the patch is no list of operations, 413 with too many of them, 422 when one does not apply
 *   (its cause says which).
 */
export function applyJsonPatch(original: object, patch: unknown): unknown {
  const operations = decode(patch);
  if (operations.length > MAX_JSON_PATCH_OPERATIONS) {
    throw requestEntityTooLarge(
      `The allowed maximum operations in a JSON patch is ${MAX_JSON_PATCH_OPERATIONS}, got ${operations.length}`,
    );
  }
  const document = new Document(original as Container);
  try {
    for (const operation of operations) document.apply(operation);
  } catch (err) {
    if (err instanceof PatchFailure) throw patchDoesNotApply(err.message);
    throw err;
  }
  return document.root;
}

function decode(patch: unknown): JsonObject[] {
  if (patch === null) return [];
  if (!Array.isArray(patch)) {
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${goKind(patch)} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  return patch.map((o) => {
    if (o === null) return {};
    if (!isJsonObject(o))
      throw badRequest(
        `error decoding patch: json: cannot unmarshal ${goKind(o)} into Go value of type handlers.jsonPatchOp`,
      );
    return o;
  });
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'number';
    default:
      return typeof value;
  }
}

class Document {
  root: Container;
  /** Containers made by this patch: they may be written to, all others are copied first. */
  readonly #own = new WeakSet<object>();

  constructor(root: Container) {
    this.root = root;
  }

  apply(o: JsonObject): void {
    const kind = typeof o.op === 'string' ? o.op : 'unknown';
    switch (kind) {
      case 'add':
        this.#add(field(o, 'path', 'add operation failed to decode path: missing value'), o);
        break;
      case 'remove':
        this.#remove(field(o, 'path', 'remove operation failed to decode path: missing value'));
        break;
      case 'replace':
        this.#replace(o);
        break;
      case 'move':
        this.#move(o);
        break;
      case 'test':
        this.#test(o);
        break;
      case 'copy':
        this.#copy(o);
        break;
      default:
        throw new PatchFailure(`Unexpected kind: ${kind}`);
    }
  }

  #add(path: string, o: JsonObject): void {
    const at = this.#writable(path);
    if (!at) throw new PatchFailure(`add operation does not apply: doc is missing path: "${path}": missing value`);
    attempt(`error in add for path: '${path}'`, () => add(at.container, at.key, operand(o)));
  }

  #remove(path: string): void {
    const at = this.#writable(path);
    if (!at) throw new PatchFailure(`remove operation does not apply: doc is missing path: "${path}": missing value`);
    attempt(`error in remove for path: '${path}'`, () => remove(at.container, at.key));
  }

  #replace(o: JsonObject): void {
    const path = field(
      o,
      'path',
      'replace operation failed to decode path: operation missing path field: missing value',
    );
    const value = operand(o);
    if (path === '') {
      if (typeof value !== 'object' || value === null) {
        throw new PatchFailure('replace operation value must be object or array: %!w(<nil>)');
      }
      this.root = value as Container;
      return;
    }
    const at = this.#writable(path);
    if (!at) throw new PatchFailure(`replace operation does not apply: doc is missing path: ${path}: missing value`);
    try {
      get(at.container, at.key);
    } catch {
      throw new PatchFailure(`replace operation does not apply: doc is missing key: ${path}: missing value`);
    }
    attempt(`error in remove for path: '${path}'`, () => set(at.container, at.key, value));
  }

  #move(o: JsonObject): void {
    const from = field(o, 'from', 'move operation failed to decode from: operation, missing from field: missing value');
    const source = this.#writable(from);
    if (!source)
      throw new PatchFailure(`move operation does not apply: doc is missing from path: ${from}: missing value`);
    const value = attempt(`error in move for path: '${source.key}'`, () => {
      const v = get(source.container, source.key);
      remove(source.container, source.key);
      return v;
    });
    const path = field(o, 'path', 'move operation failed to decode path: operation missing path field: missing value');
    const target = this.#writable(path);
    if (!target)
      throw new PatchFailure(`move operation does not apply: doc is missing destination path: ${path}: missing value`);
    attempt(`error in move for path: '${path}'`, () => add(target.container, target.key, value ?? null));
  }

  #test(o: JsonObject): void {
    const path = field(o, 'path', 'test operation failed to decode path: operation missing path field: missing value');
    const value = operand(o);
    const failed = (): PatchFailure => new PatchFailure(`testing value ${path} failed: test failed`);
    if (path === '') {
      if (!jsonEqual(this.root, value)) throw failed();
      return;
    }
    const at = find(this.root, path);
    if (!at) throw new PatchFailure(`test operation does not apply: is missing path: ${path}: missing value`);
    const found = attempt(`error in test for path: '${path}'`, () => get(at.container, at.key));
    if (!jsonEqual(found ?? null, value)) throw failed();
  }

  #copy(o: JsonObject): void {
    const from = field(o, 'from', 'copy operation failed to decode from: operation, missing from field: missing value');
    const source = find(this.root, from);
    if (!source)
      throw new PatchFailure(`copy operation does not apply: doc is missing from path: ${from}: missing value`);
    const value = attempt(`error in copy for from: '${from}'`, () => get(source.container, source.key));
    const path = field(o, 'path', 'copy operation failed to decode path: missing value');
    const target = this.#writable(path);
    if (!target)
      throw new PatchFailure(`copy operation does not apply: doc is missing destination path: ${path}: missing value`);
    // The value now has two places: neither may be written through the other.
    this.#disown(value);
    attempt('error while adding value during copy', () => add(target.container, target.key, value ?? null));
  }

  #disown(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    this.#own.delete(value);
    for (const v of Object.values(value)) this.#disown(v);
  }

  /** The container that holds the last key of `path`, and every container on the way, made writable. */
  #writable(path: string): { container: Container; key: string } | undefined {
    const at = find(this.root, path);
    if (!at) return undefined;
    this.root = this.#mine(this.root);
    let container = this.root;
    const parts = path.split('/');
    for (const part of parts.slice(1, -1)) {
      const key = decodeKey(part);
      const next = this.#mine(get(container, key) as Container);
      set(container, key, next);
      container = next;
    }
    return { container, key: at.key };
  }

  #mine(container: Container): Container {
    if (this.#own.has(container)) return container;
    const copy = Array.isArray(container) ? [...container] : { ...container };
    this.#own.add(copy);
    return copy;
  }
}

function field(o: JsonObject, name: 'path' | 'from', missing: string): string {
  const v = o[name];
  if (typeof v !== 'string') throw new PatchFailure(missing);
  return v;
}

const operand = (o: JsonObject): unknown => getOwn(o, 'value') ?? null;

function attempt<T>(prefix: string, action: () => T): T {
  try {
    return action();
  } catch (err) {
    throw err instanceof PatchFailure ? new PatchFailure(`${prefix}: ${err.message}`) : err;
  }
}

const decodeKey = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

function find(root: Container, path: string): { container: Container; key: string } | undefined {
  const parts = path.split('/');
  if (parts.length < 2) return undefined;
  let container = root;
  for (const part of parts.slice(1, -1)) {
    let next: unknown;
    try {
      next = get(container, decodeKey(part));
    } catch {
      return undefined;
    }
    if (typeof next !== 'object' || next === null) return undefined;
    container = next as Container;
  }
  return { container, key: decodeKey(parts.at(-1)!) };
}

/** A missing key of an object is undefined, of a list an error: as upstream's containers answer. */
function get(container: Container, key: string): unknown {
  if (!Array.isArray(container)) return getOwn(container, key);
  return container[index(key, container.length)];
}

function set(container: Container, key: string, value: unknown): void {
  if (Array.isArray(container)) container[index(key, container.length)] = value;
  else setOwn(container, key, value);
}

function add(container: Container, key: string, value: unknown): void {
  if (!Array.isArray(container)) {
    setOwn(container, key, value);
  } else if (key === '-') {
    container.push(value);
  } else {
    if (!INTEGER.test(key)) throw new PatchFailure(`value was not a proper array index: '${key}': ${atoiError(key)}`);
    container.splice(index(key, container.length + 1), 0, value);
  }
}

function remove(container: Container, key: string): void {
  if (Array.isArray(container)) {
    container.splice(index(key, container.length), 1);
  } else {
    if (!Object.hasOwn(container, key))
      throw new PatchFailure(`Unable to remove nonexistent key: ${key}: missing value`);
    delete container[key];
  }
}

const INTEGER = /^[+-]?[0-9]+$/;
const atoiError = (key: string): string => `strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`;

function index(key: string, limit: number): number {
  if (!INTEGER.test(key)) throw new PatchFailure(atoiError(key));
  const i = Number(key);
  if (i >= limit || i < -limit)
    throw new PatchFailure(`Unable to access invalid index: ${i}: invalid index referenced`);
  return i < 0 ? i + limit : i;
}

/**
 * The fields a JSON object has and its type has not: dropped and named, as Go's strict decoder does. The companion type-check.ts does
 * the same for values of a wrong type. Upstream: sigs.k8s.io/json, handlers/create.go
 */
import type { ListSchema, MapSchema, ObjectSchema, Schema, SchemaSource } from '../schema/schema.ts';
import { resolve } from '../schema/schema.ts';
import { scanJson } from './json-scan.ts';

export { checkTypes, decodeTypeError } from './type-check.ts';

type JsonObject = Record<string, unknown>;

const MAX_REPORTED = 100;

/**
 * Drops the fields that the schema does not have and returns a text for each: `unknown field "spec.foo"`.
 * Names are compared with case. CHANGES the object, save what it has from `known` at the same place: nothing is unknown there.
 */
export function pruneUnknown(object: unknown, schema: Schema, source: SchemaSource, known?: unknown): string[] {
  const found = new Set<string>();
  new Pruner(source, found).walk(object, schema, known);
  return [...found].map((path) => `unknown field ${JSON.stringify(path)}`);
}

const EMBEDDED_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

class Pruner {
  readonly #source: SchemaSource;
  readonly #found: Set<string>;
  /** Names and indices from the root; joined only when something is found. */
  readonly #path: (string | number)[] = [];

  constructor(source: SchemaSource, found: Set<string>) {
    this.#source = source;
    this.#found = found;
  }

  walk(value: unknown, schema: Schema, known: unknown): void {
    if (typeof value !== 'object' || value === null || value === known) return;
    const s = resolve(schema, this.#source);
    if (s.type === 'object') {
      if (!Array.isArray(value)) this.#object(value as JsonObject, s, known as JsonObject | null | undefined);
    } else if (s.type === 'list') {
      if (Array.isArray(value) && hasFields(s.items)) this.#list(value, s, known as unknown[] | null | undefined);
    } else if (s.type === 'map') {
      if (!Array.isArray(value) && hasFields(s.values))
        this.#map(value as JsonObject, s, known as JsonObject | null | undefined);
    }
  }

  #object(value: JsonObject, s: ObjectSchema, known: JsonObject | null | undefined): void {
    for (const key of Object.keys(value)) {
      const field = s.fields.get(key);
      this.#path.push(key);
      if (field !== undefined) {
        const child = value[key];
        if (typeof child === 'object' && child !== null) this.walk(child, field, known?.[key]);
      } else if (!s.preserveUnknown && !(s.embedded && EMBEDDED_FIELDS.has(key))) {
        if (this.#found.size < MAX_REPORTED) this.#found.add(this.#text());
        delete value[key];
      }
      this.#path.pop();
    }
  }

  #list(value: unknown[], s: ListSchema, known: unknown[] | null | undefined): void {
    for (let i = 0; i < value.length; i++) {
      this.#path.push(i);
      this.walk(value[i], s.items, known?.[i]);
      this.#path.pop();
    }
  }

  #map(value: JsonObject, s: MapSchema, known: JsonObject | null | undefined): void {
    for (const key of Object.keys(value)) {
      this.#path.push(key);
      this.walk(value[key], s.values, known?.[key]);
      this.#path.pop();
    }
  }

  #text(): string {
    let text = '';
    for (const part of this.#path) {
      if (typeof part === 'number') text += `[${part}]`;
      else text += text === '' ? part : `.${part}`;
    }
    return text;
  }
}

/** False for schemas under which nothing can be unknown. */
function hasFields(s: Schema): boolean {
  switch (s.type) {
    case 'object':
    case 'ref':
      return true;
    case 'list':
      return hasFields(s.items);
    case 'map':
      return hasFields(s.values);
    default:
      return false;
  }
}

const pathOf = (problem: string): string => JSON.parse(problem.slice(problem.indexOf('"'))) as string;

/**
 * What fieldValidation reports, of both kinds: a field that is unknown is not looked into, so nothing below it counts as given twice.
 * Of a JSON text both kinds come in the order in which a decoder meets them; otherwise the repeated ones come first.
 */
export function strictProblems(repeated: readonly string[], unknown: readonly string[], json?: string): string[] {
  if (repeated.length === 0 || unknown.length === 0) return [...repeated, ...unknown];
  const skipped = unknown.map(pathOf);
  const counted = repeated.filter((text) => {
    if (!text.startsWith('duplicate field ')) return true;
    const path = pathOf(text);
    return !skipped.some((u) => path === u || path.startsWith(`${u}.`) || path.startsWith(`${u}[`));
  });
  const problems = [...counted, ...unknown];
  if (json === undefined) return problems;
  const { order } = scanJson(json, new Set(skipped));
  const place = new Map(order.map((path, i) => [path, i]));
  const placeOf = (problem: string): number => place.get(pathOf(problem)) ?? order.length;
  return problems.sort((a, b) => placeOf(a) - placeOf(b));
}

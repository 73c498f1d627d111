/**
 * JSONPath as kubectl and custom resources use it: `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`. Missing
 * keys are no error, they give no result. Upstream: client-go/util/jsonpath/jsonpath.go with AllowMissingKeys
 */
import { goPrint } from '../patch/go-format.ts';
import { compactJson, isJsonObject, jsonEqual } from '../patch/json-value.ts';
import { type Node, parseNodes } from './parse.ts';

export class JsonPath {
  readonly #nodes: readonly Node[];
  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  /** All values the path leads to, in order. @throws Error when the path does not fit the object (an index into no list). */
  find(object: unknown): unknown[] {
    return walkAll([object], this.#nodes);
  }
}

/** `text` without braces. @throws JsonPathSyntaxError */
export function parseJsonPath(text: string): JsonPath {
  return new JsonPath(parseNodes(text));
}

/** A value as kubectl prints it: containers as JSON, the rest bare. */
export function printJsonPathValue(value: unknown): string {
  return typeof value === 'object' && value !== null ? compactJson(sorted(value)) : goPrint(value);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((k) => [k, sorted(value[k])]),
  );
}

function walkAll(input: unknown[], nodes: readonly Node[]): unknown[] {
  let current = input;
  for (const node of nodes) current = walk(current, node);
  return current;
}

const isNull = (v: unknown): v is null | undefined => v === null || v === undefined;

function walk(input: readonly unknown[], node: Node): unknown[] {
  switch (node.type) {
    case 'value':
      return input.map(() => node.value);
    case 'field':
      return input.flatMap((v) => (isJsonObject(v) && Object.hasOwn(v, node.name) ? [v[node.name]] : []));
    case 'wildcard':
      return input.flatMap(children);
    case 'recursive':
      return descend(input);
    case 'union':
      return node.parts.flatMap((part) => walkAll([...input], part));
    case 'slice':
      return input.flatMap((v) => (isNull(v) ? [] : slice(v, node)));
    case 'filter':
      return input.flatMap((v) => filter(v, node));
  }
}

function children(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value)
    ? Object.keys(value)
        .sort()
        .map((k) => value[k])
    : [];
}

function descend(input: readonly unknown[]): unknown[] {
  return input.flatMap((v) => {
    const below = children(v);
    return below.length > 0 ? [v, ...descend(below)] : [];
  });
}

function slice(value: unknown, node: Extract<Node, { type: 'slice' }>): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${goTypeOf(value)} is not array or slice`);
  const n = value.length;
  let from = node.from ?? 0;
  if (from < 0) from += n;
  let to = node.to ?? n;
  if (to < 0 || (to === 0 && node.single)) to += n;
  if (to === from) return [];
  if (from >= n || from < 0) throw new Error(`array index out of bounds: index ${from}, length ${n}`);
  if (to > n || to < 0) throw new Error(`array index out of bounds: index ${to - 1}, length ${n}`);
  if (from > to) throw new Error(`starting index ${from} is greater than ending index ${to}`);
  const step = node.step ?? 1;
  if (step <= 0) throw new Error('step must be > 0');
  return value.slice(from, to).filter((_, i) => i % step === 0);
}

function filter(value: unknown, node: Extract<Node, { type: 'filter' }>): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${goPrint(value)} is not array or slice and cannot be filtered`);
  return value.filter((item) => {
    const left = walkAll([item], node.left);
    if (node.operator === 'exists') return left.length > 0;
    const right = walkAll([item], node.right);
    if (left.length === 0 || right.length === 0) return false;
    if (left.length > 1 || right.length > 1) throw new Error('can only compare one element at a time');
    return compare(left[0], node.operator, right[0]);
  });
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  switch (operator) {
    case '==':
      return jsonEqual(left, right);
    case '!=':
      return !jsonEqual(left, right);
    case '<':
      return order(left, right) < 0;
    case '>':
      return order(left, right) > 0;
    case '<=':
      return order(left, right) <= 0;
    case '>=':
      return order(left, right) >= 0;
    default:
      throw new Error(`unrecognized filter operator ${operator}`);
  }
}

function order(left: unknown, right: unknown): number {
  const isNumber = (v: unknown): v is number | bigint => typeof v === 'number' || typeof v === 'bigint';
  if (isNumber(left) && isNumber(right)) return left < right ? -1 : left > right ? 1 : 0;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0;
  throw new Error('incompatible types for comparison');
}

function goTypeOf(value: unknown): string {
  if (isJsonObject(value)) return 'map[string]interface {}';
  return typeof value === 'number' ? 'int64' : typeof value === 'boolean' ? 'bool' : typeof value;
}

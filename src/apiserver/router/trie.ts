/**
 * A trie of path templates. Lookup walks the path once, segment by segment, and costs the same however many templates there
 * are. `{name}` takes one segment; a template's last parameter takes the rest when it was added with `rest`. A trailing slash
 * is ignored, as upstream's router does.
 */
interface Node<T> {
  literals: Map<string, Node<T>>;
  parameter: Node<T> | undefined;
  /** What stands here, by method. */
  values: Map<string, T> | undefined;
  /** What takes everything below here, by method. */
  rest: Map<string, T> | undefined;
}

export interface TrieMatch<T> {
  values: ReadonlyMap<string, T>;
  /** Segments that stood for parameters, in order, percent-encoded. The last is the remaining path for a `rest` template. */
  parameters: string[];
}

function node<T>(): Node<T> {
  return { literals: new Map(), parameter: undefined, values: undefined, rest: undefined };
}

export class Trie<T> {
  readonly #root: Node<T> = node();

  add(template: string, method: string, value: T, options: { rest?: boolean } = {}): void {
    let at = this.#root;
    const segments = split(template);
    if (options.rest === true) segments.pop();
    for (const segment of segments) {
      if (segment.startsWith('{')) {
        at.parameter ??= node();
        at = at.parameter;
      } else {
        let next = at.literals.get(segment);
        if (next === undefined) {
          next = node();
          at.literals.set(segment, next);
        }
        at = next;
      }
    }
    const where = options.rest === true ? 'rest' : 'values';
    at[where] ??= new Map();
    at[where].set(method, value);
  }

  delete(template: string, method: string, options: { rest?: boolean } = {}): void {
    const segments = split(template);
    if (options.rest === true) segments.pop();
    this.#delete(this.#root, segments, method, options.rest === true ? 'rest' : 'values');
  }

  /** True when nothing is left here and below. */
  #delete(at: Node<T>, segments: readonly string[], method: string, where: 'values' | 'rest'): boolean {
    const segment = segments[0];
    if (segment === undefined) {
      at[where]?.delete(method);
      if (at[where]?.size === 0) at[where] = undefined;
    } else {
      const next = segment.startsWith('{') ? at.parameter : at.literals.get(segment);
      if (next !== undefined && this.#delete(next, segments.slice(1), method, where)) {
        if (next === at.parameter) at.parameter = undefined;
        else at.literals.delete(segment);
      }
    }
    return at.literals.size === 0 && at.parameter === undefined && at.values === undefined && at.rest === undefined;
  }

  match(path: string): TrieMatch<T> | undefined {
    const parameters: string[] = [];
    let at = this.#root;
    let start = 1;
    const { length } = path;
    while (start < length) {
      let end = path.indexOf('/', start);
      if (end < 0) end = length;
      const segment = path.slice(start, end);
      // An empty segment names nothing; only a trailing slash may leave one.
      if (segment === '') return undefined;
      let next = at.literals.get(segment);
      if (next === undefined) {
        next = at.parameter;
        if (next === undefined) {
          if (at.rest === undefined) return undefined;
          parameters.push(path.slice(start));
          return { values: at.rest, parameters };
        }
        parameters.push(segment);
      }
      at = next;
      // `logs/` is `logs`, but `logs/x` goes to what takes the rest.
      if (at.rest !== undefined && end < length && (end + 1 < length || at.values === undefined)) {
        parameters.push(path.slice(end + 1));
        return { values: at.rest, parameters };
      }
      start = end + 1;
    }
    return at.values === undefined ? undefined : { values: at.values, parameters };
  }
}

function split(template: string): string[] {
  return template.split('/').filter((segment) => segment !== '');
}

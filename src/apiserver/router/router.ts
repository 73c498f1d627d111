/**
 * From method and path to the row and operation, by a trie compiled from the table; rows added at run time enter it at once.
 * Called once per request by the dispatcher; a match costs well under a microsecond whatever the number of routes.
 */
import { badRequest } from '../../machinery/errors/status-error.ts';
import type { ResourceRow } from '../../registry/resource.ts';
import type { ResourceTable } from '../../registry/resources.ts';
import { type Operation, operationsOf, otherOperations } from '../openapi/operations.ts';
import { Trie } from './trie.ts';

export interface RouteMatch {
  /** Without row and action where the path is no resource (`/version/`, `/apis/` ...). */
  readonly operation: Operation;
  namespace: string | undefined;
  name: string | undefined;
  /** What follows `proxy/` or `logs/`, percent-encoded as received. */
  subpath: string | undefined;
}

interface Route {
  operation: Operation;
  /** Parameter names in the order of the path. */
  parameters: readonly ('namespace' | 'name' | 'subpath')[];
}

export class Router {
  readonly #trie = new Trie<Route>();
  readonly #table: ResourceTable;
  readonly #added = new Map<ResourceRow, Operation[]>();
  #others: Operation[] = [];

  constructor(table: ResourceTable) {
    this.#table = table;
    this.#update();
    table.onChange(() => this.#update());
  }

  /** @throws StatusError 400 when a name or namespace is not well-formed percent-encoding. */
  match(method: string, path: string): RouteMatch | undefined {
    const found = this.#trie.match(path);
    const route = found?.values.get(method) ?? found?.values.get(method.toLowerCase());
    if (found === undefined || route === undefined) return undefined;
    const { operation, parameters } = route;
    const match: RouteMatch = { operation, namespace: undefined, name: undefined, subpath: undefined };
    for (let i = 0; i < parameters.length; i++) {
      const parameter = parameters[i]!;
      const value = found.parameters[i]!;
      match[parameter] = parameter === 'subpath' || !value.includes('%') ? value : decode(value);
    }
    return match;
  }

  /** Methods that a path knows (lower case); undefined when the path itself is unknown. For 405 answers. */
  methods(path: string): string[] | undefined {
    const found = this.#trie.match(path);
    return found && [...found.values.keys()];
  }

  #update(): void {
    const current = new Set(this.#table.rows());
    for (const [row, operations] of this.#added) {
      if (current.has(row)) continue;
      // A row that replaces this one under the same paths is added below, after this one is gone.
      for (const operation of operations) this.#delete(operation);
      this.#added.delete(row);
    }
    for (const row of current) {
      if (this.#added.has(row)) continue;
      const operations = operationsOf(row);
      this.#added.set(row, operations);
      for (const operation of operations) this.#add(operation);
    }
    for (const operation of this.#others) this.#delete(operation);
    this.#others = otherOperations(this.#table.groups());
    for (const operation of this.#others) this.#add(operation);
  }

  #add(operation: Operation): void {
    const parameters = parametersOf(operation);
    const rest = parameters.at(-1) === 'subpath';
    this.#trie.add(operation.path, operation.method, { operation, parameters }, { rest });
  }

  #delete(operation: Operation): void {
    const rest = parametersOf(operation).at(-1) === 'subpath';
    this.#trie.delete(operation.path, operation.method, { rest });
  }
}

function parametersOf(operation: Operation): Route['parameters'] {
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  return names.map((name) => (name === 'namespace' || name === 'name' ? name : 'subpath'));
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(`invalid URL escape "${segment}"`);
  }
}

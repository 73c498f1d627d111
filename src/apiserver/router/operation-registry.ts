/**
 * The OpenAPI document and operationId -> handler registry, held by openapi-backend. Its router's methods are replaced by the
 * trie: its own linear matcher costs milliseconds a request. Nothing is validated here; that is the registry's strategies' work.
 */
import { type Operation as BackendOperation, OpenAPIBackend, type Request } from 'openapi-backend';
import type { Operation } from '../openapi/operations.ts';
import type { Router } from './router.ts';

type Document = NonNullable<OpenAPIBackend['definition']>;

/** Ready to register handlers on by operationId; `handleRequest` dispatches. Rows that come later are routed as well. */
export async function createOperationRegistry(router: Router): Promise<OpenAPIBackend> {
  const backend = new OpenAPIBackend({
    definition: skeleton(router.operations()),
    quick: true,
    validate: false,
    strict: false,
  });
  await backend.init();
  const byId = new Map<string, BackendOperation>();
  const operationOf = (id: string): BackendOperation | undefined => {
    let found = byId.get(id);
    if (found !== undefined) return found;
    const operation = router.operation(id);
    if (operation === undefined) return undefined;
    found = { operationId: id, path: operation.path, method: operation.method, responses: {} } as BackendOperation;
    byId.set(id, found);
    return found;
  };
  backend.router.getOperation = operationOf;
  backend.router.getOperations = () => router.operations().map(({ operationId }) => operationOf(operationId)!);
  backend.router.matchOperation = ((request: Request, strict?: boolean): BackendOperation | undefined => {
    const match = router.match(request.method, request.path);
    if (match !== undefined) return operationOf(match.operation.operationId);
    if (strict !== true) return undefined;
    // The words by which openapi-backend tells the two apart.
    const known = router.methods(request.path) !== undefined;
    throw new Error(known ? '405-methodNotAllowed: method not allowed' : '404-notFound: no route matches request');
  }) as typeof backend.router.matchOperation;
  backend.router.parseRequest = ((request: Request) => ({
    ...request,
    params: {},
    cookies: {},
    query: {},
    requestBody: request.body,
  })) as unknown as typeof backend.router.parseRequest;
  return backend;
}

/** Paths, methods and operationIds: what the registry needs. The whole documents are made by openapi.ts when asked for. */
function skeleton(operations: readonly Operation[]): Document {
  const paths: Record<string, Record<string, object>> = {};
  for (const { path, method, operationId } of operations) {
    paths[path] ??= {};
    paths[path][method] = { operationId, responses: {} };
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: '1.36' }, paths } as Document;
}

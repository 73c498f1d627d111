/**
 * Descriptions of operations as the `paths` of an OpenAPI document, v2 or v3. Parameters that every operation of a path has
 * stand on the path, as upstream's builders put them.
 */
// Upstream: vendor/k8s.io/kube-openapi/pkg/{builder,builder3}/openapi.go
import { loadParameters, type Parameter } from './data.ts';
import { type Description, describe } from './describe.ts';
import type { Operation } from './operations.ts';
import { type JsonSchema, type OpenApiVersion, reference } from './schemas.ts';

export function pathsOf(operations: readonly Operation[], version: OpenApiVersion): Record<string, JsonSchema> {
  const paths: Record<string, JsonSchema> = {};
  const byPath = Map.groupBy(operations, (operation) => operation.path);
  for (const path of [...byPath.keys()].sort()) paths[path] = pathItem(byPath.get(path)!.map(describe), version);
  return paths;
}

interface Placed {
  where: 'path' | 'query';
  parameter: Parameter;
}

function placed(description: Description): Placed[] {
  return [
    ...description.path.map((parameter) => ({ where: 'path' as const, parameter })),
    ...description.query.map((parameter) => ({ where: 'query' as const, parameter })),
  ];
}

function identity({ where, parameter }: Placed): string {
  return `${where} ${parameter.key ?? parameter.name} ${parameter.description ?? ''}`;
}

function pathItem(descriptions: readonly Description[], version: OpenApiVersion): JsonSchema {
  const [first, ...others] = descriptions;
  const elsewhere = others.map((description) => new Set(placed(description).map(identity)));
  const common = placed(first!).filter((parameter) => elsewhere.every((set) => set.has(identity(parameter))));
  const hoisted = new Set(common.map(identity));
  const item: JsonSchema = {};
  for (const description of [...descriptions].sort((a, b) => (a.operation.method < b.operation.method ? -1 : 1))) {
    const own = placed(description).filter((parameter) => !hoisted.has(identity(parameter)));
    item[description.operation.method] = version === 2 ? operationV2(description, own) : operationV3(description, own);
  }
  if (common.length > 0) item.parameters = parameterList(common, version);
  return item;
}

function parameterList(parameters: readonly Placed[], version: OpenApiVersion): JsonSchema[] {
  const sorted = [...parameters].sort((a, b) => (a.parameter.name < b.parameter.name ? -1 : 1));
  return sorted.map(({ where, parameter }) => {
    if (version === 3) return { ...parameterHead(where, parameter), schema: parameterType(parameter) };
    if (parameter.key !== undefined) return { $ref: `#/parameters/${parameter.key}` };
    return { ...parameterHead(where, parameter), ...parameterType(parameter) };
  });
}

function parameterHead(where: string, { name, description }: Parameter): JsonSchema {
  return { ...(description && { description }), in: where, name, ...(where === 'path' && { required: true }) };
}

function parameterType({ type }: Parameter): JsonSchema {
  return { type, uniqueItems: true };
}

/** The shared parameters of v2, under their keys. */
export function sharedParameters(): Record<string, JsonSchema> {
  const { sets, shared } = loadParameters();
  const result: Record<string, JsonSchema> = {};
  for (const parameter of Object.values(sets).flat()) {
    if (parameter.key === undefined) continue;
    result[parameter.key] = { ...parameterHead('query', parameter), ...parameterType(parameter) };
  }
  const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
  const bodies = [
    { schema: reference(`${meta}DeleteOptions`, 2) },
    { required: true, schema: reference(`${meta}Patch`, 2) },
  ];
  for (const [key, { in: where, name }] of Object.entries(shared)) {
    if (where === 'body') result[key] = { in: where, name, ...bodies.shift() };
    else result[key] = { ...parameterHead(where, { name, type: 'string' }), type: 'string', uniqueItems: true };
  }
  return Object.fromEntries(Object.entries(result).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function head(description: Description): JsonSchema {
  return {
    ...(description.description !== undefined && { description: description.description }),
    operationId: description.operation.operationId,
    tags: description.tags,
  };
}

function extensions({ operation, groupVersionKind }: Description): JsonSchema {
  return {
    ...(operation.action !== undefined && { 'x-kubernetes-action': operation.action }),
    ...(groupVersionKind !== undefined && { 'x-kubernetes-group-version-kind': groupVersionKind }),
  };
}

function operationV2(description: Description, own: readonly Placed[]): JsonSchema {
  const { body, consumes, produces } = description;
  const parameters = parameterList(own, 2);
  if (body?.key !== undefined) parameters.unshift({ $ref: `#/parameters/${body.key}` });
  else if (body !== undefined) {
    parameters.unshift({ in: 'body', name: 'body', required: true, schema: reference(body.definition, 2) });
  }
  const responses: JsonSchema = {};
  for (const { status, text, definition, isString } of description.responses) {
    const schema = isString === true ? { type: 'string' } : definition && reference(definition, 2);
    responses[status] = { description: text, ...(schema && { schema }) };
  }
  return {
    ...head(description),
    ...(consumes.length > 0 && { consumes }),
    ...(produces.length > 0 && { produces }),
    ...(parameters.length > 0 && { parameters }),
    responses,
    schemes: ['https'],
    ...extensions(description),
  };
}

function operationV3(description: Description, own: readonly Placed[]): JsonSchema {
  const { body } = description;
  const content = (types: readonly string[], schema: JsonSchema): JsonSchema =>
    Object.fromEntries([...types].sort().map((type) => [type, { schema }]));
  const responses: JsonSchema = {};
  for (const { status, text, definition, isString } of description.responses) {
    const schema = isString === true ? { type: 'string' } : definition && reference(definition, 3);
    responses[status] = { description: text, ...(schema && { content: content(description.produces, schema) }) };
  }
  return {
    ...head(description),
    ...(own.length > 0 && { parameters: parameterList(own, 3) }),
    ...(body !== undefined && {
      requestBody: {
        content: content(description.consumes, reference(body.definition, 3)),
        ...(body.required && { required: true }),
      },
    }),
    responses,
    ...extensions(description),
  };
}

/** The documents against what was extracted from upstream's: every definition, every operation, exactly. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { FACTS } from '../../../test/harness/facts.ts';
import { needs } from '../../../test/harness/needs.ts';
import { ResourceTable } from '../../registry/resources.ts';
import { documentV2, documentV3 } from './documents.ts';
import { type Operation, operationsOf, otherOperations } from './operations.ts';

type Json = Record<string, unknown>;

const read = (name: string): Json => JSON.parse(readFileSync(new URL(name, FACTS), 'utf8')) as Json;

const table = new ResourceTable({ runtimeConfig: 'api/all=true' });
const operations: Operation[] = [...[...table.rows()].flatMap(operationsOf), ...otherOperations(table.groups())];

/** A definition reduced to what the facts say of one. */
function marksOf(definition: Json): Json {
  const result: Json = {};
  const properties = definition.properties as Record<string, Json> | undefined;
  if (definition.required !== undefined) result.required = [...(definition.required as string[])].sort();
  const fields: Json = {};
  for (const [name, property] of Object.entries(properties ?? {})) {
    const items = property.items as Json | undefined;
    const marks = Object.fromEntries(
      Object.entries(property).filter(([key]) => key.startsWith('x-') || key === 'format'),
    );
    if (items?.format !== undefined) marks.items = { format: items.format };
    if (Object.keys(marks).length > 0) fields[name] = marks;
  }
  if (Object.keys(fields).length > 0) result.fields = fields;
  if (properties === undefined) {
    result.type = definition.type ?? null;
    if (definition.format !== undefined) result.format = definition.format;
  }
  for (const key of ['x-kubernetes-map-type', 'x-kubernetes-unions']) {
    if (definition[key] !== undefined) result[key] = definition[key];
  }
  const kinds = definition['x-kubernetes-group-version-kind'];
  if (kinds !== undefined) result.kinds = kinds;
  return result;
}

describe('OpenAPI documents', () => {
  before(function () {
    needs(this, 'facts');
  });

  it('have all 771 definitions with their required fields, formats, kinds, list and merge marks', () => {
    const facts = read('openapi-extensions.json').definitions as Record<string, Json>;
    const definitions = documentV2(operations, new Map()).definitions as Record<string, Json>;
    assert.equal(Object.keys(facts).length, 771);
    assert.deepEqual(Object.keys(definitions).sort(), Object.keys(facts).sort());
    for (const [name, fact] of Object.entries(facts)) {
      if (fact.required !== undefined) fact.required = [...(fact.required as string[])].sort();
      assert.deepEqual(marksOf(definitions[name]!), fact, name);
    }
  });

  it('have all 1123 operations with their ids, kinds, media types and query parameters', () => {
    const facts = read('openapi-operations.json') as Record<string, Record<string, Json>>;
    const document = documentV2(operations, new Map());
    const got: Record<string, Json> = {};
    let count = 0;
    for (const [path, item] of Object.entries(document.paths as Record<string, Record<string, Json>>)) {
      got[path] = {};
      const { parameters: common, ...methods } = item;
      for (const [method, operation] of Object.entries(methods)) {
        count++;
        const parameters = [...((common as unknown as Json[]) ?? []), ...((operation.parameters as Json[]) ?? [])];
        // The facts count every shared parameter, and name it by its key without the last dash and what follows.
        const query = parameters.flatMap(({ $ref, in: where, name }) => {
          if ($ref !== undefined) return [($ref as string).slice('#/parameters/'.length).replace(/-[^-]*$/, '')];
          return where === 'query' ? [name as string] : [];
        });
        const { operationId, consumes = null, produces = null } = operation;
        const action = operation['x-kubernetes-action'];
        const kind = operation['x-kubernetes-group-version-kind'];
        got[path][method] = {
          operationId,
          consumes,
          produces,
          query: query.sort(),
          ...(action !== undefined && { action }),
          ...(kind !== undefined && { 'group-version-kind': kind }),
        };
      }
    }
    for (const methods of Object.values(facts)) {
      for (const operation of Object.values(methods)) (operation.query as string[]).sort();
    }
    assert.equal(count, 1123);
    assert.deepEqual(got, facts);
  });

  it('have the defaults of v3', () => {
    const facts = read('openapi-v3-defaults.json') as Record<string, { default: Json }>;
    const { schemas } = documentV3(operations, new Map()).components as { schemas: Record<string, Json> };
    const got: Json = {};
    for (const [name, schema] of Object.entries(schemas)) {
      const defaults: Json = {};
      for (const [field, property] of Object.entries((schema.properties ?? {}) as Record<string, Json>)) {
        const value = property.default;
        // Zero values say no more than that a field is no pointer; the facts leave them out.
        if (value !== undefined && value !== '' && value !== 0 && value !== false && JSON.stringify(value) !== '{}')
          defaults[field] = value;
      }
      if (Object.keys(defaults).length > 0) got[name] = { default: defaults };
    }
    assert.deepEqual(got, facts);
  });
});

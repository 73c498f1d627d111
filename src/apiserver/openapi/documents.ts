/** Whole OpenAPI documents from operations and the schemas they refer to. Called by openapi.ts, which caches their bytes. */

import type { CustomSchema } from './custom.ts';
import { customDefinitions } from './custom.ts';
import type { Operation } from './operations.ts';
import { pathsOf, sharedParameters } from './paths.ts';
import { builtinSchema, type JsonSchema, type OpenApiVersion, referencesOf } from './schemas.ts';

const INFO = { title: 'Kubernetes', version: '1.36' };
const SECURITY = {
  BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' },
};

/** By definition name. */
export type Customs = ReadonlyMap<string, CustomSchema>;

/** Everything in one document. */
export function documentV2(operations: readonly Operation[], custom: Customs): JsonSchema {
  const paths = pathsOf(operations, 2);
  const shared = sharedParameters();
  return {
    swagger: '2.0',
    info: INFO,
    paths,
    definitions: closure([...referencesOf(paths), ...referencesOf(shared)], custom, 2),
    parameters: shared,
    securityDefinitions: SECURITY,
    security: [{ BearerToken: [] }],
  };
}

/** One group version (or one of the other roots, such as `version`, without `groupVersion`). */
export function documentV3(
  operations: readonly Operation[],
  custom: Customs,
  groupVersion?: { group: string; version: string },
): JsonSchema {
  const paths = pathsOf(operations, 3);
  const schemas = closure([...referencesOf(paths)], custom, 3);
  for (const schema of Object.values(schemas)) narrowKinds(schema as JsonSchema, groupVersion);
  return {
    openapi: '3.0.0',
    info: INFO,
    paths,
    components: {
      ...(Object.keys(schemas).length > 0 && { schemas }),
      securitySchemes: SECURITY,
    },
  };
}

/** Of what is a kind of every group version, a document says only those of the core and of its own. */
function narrowKinds(schema: JsonSchema, own: { group: string; version: string } | undefined): void {
  const key = 'x-kubernetes-group-version-kind';
  const kinds = schema[key] as { group: string; version: string }[] | undefined;
  if (kinds === undefined || kinds.length < 2) return;
  schema[key] = kinds.filter(
    ({ group, version }) => (group === '' && version === 'v1') || (group === own?.group && version === own.version),
  );
}

/** The named definitions and all they refer to, sorted. */
function closure(names: readonly string[], custom: Customs, version: OpenApiVersion): JsonSchema {
  const found: JsonSchema = {};
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name in found) continue;
    const schema = builtinSchema(name, version) ?? customDefinition(name, custom, version);
    if (schema === undefined) continue;
    found[name] = schema;
    for (const reference of referencesOf(schema)) if (!(reference in found)) open.push(reference);
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function customDefinition(name: string, custom: Customs, version: OpenApiVersion): JsonSchema | undefined {
  const of = custom.get(name) ?? custom.get(name.replace(/List$/, ''));
  return of && customDefinitions(of, version).find(([defined]) => defined === name)?.[1];
}

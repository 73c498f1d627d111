/** Visits a schema and every schema inside it; stops at the first for which the test holds. */
import type { JsonSchemaProps } from './structural.ts';

export function schemaHas(s: JsonSchemaProps | undefined, test: (s: JsonSchemaProps) => boolean): boolean {
  if (!s) return false;
  if (test(s)) return true;
  for (const child of children(s)) if (schemaHas(child, test)) return true;
  return false;
}

function* children(s: JsonSchemaProps): Generator<JsonSchemaProps> {
  if (Array.isArray(s.items)) yield* s.items;
  else if (s.items) yield s.items;
  yield* s.allOf ?? [];
  yield* s.anyOf ?? [];
  yield* s.oneOf ?? [];
  if (s.not) yield s.not;
  yield* Object.values(s.properties ?? {});
  if (typeof s.additionalProperties === 'object') yield s.additionalProperties;
  yield* Object.values(s.patternProperties ?? {});
  if (typeof s.additionalItems === 'object') yield s.additionalItems;
  yield* Object.values(s.definitions ?? {});
}

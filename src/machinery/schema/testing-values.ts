/** For property tests: values that fit a schema, so that every field of every kind is met. */
import fc from 'fast-check';
import { resolve, type Schema, type SchemaSource } from './schema.ts';

const MAX_DEPTH = 9;

/** Values of a schema; optional fields come and go. */
export function valuesOf(schema: Schema, source: SchemaSource, depth = 0, minLength = 0): fc.Arbitrary<unknown> {
  const s = resolve(schema, source);
  switch (s.type) {
    case 'object': {
      if (depth > MAX_DEPTH) return fc.constant({});
      const fields = [...s.fields].map(([name, field]) => [
        name,
        fc.memo(() => valuesOf(field, source, depth + 1, s.required.has(name) ? 1 : 0))(),
      ]);
      return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
        // No valid object is without its spec.
        requiredKeys: [...s.required, ...(depth === 0 ? ['spec'] : [])].filter((name) => s.fields.has(name)),
      });
    }
    case 'map':
      return fc.dictionary(fc.constantFrom('cpu', 'memory', 'a'), valuesOf(s.values, source, depth + 1), {
        maxKeys: 2,
      });
    case 'list':
      return depth > MAX_DEPTH
        ? fc.constant([])
        : fc.array(valuesOf(s.items, source, depth + 1), { minLength, maxLength: 2 });
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.constantFrom(0, 1, 80);
    case 'string':
      return stringsOf(s.format);
    default:
      return fc.constant({});
  }
}

function stringsOf(format: string | undefined): fc.Arbitrary<unknown> {
  switch (format) {
    case 'quantity':
      return fc.constantFrom('1', '0.5', '1000m', '64Mi');
    case 'int-or-string':
      return fc.constantFrom(1, '50%');
    case 'byte':
      return fc.constantFrom('', 'YQ==');
    case 'date-time':
    case 'time':
      return fc.constantFrom('2026-01-01T00:00:00Z', null);
    case 'micro-time':
      return fc.constantFrom('2026-01-01T00:00:00.000000Z', null);
    default:
      return fc.constantFrom('', 'a', 'b');
  }
}

/**
 * Rules for subresources, printer columns and selectable fields of a custom resource version.
 * Upstream: apiextensions validation.go
 */
import { type JsonSchemaProps, propertyOf } from '../../../machinery/schema/structural.ts';
import {
  duplicateField,
  type FieldError,
  invalidField,
  type Path,
  requiredField,
  tooMany,
} from '../../../machinery/validation/field-error.ts';
import type {
  CustomResourceColumn,
  CustomResourceSubresources,
  CustomResourceVersion,
} from './custom-resource-definition.ts';

const MAX_SELECTABLE_FIELDS = 8;
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

export function validateSubresources(path: Path, subresources: CustomResourceSubresources | undefined): FieldError[] {
  const scale = subresources?.scale;
  if (!scale) return [];
  const errors: FieldError[] = [];
  const check = (name: string, value: string | undefined, under: readonly string[], must: string): void => {
    const at = path.child(`scale.${name}`);
    if (!value) {
      errors.push(requiredField(at));
      return;
    }
    const wrong = simplePath(at, value);
    if (wrong.length > 0) errors.push(...wrong);
    else if (!under.some((u) => value.startsWith(u))) errors.push(invalidField(at, value, must));
  };
  check('specReplicasPath', scale.specReplicasPath, ['.spec.'], 'should be a json path under .spec');
  check('statusReplicasPath', scale.statusReplicasPath, ['.status.'], 'should be a json path under .status');
  if (scale.labelSelectorPath) {
    const must = 'should be a json path under either .spec or .status';
    check('labelSelectorPath', scale.labelSelectorPath, ['.spec.', '.status.'], must);
  }
  return errors;
}

export function validateColumn(path: Path, column: CustomResourceColumn): FieldError[] {
  const errors: FieldError[] = [];
  if (!column.name) errors.push(requiredField(path.child('name')));
  const oneOf = (values: readonly string[]): string => `must be one of ${values.join(',')}`;
  if (!column.type) errors.push(requiredField(path.child('type'), oneOf(COLUMN_TYPES)));
  else if (!COLUMN_TYPES.includes(column.type))
    errors.push(invalidField(path.child('type'), column.type, oneOf(COLUMN_TYPES)));
  if (column.format && !COLUMN_FORMATS.includes(column.format)) {
    errors.push(invalidField(path.child('format'), column.format, oneOf(COLUMN_FORMATS)));
  }
  const at = path.child('JSONPath');
  errors.push(...(column.jsonPath ? simplePath(at, column.jsonPath) : [requiredField(at)]));
  return errors;
}

function simplePath(path: Path, text: string): FieldError[] {
  return text.startsWith('.') ? [] : [invalidField(path, text, 'must be a simple json path starting with .')];
}

export function validateSelectableFields(
  path: Path,
  fields: NonNullable<CustomResourceVersion['selectableFields']>,
  schema: JsonSchemaProps,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  fields.forEach(({ jsonPath }, i) => {
    const at = path.index(i).child('jsonPath');
    if (!jsonPath) {
      errors.push(requiredField(at));
      return;
    }
    const found = fieldAt(schema, jsonPath);
    if (typeof found === 'string') {
      errors.push(invalidField(at, jsonPath, `is an invalid path: ${found}`));
      return;
    }
    if (/^\.metadata(\.|$)/.test(jsonPath))
      errors.push(invalidField(at, jsonPath, 'must not point to fields in metadata'));
    if (!found.type || !['string', 'boolean', 'integer'].includes(found.type)) {
      const must =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
      errors.push(invalidField(at, jsonPath, must));
    }
    if (seen.has(jsonPath)) errors.push(duplicateField(at, jsonPath));
    seen.add(jsonPath);
  });
  if (seen.size > MAX_SELECTABLE_FIELDS) errors.push(tooMany(path, seen.size, MAX_SELECTABLE_FIELDS));
  return errors;
}

/** The schema of `.spec.a['b-c']`; a text says why there is none. */
function fieldAt(schema: JsonSchemaProps, path: string): JsonSchemaProps | string {
  let s = schema;
  let rest = path;
  while (rest !== '') {
    const part = /^\.([A-Za-z_][\w-]*)|^\[['"]([^'"]+)['"]\]/.exec(rest);
    if (!part) return `expected . or [ at ${JSON.stringify(rest)}`;
    const name = part[1] ?? part[2]!;
    const next = propertyOf(s, name) ?? (name === 'metadata' && s === schema ? META : undefined);
    if (!next) return 'does not refer to a valid field';
    s = next;
    rest = rest.slice(part[0].length);
  }
  return s;
}
const META: JsonSchemaProps = {
  type: 'object',
  properties: { name: { type: 'string' }, namespace: { type: 'string' } },
};

/**
 * Rules for the schema of a custom resource beyond being structural: what may be used, list and map types, CEL rules' texts.
 * Upstream: apiextensions validation.go ValidateCustomResourceDefinitionOpenAPISchema
 */
import type { SchemaSource } from '../../../machinery/schema/schema.ts';
import { additionalOf, itemsOf, type JsonSchemaProps, propertyOf } from '../../../machinery/schema/structural.ts';
import { validateDefaults } from '../../../machinery/schema/structural-defaults.ts';
import { validateStructuralSchema } from '../../../machinery/schema/structural-rules.ts';
import {
  type FieldError,
  forbiddenField,
  invalidField,
  notSupported,
  type Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';

/** Fields that a root schema may have beside a status subresource, as upstream names them in the message. */
const ROOT_FIELDS =
  '[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]';
const FORBIDDEN_ROOT_FIELDS = [
  'nullable',
  'default',
  'enum',
  'maxProperties',
  'minProperties',
  'additionalProperties',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'patternProperties',
  'dependencies',
  'definitions',
  'additionalItems',
  'id',
  '$schema',
  '$ref',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
] as const;
const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

export function validateSchema(
  path: Path,
  schema: JsonSchemaProps,
  options: { hasStatus: boolean; source: SchemaSource },
): FieldError[] {
  const errors: FieldError[] = [];
  if (options.hasStatus) errors.push(...besideStatus(path, schema));
  if (schema.nullable) errors.push(forbiddenField(path.child('nullable'), 'nullable cannot be true at the root'));
  const structural = validateStructuralSchema(path, schema);
  errors.push(...(structural.length > 0 ? structural : validateDefaults(path, schema, options.source)));
  errors.push(...rules(path, schema, { isRoot: true }));
  return errors;
}

function besideStatus(path: Path, schema: JsonSchemaProps): FieldError[] {
  if (schema.type && schema.type !== 'object') {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [invalidField(path.child('type'), schema.type, why)];
  }
  if (!FORBIDDEN_ROOT_FIELDS.some((f) => schema[f] !== undefined)) return [];
  const why = `only ${ROOT_FIELDS} fields are allowed at the root of the schema if the status subresource is enabled`;
  return [invalidField(path, schema, why)];
}

interface Place {
  isRoot?: boolean;
  /** Within metadata, apiVersion or kind of a whole object. */
  insideMeta?: boolean;
  /** Why there may be no defaults here. */
  noDefaults?: string;
}

function rules(path: Path, s: JsonSchemaProps, place: Place): FieldError[] {
  const below = (p: Path, child: JsonSchemaProps, more: Place = {}): FieldError[] =>
    rules(p, child, { ...place, isRoot: false, ...more });
  const errors = [...unsupported(path, s, place)];
  if (s.uniqueItems) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(forbiddenField(path.child('uniqueItems'), why));
  }
  const additional = additionalOf(s);
  if (Object.keys(s.properties ?? {}).length > 0 && (s.additionalProperties === false || additional)) {
    errors.push(
      forbiddenField(path.child('additionalProperties'), 'additionalProperties and properties are mutual exclusive'),
    );
  }
  if (additional) {
    const noDefaults = place.insideMeta ? 'inside additionalProperties applying to object metadata' : place.noDefaults;
    errors.push(...below(path.child('additionalProperties'), additional, noDefaults ? { noDefaults } : {}));
  }
  for (const [name, p] of Object.entries(s.properties ?? {})) {
    const isMeta = (place.isRoot || s['x-kubernetes-embedded-resource']) && META_FIELDS.has(name);
    const more: Place = isMeta
      ? { insideMeta: true, ...(place.isRoot ? { noDefaults: `in top-level ${name}` } : {}) }
      : {};
    errors.push(...below(path.child('properties').key(name), p, more));
  }
  if (s.not) errors.push(...below(path.child('not'), s.not));
  for (const junctor of ['allOf', 'oneOf', 'anyOf'] as const) {
    s[junctor]?.forEach((n, i) => void errors.push(...below(path.child(junctor).index(i), n)));
  }
  const items = itemsOf(s);
  if (items) errors.push(...below(path.child('items'), items));
  errors.push(...mapRules(path, s), ...listRules(path, s), ...keyRules(path, s), ...celRules(path, s));
  return errors;
}

const META_FIELDS = new Set(['metadata', 'kind', 'apiVersion']);

function unsupported(path: Path, s: JsonSchemaProps, place: Place): FieldError[] {
  const errors: FieldError[] = [];
  if (s.type && !TYPES.includes(s.type) && s.type !== 'null')
    errors.push(notSupported(path.child('type'), s.type, TYPES));
  if (s.default !== undefined && s.default !== null && place.noDefaults) {
    errors.push(forbiddenField(path.child('default'), `must not be set ${place.noDefaults}`));
  }
  const forbid = (name: string, why: string): void => void errors.push(forbiddenField(path.child(name), why));
  if (s.id) forbid('id', 'id is not supported');
  if (s.additionalItems !== undefined) forbid('additionalItems', 'additionalItems is not supported');
  if (Object.keys(s.patternProperties ?? {}).length) forbid('patternProperties', 'patternProperties is not supported');
  if (Object.keys(s.definitions ?? {}).length) forbid('definitions', 'definitions is not supported');
  if (s.dependencies) forbid('dependencies', 'dependencies is not supported');
  if (s.$ref !== undefined) forbid('$ref', '$ref is not supported');
  if (s.type === 'null') forbid('type', 'type cannot be set to null, use nullable as an alternative');
  if (Array.isArray(s.items)) forbid('items', 'items must be a schema object and not an array');
  if (place.insideMeta && s['x-kubernetes-embedded-resource']) {
    forbid('x-kubernetes-embedded-resource', 'must not be used inside of resource meta');
  }
  return errors;
}

function mapRules(path: Path, s: JsonSchemaProps): FieldError[] {
  const errors: FieldError[] = [];
  if (s['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(invalidField(path.child('x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined'));
  }
  const mapType = s['x-kubernetes-map-type'];
  if (mapType === undefined) return errors;
  if (s.type !== 'object') {
    const why = 'must be object if x-kubernetes-map-type is specified';
    errors.push(s.type ? invalidField(path.child('type'), s.type, why) : requiredField(path.child('type'), why));
  }
  if (mapType !== 'atomic' && mapType !== 'granular') {
    errors.push(notSupported(path.child('x-kubernetes-map-type'), mapType, ['atomic', 'granular']));
  }
  return errors;
}

function listRules(path: Path, s: JsonSchemaProps): FieldError[] {
  const listType = s['x-kubernetes-list-type'];
  if (listType === undefined) return [];
  const errors: FieldError[] = [];
  const items = itemsOf(s);
  if (s.type !== 'array') {
    const why = 'must be array if x-kubernetes-list-type is specified';
    errors.push(s.type ? invalidField(path.child('type'), s.type, why) : requiredField(path.child('type'), why));
  } else if (listType === 'set' && items) {
    const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
    if (items.type === 'array' && (items['x-kubernetes-list-type'] ?? 'atomic') !== 'atomic') {
      errors.push(invalidField(path.child('items', 'x-kubernetes-list-type'), items['x-kubernetes-list-type'], why));
    }
    if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
      errors.push(
        invalidField(path.child('items', 'x-kubernetes-map-type'), items['x-kubernetes-list-type'] ?? null, why),
      );
    }
  }
  if (listType !== 'atomic' && listType !== 'set' && listType !== 'map') {
    errors.push(notSupported(path.child('x-kubernetes-list-type'), listType, ['atomic', 'set', 'map']));
  }
  return errors;
}

function keyRules(path: Path, s: JsonSchemaProps): FieldError[] {
  const errors: FieldError[] = [];
  const listType = s['x-kubernetes-list-type'];
  const keys = s['x-kubernetes-list-map-keys'] ?? [];
  if (keys.length > 0 && listType !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    const at = path.child('x-kubernetes-list-type');
    errors.push(listType === undefined ? requiredField(at, why) : invalidField(at, listType, why));
  }
  const items = itemsOf(s);
  if (listType === 'map') {
    const at = path.child('x-kubernetes-list-map-keys');
    if (keys.length === 0) errors.push(requiredField(at, 'must not be empty if x-kubernetes-list-type is map'));
    if (!items) errors.push(requiredField(path.child('items'), 'must have a schema if x-kubernetes-list-type is map'));
    else if (items.type !== 'object') {
      const why = "must be object if parent array's x-kubernetes-list-type is map";
      errors.push(invalidField(path.child('items', 'type'), items.type ?? '', why));
    } else errors.push(...itemKeys(path, items, keys));
  }
  if (items && (listType === 'map' || listType === 'set')) errors.push(...keysAreSet(path, items, listType, keys));
  return errors;
}

function itemKeys(path: Path, items: JsonSchemaProps, keys: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const at = path.child('x-kubernetes-list-map-keys');
  keys.forEach((key, i) => {
    const p = propertyOf(items, key);
    if (!p) errors.push(invalidField(at, keys, 'entries must all be names of item properties'));
    else if (p.type === 'array' || p.type === 'object') {
      const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      errors.push(invalidField(path.child('items', 'properties').key(key).child('type'), items.type, why));
    }
    if (keys.indexOf(key) < i) errors.push(invalidField(at, keys, 'must not contain duplicate entries'));
  });
  return errors;
}

function keysAreSet(path: Path, items: JsonSchemaProps, listType: string, keys: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (items.nullable) {
    errors.push(
      forbiddenField(path.child('items', 'nullable'), `cannot be nullable when x-kubernetes-list-type is ${listType}`),
    );
  }
  if (listType !== 'map') return errors;
  for (const key of keys) {
    const p = propertyOf(items, key);
    if (!p) continue;
    const at = path.child('items', 'properties').key(key);
    const because = 'this property is in x-kubernetes-list-map-keys, so it';
    if (!items.required?.includes(key) && (p.default === undefined || p.default === null)) {
      errors.push(requiredField(at.child('default'), `${because} must have a default or be a required property`));
    }
    if (p.nullable) errors.push(forbiddenField(at.child('nullable'), `${because} cannot be nullable`));
  }
  return errors;
}

interface CelRule {
  rule?: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
}
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** The texts of CEL rules; what they say is checked where they are compiled. */
function celRules(path: Path, s: JsonSchemaProps): FieldError[] {
  const errors: FieldError[] = [];
  (s['x-kubernetes-validations'] as CelRule[] | undefined)?.forEach((rule, i) => {
    const at = path.child('x-kubernetes-validations').index(i);
    const hasNewline = (text: string): boolean => /[\n\r]/.test(text);
    const message = rule.message ?? '';
    const expression = (rule.rule ?? '').trim();
    if (expression === '') errors.push(requiredField(at.child('rule'), 'rule is not specified'));
    else if (message !== '' && message.trim() === '') {
      errors.push(invalidField(at.child('message'), message, 'must be non-empty if specified'));
    } else if (hasNewline(message.trim())) {
      errors.push(invalidField(at.child('message'), message, 'must not contain line breaks'));
    } else if (hasNewline(expression) && message.trim() === '') {
      errors.push(requiredField(at.child('message'), 'message must be specified if rule contains line breaks'));
    }
    if (rule.messageExpression && rule.messageExpression.trim() === '') {
      errors.push(requiredField(at.child('messageExpression'), 'messageExpression must be non-empty if specified'));
    }
    if (rule.reason !== undefined && !REASONS.includes(rule.reason)) {
      errors.push(notSupported(at.child('reason'), rule.reason, REASONS));
    }
    const fieldPath = rule.fieldPath ?? '';
    if (fieldPath !== '' && fieldPath.trim() === '') {
      errors.push(invalidField(at.child('fieldPath'), fieldPath, 'must be non-empty if specified'));
    }
    if (hasNewline(fieldPath))
      errors.push(invalidField(at.child('fieldPath'), fieldPath, 'must not contain line breaks'));
  });
  return errors;
}

/**
 * What makes a schema structural: every field has a type outside of the logical junctors, and the junctors only restrict.
 * Upstream: apiextensions apiserver/schema/{validation,complete}.go
 */

import { jsonEqual } from '../patch/json-value.ts';
import {
  type FieldError,
  fieldErrorMessage,
  forbiddenField,
  invalidField,
  type Path,
  requiredField,
} from '../validation/field-error.ts';
import { additionalOf, itemsOf, type JsonSchemaProps, propertyOf } from './structural.ts';
import { compilePattern } from './structural-validate.ts';

type Level = 'root' | 'item' | 'field';

/** Errors in upstream's order, which is by text. */
export function validateStructuralSchema(path: Path, s: JsonSchemaProps): FieldError[] {
  const errors = [...invariants(s, 'root', path), ...completeness(s, s, path, path)];
  return errors
    .map((e) => ({ e, text: fieldErrorMessage(e) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ e }) => e);
}

const TYPE_MISSING: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function invariants(s: JsonSchemaProps, level: Level, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const items = itemsOf(s);
  if (s.type === 'array' && !items) errors.push(requiredField(path.child('items'), 'must be specified'));
  if (items) errors.push(...invariants(items, 'item', path.child('items')));
  for (const [name, p] of Object.entries(s.properties ?? {})) {
    errors.push(...invariants(p, 'field', path.child('properties').key(name)));
  }
  if (s.additionalProperties !== undefined) {
    if (level === 'root')
      errors.push(forbiddenField(path.child('additionalProperties'), 'must not be used at the root'));
    const additional = additionalOf(s);
    if (additional) errors.push(...invariants(additional, 'field', path.child('additionalProperties')));
  }
  errors.push(...extensions(s, path));
  errors.push(...junctors(s, isIntOrString(s.anyOf), isIntOrString(s.allOf?.[0]?.anyOf), path));
  errors.push(...types(s, level, path));
  if (level === 'root' || s['x-kubernetes-embedded-resource']) errors.push(...typeMeta(s, path));
  const metadata = propertyOf(s, 'metadata');
  if (metadata) errors.push(...metadataRules(metadata, level, s, path.child('properties').key('metadata')));
  return errors;
}

function extensions(s: JsonSchemaProps, path: Path): FieldError[] {
  if (!s['x-kubernetes-int-or-string']) return [];
  const errors: FieldError[] = [];
  for (const name of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const) {
    if (s[name])
      errors.push(invalidField(path.child(name), true, 'must be false if x-kubernetes-int-or-string is true'));
  }
  return errors;
}

function types(s: JsonSchemaProps, level: Level, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const embedded = s['x-kubernetes-embedded-resource'] === true;
  const type = path.child('type');
  if (embedded && s.type !== 'object') {
    const must = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(s.type ? invalidField(type, s.type, must) : requiredField(type, must));
  } else if (!s.type && !s['x-kubernetes-int-or-string'] && !s['x-kubernetes-preserve-unknown-fields']) {
    errors.push(requiredField(type, TYPE_MISSING[level]));
  }
  if (embedded && s.additionalProperties !== undefined) {
    errors.push(
      forbiddenField(path.child('additionalProperties'), 'must not be used if x-kubernetes-embedded-resource is set'),
    );
  }
  if (level === 'root' && s.type && s.type !== 'object')
    errors.push(invalidField(type, s.type, 'must be object at the root'));
  if (embedded && !s['x-kubernetes-preserve-unknown-fields'] && Object.keys(s.properties ?? {}).length === 0) {
    const why =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(requiredField(path.child('properties'), why));
  }
  return errors;
}

function typeMeta(s: JsonSchemaProps, path: Path): FieldError[] {
  return ['kind', 'apiVersion'].flatMap((name) => {
    const p = propertyOf(s, name);
    if (!p || p.type === 'string') return [];
    return [invalidField(path.child('properties').key(name).child('type'), p.type ?? '', 'must be string')];
  });
}

function metadataRules(metadata: JsonSchemaProps, level: Level, parent: JsonSchemaProps, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  if ((level === 'root' || parent['x-kubernetes-embedded-resource']) && metadata.type !== 'object') {
    errors.push(invalidField(path.child('type'), metadata.type ?? '', 'must be object'));
  }
  if (level !== 'root') return errors;
  const { type: _, default: __, properties, ...rest } = metadata;
  const onlyNames = Object.keys(properties ?? {}).every((p) => p === 'name' || p === 'generateName');
  if (!onlyNames || Object.keys(rest).length > 0) {
    errors.push(
      forbiddenField(
        path,
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
  }
  return errors;
}

const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];
const isIntOrString = (anyOf: JsonSchemaProps[] | undefined): boolean =>
  anyOf !== undefined && jsonEqual(anyOf, INT_OR_STRING);

function junctors(s: JsonSchemaProps, skipAnyOf: boolean, skipFirstAllOfAnyOf: boolean, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (!skipAnyOf)
    s.anyOf?.forEach((n, i) => void errors.push(...nested(n, false, path.child('anyOf').index(i), false)));
  s.allOf?.forEach(
    (n, i) => void errors.push(...nested(n, skipFirstAllOfAnyOf && i === 0, path.child('allOf').index(i), false)),
  );
  s.oneOf?.forEach((n, i) => void errors.push(...nested(n, false, path.child('oneOf').index(i), false)));
  if (s.not) errors.push(...nested(s.not, false, path.child('not'), false));
  if (s.pattern) {
    const compiled = compilePattern(s.pattern);
    if (compiled instanceof Error) {
      errors.push(
        invalidField(
          path.child('pattern'),
          s.pattern,
          `must be a valid regular expression, but isn't: ${compiled.message}`,
        ),
      );
    }
  }
  return errors;
}

const FORBIDDEN_EXTENSIONS = [
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
] as const;

function nested(s: JsonSchemaProps, skipAnyOf: boolean, path: Path, isChild: boolean): FieldError[] {
  const errors = junctors(s, skipAnyOf && !isChild, false, path);
  const items = itemsOf(s);
  if (items) errors.push(...nested(items, false, path.child('items'), true));
  for (const [name, p] of Object.entries(s.properties ?? {})) {
    errors.push(...nested(p, false, path.child('properties').key(name), true));
  }
  const forbid = (name: string, why: string): void => void errors.push(forbiddenField(path.child(name), why));
  if (s.type) forbid('type', 'must be empty to be structural');
  if (s.additionalProperties !== undefined) forbid('additionalProperties', 'must be undefined to be structural');
  if (s.default !== undefined && s.default !== null) forbid('default', 'must be undefined to be structural');
  if (s.title) forbid('title', 'must be empty to be structural');
  if (s.description) forbid('description', 'must be empty to be structural');
  if (s.nullable) forbid('nullable', 'must be false to be structural');
  for (const [name, why] of FORBIDDEN_EXTENSIONS) {
    const value = s[name];
    if (Array.isArray(value) ? value.length > 0 : value) forbid(name, why);
  }
  if (propertyOf(s, 'metadata')) {
    errors.push(forbiddenField(path.child('properties').key('metadata'), 'must not be specified in a nested context'));
  }
  return errors;
}

/** Whatever a junctor speaks of must be declared outside of it. `v` restricts `s`. */
function completeness(v: JsonSchemaProps, s: JsonSchemaProps, sPath: Path, vPath: Path): FieldError[] {
  return [
    ...(v.not ? nestedCompleteness(v.not, s, sPath, vPath.child('not')) : []),
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((name) =>
      (v[name] ?? []).flatMap((n, i) => nestedCompleteness(n, s, sPath, vPath.child(name).index(i))),
    ),
  ];
}

function nestedCompleteness(v: JsonSchemaProps, s: JsonSchemaProps, sPath: Path, vPath: Path): FieldError[] {
  const errors = completeness(v, s, sPath, vPath);
  const missing = (path: Path, because: Path): FieldError => requiredField(path, `because it is defined in ${because}`);
  const items = itemsOf(v);
  if (items) {
    const own = itemsOf(s);
    const at = sPath.child('items');
    if (own) errors.push(...nestedCompleteness(items, own, at, vPath.child('items')));
    else errors.push(missing(at, vPath.child('items')));
  }
  for (const [name, p] of Object.entries(v.properties ?? {})) {
    const own = propertyOf(s, name);
    const at = sPath.child('properties').key(name);
    const from = vPath.child('properties').key(name);
    if (own) errors.push(...nestedCompleteness(p, own, at, from));
    else errors.push(missing(at, from));
  }
  return errors;
}

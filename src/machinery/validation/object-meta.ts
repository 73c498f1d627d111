/**
 * Validation of metadata on create and update, in upstream's words; called by every strategy.
 * Upstream: apimachinery/pkg/api/validation/objectmeta.go, apis/meta/v1/validation
 */
import { isDeepStrictEqual } from 'node:util';
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '../meta/object.ts';
import { parseApiVersion } from '../meta/object.ts';
import type { FieldError } from './field-error.ts';
import { forbiddenField, invalidField, notSupported, Path, requiredField, tooLong } from './field-error.ts';
import type { ValidateName } from './names.ts';
import { byteLength, isLabelValue, isQualifiedName, validateNamespaceName } from './names.ts';

export const FIELD_IMMUTABLE = 'field is immutable';
export const IS_NEGATIVE = 'must be greater than or equal to 0';
export const ANNOTATIONS_LIMIT = 256 * 1024;
const FIELD_MANAGER_MAX = 128;
const SUBRESOURCE_MAX = 256;

export interface ObjectMetaRules {
  namespaced: boolean;
  validateName: ValidateName;
}

/** The whole metadata of a new object. `path` is usually `Path.root('metadata')`. What is not there costs no path and no list. */
export function validateObjectMeta(meta: ObjectMeta, rules: ObjectMetaRules, path: Path): FieldError[] {
  const errs: FieldError[] = [];
  if (meta.generateName) {
    for (const msg of rules.validateName(meta.generateName, true)) {
      errs.push(invalidField(path.child('generateName'), meta.generateName, msg));
    }
  }
  if (!meta.name) errs.push(requiredField(path.child('name'), 'name or generateName is required'));
  else
    for (const msg of rules.validateName(meta.name, false)) errs.push(invalidField(path.child('name'), meta.name, msg));

  const namespace = meta.namespace ?? '';
  if (!rules.namespaced) {
    if (namespace !== '') errs.push(forbiddenField(path.child('namespace'), 'not allowed on this type'));
  } else if (namespace === '') {
    errs.push(requiredField(path.child('namespace')));
  } else {
    for (const msg of validateNamespaceName(namespace, false))
      errs.push(invalidField(path.child('namespace'), namespace, msg));
  }
  if (meta.generation) errs.push(...validateNonnegativeField(meta.generation, path.child('generation')));
  if (meta.labels) errs.push(...validateLabels(meta.labels, path.child('labels')));
  if (meta.annotations) errs.push(...validateAnnotations(meta.annotations, path.child('annotations')));
  if (meta.ownerReferences) errs.push(...validateOwnerReferences(meta.ownerReferences, path.child('ownerReferences')));
  if (meta.finalizers) errs.push(...validateFinalizers(meta.finalizers, path.child('finalizers')));
  if (meta.managedFields) errs.push(...validateManagedFields(meta.managedFields, path.child('managedFields')));
  return errs;
}

export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, path: Path): FieldError[] {
  const errs: FieldError[] = [];
  if (old.deletionTimestamp)
    errs.push(...validateNoNewFinalizers(meta.finalizers, old.finalizers, path.child('finalizers')));
  if (!meta.resourceVersion) {
    errs.push(invalidField(path.child('resourceVersion'), '', 'must be specified for an update'));
  }
  const generation = meta.generation ?? 0;
  if (generation < (old.generation ?? 0)) {
    errs.push(invalidField(path.child('generation'), generation, 'must not be decremented'));
  }
  for (const name of IMMUTABLE_TEXTS) {
    const value = meta[name] ?? '';
    const before = old[name] ?? '';
    if (value !== before) errs.push(...validateImmutableField(value, before, path.child(name)));
  }
  for (const name of IMMUTABLE_FIELDS) {
    if (meta[name] !== old[name]) errs.push(...validateImmutableField(meta[name], old[name], path.child(name)));
  }
  if (meta.labels) errs.push(...validateLabels(meta.labels, path.child('labels')));
  if (meta.annotations) errs.push(...validateAnnotations(meta.annotations, path.child('annotations')));
  if (meta.ownerReferences) errs.push(...validateOwnerReferences(meta.ownerReferences, path.child('ownerReferences')));
  if (meta.managedFields) errs.push(...validateManagedFields(meta.managedFields, path.child('managedFields')));
  return errs;
}

const IMMUTABLE_TEXTS = ['name', 'namespace', 'uid'] as const;
const IMMUTABLE_FIELDS = ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** Null, absent and empty are one and the same, as upstream's semantic equality has it. */
export function validateImmutableField(value: unknown, old: unknown, path: Path | string): FieldError[] {
  return semanticEqual(value, old) ? [] : [invalidField(path, value, FIELD_IMMUTABLE)];
}

function semanticEqual(a: unknown, b: unknown): boolean {
  return a === b || (isUnset(a) && isUnset(b)) || isDeepStrictEqual(a, b);
}

function isUnset(v: unknown): boolean {
  if (v === undefined || v === null) return true;
  return Array.isArray(v) && v.length === 0;
}

export function validateNonnegativeField(value: number | bigint, path: Path | string): FieldError[] {
  return value < 0 ? [invalidField(path, value, IS_NEGATIVE)] : [];
}

export function validateLabelName(name: string, path: Path | string): FieldError[] {
  return isQualifiedName(name).map((msg) => invalidField(path, name, msg));
}

export function validateLabels(
  labels: Readonly<Record<string, string>> | undefined | null,
  path: Path | string,
): FieldError[] {
  const errs: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    errs.push(...validateLabelName(key, path));
    for (const msg of isLabelValue(value)) errs.push(invalidField(path, value, msg));
  }
  return errs;
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined | null,
  path: Path | string,
): FieldError[] {
  const errs: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const msg of isQualifiedName(key.toLowerCase())) errs.push(invalidField(path, key, msg));
    size += byteLength(key) + byteLength(value);
  }
  if (size > ANNOTATIONS_LIMIT) errs.push(tooLong(path, ANNOTATIONS_LIMIT));
  return errs;
}

export function validateOwnerReferences(
  references: readonly OwnerReference[] | undefined | null,
  path: Path,
): FieldError[] {
  const errs: FieldError[] = [];
  let first = '';
  for (const ref of references ?? []) {
    errs.push(...validateOwnerReference(ref, path));
    if (ref.controller !== true) continue;
    const current = `${ref.kind}/${ref.name}`;
    if (first === '') first = current;
    else {
      errs.push(
        invalidField(
          path,
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${current}`,
        ),
      );
    }
  }
  return errs;
}

function validateOwnerReference(ref: OwnerReference, path: Path): FieldError[] {
  const errs: FieldError[] = [];
  const { group, version } = parseApiVersion(ref.apiVersion ?? '');
  if (version === '' || version.includes('/'))
    errs.push(invalidField(path.child('apiVersion'), ref.apiVersion ?? '', 'version must not be empty'));
  for (const name of ['kind', 'name', 'uid'] as const) {
    if (!ref[name]) errs.push(invalidField(path.child(name), '', 'must not be empty'));
  }
  if (group === '' && version === 'v1' && ref.kind === 'Event') {
    errs.push(invalidField(path, ref, '/v1, Kind=Event is disallowed from being an owner'));
  }
  return errs;
}

export function validateFinalizerName(name: string, path: Path | string): FieldError[] {
  return isQualifiedName(name).map((msg) => invalidField(path, name, msg));
}

export function validateFinalizers(
  finalizers: readonly string[] | undefined | null,
  path: Path | string,
): FieldError[] {
  const list = finalizers ?? [];
  const errs = list.flatMap((f) => validateFinalizerName(f, path));
  if (list.includes('orphan') && list.includes('foregroundDeletion')) {
    errs.push(invalidField(path, list, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errs;
}

export function validateNoNewFinalizers(
  finalizers: readonly string[] | undefined,
  old: readonly string[] | undefined,
  path: Path | string,
): FieldError[] {
  const known = new Set(old);
  const extra = [...new Set(finalizers)].filter((f) => !known.has(f)).sort();
  if (extra.length === 0) return [];
  const list = `[]string{${extra.map((f) => JSON.stringify(f)).join(', ')}}`;
  return [
    forbiddenField(path, `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`),
  ];
}

const isPlainManager = (name: string): boolean => name.length <= FIELD_MANAGER_MAX && /^[ -~]*$/.test(name);

export function validateFieldManager(manager: string | undefined, path: Path | string): FieldError[] {
  const value = manager ?? '';
  const errs: FieldError[] = [];
  if (isPlainManager(value)) return errs;
  if (byteLength(value) > FIELD_MANAGER_MAX) errs.push(tooLong(path, FIELD_MANAGER_MAX));
  let position = 0;
  for (const c of value) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(c)) {
      const code = c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      errs.push(invalidField(path, value, `invalid character U+${code} (at position ${position})`));
    }
    position += byteLength(c);
  }
  return errs;
}

export function validateManagedFields(
  entries: readonly ManagedFieldsEntry[] | undefined | null,
  path: Path,
): FieldError[] {
  const errs: FieldError[] = [];
  for (const [i, entry] of (entries ?? []).entries()) {
    if (isPlainEntry(entry)) continue;
    const at = path.index(i);
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      errs.push(invalidField(at.child('operation'), entry.operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      errs.push(invalidField(at.child('fieldsType'), entry.fieldsType, 'must be `FieldsV1`'));
    }
    errs.push(...validateFieldManager(entry.manager, at.child('manager')));
    if (byteLength(entry.subresource ?? '') > SUBRESOURCE_MAX)
      errs.push(tooLong(at.child('subresource'), SUBRESOURCE_MAX));
  }
  return errs;
}

function isPlainEntry({ operation, fieldsType, manager, subresource }: ManagedFieldsEntry): boolean {
  return (
    (operation === 'Update' || operation === 'Apply') &&
    fieldsType === 'FieldsV1' &&
    isPlainManager(manager ?? '') &&
    (subresource === undefined || isPlainManager(subresource))
  );
}

/** The options of a request, as query parameters or as the body of a delete. */
export function validateDryRun(
  dryRun: readonly string[] | undefined,
  path: Path | string = Path.root('dryRun'),
): FieldError[] {
  return (dryRun ?? []).every((v) => v === 'All') ? [] : [notSupported(path, dryRun, ['All'])];
}

export function validateFieldValidation(
  value: string | undefined,
  path: Path | string = Path.root('fieldValidation'),
): FieldError[] {
  const allowed = ['', 'Ignore', 'Strict', 'Warn'];
  return allowed.includes(value ?? '') ? [] : [notSupported(path, value, allowed)];
}

export interface WriteOptionsToValidate {
  fieldManager?: string;
  dryRun?: readonly string[];
  fieldValidation?: string;
}

/** CreateOptions and UpdateOptions. */
export function validateWriteOptions(options: WriteOptionsToValidate): FieldError[] {
  return [
    ...validateFieldManager(options.fieldManager, 'fieldManager'),
    ...validateDryRun(options.dryRun),
    ...validateFieldValidation(options.fieldValidation),
  ];
}

export function validatePatchOptions(
  options: WriteOptionsToValidate & { force?: boolean },
  patch: { isApply: boolean },
): FieldError[] {
  const errs: FieldError[] = [];
  if (patch.isApply && !options.fieldManager) errs.push(requiredField('fieldManager', 'is required for apply patch'));
  if (!patch.isApply && options.force !== undefined) {
    errs.push(forbiddenField('force', 'may not be specified for non-apply patch'));
  }
  return [...errs, ...validateWriteOptions(options)];
}

export function validateDeleteOptions(options: {
  orphanDependents?: boolean;
  propagationPolicy?: string;
  dryRun?: readonly string[];
}): FieldError[] {
  const errs: FieldError[] = [];
  const policy = options.propagationPolicy;
  if (options.orphanDependents !== undefined && policy !== undefined) {
    errs.push(invalidField('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'));
  }
  if (policy !== undefined && !['Foreground', 'Background', 'Orphan'].includes(policy)) {
    errs.push(notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil']));
  }
  return [...errs, ...validateDryRun(options.dryRun)];
}

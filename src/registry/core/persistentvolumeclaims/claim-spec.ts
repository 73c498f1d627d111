/**
 * Rules of a claim's spec, also inside ephemeral volumes and stateful sets.
 * Upstream: pkg/apis/core/validation/validation.go ValidatePersistentVolumeClaimSpec
 */
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate } from '../../../api/core-v1.ts';
import { validateLabelSelector } from '../../../machinery/labels/validate.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  type Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1123Label, isDNS1123Subdomain } from '../../../machinery/validation/names.ts';
import { validateAnnotations, validateLabels } from '../../../machinery/validation/object-meta.ts';
import { validateResourceQuantity } from '../../validation/resource-names.ts';
import { type Errors, invalidEach, positiveQuantity, required, supported } from '../../validation/values.ts';

export const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const VOLUME_MODES = ['Block', 'Filesystem'];

export function validateAccessModes(modes: readonly string[], path: Path, out: Errors): void {
  for (const mode of modes) if (!ACCESS_MODES.includes(mode)) out.push(notSupported(path, mode, ACCESS_MODES));
  const others = modes.some((m) => m !== 'ReadWriteOncePod' && ACCESS_MODES.includes(m));
  if (modes.includes('ReadWriteOncePod') && others) {
    out.push(forbiddenField(path, 'may not use ReadWriteOncePod with other access modes'));
  }
}

export interface ClaimOptions {
  allowInvalidSelectorValues?: boolean;
  allowInvalidAPIGroup?: boolean;
}

interface DataSource {
  apiGroup?: string;
  kind?: string;
  name?: string;
  namespace?: string;
}

function validateDataSource(source: DataSource, options: ClaimOptions, path: Path, out: Errors): void {
  required(source.name, path.child('name'), out);
  required(source.kind, path.child('kind'), out);
  if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
    const detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    out.push(invalidField(path, source.kind ?? '', detail));
  }
  if (source.apiGroup && !options.allowInvalidAPIGroup) {
    invalidEach(isDNS1123Subdomain(source.apiGroup), path.child('apiGroup'), source.apiGroup, out);
  }
}

export function validateClaimSpec(
  spec: PersistentVolumeClaimSpec,
  path: Path,
  out: Errors,
  options: ClaimOptions = {},
): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) out.push(requiredField(path.child('accessModes'), 'at least 1 access mode is required'));
  const rules = { allowInvalidLabelValues: options.allowInvalidSelectorValues ?? false };
  out.push(...validateLabelSelector(spec.selector, rules, path.child('selector')));
  validateAccessModes(modes, path.child('accessModes'), out);
  const storage = spec.resources?.requests?.storage;
  const at = path.child('resources').key('storage');
  if (storage === undefined) out.push(requiredField(at));
  else {
    const before = out.length;
    positiveQuantity(storage, at, out);
    if (out.length === before) validateResourceQuantity('storage', storage, at, out);
  }
  const storageClass = spec.storageClassName;
  if (storageClass) invalidEach(isDNS1123Subdomain(storageClass), path.child('storageClassName'), storageClass, out);
  supported(spec.volumeMode, VOLUME_MODES, path.child('volumeMode'), out);
  const { dataSource, dataSourceRef: ref } = spec;
  if (dataSource) validateDataSource(dataSource, options, path.child('dataSource'), out);
  if (ref) {
    validateDataSource(ref, options, path.child('dataSourceRef'), out);
    if (ref.namespace)
      invalidEach(isDNS1123Label(ref.namespace), path.child('dataSourceRef', 'namespace'), ref.namespace, out);
  }
  if (dataSource && ref?.namespace) {
    out.push(invalidField(path, {}, 'may not be specified when dataSourceRef.namespace is specified'));
  } else if (dataSource && ref) {
    const same =
      (dataSource.apiGroup ?? null) === (ref.apiGroup ?? null) &&
      dataSource.kind === ref.kind &&
      dataSource.name === ref.name;
    if (!same) out.push(invalidField(path, {}, 'must match dataSourceRef'));
  }
  const attributes = spec.volumeAttributesClassName;
  if (attributes) invalidEach(isDNS1123Subdomain(attributes), path.child('volumeAttributesClassName'), attributes, out);
}

export function validateClaimTemplate(template: PersistentVolumeClaimTemplate, path: Path, out: Errors): void {
  const meta = template.metadata ?? {};
  const at = path.child('metadata');
  out.push(...validateAnnotations(meta.annotations, at.child('annotations')));
  out.push(...validateLabels(meta.labels, at.child('labels')));
  for (const [field, value] of Object.entries(meta)) {
    if (field === 'annotations' || field === 'labels' || value == null || value === '') continue;
    out.push(forbiddenField(at.child(field), 'cannot be set'));
  }
  validateClaimSpec(template.spec ?? {}, path.child('spec'), out);
}

/**
 * Claims. Upstream: pkg/registry/core/persistentvolumeclaim/strategy.go, validation.go ValidatePersistentVolumeClaimUpdate
 */
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../api/core-v1.ts';
import { validateLabelSelector } from '../../../machinery/labels/validate.ts';
import { quantityValue } from '../../../machinery/quantity/quantity.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { isNativeResource, validateResourceQuantity } from '../../validation/resource-names.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { specDiff } from '../../validation/spec-diff.ts';
import {
  compareQuantities,
  type Errors,
  IMMUTABLE,
  immutable,
  qualifiedName,
  quantityOf,
} from '../../validation/values.ts';
import { type ClaimOptions, validateClaimSpec } from './claim-spec.ts';
import { defaultClaim } from './defaults.ts';

const SPEC = Path.root('spec');
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';
const RESIZE = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
].sort();

/** dataSource and dataSourceRef say the same where they can. Upstream: pkg/api/persistentvolumeclaim/util.go */
function normalizeDataSources(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | undefined): void {
  if (!old?.dataSource && spec.dataSource && !spec.dataSourceRef) {
    const { kind, apiGroup } = spec.dataSource;
    const known =
      (kind === 'PersistentVolumeClaim' && !apiGroup) ||
      (kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io');
    if (!known) delete spec.dataSource;
  }
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { namespace: _, ...source } = spec.dataSourceRef;
    spec.dataSource = source;
  }
}

function claimOptions(old: PersistentVolumeClaim): ClaimOptions {
  return {
    allowInvalidAPIGroup: old.spec?.dataSource?.apiGroup != null || old.spec?.dataSourceRef?.apiGroup != null,
    allowInvalidSelectorValues: validateLabelSelector(old.spec?.selector, {}, SPEC).length > 0,
  };
}

function validateUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): Errors {
  const out: Errors = [];
  validateClaimSpec(claim.spec!, SPEC, out, claimOptions(old));
  const now: PersistentVolumeClaimSpec = { ...claim.spec };
  const before: PersistentVolumeClaimSpec = { ...old.spec };
  if (!before.volumeName && now.volumeName) before.volumeName = now.volumeName;
  const oldClass = old.metadata.annotations?.[BETA_CLASS];
  const newClass = claim.metadata.annotations?.[BETA_CLASS];
  const put = <K extends keyof PersistentVolumeClaimSpec>(
    field: K,
    value: PersistentVolumeClaimSpec[K] | undefined,
  ) => {
    if (value === undefined) delete now[field];
    else now[field] = value;
  };
  const fromAnnotation =
    oldClass !== undefined &&
    before.storageClassName == null &&
    now.storageClassName === oldClass &&
    (newClass === undefined || newClass === oldClass);
  if (fromAnnotation) put('storageClassName', undefined);
  else {
    if ((newClass ?? '') !== (oldClass ?? '')) {
      out.push(invalidField(Path.root('metadata', 'annotations', BETA_CLASS), newClass ?? '', IMMUTABLE));
    }
    if (
      now.storageClassName != null &&
      before.storageClassName == null &&
      (oldClass === undefined || now.storageClassName === oldClass)
    ) {
      put('storageClassName', undefined);
    }
  }
  const bound = claim.status?.phase === 'Bound';
  const oldSize = old.spec?.resources?.requests?.storage;
  const newSize = claim.spec?.resources?.requests?.storage;
  if (bound) {
    if (now.resources?.requests && oldSize !== undefined) {
      now.resources = { ...now.resources, requests: { ...now.resources.requests, storage: oldSize } };
    }
    put('volumeAttributesClassName', before.volumeAttributesClassName);
  }
  if (!semanticEqual(now, before, 'spec')) {
    const text =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    out.push(forbiddenField(SPEC, `${text}\n${specDiff(before, now)}`));
  }
  if (compareQuantities(newSize, oldSize) < 0 && compareQuantities(newSize, old.status?.capacity?.storage) <= 0) {
    out.push(
      forbiddenField(SPEC.child('resources', 'requests', 'storage'), 'field can not be less than status.capacity'),
    );
  }
  immutable(claim.spec!.volumeMode, old.spec!.volumeMode, Path.root('volumeMode'), out);
  const attributes = claim.spec!.volumeAttributesClassName;
  if (
    attributes !== old.spec!.volumeAttributesClassName &&
    old.status?.currentVolumeAttributesClassName != null &&
    !attributes
  ) {
    const what = attributes == null ? 'nil' : 'empty string';
    const detail = `update to ${what} is forbidden when status.currentVolumeAttributesClassName is not nil`;
    out.push(forbiddenField(SPEC.child('volumeAttributesClassName'), detail));
  }
  return out;
}

function validateResourceKey(name: string, path: Path, out: Errors): boolean {
  const before = out.length;
  qualifiedName(name, path, out);
  if (out.length === before && isNativeResource(name) && name !== 'storage')
    out.push(notSupported(path, name, ['storage']));
  return out.length === before;
}

function validateStatus(claim: PersistentVolumeClaim): Errors {
  const out: Errors = [];
  const path = Path.root('status');
  const status = claim.status ?? {};
  const basic = (amount: string, at: Path): boolean => {
    const value = quantityValue(quantityOf(amount));
    if (value < 0) out.push(invalidField(at, Number(value), 'must be a valid resource quantity'));
    return value >= 0;
  };
  if (!claim.spec?.accessModes?.length) out.push(requiredField(Path.root('Spec', 'accessModes')));
  for (const [name, amount] of Object.entries(status.capacity ?? {})) basic(amount, path.child('capacity').key(name));
  const statuses = path.child('allocatedResourceStatuses');
  for (const [name, value] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    validateResourceKey(name, statuses, out);
    if (!RESIZE.includes(value)) out.push(notSupported(statuses, name, RESIZE));
  }
  const allocated = path.child('allocatedResources');
  for (const [name, amount] of Object.entries(status.allocatedResources ?? {})) {
    if (!validateResourceKey(name, allocated, out)) continue;
    if (basic(amount, allocated.key(name))) validateResourceQuantity('storage', amount, allocated.key(name), out);
  }
  return out;
}

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = specStatusStrategy<PersistentVolumeClaim>(
  {
    default: defaultClaim,
    initialStatus: () => ({ phase: 'Pending' }),
    prepareForCreate: (claim) => normalizeDataSources(claim.spec!, undefined),
    prepareForUpdate: (claim, old) => normalizeDataSources(claim.spec!, old.spec),
    validate(claim) {
      const out: Errors = [];
      validateClaimSpec(claim.spec!, SPEC, out);
      return out;
    },
    validateUpdate,
    fields: (claim) => ({ name: claim.metadata.name ?? '' }),
    status: { validate: validateStatus },
  },
);

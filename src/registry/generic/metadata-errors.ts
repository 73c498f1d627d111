/**
 * What is wrong with an object's metadata, in upstream's order and as often as upstream says it: an update is checked by the generic
 * rules and again by most strategies, some of which check it as new besides. Called by before-create.ts.
 * Upstream: apiserver/pkg/registry/rest/update.go validateCommonFields, pkg/apis/core/validation ValidateObjectMeta{,Update}
 */
import type { KubeObject } from '../../machinery/meta/object.ts';
import { type FieldError, invalidField, Path } from '../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain } from '../../machinery/validation/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../machinery/validation/object-meta.ts';
import type { ResourceRow } from '../resource.ts';
import { isBuiltin } from '../resources.ts';
import { pathSegmentProblem, type StoreCore } from './store-core.ts';
import type { UpdateStrategy } from './strategy.ts';

const METADATA = Path.root('metadata');
const FINALIZERS = METADATA.child('finalizers');

export function metadataErrors(store: StoreCore, object: KubeObject): FieldError[] {
  const errors = genericErrors(store, object);
  errors.push(...finalizerErrors(store.row, object));
  const name = object.metadata.name ?? '';
  const problem = name === '' ? undefined : pathSegmentProblem(name);
  // The key is built from the name, so this holds whatever a strategy allows.
  if (problem !== undefined && errors.length === 0) errors.push(invalidField(METADATA.child('name'), name, problem));
  return errors;
}

export function metadataUpdateErrors(
  store: StoreCore,
  door: UpdateStrategy,
  object: KubeObject,
  old: KubeObject,
): FieldError[] {
  // The name stays, so only a changed generateName could be wrong by the kind's own rules.
  const byKind = object.metadata.generateName === old.metadata.generateName ? undefined : genericErrors(store, object);
  const asNew = byKind === undefined ? genericErrors(store, object) : genericErrors(store, object, anyName);
  const changes = validateObjectMetaUpdate(object.metadata, old.metadata, METADATA);
  if (byKind === undefined && asNew.length === 0 && changes.length === 0 && object.metadata.finalizers === undefined)
    return [];
  const errors = [...asNew, ...changes];
  const names = finalizerErrors(store.row, object);
  const again = checkedAgain(store.row, door === store.strategy);
  if (again !== 'never') errors.push(...changes, ...names);
  if (again === 'as an update and as new') errors.push(...(byKind ?? asNew), ...names);
  return errors;
}

const anyName = (): string[] => [];

function genericErrors(
  { row, strategy }: StoreCore,
  object: KubeObject,
  validateName = strategy.validateName ?? defaultValidateName,
): FieldError[] {
  return [...validateObjectMeta(object.metadata, { namespaced: row.namespaced, validateName }, METADATA)];
}

function defaultValidateName(name: string, prefix: boolean): string[] {
  return isDNS1123Subdomain(prefix ? maskTrailingDash(name) : name);
}

/** A generateName may end in a dash, which the random suffix will follow. Upstream: validation.maskTrailingDash */
function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}

const STANDARD_FINALIZERS = ['kubernetes', 'foregroundDeletion', 'orphan'];

/** Groups whose rules upstream leave metadata to the generic ones, which take any name. */
const ANY_FINALIZER = new Set([
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'coordination.k8s.io',
  'internal.apiserver.k8s.io',
  'node.k8s.io',
  'policy',
]);

function keepsFinalizerNames(row: ResourceRow): boolean {
  return !ANY_FINALIZER.has(row.group) && !isCoreEvent(row) && isBuiltin(row);
}

const isCoreEvent = (row: ResourceRow): boolean => row.kind === 'Event' && row.group === '';

/** Upstream: pkg/apis/core/validation validateKubeFinalizerName */
function finalizerErrors(row: ResourceRow, { metadata: { finalizers } }: KubeObject): FieldError[] {
  if (finalizers === undefined || !keepsFinalizerNames(row)) return [];
  const detail = 'name is neither a standard finalizer name nor is it fully qualified';
  return finalizers.flatMap((name, i) =>
    name.includes('/') || STANDARD_FINALIZERS.includes(name) ? [] : [invalidField(FINALIZERS.index(i), name, detail)],
  );
}

type Again = 'never' | 'as an update' | 'as an update and as new';

/** Kinds whose strategies check the metadata of an update as if it were new too, mostly because they check the whole object so. */
const AS_NEW = new Set(
  (
    '/Pod /ConfigMap /Secret /Namespace /Node /ServiceAccount /PersistentVolume /PersistentVolumeClaim /Endpoints batch/Job ' +
    'rbac.authorization.k8s.io/Role rbac.authorization.k8s.io/ClusterRole rbac.authorization.k8s.io/RoleBinding ' +
    'rbac.authorization.k8s.io/ClusterRoleBinding networking.k8s.io/Ingress networking.k8s.io/IngressClass ' +
    'storage.k8s.io/StorageClass storage.k8s.io/VolumeAttributesClass node.k8s.io/RuntimeClass apps/ControllerRevision ' +
    'resource.k8s.io/DeviceClass'
  ).split(' '),
);

function checkedAgain(row: ResourceRow, isMainDoor: boolean): Again {
  const kind = `${row.group}/${row.kind}`;
  if (kind === 'certificates.k8s.io/CertificateSigningRequest') return 'as an update and as new';
  if (row.group === 'policy' || isCoreEvent(row)) return 'never';
  if (!isMainDoor) return kind === 'batch/CronJob' ? 'never' : 'as an update';
  return AS_NEW.has(kind) ? 'as an update and as new' : 'as an update';
}

/** Rules of persistent volumes. Upstream: pkg/apis/core/validation/validation.go ValidatePersistentVolumeSpec */
import type {
  CSIPersistentVolumeSource,
  PersistentVolume,
  PersistentVolumeSpec,
  SecretReference,
} from '../../../api/core-v1.ts';
import { quantityValue } from '../../../machinery/quantity/quantity.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import {
  isDNS1123Label,
  isDNS1123Subdomain,
  isLabelValue,
  validateNamespaceName,
} from '../../../machinery/validation/names.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { specDiff } from '../../validation/spec-diff.ts';
import {
  type Errors,
  IMMUTABLE,
  immutable,
  invalidEach,
  positiveQuantity,
  quantityOf,
  required,
  supported,
} from '../../validation/values.ts';
import { VOLUME_MODES, validateAccessModes } from '../persistentvolumeclaims/claim-spec.ts';
import { validateNodeSelector } from '../pods/scheduling.ts';
import * as source from '../pods/volume-sources.ts';

const SPEC = Path.root('spec');
/** Every field that names a type of volume. */
const SOURCES = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'flocker',
  'nfs',
  'rbd',
  'quobyte',
  'cephfs',
  'iscsi',
  'cinder',
  'fc',
  'flexVolume',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'scaleIO',
  'local',
  'storageos',
  'csi',
] as const;

export interface VolumeOptions {
  allowInvalidNodeAffinityValues?: boolean;
}

export function volumeOptions(old: PersistentVolume): VolumeOptions {
  const terms = old.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const bad = terms.some((t) => t.matchExpressions?.some((e) => e.values?.some((v) => isLabelValue(v).length > 0)));
  return { allowInvalidNodeAffinityValues: bad };
}

function validateSecretRef(ref: SecretReference | undefined, path: Path, out: Errors): void {
  if (!ref) return;
  if (!ref.name) out.push(requiredField(path.child('name')));
  else invalidEach(isDNS1123Subdomain(ref.name), path.child('name'), ref.name, out);
  if (!ref.namespace) out.push(requiredField(path.child('namespace')));
  else invalidEach(isDNS1123Label(ref.namespace), path.child('namespace'), ref.namespace, out);
}

function validateCSI(csi: CSIPersistentVolumeSource, path: Path, out: Errors): void {
  source.validateCSIDriverName(csi.driver, path.child('driver'), out);
  required(csi.volumeHandle, path.child('volumeHandle'), out);
  for (const field of [
    'controllerPublishSecretRef',
    'controllerExpandSecretRef',
    'nodePublishSecretRef',
    'nodeExpandSecretRef',
  ] as const) {
    validateSecretRef(csi[field], path.child(field), out);
  }
}

function validateSources(spec: PersistentVolumeSpec, name: string, bound: boolean, path: Path, out: Errors): void {
  const one = new source.OneVolumeType(path, out);
  const names =
    (...fields: string[]) =>
    (s: object, p: Path, o: Errors) =>
      source.validateRequiredNames(s, fields, p, o);
  const disk = (field: string) => (s: { partition?: number }, p: Path, o: Errors) => {
    source.validateRequiredNames(s, [field], p, o);
    source.validatePartition(s.partition, p, o);
  };
  one.check(spec.hostPath, 'hostPath', source.validateHostPath);
  one.check(spec.gcePersistentDisk, 'persistentDisk', disk('pdName'), 'gcePersistentDisk');
  one.check(spec.awsElasticBlockStore, 'awsElasticBlockStore', disk('volumeID'));
  one.check(spec.glusterfs, 'glusterfs', (s, p, o) => {
    source.validateRequiredNames(s, ['endpoints', 'path'], p, o);
    const namespace = s.endpointsNamespace;
    const at = p.child('endpointsNamespace');
    if (namespace === '') {
      o.push(invalidField(at, namespace, 'if the endpointnamespace is set, it must be a valid namespace name'));
    } else if (namespace != null) invalidEach(validateNamespaceName(namespace, false), at, namespace, o);
  });
  one.check(spec.flocker, 'flocker', source.validateFlocker);
  one.check(spec.nfs, 'nfs', source.validateNFS);
  one.check(spec.rbd, 'rbd', (s, p, o) => {
    if (!s.monitors?.length) o.push(requiredField(p.child('monitors')));
    required(s.image, p.child('image'), o);
  });
  one.check(spec.quobyte, 'quobyte', source.validateQuobyte);
  one.check(
    spec.cephfs,
    'cephfs',
    (s, p, o) => {
      if (!s.monitors?.length) o.push(requiredField(p.child('monitors')));
    },
    'cephFS',
  );
  one.check(spec.iscsi, 'iscsi', (s, p, o) => source.validateISCSI(s, p, o, name));
  one.check(spec.cinder, 'cinder', (s, p, o) => {
    required(s.volumeID, p.child('volumeID'), o);
    source.validateSecretRef(s.secretRef, true, p, o);
  });
  one.check(spec.fc, 'fc', source.validateFC);
  one.check(spec.flexVolume, 'flexVolume', source.validateFlexOptions);
  one.check(spec.azureFile, 'azureFile', (s, p, o) => {
    source.validateRequiredNames(s, ['secretName', 'shareName'], p, o);
    if (s.secretNamespace === '') o.push(requiredField(p.child('secretNamespace')));
  });
  one.check(spec.vsphereVolume, 'vsphereVolume', names('volumePath'));
  one.check(spec.photonPersistentDisk, 'photonPersistentDisk', names('pdID'));
  one.check(spec.portworxVolume, 'portworxVolume', names('volumeID'));
  one.check(spec.azureDisk, 'azureDisk', source.validateAzureDisk);
  one.check(spec.scaleIO, 'scaleIO', names('gateway', 'system', 'volumeName'));
  one.check(spec.local, 'local', (s, p, o) => {
    required(s.path, p.child('path'), o);
    source.validateNoBacksteps(s.path ?? '', p.child('path'), o);
    if (!bound) o.push(requiredField(path.child('nodeAffinity'), 'Local volume requires node affinity'));
  });
  one.check(spec.storageos, 'storageos', (s, p, o) => source.validateStorageOS(s, true, p, o));
  one.check(spec.csi, 'csi', validateCSI);
  if (one.count === 0) out.push(requiredField(path, 'must specify a volume type'));
}

/** `inline`: inside a VolumeAttachment, which knows CSI only. */
export function validateVolumeSpec(
  spec: PersistentVolumeSpec,
  name: string,
  path: Path,
  options: VolumeOptions,
  out: Errors,
  inline = false,
): void {
  const context = 'in the context of inline volumes';
  const notInline = (field: 'claimRef' | 'capacity' | 'nodeAffinity' | 'storageClassName') => {
    const value = spec[field];
    if (value && Object.keys(value).length > 0)
      out.push(forbiddenField(path.child(field), `may not be specified ${context}`));
  };
  if (inline) {
    notInline('claimRef');
    notInline('capacity');
    if (!spec.csi) out.push(requiredField(path.child('csi'), `has to be specified ${context}`));
  }
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) out.push(requiredField(path.child('accessModes')));
  validateAccessModes(modes, path.child('accessModes'), out);
  if (!inline) validateCapacity(spec.capacity, path.child('capacity'), out);
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy) {
    const at = path.child('persistentVolumeReclaimPolicy');
    if (!inline) supported(policy, ['Delete', 'Recycle', 'Retain'], at, out);
    else if (policy !== 'Retain') out.push(forbiddenField(at, `may only be Retain ${context}`));
  }
  const affinity = spec.nodeAffinity;
  if (affinity) {
    if (inline) notInline('nodeAffinity');
    else if (!affinity.required) {
      out.push(requiredField(path.child('nodeAffinity', 'required'), 'must specify required node constraints'));
    } else {
      validateNodeSelector(
        affinity.required,
        path.child('nodeAffinity', 'required'),
        out,
        options.allowInvalidNodeAffinityValues,
      );
    }
  }
  validateSources(spec, name, affinity !== undefined, path, out);
  if (spec.hostPath && /^\/+(\.\/*)*$/.test(spec.hostPath.path) && policy === 'Recycle') {
    const at = path.child('persistentVolumeReclaimPolicy');
    out.push(forbiddenField(at, "may not be 'recycle' for a hostPath mount of '/'"));
  }
  if (spec.storageClassName) {
    if (inline) notInline('storageClassName');
    else
      invalidEach(
        isDNS1123Subdomain(spec.storageClassName),
        path.child('storageClassName'),
        spec.storageClassName,
        out,
      );
  }
  if (spec.volumeMode != null) {
    const at = path.child('volumeMode');
    if (!inline) supported(spec.volumeMode, VOLUME_MODES, at, out);
    else if (spec.volumeMode !== 'Filesystem') {
      out.push(forbiddenField(at, `may not specify volumeMode other than Filesystem ${context}`));
    }
  }
  const attributes = spec.volumeAttributesClassName;
  if (attributes == null) return;
  const at = path.child('volumeAttributesClassName');
  if (attributes === '') out.push(requiredField(at, 'an empty string is disallowed'));
  else invalidEach(isDNS1123Subdomain(attributes), at, attributes, out);
  if (!spec.csi) out.push(requiredField(path.child('csi'), 'has to be specified when using volumeAttributesClassName'));
}

function validateCapacity(capacity: Record<string, string> | undefined, path: Path, out: Errors): void {
  const names = Object.keys(capacity ?? {});
  if (names.length === 0) out.push(requiredField(path));
  if (!names.includes('storage') || names.length > 1) out.push(notSupported(path, capacity ?? null, ['storage']));
  for (const name of names) {
    const amount = capacity![name]!;
    const value = quantityValue(quantityOf(amount));
    if (value < 0) out.push(invalidField(path.key(name), Number(value), 'must be a valid resource quantity'));
    positiveQuantity(amount, path.key(name), out);
  }
}

export function validateVolume(volume: PersistentVolume, options: VolumeOptions): Errors {
  const out: Errors = [];
  validateVolumeSpec(volume.spec!, volume.metadata.name ?? '', SPEC, options, out);
  return out;
}

export function validateVolumeUpdate(volume: PersistentVolume, old: PersistentVolume, options: VolumeOptions): Errors {
  // Upstream checks the new object twice, and reports its errors twice.
  const out: Errors = [...validateVolume(volume, options), ...validateVolume(volume, options)];
  const pick = (spec: PersistentVolumeSpec): Record<string, unknown> =>
    Object.fromEntries(SOURCES.flatMap((s) => (spec[s] == null ? [] : [[s, spec[s]]])));
  const before = pick(old.spec!);
  const now = pick(volume.spec!);
  if (volume.spec!.csi?.controllerExpandSecretRef && old.spec!.csi?.controllerExpandSecretRef === undefined) {
    const { controllerExpandSecretRef: _, ...csi } = volume.spec!.csi;
    now.csi = csi;
  }
  if (!semanticEqual(now, before)) {
    const detail = `spec.persistentvolumesource is immutable after creation\n${specDiff(before, now)}`;
    out.push(forbiddenField(SPEC.child('persistentvolumesource'), detail));
  }
  immutable(volume.spec!.volumeMode, old.spec!.volumeMode, Path.root('volumeMode'), out);
  if (old.spec!.nodeAffinity && !semanticEqual(gaLabels(old, volume), volume.spec!.nodeAffinity)) {
    const detail = `${IMMUTABLE}, except for updating from beta label to GA`;
    out.push(invalidField('nodeAffinity', volume.spec!.nodeAffinity ?? null, detail));
  }
  if (old.spec!.volumeAttributesClassName != null && volume.spec!.volumeAttributesClassName == null) {
    out.push(forbiddenField(SPEC.child('volumeAttributesClassName'), 'update from non-nil value to nil is forbidden'));
  }
  return out;
}

const GA_LABELS: Record<string, string> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** The old affinity with the labels that the new one has moved to their final names. */
function gaLabels(old: PersistentVolume, volume: PersistentVolume): unknown {
  const affinity = structuredClone(old.spec!.nodeAffinity!);
  const now = volume.spec!.nodeAffinity?.required?.nodeSelectorTerms;
  affinity.required?.nodeSelectorTerms?.forEach((term, t) => {
    term.matchExpressions?.forEach((e, i) => {
      const key = now?.[t]?.matchExpressions?.[i]?.key;
      if (key !== undefined && GA_LABELS[e.key] === key) e.key = key;
    });
  });
  return affinity;
}

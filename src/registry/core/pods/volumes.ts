/** Rules of a pod's volumes. Upstream: pkg/apis/core/validation/validation.go ValidateVolumes, validateVolumeSource */
import type { CSIVolumeSource, EphemeralVolumeSource, Volume } from '../../../api/core-v1.ts';
import type { ObjectMeta } from '../../../machinery/meta/object.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  type Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain } from '../../../machinery/validation/names.ts';
import { compareQuantities, dnsLabel, type Errors, invalidEach, required } from '../../validation/values.ts';
import { validateClaimTemplate } from '../persistentvolumeclaims/claim-spec.ts';
import type { PodValidationOptions } from './options.ts';
import { validateDownwardFile, validateProjected } from './projected-volumes.ts';
import { validatePullPolicy } from './pull-policy.ts';
import * as source from './volume-sources.ts';

/** Returns the volumes without errors by name: the ones mounts may refer to. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  meta: ObjectMeta | undefined,
  path: Path,
  options: PodValidationOptions,
  out: Errors,
): Map<string, Volume> {
  const valid = new Map<string, Volume>();
  if (!volumes) return valid;
  const created = new Set<string>();
  if (meta?.name) for (const v of volumes) if (v.ephemeral) created.add(`${meta.name}-${v.name}`);
  volumes.forEach((volume, i) => {
    const at = path.index(i);
    const errors: Errors = [];
    validateVolume(volume, at, meta, options, errors);
    if (!volume.name) errors.push(requiredField(at.child('name')));
    else dnsLabel(volume.name, at.child('name'), errors);
    if (valid.has(volume.name)) errors.push(duplicateField(at.child('name'), volume.name));
    if (errors.length === 0) valid.set(volume.name, volume);
    else out.push(...errors);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && created.has(claim)) {
      const detail = 'must not reference a PVC that gets created for an ephemeral volume';
      out.push(invalidField(at.child('persistentVolumeClaim').child('claimName'), claim, detail));
    }
  });
  return valid;
}

function validateVolume(
  volume: Volume,
  path: Path,
  meta: ObjectMeta | undefined,
  options: PodValidationOptions,
  out: Errors,
): void {
  const one = new source.OneVolumeType(path, out);
  const names =
    (...fields: string[]) =>
    (s: object, p: Path, o: Errors) =>
      source.validateRequiredNames(s, fields, p, o);
  one.check(volume.emptyDir, 'emptyDir', (s, p, o) => {
    if (s.sizeLimit !== undefined && compareQuantities(s.sizeLimit, '0') < 0) {
      o.push(forbiddenField(p.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity'));
    }
  });
  one.check(volume.hostPath, 'hostPath', source.validateHostPath);
  one.check(volume.gitRepo, 'gitRepo', (s, p, o) => {
    required(s.repository, p.child('repository'), o);
    source.validateLocalDescendingPath(s.directory ?? '', p.child('directory'), o);
  });
  one.check(
    volume.gcePersistentDisk,
    'persistentDisk',
    (s, p, o) => {
      required(s.pdName, p.child('pdName'), o);
      source.validatePartition(s.partition, p, o);
    },
    'gcePersistentDisk',
  );
  one.check(volume.awsElasticBlockStore, 'awsElasticBlockStore', (s, p, o) => {
    required(s.volumeID, p.child('volumeID'), o);
    source.validatePartition(s.partition, p, o);
  });
  one.check(volume.secret, 'secret', (s, p, o) => {
    required(s.secretName, p.child('secretName'), o);
    source.validateFileMode(s.defaultMode, p.child('defaultMode'), o);
    s.items?.forEach((item, i) => void source.validateKeyToPath(item, p.child('items').index(i), o));
  });
  one.check(volume.nfs, 'nfs', source.validateNFS);
  one.check(volume.iscsi, 'iscsi', (s, p, o) => source.validateISCSI(s, p, o));
  if (volume.iscsi) source.validateISCSIVolumeName(volume.iscsi, volume.name, path, out);
  one.check(volume.glusterfs, 'glusterfs', names('endpoints', 'path'));
  one.check(volume.flocker, 'flocker', source.validateFlocker);
  one.check(volume.persistentVolumeClaim, 'persistentVolumeClaim', names('claimName'));
  one.check(volume.rbd, 'rbd', (s, p, o) => {
    if (!s.monitors?.length) o.push(requiredField(p.child('monitors')));
    required(s.image, p.child('image'), o);
  });
  one.check(volume.cinder, 'cinder', (s, p, o) => {
    required(s.volumeID, p.child('volumeID'), o);
    source.validateSecretRef(s.secretRef, false, p, o);
  });
  one.check(
    volume.cephfs,
    'cephfs',
    (s, p, o) => {
      if (!s.monitors?.length) o.push(requiredField(p.child('monitors')));
    },
    'cephFS',
  );
  one.check(volume.quobyte, 'quobyte', source.validateQuobyte);
  one.check(
    volume.downwardAPI,
    'downwardAPI',
    (s, p, o) => {
      source.validateFileMode(s.defaultMode, p.child('defaultMode'), o);
      for (const file of s.items ?? []) validateDownwardFile(file, p, o);
    },
    'downwarAPI',
  );
  one.check(volume.fc, 'fc', source.validateFC);
  one.check(volume.flexVolume, 'flexVolume', source.validateFlexOptions);
  one.check(volume.configMap, 'configMap', (s, p, o) => {
    required(s.name, p.child('name'), o);
    source.validateFileMode(s.defaultMode, p.child('defaultMode'), o);
    s.items?.forEach((item, i) => void source.validateKeyToPath(item, p.child('items').index(i), o));
  });
  one.check(volume.azureFile, 'azureFile', names('secretName', 'shareName'));
  one.check(volume.vsphereVolume, 'vsphereVolume', names('volumePath'));
  one.check(volume.photonPersistentDisk, 'photonPersistentDisk', names('pdID'));
  one.check(volume.portworxVolume, 'portworxVolume', names('volumeID'));
  one.check(volume.azureDisk, 'azureDisk', source.validateAzureDisk);
  one.check(volume.storageos, 'storageos', (s, p, o) => source.validateStorageOS(s, false, p, o));
  one.check(volume.projected, 'projected', validateProjected);
  one.check(volume.scaleIO, 'scaleIO', names('gateway', 'system', 'volumeName'));
  one.check(volume.csi, 'csi', validateInlineCSI);
  one.check(volume.ephemeral, 'ephemeral', (s, p, o) => {
    validateEphemeral(s, p, o);
    if (!meta?.name || !volume.name) return;
    const claim = `${meta.name}-${volume.name}`;
    for (const message of isDNS1123Subdomain(claim)) {
      o.push(invalidField(path.child('name'), volume.name, `PVC name ${JSON.stringify(claim)}: ${message}`));
    }
  });
  one.check(volume.image, 'image', (s, p, o) => {
    if (options.isPod) required(s.reference, p.child('reference'), o);
    validatePullPolicy(s.pullPolicy, p.child('pullPolicy'), o);
  });
  if (one.count === 0) out.push(requiredField(path, 'must specify a volume type'));
}

function validateInlineCSI(csi: CSIVolumeSource, path: Path, out: Errors): void {
  source.validateCSIDriverName(csi.driver, path.child('driver'), out);
  const secret = csi.nodePublishSecretRef;
  if (!secret) return;
  if (!secret.name) out.push(requiredField(path.child('nodePublishSecretRef', 'name')));
  else invalidEach(isDNS1123Subdomain(secret.name), path.child('name'), secret.name, out);
}

function validateEphemeral(ephemeral: EphemeralVolumeSource, path: Path, out: Errors): void {
  const at = path.child('volumeClaimTemplate');
  if (!ephemeral.volumeClaimTemplate) out.push(requiredField(at));
  else validateClaimTemplate(ephemeral.volumeClaimTemplate, at, out);
}

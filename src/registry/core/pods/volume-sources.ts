/**
 * Rules of the volume types that pods and persistent volumes share, and of the key-to-path lists inside them.
 * Upstream: pkg/apis/core/validation/validation.go (validateHostPathVolumeSource ... validateStorageOSVolumeSource)
 */
import type {
  AzureDiskVolumeSource,
  FCVolumeSource,
  HostPathVolumeSource,
  ISCSIVolumeSource,
  KeyToPath,
  QuobyteVolumeSource,
} from '../../../api/core-v1.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  type Path,
  requiredField,
  tooLong,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain } from '../../../machinery/validation/names.ts';
import {
  byteLength,
  dnsLabel,
  type Errors,
  inclusiveRange,
  invalidEach,
  required,
  supported,
} from '../../validation/values.ts';

const FILE_MODE = 'must be a number between 0 and 0777 (octal), both inclusive';

export function validateFileMode(mode: number | undefined, path: Path, out: Errors): void {
  if (mode !== undefined && mode !== null && (mode > 0o777 || mode < 0)) out.push(invalidField(path, mode, FILE_MODE));
}

export function validateNoBacksteps(target: string, path: Path, out: Errors): void {
  if (target.split('/').includes('..')) out.push(invalidField(path, target, "must not contain '..'"));
}

export function validateLocalDescendingPath(target: string, path: Path, out: Errors): void {
  if (target.startsWith('/')) out.push(invalidField(path, target, 'must be a relative path'));
  validateNoBacksteps(target, path, out);
}

export function validateLocalNonReservedPath(target: string, path: Path, out: Errors): void {
  validateLocalDescendingPath(target, path, out);
  if (target.startsWith('..') && !target.startsWith('../')) {
    out.push(invalidField(path, target, "must not start with '..'"));
  }
}

export function validateKeyToPath(item: KeyToPath, path: Path, out: Errors): void {
  required(item.key, path.child('key'), out);
  required(item.path, path.child('path'), out);
  validateLocalNonReservedPath(item.path ?? '', path.child('path'), out);
  validateFileMode(item.mode, path.child('mode'), out);
}

export function validateHostPath(source: HostPathVolumeSource, path: Path, out: Errors): void {
  if (!source.path) {
    out.push(requiredField(path.child('path')));
    return;
  }
  validateNoBacksteps(source.path, path.child('path'), out);
  const types = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
  supported(source.type, types, path.child('type'), out);
}

const IQN = /iqn\.\d{4}-\d{2}\.([a-zA-Z0-9\-.]+)(:[^,;*&$|\s]+)$/;
const EUI = /^eui.[a-zA-Z0-9]{16}$/;
const NAA = /^naa.[a-zA-Z0-9]{32}$/;

function validateIQN(value: string, path: Path, out: Errors, detail: string): void {
  if (!/^(iqn|eui|naa)/.test(value)) {
    out.push(invalidField(path, value, detail));
    return;
  }
  const pattern = value.startsWith('iqn') ? IQN : value.startsWith('eui') ? EUI : NAA;
  if (!pattern.test(value)) out.push(invalidField(path, value, 'must be valid format'));
}

const ISCSI_TOO_LONG =
  'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';

/** `persistent`: name of the persistent volume the source belongs to. */
export function validateISCSI(source: ISCSIVolumeSource, path: Path, out: Errors, persistent?: string): void {
  required(source.targetPortal, path.child('targetPortal'), out);
  const initiator = source.initiatorName;
  if (persistent !== undefined && initiator != null && byteLength(`${persistent}:${source.targetPortal}`) > 64) {
    out.push(invalidField(path.child('targetportal'), source.targetPortal, ISCSI_TOO_LONG));
  }
  const detail =
    persistent === undefined ? 'must be valid format starting with iqn, eui, or naa' : 'must be valid format';
  if (!source.iqn) out.push(requiredField(path.child('iqn')));
  else validateIQN(source.iqn, path.child('iqn'), out, detail);
  const lun = source.lun ?? 0;
  if (lun < 0 || lun > 255) out.push(invalidField(path.child('lun'), lun, inclusiveRange(0, 255)));
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) {
    out.push(requiredField(path.child('secretRef')));
  }
  if (persistent !== undefined && source.secretRef)
    required(source.secretRef.name, path.child('secretRef', 'name'), out);
  if (initiator != null) validateIQN(initiator, path.child('initiatorname'), out, detail);
}

/** The name part of the length rule above, reported on the volume itself. */
export function validateISCSIVolumeName(source: ISCSIVolumeSource, name: string, path: Path, out: Errors): void {
  if (source.initiatorName != null && byteLength(`${name}:${source.targetPortal}`) > 64) {
    out.push(invalidField(path.child('name'), name, ISCSI_TOO_LONG));
  }
}

export function validateFC(source: FCVolumeSource, path: Path, out: Errors): void {
  const targets = source.targetWWNs ?? [];
  const wwids = source.wwids ?? [];
  const at = path.child('targetWWNs');
  if (targets.length === 0 && wwids.length === 0) {
    out.push(requiredField(at, 'must specify either targetWWNs or wwids, but not both'));
  }
  if (targets.length > 0 && wwids.length > 0) {
    out.push(invalidField(at, targets, 'targetWWNs and wwids can not be specified simultaneously'));
  }
  if (targets.length === 0) return;
  if (source.lun == null) out.push(requiredField(path.child('lun'), 'lun is required if targetWWNs is specified'));
  else if (source.lun < 0 || source.lun > 255) {
    out.push(invalidField(path.child('lun'), source.lun, inclusiveRange(0, 255)));
  }
}

export function validatePartition(partition: number | undefined, path: Path, out: Errors): void {
  if (partition !== undefined && (partition < 0 || partition > 255)) {
    out.push(invalidField(path.child('partition'), partition, inclusiveRange(1, 255)));
  }
}

export function validateNFS(source: { server?: string; path?: string }, path: Path, out: Errors): void {
  required(source.server, path.child('server'), out);
  required(source.path, path.child('path'), out);
  if (!source.path?.startsWith('/')) {
    out.push(invalidField(path.child('path'), source.path ?? '', 'must be an absolute path'));
  }
}

export function validateQuobyte(source: QuobyteVolumeSource, path: Path, out: Errors): void {
  const pair = 'must be a host:port pair or multiple pairs separated by commas';
  if (!source.registry) out.push(requiredField(path.child('registry'), pair));
  else if (byteLength(source.tenant ?? '') >= 65) {
    out.push(requiredField(path.child('tenant'), 'must be a UUID and may not exceed a length of 64 characters'));
  } else {
    for (const part of source.registry.split(',')) {
      if (!/^(\[[^[\]]*\]|[^:[\]]*):[^:]*$/.test(part)) {
        out.push(invalidField(path.child('registry'), source.registry, pair));
      }
    }
  }
  required(source.volume, path.child('volume'), out);
}

export function validateFlocker(source: { datasetName?: string; datasetUUID?: string }, path: Path, out: Errors): void {
  if (!source.datasetName && !source.datasetUUID) {
    out.push(requiredField(path, 'one of datasetName and datasetUUID is required'));
  }
  if (source.datasetName && source.datasetUUID) {
    out.push(invalidField(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  }
  if (source.datasetName?.includes('/')) {
    out.push(invalidField(path.child('datasetName'), source.datasetName, "must not contain '/'"));
  }
}

export function validateFlexOptions(
  source: { driver?: string; options?: Record<string, string> },
  path: Path,
  out: Errors,
): void {
  required(source.driver, path.child('driver'), out);
  for (const key in source.options) {
    const domain = `.${(key.includes('/') ? key.slice(0, key.indexOf('/')) : key).toLowerCase()}`;
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io')) {
      const detail = 'kubernetes.io and k8s.io namespaces are reserved';
      out.push(invalidField(path.child('options').key(key), key, detail));
    }
  }
}

export function validateAzureDisk(source: AzureDiskVolumeSource, path: Path, out: Errors): void {
  required(source.diskName, path.child('diskName'), out);
  required(source.diskURI, path.child('diskURI'), out);
  supported(source.cachingMode, ['None', 'ReadOnly', 'ReadWrite'], path.child('cachingMode'), out);
  supported(source.kind, ['Dedicated', 'Managed', 'Shared'], path.child('kind'), out);
  const uri = source.diskURI ?? '';
  if (source.kind == null) return;
  if (source.kind === 'Managed' && !uri.startsWith('/subscriptions/')) {
    const managed = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
    out.push(notSupported(path.child('diskURI'), uri, [managed]));
  }
  if (source.kind !== 'Managed' && !uri.startsWith('https://')) {
    const blob = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';
    out.push(notSupported(path.child('diskURI'), uri, [blob]));
  }
}

/** Names that must be there, in this order. */
export function validateRequiredNames(source: object, names: readonly string[], path: Path, out: Errors): void {
  for (const name of names) required((source as Record<string, string | undefined>)[name], path.child(name), out);
}

/** A reference that, when given, names its object (and with `namespaced` its namespace). */
export function validateSecretRef(
  ref: { name?: string; namespace?: string } | undefined,
  namespaced: boolean,
  path: Path,
  out: Errors,
): void {
  if (!ref) return;
  required(ref.name, path.child('secretRef', 'name'), out);
  if (namespaced) required(ref.namespace, path.child('secretRef', 'namespace'), out);
}

export function validateStorageOS(
  source: { volumeName?: string; volumeNamespace?: string; secretRef?: { name?: string; namespace?: string } },
  namespaced: boolean,
  path: Path,
  out: Errors,
): void {
  if (!source.volumeName) out.push(requiredField(path.child('volumeName')));
  else dnsLabel(source.volumeName, path.child('volumeName'), out);
  if (source.volumeNamespace) dnsLabel(source.volumeNamespace, path.child('volumeNamespace'), out);
  validateSecretRef(source.secretRef, namespaced, path, out);
}

export function validateCSIDriverName(name: string | undefined, path: Path, out: Errors): void {
  const driver = name ?? '';
  if (!driver) {
    out.push(requiredField(path));
    return;
  }
  if (byteLength(driver) > 63) out.push(tooLong(path, 63));
  invalidEach(isDNS1123Subdomain(driver.toLowerCase()), path, driver, out);
}

/** One type of volume only: the first is checked, each further one refused. */
export class OneVolumeType {
  readonly #path: Path;
  readonly #out: Errors;
  count = 0;
  constructor(path: Path, out: Errors) {
    this.#path = path;
    this.#out = out;
  }
  /** `shown` names the field in the refusal where upstream's differs from the field's. */
  check<T>(
    source: T | undefined | null,
    field: string,
    rule: (source: T, path: Path, out: Errors) => void,
    shown = field,
  ): void {
    if (source === undefined || source === null) return;
    if (this.count > 0) {
      this.#out.push(forbiddenField(this.#path.child(shown), 'may not specify more than 1 volume type'));
      return;
    }
    this.count++;
    rule(source, this.#path.child(field), this.#out);
  }
}

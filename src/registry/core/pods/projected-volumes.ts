/**
 * Rules of projected volumes, downward API files and the field selectors they share with environment variables.
 * Upstream: pkg/apis/core/validation/validation.go (validateProjectionSources, validateObjectFieldSelector ...)
 */
import type {
  ClusterTrustBundleProjection,
  DownwardAPIVolumeFile,
  KeyToPath,
  ObjectFieldSelector,
  PodCertificateProjection,
  ProjectedVolumeSource,
  ResourceFieldSelector,
} from '../../../api/core-v1.ts';
import { validateLabelSelector } from '../../../machinery/labels/validate.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  type Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain, isQualifiedName } from '../../../machinery/validation/names.ts';
import { validateSignerName } from '../../validation/signer-name.ts';
import { type Errors, invalidEach, qualifiedName, quantityText, required, supported } from '../../validation/values.ts';
import { validateFileMode, validateKeyToPath, validateLocalNonReservedPath } from './volume-sources.ts';

const VOLUME_FIELDS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
export const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
/** What a pod's downward API path may start from at all. Upstream: ConvertDownwardAPIFieldLabel */
const LABELS = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

/** `metadata.labels['app']` → [`metadata.labels`, `app`]. */
function splitSubscript(path: string): [string, string] | undefined {
  if (!path.endsWith("']")) return undefined;
  const open = path.slice(0, -2).indexOf("['");
  if (open <= 0) return undefined;
  return [path.slice(0, open), path.slice(open + 2, -2)];
}

export function validateFieldRef(ref: ObjectFieldSelector, fields: readonly string[], path: Path, out: Errors): void {
  if (!ref.apiVersion) {
    out.push(requiredField(path.child('apiVersion')));
    return;
  }
  const given = ref.fieldPath;
  if (!given) {
    out.push(requiredField(path.child('fieldPath')));
    return;
  }
  const at = path.child('fieldPath');
  if (ref.apiVersion !== 'v1') {
    const detail = `error converting fieldPath: unsupported pod version: ${ref.apiVersion}`;
    out.push(invalidField(at, given, detail));
    return;
  }
  const subscript = splitSubscript(given);
  const label = subscript ? subscript[0] : given;
  const known = subscript ? label === 'metadata.annotations' || label === 'metadata.labels' : LABELS.has(label);
  if (!known && given !== 'spec.host') {
    const detail = subscript
      ? `error converting fieldPath: field label does not support subscript: ${given}`
      : `error converting fieldPath: field label not supported: ${given}`;
    out.push(invalidField(at, given, detail));
    return;
  }
  if (subscript) qualifiedName(label === 'metadata.annotations' ? subscript[1].toLowerCase() : subscript[1], path, out);
  else {
    const internal = given === 'spec.host' ? 'spec.nodeName' : given;
    if (!fields.includes(internal)) out.push(notSupported(at, internal, fields));
  }
}

const BYTES = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';
const BYTE_UNITS = new Set(BYTES.split(', '));

export function validateResourceFieldRef(ref: ResourceFieldSelector, volume: boolean, path: Path, out: Errors): void {
  const name = ref.resource ?? '';
  const hugePages = name.startsWith('requests.hugepages-') || name.startsWith('limits.hugepages-');
  if (volume && !ref.containerName) out.push(requiredField(path.child('containerName')));
  else if (!name) out.push(requiredField(path.child('resource')));
  else if (!RESOURCES.includes(name) && !hugePages) out.push(notSupported(path.child('resource'), name, RESOURCES));
  const divisor = quantityText(ref.divisor);
  if (divisor === '0') return;
  const refuse = (units: string, what: string) =>
    out.push(
      invalidField(
        path.child('divisor'),
        name,
        `only divisor's values ${units} are supported with the ${what} resource`,
      ),
    );
  if (name.endsWith('.cpu')) {
    if (divisor !== '1m' && divisor !== '1') refuse('1m and 1', 'cpu');
  } else if (!BYTE_UNITS.has(divisor)) {
    if (name.endsWith('.memory')) refuse(BYTES, 'memory');
    else if (name.endsWith('.ephemeral-storage')) refuse(BYTES, 'local ephemeral storage');
    else if (hugePages) refuse(BYTES, 'hugepages');
  }
}

export function validateDownwardFile(file: DownwardAPIVolumeFile, path: Path, out: Errors): void {
  required(file.path, path.child('path'), out);
  validateLocalNonReservedPath(file.path ?? '', path.child('path'), out);
  if (file.fieldRef) {
    validateFieldRef(file.fieldRef, VOLUME_FIELDS, path.child('fieldRef'), out);
    if (file.resourceFieldRef) {
      out.push(invalidField(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    }
  } else if (file.resourceFieldRef) {
    validateResourceFieldRef(file.resourceFieldRef, true, path.child('resourceFieldRef'), out);
  } else out.push(requiredField(path, 'one of fieldRef and resourceFieldRef is required'));
  validateFileMode(file.mode, path.child('mode'), out);
}

/** Paths taken inside one projected volume. */
class Paths {
  readonly #seen = new Set<string>();
  readonly #path: Path;
  readonly #out: Errors;
  constructor(path: Path, out: Errors) {
    this.#path = path;
    this.#out = out;
  }
  take(path: string | undefined, shown: string): void {
    if (!path) return;
    if (this.#seen.has(path)) this.#out.push(invalidField(this.#path, shown, 'conflicting duplicate paths'));
    else this.#seen.add(path);
  }
}

function validateItems(
  items: readonly KeyToPath[] | undefined,
  name: string,
  paths: Paths,
  path: Path,
  out: Errors,
): void {
  items?.forEach((item, i) => {
    validateKeyToPath(item, path.child('items').index(i), out);
    paths.take(item.path, name);
  });
}

function validateTrustBundle(source: ClusterTrustBundleProjection, paths: Paths, path: Path, out: Errors): void {
  if (source.name != null && source.signerName != null) {
    out.push(invalidField(path, source, 'only one of name and signerName may be used'));
  } else if (source.name != null) {
    required(source.name, path.child('name'), out, 'must be a valid object name');
    for (const message of trustBundleNameErrors(source.name)) {
      out.push(invalidField(path.child('name'), source.name, `not a valid clustertrustbundlename: ${message}`));
    }
    if (source.labelSelector) {
      const detail = 'labelSelector must be unset if name is specified';
      out.push(invalidField(path.child('labelSelector'), source.labelSelector, detail));
    }
  } else if (source.signerName != null) {
    required(source.signerName, path.child('signerName'), out, 'must be a valid signer name');
    validateSignerName(source.signerName, path.child('signerName'), out);
    out.push(...validateLabelSelector(source.labelSelector, {}, path.child('labelSelector')));
  } else out.push(requiredField(path, 'either name or signerName must be specified'));
  required(source.path, path.child('path'), out);
  validateLocalNonReservedPath(source.path ?? '', path.child('path'), out);
  paths.take(source.path || '\0', source.path ?? '');
}

/** `example.com:signer:name` is tied to its signer, a name without colon to none. */
export function trustBundleNameErrors(name: string): string[] {
  const parts = name.split(':');
  if (parts.length < 2) return isDNS1123Subdomain(name);
  return isDNS1123Subdomain(parts.at(-1)!);
}

const KEY_TYPES = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
const DAY = 24 * 60 * 60;

function validatePodCertificate(source: PodCertificateProjection, paths: Paths, path: Path, out: Errors): void {
  validateSignerName(source.signerName ?? '', path.child('signerName'), out);
  for (const key of Object.keys(source.userAnnotations ?? {})) {
    invalidEach(isQualifiedName(key.toLowerCase()), path.child('userAnnotations'), key.toLowerCase(), out);
  }
  supported(source.keyType ?? '', KEY_TYPES, path.child('keyType'), out);
  const seconds = source.maxExpirationSeconds;
  if (seconds != null) {
    const at = path.child('maxExpirationSeconds');
    if (seconds < 3600) out.push(invalidField(at, seconds, 'if provided, maxExpirationSeconds must be >= 3600'));
    const domain = (source.signerName ?? '').split('/')[0]!;
    const max = domain === 'kubernetes.io' || domain.endsWith('.kubernetes.io') ? DAY : 91 * DAY;
    if (seconds > max) out.push(invalidField(at, seconds, `if provided, maxExpirationSeconds must be <= ${max}`));
  }
  const names = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const;
  for (const name of names) {
    const value = source[name];
    if (!value) continue;
    validateLocalNonReservedPath(value, path.child(name), out);
    paths.take(value, value);
  }
  if (names.every((name) => !source[name])) {
    const detail = 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath';
    out.push(requiredField(path, detail));
  }
}

export function validateProjected(volume: ProjectedVolumeSource, path: Path, out: Errors): void {
  validateFileMode(volume.defaultMode, path.child('defaultMode'), out);
  const paths = new Paths(path, out);
  volume.sources?.forEach((source, i) => {
    const at = path.child('sources').index(i);
    let count = 0;
    for (const kind of ['secret', 'configMap'] as const) {
      const from = source[kind];
      if (!from) continue;
      count++;
      required(from.name, at.child(kind, 'name'), out);
      validateItems(from.items, from.name ?? '', paths, at.child(kind), out);
    }
    if (source.downwardAPI) {
      count++;
      for (const file of source.downwardAPI.items ?? []) {
        validateDownwardFile(file, at.child('downwardAPI'), out);
        paths.take(file.path, file.path);
      }
    }
    const token = source.serviceAccountToken;
    if (token) {
      count++;
      const seconds = Number(token.expirationSeconds ?? 0);
      const field = at.child('serviceAccountToken', 'expirationSeconds');
      if (seconds < 600) out.push(invalidField(field, seconds, 'may not specify a duration less than 10 minutes'));
      if (seconds > 2 ** 32)
        out.push(invalidField(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
      if (!token.path) out.push(requiredField(path.child('path')));
      else validateLocalNonReservedPath(token.path, path.child('path'), out);
    }
    if (source.clusterTrustBundle) {
      count++;
      validateTrustBundle(source.clusterTrustBundle, paths, at.child('clusterTrustBundle'), out);
    }
    if (source.podCertificate) {
      count++;
      validatePodCertificate(source.podCertificate, paths, at.child('podCertificate'), out);
    }
    if (count > 1) out.push(forbiddenField(at, 'may not specify more than 1 volume type per source'));
  });
}

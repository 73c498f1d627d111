/**
 * Names of compute and quota resources: which are standard, extended, native, whole numbers, may be overcommitted.
 * Upstream: pkg/apis/core/helper/helpers.go, pkg/apis/core/validation (ValidateResourceQuantityValue ...)
 */
import { parseQuantity, quantityMilliValue, quantityValue } from '../../machinery/quantity/quantity.ts';
import { invalidField, notSupported, type Path } from '../../machinery/validation/field-error.ts';
import { isQualifiedName } from '../../machinery/validation/names.ts';
import { type Errors, nonNegativeQuantity, qualifiedName, quantityOf } from './values.ts';

const words = (s: string): Set<string> => new Set(s.split(' '));
const CONTAINER = words('cpu memory ephemeral-storage');
const QUOTA = words(
  'cpu memory ephemeral-storage requests.cpu requests.memory requests.storage requests.ephemeral-storage limits.cpu limits.memory ' +
    'limits.ephemeral-storage pods resourcequotas services replicationcontrollers secrets persistentvolumeclaims configmaps ' +
    'services.nodeports services.loadbalancers',
);
const STANDARD = words([...QUOTA, 'storage'].join(' '));
const INTEGER = words(
  'pods resourcequotas services replicationcontrollers secrets configmaps persistentvolumeclaims services.nodeports services.loadbalancers',
);

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith('requests.hugepages-');
export const isStandardResource = (name: string): boolean => STANDARD.has(name) || isQuotaHugePages(name);
export const isStandardQuotaResource = (name: string): boolean => QUOTA.has(name) || isQuotaHugePages(name);
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
export const isOvercommitAllowed = (name: string): boolean => isNativeResource(name) && !isHugePages(name);
export const isExtendedResource = (name: string): boolean =>
  !isNativeResource(name) && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`).length === 0;
export const isIntegerResource = (name: string): boolean => INTEGER.has(name) || isExtendedResource(name);

/** Whether the amount is a whole number of pages of the size in the name. */
export function hugePagesDivisible(name: string, value: string | number): boolean {
  try {
    const size = parseQuantity(name.slice('hugepages-'.length));
    const milli = BigInt(quantityMilliValue(size));
    if (milli <= 0n || milli % 1000n !== 0n) return false;
    return BigInt(quantityValue(quantityOf(value))) % BigInt(quantityValue(size)) === 0n;
  } catch {
    return false;
  }
}

export function validateResourceName(name: string, path: Path, out: Errors): boolean {
  const before = out.length;
  qualifiedName(name, path, out);
  if (out.length > before) return false;
  if (!name.includes('/') && !isStandardResource(name)) {
    out.push(invalidField(path, name, 'must be a standard resource type or fully qualified'));
  }
  return out.length === before;
}

export function validateContainerResourceName(name: string, path: Path, out: Errors): void {
  validateResourceName(name, path, out);
  if (!name.includes('/')) {
    if (!CONTAINER.has(name) && !isHugePages(name)) {
      out.push(invalidField(path, name, 'must be a standard resource for containers'));
    }
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    out.push(invalidField(path, name, "doesn't follow extended resource name standard"));
  }
}

export const isPodLevelResource = (name: string): boolean => name === 'cpu' || name === 'memory' || isHugePages(name);

export function validatePodResourceName(name: string, path: Path, out: Errors): void {
  if (!validateResourceName(name, path, out)) return;
  if (!isPodLevelResource(name)) out.push(notSupported(path, name, ['cpu', 'hugepages-', 'memory']));
}

export function validateQuotaResourceName(name: string, path: Path, out: Errors): void {
  validateResourceName(name, path, out);
  if (!name.includes('/') && !isStandardQuotaResource(name)) {
    out.push(invalidField(path, name, 'must be a standard resource for quota'));
  }
}

/** Not negative, and whole where the resource counts things. */
export function validateResourceQuantity(name: string, value: string | number, path: Path, out: Errors): void {
  nonNegativeQuantity(value, path, out);
  if (isIntegerResource(name) && BigInt(quantityMilliValue(quantityOf(value))) % 1000n !== 0n) {
    out.push(invalidField(path, String(value), 'must be an integer'));
  }
}
